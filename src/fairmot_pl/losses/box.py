"""Regression of box size and centre offset (FairMOT, section 3.2)."""

from __future__ import annotations

from torch import Tensor

from fairmot_pl.codec.maps import gather_cells


def cell_l1_loss(prediction: Tensor, target: Tensor, index: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute error over the objects of a batch and the channels, read at the objects' cells.

    Args:
        prediction: `(B, C, h, w)`; compared in float32 whatever its dtype.
        target: `(B, K, C)`.
        index: `(B, K)` row-major cell indices.
        mask: `(B, K)`, 1 where the slot holds an object.

    Returns:
        Scalar; 0, with gradients of 0, if there is no object. The divisor is the number of values + 1e-4, as
        in the reference.
    """
    held = mask.unsqueeze(2).float().expand_as(target)
    difference = gather_cells(prediction, index).float() - target.float()
    return (difference * held).abs().sum() / (held.sum() + 1e-4)
