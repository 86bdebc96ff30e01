"""Scores of objects against any number of classes, a part of the classes at a time.

A million identities times some hundred objects are gigabytes of logits. Nothing needs them all at once: the softmax is
known from one running sum an object, and its gradient from computing each part of the logits once more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

Backward = Callable[..., tuple[Tensor | None, ...]]

PART = 2**22
"""Logits held at a time."""


class ClassScores(NamedTuple):
    """What a softmax loss needs to know of the logits of N objects.

    Attributes:
        own: `(N,)` logit of the own class.
        others: `(N,)` logarithm of the summed exponentials of all other logits; -inf if there is no other class.
        mean: `(N,)` mean logit.
        best: `(N,)` class of the highest logit.
    """

    own: Tensor
    others: Tensor
    mean: Tensor
    best: Tensor


def class_scores(
    vectors: Tensor, weight: Tensor, bias: Tensor | None, identity: Tensor, *, unit: bool = False
) -> ClassScores:
    """Score objects against all classes without holding all logits.

    Args:
        vectors: `(N, D)` float32.
        weight: `(C, D)`, one row a class.
        bias: `(C,)`, or None.
        identity: `(N,)` own class of each object.
        unit: scale each row of `weight` to length 1 first, so that logits of unit vectors are cosines.
    """
    return ClassScores(*_ClassScores.apply(vectors, weight, bias, identity, unit))


def parts(objects: int, classes: int, *, arrays: int = 1) -> Iterator[slice]:
    """Ranges of classes, so that a range times the objects, in so many arrays, is at most `PART` numbers."""
    size = max(1, PART // max(objects * arrays, 1))
    return (slice(start, min(start + size, classes)) for start in range(0, classes, size))


def logits_of(part: slice, vectors: Tensor, weight: Tensor, bias: Tensor | None, *, unit: bool = False) -> Tensor:
    """`(N, c)` float32 logits of a part of the classes."""
    rows = weight[part].float()
    return F.linear(vectors, F.normalize(rows) if unit else rows, None if bias is None else bias[part].float())


def in_part(part: slice, identity: Tensor) -> tuple[Tensor, Tensor]:
    """Which objects have their class in a part, and its position there."""
    rows = ((identity >= part.start) & (identity < part.stop)).nonzero()[:, 0]
    return rows, identity[rows] - part.start


def in_float32(backward: Backward) -> Backward:
    """Switch autocast off for a backward pass that somebody may call within it."""

    @functools.wraps(backward)
    def switched(ctx: Any, *slopes: Any) -> tuple[Tensor | None, ...]:
        with torch.autocast(slopes[0].device.type, enabled=False):
            return backward(ctx, *slopes)

    return switched


class PartwiseGradient:
    """Collects the gradients of vectors, weight and bias from gradients of the logits, part by part."""

    def __init__(self, vectors: Tensor, weight: Tensor, bias: Tensor | None, *, unit: bool = False) -> None:
        self.saved, self.unit = (vectors, weight), unit
        self.vectors, self.weight = torch.zeros_like(vectors), torch.empty_like(weight)
        self.bias = None if bias is None else torch.empty_like(bias)

    def add(self, part: slice, slope: Tensor) -> None:
        """Take the gradient `(N, c)` of the logits of one part."""
        vectors, rows = self.saved[0], self.saved[1][part].float()
        direct = F.normalize(rows) if self.unit else rows
        self.vectors.addmm_(slope, direct)
        pull = slope.T @ vectors
        if self.unit:  # only what is at right angles to a row turns it
            pull -= direct * (direct * pull).sum(dim=1, keepdim=True)
            pull /= rows.norm(dim=1, keepdim=True).clamp(min=1e-12)
        self.weight[part] = pull
        if self.bias is not None:
            self.bias[part] = slope.sum(dim=0)


class _ClassScores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, ...]:
        vectors, weight, bias, identity, unit = inputs
        count, classes = len(vectors), len(weight)
        own, total, highest = (vectors.new_zeros(count) for _ in range(3))
        others = vectors.new_full((count,), -torch.inf)
        best = identity.new_zeros(count)
        highest -= torch.inf
        for part in parts(count, classes):
            logits = logits_of(part, vectors, weight, bias, unit=unit)
            total += logits.sum(dim=1)
            value, position = logits.max(dim=1)
            best = torch.where(value > highest, position + part.start, best)
            highest = torch.maximum(highest, value)
            rows, columns = in_part(part, identity)
            own[rows] = logits[rows, columns]
            logits[rows, columns] = -torch.inf
            others = torch.logaddexp(others, logits.logsumexp(dim=1))
        ctx.save_for_backward(vectors, weight, bias, identity, others)
        ctx.unit = unit
        ctx.mark_non_differentiable(best)
        return own, others, total / classes, best

    @staticmethod
    @in_float32
    def backward(ctx: Any, *slopes: Any) -> tuple[Tensor | None, ...]:
        vectors, weight, bias, identity, others = ctx.saved_tensors
        of_own, of_others, of_mean = slopes[:3]
        gradient = PartwiseGradient(vectors, weight, bias, unit=ctx.unit)
        for part in parts(len(vectors), len(weight)):
            slope = logits_of(part, vectors, weight, bias, unit=ctx.unit).sub_(others[:, None]).exp_()
            rows, columns = in_part(part, identity)
            slope[rows, columns] = 0
            slope.mul_(of_others[:, None]).add_(of_mean[:, None] / len(weight))
            slope[rows, columns] += of_own[rows]
            gradient.add(part, slope)
        return gradient.vectors, gradient.weight, gradient.bias, None, None
