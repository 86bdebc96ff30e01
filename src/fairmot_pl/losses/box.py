"""Regression of box size and centre offset (FairMOT, section 3.2)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from fairmot_pl.codec.maps import gather_cells

BOX_LOSSES = ("l1", "smooth_l1")


def check_box_loss(box_loss: str) -> None:
    """Refuse what is no way to regress.

    Raises:
        ValueError: `box_loss` is not one of `BOX_LOSSES`.
    """
    if box_loss not in BOX_LOSSES:
        raise ValueError(f"box_loss is {box_loss!r}; allowed: {', '.join(map(repr, BOX_LOSSES))}")


def cell_loss(prediction: Tensor, target: Tensor, index: Tensor, mask: Tensor, *, box_loss: str = "l1") -> Tensor:
    """Error over the objects of a batch, read at the objects' cells.

    Args:
        prediction: `(B, C, h, w)`; compared in float32 whatever its dtype.
        target: `(B, K, C)`.
        index: `(B, K)` row-major cell indices.
        mask: `(B, K)`, 1 where the slot holds an object.
        box_loss: `"l1"`, the mean over objects and channels, or `"smooth_l1"`, summed over channels and divided by
            the number of objects.

    Returns:
        Scalar; 0, with gradients of 0, if there is no object. The divisor is greater by 1e-4, as in the reference.
    """
    held = mask.unsqueeze(2).float().expand_as(target)
    found, wanted = gather_cells(prediction, index).float() * held, target.float() * held
    if box_loss == "l1":
        return (found - wanted).abs().sum() / (held.sum() + 1e-4)
    return F.smooth_l1_loss(found, wanted, reduction="sum") / (mask.float().sum() + 1e-4)
