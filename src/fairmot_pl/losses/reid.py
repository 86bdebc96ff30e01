"""Identities learned as classes (FairMOT, section 3.2)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairmot_pl.codec.maps import gather_cells


class IdentityOutcome(NamedTuple):
    """What `IdentityLoss` found.

    Attributes:
        loss: scalar; 0, with gradients of 0, if no object has a known identity.
        accuracy: share of the objects with a known identity whose class was told right; 0 if there are none.
            Detached.
        objects: how many objects with a known identity there were.
    """

    loss: Tensor
    accuracy: Tensor
    objects: int


def embedding_scale(num_identities: int) -> float:
    """Length of the embedding before the classifier: sqrt(2) ln(n - 1).

    With fewer than 3 identities that would be 0 or undefined, so they share the scale of 3.
    """
    return math.sqrt(2) * math.log(max(num_identities, 3) - 1)


class IdentityLoss(nn.Module):
    """Cross-entropy of a linear classifier over all training identities, on the scaled unit embedding.

    Args:
        reid_dim: length of the embedding.
        num_identities: rows of the classifier; 0 if no identity is known, then only a loss of 0 comes out.
            (The reference has one more row than identities.)
    """

    def __init__(self, reid_dim: int, num_identities: int) -> None:
        super().__init__()
        if num_identities < 0:
            raise ValueError(f"num_identities is {num_identities}; it must be 0 (detection only) or more")
        self.num_identities = num_identities
        self.scale = embedding_scale(num_identities)
        self.classifier = nn.Linear(reid_dim, num_identities) if num_identities else None

    def forward(self, embedding: Tensor, index: Tensor, mask: Tensor, identity: Tensor) -> IdentityOutcome:
        """Classify the objects whose identity is known.

        Args:
            embedding: `(B, D, h, w)`; computed in float32 whatever its dtype, the classifier's or the autocast state.
            index: `(B, K)` row-major cell indices.
            mask: `(B, K)`, 1 where the slot holds an object.
            identity: `(B, K)` identity classes, -1 = unknown.

        Raises:
            ValueError: an identity is `num_identities` or more.
        """
        known = mask.bool() & (identity >= 0)
        wanted = identity[known]
        self._check(wanted)
        with torch.autocast(embedding.device.type, enabled=False):
            picked = gather_cells(embedding, index)[known].float()
            if self.classifier is None:
                return IdentityOutcome(picked.sum(), picked.new_zeros(()), 0)
            weight, bias = self.classifier.weight.float(), self.classifier.bias.float()
            logits = F.linear(F.normalize(picked) * self.scale, weight, bias)
            count = max(len(wanted), 1)
            loss = F.cross_entropy(logits, wanted, reduction="sum") / count
        accuracy = (logits.detach().argmax(1) == wanted).sum() / count
        return IdentityOutcome(loss, accuracy, len(wanted))

    def _check(self, wanted: Tensor) -> None:
        highest = int(wanted.max()) if len(wanted) else -1
        if highest >= self.num_identities:
            allowed = f"-1 to {self.num_identities - 1}" if self.num_identities else "only -1 (detection only)"
            raise ValueError(
                f"a target has identity {highest}; num_identities={self.num_identities} allows {allowed}. "
                "Give the loss the number of identities of the training data"
            )
