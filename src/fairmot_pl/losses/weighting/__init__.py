"""Balances between the detection and the re-ID loss, each an `nn.Module` in its own file.

A balance takes the two losses and `has_reid` (whether the batch holds any known identity) and returns the
total to be minimised and the factors with which the two enter it. Its parameters, if it has any, join the
graph of every batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from torch import nn

from fairmot_pl.losses.weighting.fixed import FixedWeighting
from fairmot_pl.losses.weighting.uncertainty import UncertaintyWeighting

WEIGHTINGS: Mapping[str, type[nn.Module]] = {"uncertainty": UncertaintyWeighting, "fixed": FixedWeighting}


def build_weighting(name: str, options: Mapping[str, float] | None = None) -> nn.Module:
    """Build a balance by name.

    Args:
        name: a key of `WEIGHTINGS`.
        options: keywords of its constructor.

    Raises:
        ValueError: unknown name or option, or a value out of range.
    """
    if name not in WEIGHTINGS:
        raise ValueError(f"weighting is {name!r}; allowed: {', '.join(WEIGHTINGS)}")
    kind = WEIGHTINGS[name]
    allowed = list(inspect.signature(kind).parameters)
    unknown = [option for option in options or {} if option not in allowed]
    if unknown:
        raise ValueError(f"weighting {name!r} has no option {', '.join(unknown)}; allowed: {', '.join(allowed)}")
    return kind(**(options or {}))
