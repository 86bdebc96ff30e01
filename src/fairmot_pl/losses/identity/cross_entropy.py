"""Identities learned as classes (FairMOT, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairmot_pl.losses.identity.base import IdentityLoss, Verdict, check_smoothing, embedding_scale
from fairmot_pl.losses.identity.classes import ClassScores, class_scores


class CrossEntropy(IdentityLoss):
    """Cross-entropy of a linear classifier over all training identities, on the scaled unit embedding.

    Args:
        reid_dim: see `IdentityLoss`.
        num_identities: rows of the classifier.
        reid_sampling: see `IdentityLoss`.
        label_smoothing: share of the target that is spread over all identities.
    """

    def __init__(
        self, reid_dim: int, num_identities: int, *, reid_sampling: str = "center", label_smoothing: float = 0.0
    ) -> None:
        super().__init__(reid_dim, num_identities, reid_sampling=reid_sampling)
        check_smoothing(label_smoothing)
        self.label_smoothing = label_smoothing
        self.scale = embedding_scale(num_identities)
        self.classifier = nn.Linear(reid_dim, num_identities) if num_identities else None

    def criterion(self, embeddings: Tensor, identity: Tensor) -> Verdict:
        """See `IdentityLoss.criterion`."""
        assert self.classifier is not None
        scaled = F.normalize(embeddings) * self.scale
        scores = class_scores(scaled, self.classifier.weight, self.classifier.bias, identity)
        return softmax_verdict(scores, identity, self.label_smoothing)


def softmax_verdict(scores: ClassScores, identity: Tensor, label_smoothing: float) -> Verdict:
    """Cross-entropy of a softmax whose target is `identity`, with a share of it spread over all classes."""
    target = (1 - label_smoothing) * scores.own + label_smoothing * scores.mean
    loss = (torch.logaddexp(scores.others, scores.own) - target).sum()
    return Verdict(loss, (scores.best == identity).sum().float(), len(identity))
