"""Identities learned by comparison (Hermans et al., "In Defense of the Triplet Loss", 2017)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fairmot_pl.losses.identity.base import IdentityLoss, Verdict


class Triplet(IdentityLoss):
    """Each object's farthest fellow must be nearer, by a margin, than its nearest stranger in the batch.

    Distances are Euclidean between unit embeddings. It learns from objects that have a fellow (the same identity
    elsewhere in the batch) and a stranger, and there is no classifier. Random batches of a large data set hold few
    fellows: `data.frames_per_sequence` draws several frames of one video into a batch.

    Args:
        reid_dim: see `IdentityLoss`.
        num_identities: identities that targets may name.
        reid_sampling: see `IdentityLoss`.
        margin: in distance, which is at most 2.
    """

    def __init__(
        self, reid_dim: int, num_identities: int, *, reid_sampling: str = "center", margin: float = 0.3
    ) -> None:
        super().__init__(reid_dim, num_identities, reid_sampling=reid_sampling)
        if not (math.isfinite(margin) and margin >= 0):
            raise ValueError(f"identity loss triplet: margin is {margin}; it must be 0 or more")
        self.margin = margin

    @property
    def chance(self) -> float | None:
        """None: how often the nearest is a fellow by chance depends on the batch."""
        return None

    def criterion(self, embeddings: Tensor, identity: Tensor) -> Verdict:
        """See `IdentityLoss.criterion`."""
        unit = F.normalize(embeddings)
        distance = (2 - 2 * unit @ unit.T).clamp(min=1e-12).sqrt()
        same = identity[:, None] == identity[None]
        fellow = same & ~torch.eye(len(identity), dtype=torch.bool, device=identity.device)
        learns = fellow.any(dim=1) & (~same).any(dim=1)
        distance, fellow, same = distance[learns], fellow[learns], same[learns]
        if not len(distance):
            return Verdict(embeddings.sum() * 0, distance.new_zeros(()), 0)
        farthest = distance.masked_fill(~fellow, -torch.inf).amax(dim=1)
        nearest = distance.masked_fill(same, torch.inf).amin(dim=1)
        first = distance.detach().masked_fill(~fellow, torch.inf).amin(dim=1)
        right = (first < nearest).sum().float()
        return Verdict((farthest - nearest + self.margin).relu().sum(), right, len(distance))
