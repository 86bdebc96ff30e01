"""Penalty-reduced focal loss of the centre heatmap (CornerNet; FairMOT, section 3.2)."""

from __future__ import annotations

from torch import Tensor

CLAMP = 1e-4
"""Probabilities stay this far from 0 and 1, so that their logarithm stays finite."""


def heatmap_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Focal loss, divided by the number of cells that hold a centre.

    Cells whose target is exactly 1 are positives; the others count less the closer they are to a centre. A
    batch without any centre is not divided, as in the reference.

    Args:
        logits: `(B, C, h, w)`; computed in float32 whatever its dtype.
        target: `(B, C, h, w)` Gaussian peaks, see `Targets`.

    Returns:
        Scalar.
    """
    probability = logits.float().sigmoid().clamp(CLAMP, 1 - CLAMP)
    positive = target.eq(1).float()
    at_centres = (1 - probability).square() * probability.log() * positive
    elsewhere = (1 - target.float()).pow(4) * probability.square() * (1 - probability).log() * (1 - positive)
    return -(at_centres.sum() + elsewhere.sum()) / positive.sum().clamp(min=1)
