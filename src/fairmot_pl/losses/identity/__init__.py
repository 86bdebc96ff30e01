"""Ways to learn who is who, each an `IdentityLoss` in its own file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fairmot_pl.losses.choosing import chosen
from fairmot_pl.losses.identity.base import IdentityLoss
from fairmot_pl.losses.identity.cross_entropy import CrossEntropy
from fairmot_pl.losses.identity.focal import Focal
from fairmot_pl.losses.identity.margin_softmax import MarginSoftmax
from fairmot_pl.losses.identity.triplet import Triplet

IDENTITY_LOSSES: Mapping[str, type[IdentityLoss]] = MappingProxyType(
    {"cross_entropy": CrossEntropy, "focal": Focal, "triplet": Triplet, "margin_softmax": MarginSoftmax}
)

_GIVEN_ANYWAY = ("reid_dim", "num_identities", "reid_sampling")


def build_identity_loss(
    name: str,
    options: Mapping[str, float] | None = None,
    *,
    reid_dim: int,
    num_identities: int,
    reid_sampling: str = "center",
) -> IdentityLoss:
    """Build an identity loss by name.

    Args:
        name: a key of `IDENTITY_LOSSES`.
        options: further keywords of its constructor.
        reid_dim: length of the embedding.
        num_identities: identity classes of the training data.
        reid_sampling: where embeddings are read.

    Raises:
        ValueError: unknown name or option, or a value out of range.
    """
    options = options or {}
    kind = chosen("identity loss", name, IDENTITY_LOSSES, options, given=_GIVEN_ANYWAY)
    return kind(reid_dim, num_identities, reid_sampling=reid_sampling, **options)
