"""Identities learned one against the rest (focal loss: Lin et al., ICCV 2017; an option of the reference)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairmot_pl.losses.identity.base import IdentityLoss, Verdict, embedding_scale
from fairmot_pl.losses.identity.classes import PartwiseGradient, in_float32, in_part, logits_of, parts

ARRAYS = 4
"""As many arrays of a part's size are held at a time."""

PRIOR = 0.01
"""Probability that an untrained classifier gives to every identity."""


class Focal(IdentityLoss):
    """A sigmoid an identity, where well-told pairs of object and identity count little.

    Args:
        reid_dim: see `IdentityLoss`.
        num_identities: rows of the classifier.
        reid_sampling: see `IdentityLoss`.
        alpha: share of the own identity in the balance with all others.
        gamma: how little what is well told counts.
    """

    def __init__(
        self,
        reid_dim: int,
        num_identities: int,
        *,
        reid_sampling: str = "center",
        alpha: float = 0.25,
        gamma: float = 2.0,
    ) -> None:
        super().__init__(reid_dim, num_identities, reid_sampling=reid_sampling)
        if not 0 < alpha < 1:
            raise ValueError(f"identity loss focal: alpha is {alpha}; it must lie between 0 and 1")
        if not (math.isfinite(gamma) and gamma >= 0):
            raise ValueError(f"identity loss focal: gamma is {gamma}; it must be 0 or more")
        self.alpha, self.gamma = alpha, gamma
        self.scale = embedding_scale(num_identities)
        self.classifier = nn.Linear(reid_dim, num_identities) if num_identities else None
        if self.classifier is not None:
            nn.init.normal_(self.classifier.weight, std=0.01)
            nn.init.constant_(self.classifier.bias, -math.log((1 - PRIOR) / PRIOR))

    def criterion(self, embeddings: Tensor, identity: Tensor) -> Verdict:
        """See `IdentityLoss.criterion`."""
        assert self.classifier is not None
        scaled = F.normalize(embeddings) * self.scale
        weight, bias = self.classifier.weight, self.classifier.bias
        loss, best = _FocalSum.apply(scaled, weight, bias, identity, self.alpha, self.gamma)
        return Verdict(loss.sum(), (best == identity).sum().float(), len(identity))


class _FocalSum(torch.autograd.Function):
    """`(N,)` focal loss of each object summed over the classes, and its best class; a part of the classes at a time."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor]:
        vectors, weight, bias, identity, alpha, gamma = inputs
        loss = vectors.new_zeros(len(vectors))
        highest, best = torch.full_like(loss, -torch.inf), torch.zeros_like(identity)
        for part in parts(len(vectors), len(weight), arrays=ARRAYS):
            logits = logits_of(part, vectors, weight, bias)
            value, position = logits.max(dim=1)
            best = torch.where(value > highest, position + part.start, best)
            highest = torch.maximum(highest, value)
            rows, columns = in_part(part, identity)
            mine = logits[rows, columns]
            terms = (1 - alpha) * logits.sigmoid() ** gamma * F.softplus(logits)
            terms[rows, columns] = alpha * (-mine).sigmoid() ** gamma * F.softplus(-mine)
            loss += terms.sum(dim=1)
        ctx.save_for_backward(vectors, weight, bias, identity)
        ctx.alpha, ctx.gamma = alpha, gamma
        ctx.mark_non_differentiable(best)
        return loss, best

    @staticmethod
    @in_float32
    def backward(ctx: Any, *slopes: Any) -> tuple[Tensor | None, ...]:
        vectors, weight, bias, identity = ctx.saved_tensors
        gradient = PartwiseGradient(vectors, weight, bias)
        for part in parts(len(vectors), len(weight), arrays=ARRAYS):
            logits = logits_of(part, vectors, weight, bias)
            rows, columns = in_part(part, identity)
            slope = (1 - ctx.alpha) * _steepness(logits, ctx.gamma)
            slope[rows, columns] = -ctx.alpha * _steepness(-logits[rows, columns], ctx.gamma)
            gradient.add(part, slope * slopes[0][:, None])
        return gradient.vectors, gradient.weight, gradient.bias, None, None, None


def _steepness(logits: Tensor, gamma: float) -> Tensor:
    """Slope of p^gamma softplus(z), p = sigmoid(z)."""
    p = logits.sigmoid()
    return p**gamma * (gamma * (1 - p) * F.softplus(logits) + p)
