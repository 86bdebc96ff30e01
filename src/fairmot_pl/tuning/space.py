"""What a search may change: a range or a choice for each setting of the tracker, by association."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from fairmot_pl.tracking.tracker import OnlineTracker

COMMON = "all"
"""The part of a search space that goes for every association."""

DIGITS = 4
"""Settings are rounded to so many decimals, so that what is written down is what was tried."""

NOT_SEARCHED = ("association", "frame_rate")


@dataclass(frozen=True)
class SearchSpace:
    """Which settings are searched, and where.

    Args:
        distributions: by setting, in order.
    """

    distributions: Mapping[str, BaseDistribution]

    @classmethod
    def of(cls, ranges: Mapping[str, Mapping[str, Any]], tracker: Mapping[str, Any]) -> SearchSpace:
        """The part of `ranges` that goes for the tracker's association: `all`, and what stands under its name.

        Args:
            ranges: by association, then by setting: `[low, high]`, or a list of choices that are no numbers;
                None takes one of `all` out.
            tracker: the settings that the search starts from.

        Raises:
            ValueError: an unknown setting, a range that is none or that the tracker would refuse, a start outside the
                range, or nothing to search.
        """
        association = tracker["association"]
        named = {**(ranges.get(COMMON) or {}), **(ranges.get(association) or {})}
        chosen = {name: values for name, values in named.items() if values is not None}
        if not chosen:
            raise ValueError(
                f"space says nothing about association {association!r}; add +space.{association}.SETTING=[LOW,HIGH]"
            )
        where = {name: association if name in (ranges.get(association) or {}) else COMMON for name in chosen}
        made = {
            name: _distribution(f"space.{where[name]}.{name}", values, name, tracker) for name, values in chosen.items()
        }
        return cls(made)

    def start(self, tracker: Mapping[str, Any]) -> dict[str, Any]:
        """The settings searched, as a tracker has them."""
        return {name: tracker[name] for name in self.distributions}

    def settings(self, tracker: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The tracker's settings with the parameters of a trial in place."""
        rounded = {
            name: round(value, DIGITS) if isinstance(value, float) else value for name, value in parameters.items()
        }
        return {**tracker, **rounded}

    def described(self) -> dict[str, list[Any]]:
        """Ranges and choices, as they are configured."""
        return {name: _values(distribution) for name, distribution in self.distributions.items()}


def settable() -> list[str]:
    """Every setting of the tracker that may be searched."""
    return [field.name for field in fields(OnlineTracker) if field.name not in NOT_SEARCHED]


def complete(tracker: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a tracker with the defaults of those that are not named."""
    defaults = {field.name: field.default for field in fields(OnlineTracker) if field.name != "frame_rate"}
    return {**defaults, **tracker}


def _distribution(where: str, values: Any, name: str, tracker: Mapping[str, Any]) -> BaseDistribution:
    if not isinstance(values, list) or len(values) < 2:
        raise ValueError(f"{where} is {values!r}; expected [low, high], or a list of two choices or more")
    start = tracker[name]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        inside: bool = start in values
        made: BaseDistribution = CategoricalDistribution(values)
    else:
        if len(values) != 2 or values[0] >= values[1]:
            raise ValueError(f"{where} is {values!r}; expected [low, high] with low below high")
        if start is None:
            raise ValueError(f"tracker.{name} is null, and a search needs a number to start from; set tracker.{name}")
        inside = values[0] <= start <= values[1]
        made = FloatDistribution(float(values[0]), float(values[1]))
    if not inside:
        raise ValueError(f"{where} is {values!r}, but the search starts at tracker.{name}={start!r}: let it hold that")
    for value in values:
        try:
            OnlineTracker(**{**tracker, name: value})
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
    return made


def _values(distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, FloatDistribution):
        return [distribution.low, distribution.high]
    assert isinstance(distribution, CategoricalDistribution)
    return list(distribution.choices)
