"""Balances between the detection and the re-ID loss, each a `Weighting` in its own file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fairmot_pl.losses.choosing import chosen
from fairmot_pl.losses.weighting.base import Weighting
from fairmot_pl.losses.weighting.dwa import DynamicWeightAverage
from fairmot_pl.losses.weighting.fixed import FixedWeighting
from fairmot_pl.losses.weighting.gradnorm import GradNorm
from fairmot_pl.losses.weighting.mgda_ub import MinimumNorm
from fairmot_pl.losses.weighting.pcgrad import ProjectedConflicts
from fairmot_pl.losses.weighting.uncertainty import UncertaintyWeighting

WEIGHTINGS: Mapping[str, type[Weighting]] = MappingProxyType(
    {
        "uncertainty": UncertaintyWeighting,
        "fixed": FixedWeighting,
        "gradnorm": GradNorm,
        "mgda_ub": MinimumNorm,
        "dwa": DynamicWeightAverage,
        "pcgrad": ProjectedConflicts,
    }
)


def build_weighting(name: str, options: Mapping[str, float] | None = None) -> Weighting:
    """Build a balance by name.

    Args:
        name: a key of `WEIGHTINGS`.
        options: keywords of its constructor.

    Raises:
        ValueError: unknown name or option, or a value out of range.
    """
    options = options or {}
    return chosen("weighting", name, WEIGHTINGS, options)(**options)
