"""What every balance between detection and re-ID offers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn

Rule = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From the gradients of detection and re-ID at the shared map to the factors with which each goes on."""


class SharedPart(NamedTuple):
    """The part of the network that both tasks learn.

    Attributes:
        parameters: those of its parameters that learn.
        last_weight: the weight of its last layer; None where there is no such layer, or it does not learn.
    """

    parameters: list[nn.Parameter]
    last_weight: nn.Parameter | None


class Weighting(nn.Module):
    """A balance; the subclasses say how.

    Some balances need no more than the two losses; others look at the gradients where the tasks part, in `branch`.
    What they learn lives in parameters and buffers, so it is in the checkpoint.

    Attributes:
        weights: `(2,)` factors with which detection and re-ID entered the last step's gradient of the shared part;
            known once it has been computed.
    """

    weights: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weights", torch.ones(2), persistent=False)

    def branch(self, features: Tensor, shared: SharedPart) -> tuple[Tensor, Tensor]:
        """The shared map `(B, c, h, w)` once for the detection head and once for the re-ID head."""
        return features, features

    def forward(self, detection: Tensor, reid: Tensor, *, has_reid: bool = True) -> Tensor:
        """Balance two scalar losses.

        Args:
            detection: detection loss.
            reid: re-ID loss; 0 where the batch says nothing about identities.
            has_reid: whether the batch says anything about identities.

        Returns:
            The total, to be minimised.
        """
        raise NotImplementedError

    def start_epoch(self, epoch: int) -> None:
        """Called before the first step of every epoch, counted from 0."""

    def before_step(self) -> None:
        """Called before each step of the optimiser, when its gradients are complete."""


class _Fork(torch.autograd.Function):
    """One map in, the same map twice out; on the way back a rule weighs the two gradients."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, rule: Rule) -> tuple[Tensor, Tensor]:
        ctx.rule = rule
        return features.view_as(features), features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        detection, reid = gradients
        for_detection, for_reid = ctx.rule(detection, reid)
        return for_detection.to(detection.dtype) * detection + for_reid.to(reid.dtype) * reid, None


def fork(features: Tensor, rule: Rule) -> tuple[Tensor, Tensor]:
    """The map once for each task; in the backward pass `rule` decides how much of each task's gradient goes on.

    What lies behind the map (the heads) gets its own task's gradient unweighted. The rule is called once, when both
    gradients are complete and before the shared part has computed its own.

    Args:
        features: `(B, c, h, w)`.
        rule: takes two gradients of that shape.
    """
    forked: tuple[Tensor, Tensor] = _Fork.apply(features, rule)
    return forked


def mean_over_processes(values: Tensor) -> Tensor:
    """The mean of a tensor over all processes that train together; in place, and itself where there is one."""
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        dist.all_reduce(values)
        values /= dist.get_world_size()
    return values


def observed(detection: Tensor, reid: Tensor, *, has_reid: bool) -> tuple[Tensor, Tensor]:
    """What all processes together see of the two losses.

    Args:
        detection: scalar loss of this process.
        reid: scalar loss; it counts if `has_reid`.
        has_reid: whether this process saw identities.

    Returns:
        `(2,)` float64 sums and counts, each over the number of processes; a loss that is not finite counts as unseen.
    """
    values = torch.stack([detection, reid]).detach().double()
    counts = values.isfinite() * values.new_tensor([1.0, float(has_reid)])
    sums = torch.where(counts > 0, values, 0.0)
    both = mean_over_processes(torch.cat([sums, counts]))
    return both[:2], both[2:]


def check_positive(kind: str, **values: float) -> None:
    """Refuse options of a balance that are not finite and positive.

    Raises:
        ValueError: naming the option, its value and what is allowed.
    """
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{kind} weighting: {name} is {value}; it must be above 0")
