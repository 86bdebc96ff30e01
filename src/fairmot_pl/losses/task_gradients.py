"""How strongly, and in which directions, the two tasks pull at what they share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fairmot_pl.losses.weighting.pcgrad import shared_gradient


class TaskGradients(NamedTuple):
    """The gradients of detection and re-ID loss, before any weighting, at the shared parameters.

    Attributes:
        detection: length of the first.
        reid: length of the second.
        cosine: of the angle between them, -1 where the tasks want the opposite; NaN where one of them is silent.
    """

    detection: float
    reid: float
    cosine: float

    def reid_share(self, weights: Tensor) -> float:
        """Share of re-ID in the summed lengths, each times its task's weight, `(2,)`; NaN where both are 0."""
        for_detection, for_reid = weights.tolist()
        pull, both = for_reid * self.reid, for_detection * self.detection + for_reid * self.reid
        return pull / both if both > 0 else math.nan


def task_gradients(
    losses: tuple[Tensor, Tensor],
    ends: tuple[Tensor, Tensor],
    features: Tensor,
    shared: Sequence[nn.Parameter],
    *,
    scale: float = 1.0,
) -> TaskGradients:
    """Measure without leaving a trace: no `.grad` is touched, and the graph stays whole for the step's own backward.

    Each loss is followed back to the map that its head was given, and from the shared map on through the shared part,
    so nothing that a balance does between the two maps takes place. Several processes see the gradient of their mean.

    Args:
        losses: scalar detection and re-ID loss.
        ends: the shared map as the detection head and the re-ID head got it.
        features: `(B, c, h, w)`, the shared map as the shared part made it.
        shared: the parameters that both tasks learn.
        scale: the losses are multiplied by it on the way back, so that small gradients survive in half precision.
    """
    gradients = []
    for loss, end in zip(losses, ends, strict=True):
        (at_map,) = torch.autograd.grad(scale * loss, end, retain_graph=True, allow_unused=True, materialize_grads=True)
        gradients.append(shared_gradient(features, shared, at_map) / scale)
    detection, reid = gradients
    products = torch.stack([detection @ detection, reid @ reid, detection @ reid]).cpu().double()
    first, second, cross = products.tolist()
    lengths = math.sqrt(first), math.sqrt(second)
    between = lengths[0] * lengths[1]
    return TaskGradients(*lengths, cross / between if between > 0 else math.nan)
