"""Identities kept apart by a margin (CosFace: Wang et al., "Large Margin Cosine Loss", CVPR 2018)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairmot_pl.losses.identity.base import IdentityLoss, Verdict, check_smoothing
from fairmot_pl.losses.identity.classes import class_scores
from fairmot_pl.losses.identity.cross_entropy import softmax_verdict


class MarginSoftmax(IdentityLoss):
    """Cross-entropy over scaled cosines, where the cosine to the own class counts less by a margin.

    The tracker compares cosines, and so does this loss: there is no bias and no length to learn.

    Args:
        reid_dim: see `IdentityLoss`.
        num_identities: class directions.
        reid_sampling: see `IdentityLoss`.
        scale: factor on the cosines.
        margin: what the own class has to be better by, in cosine.
        label_smoothing: share of the target that is spread over all identities.
    """

    def __init__(
        self,
        reid_dim: int,
        num_identities: int,
        *,
        reid_sampling: str = "center",
        scale: float = 30.0,
        margin: float = 0.35,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reid_dim, num_identities, reid_sampling=reid_sampling)
        check_smoothing(label_smoothing)
        if not (math.isfinite(scale) and scale > 0):
            raise ValueError(f"identity loss margin_softmax: scale is {scale}; it must be above 0")
        if not 0 <= margin < 2:
            raise ValueError(f"identity loss margin_softmax: margin is {margin}; it must be from 0 to below 2")
        self.scale, self.margin, self.label_smoothing = scale, margin, label_smoothing
        self.classifier = nn.Linear(reid_dim, num_identities, bias=False) if num_identities else None

    def criterion(self, embeddings: Tensor, identity: Tensor) -> Verdict:
        """See `IdentityLoss.criterion`."""
        assert self.classifier is not None
        vectors = F.normalize(embeddings) * self.scale
        scores = class_scores(vectors, self.classifier.weight, None, identity, unit=True)
        handicap = torch.full_like(scores.own, self.scale * self.margin)
        handicapped = scores._replace(own=scores.own - handicap, mean=scores.mean - handicap / self.num_identities)
        return softmax_verdict(handicapped, identity, self.label_smoothing)
