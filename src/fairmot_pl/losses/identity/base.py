"""What every way to learn identities shares: which objects it learns from, and where they are read."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fairmot_pl.codec.maps import Targets
from fairmot_pl.codec.sampling import Objects, check_sampling, sample_embeddings


class IdentityOutcome(NamedTuple):
    """What an `IdentityLoss` found.

    Attributes:
        loss: scalar, the mean over `objects`; 0, with gradients of 0, if there are none.
        accuracy: share of them that were told right; 0 if there are none. Detached.
        objects: how many objects the loss learned from.
    """

    loss: Tensor
    accuracy: Tensor
    objects: int


class Verdict(NamedTuple):
    """What a criterion says of some objects.

    Attributes:
        loss: scalar, summed over the objects it learned from.
        right: scalar count of those told right, detached.
        objects: how many it learned from.
    """

    loss: Tensor
    right: Tensor
    objects: int


def embedding_scale(num_identities: int) -> float:
    """Length of the embedding before a linear classifier: sqrt(2) ln(n - 1).

    With fewer than 3 identities that would be 0 or undefined, so they share the scale of 3.
    """
    return math.sqrt(2) * math.log(max(num_identities, 3) - 1)


def check_smoothing(label_smoothing: float) -> None:
    """Refuse what is no share.

    Raises:
        ValueError: `label_smoothing` is not from 0 to below 1.
    """
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"identity loss: label_smoothing is {label_smoothing}; it must be from 0 to below 1")


class IdentityLoss(nn.Module):
    """Reads the embeddings of the objects whose identity is known; subclasses give the criterion.

    Args:
        reid_dim: length of the embedding.
        num_identities: identity classes; 0 if no identity is known, then only a loss of 0 comes out.
            (The reference has one more class than identities.)
        reid_sampling: where embeddings are read, see `fairmot_pl.codec.sampling`.
    """

    def __init__(self, reid_dim: int, num_identities: int, *, reid_sampling: str = "center") -> None:
        super().__init__()
        if num_identities < 0:
            raise ValueError(f"num_identities is {num_identities}; it must be 0 (detection only) or more")
        check_sampling(reid_sampling)
        self.reid_dim, self.num_identities, self.reid_sampling = reid_dim, num_identities, reid_sampling

    @property
    def chance(self) -> float | None:
        """The accuracy of a guess; None where there are no identities, or their number does not decide it."""
        return 1 / self.num_identities if self.num_identities else None

    def criterion(self, embeddings: Tensor, identity: Tensor) -> Verdict:
        """Judge objects.

        Args:
            embeddings: `(N, D)` float32, not normalised; N may be 0.
            identity: `(N,)` int64, 0 to `num_identities` - 1.
        """
        raise NotImplementedError

    def forward(self, embedding: Tensor, targets: Targets) -> IdentityOutcome:
        """Learn from the objects whose identity is known.

        Args:
            embedding: `(B, D, h, w)`; computed in float32 whatever its dtype, the parameters' or the autocast state.
            targets: batched; an identity of -1 is unknown.

        Raises:
            ValueError: an identity is `num_identities` or more.
        """
        known = targets.mask.bool() & (targets.identity >= 0)
        wanted = targets.identity[known]
        self._check(wanted)
        with torch.autocast(embedding.device.type, enabled=False):
            objects = Objects.of_targets(targets, known)
            picked = sample_embeddings(embedding, objects, sampling=self.reid_sampling)
            if not self.num_identities:
                return IdentityOutcome(picked.sum(), picked.new_zeros(()), 0)
            verdict = self.criterion(picked, wanted)
        count = max(verdict.objects, 1)
        return IdentityOutcome(verdict.loss / count, verdict.right / count, verdict.objects)

    def _check(self, wanted: Tensor) -> None:
        highest = int(wanted.max()) if len(wanted) else -1
        if highest >= self.num_identities:
            allowed = f"-1 to {self.num_identities - 1}" if self.num_identities else "only -1 (detection only)"
            raise ValueError(
                f"a target has identity {highest}; num_identities={self.num_identities} allows {allowed}. "
                "Give the loss the number of identities of the training data"
            )
