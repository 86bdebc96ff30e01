"""What a search makes large: one metric, or a weighted mean of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fairmot_pl.evaluation.scores import SequenceScores, figures, total

METRICS = ("HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR")
"""Fractions of which more is better."""


@dataclass(frozen=True)
class Objective:
    """A weighted mean of metrics.

    Args:
        weights: by metric, above 0.
    """

    weights: Mapping[str, float]

    @classmethod
    def of(cls, given: str | Mapping[str, float]) -> Objective:
        """From a name such as `HOTA`, or weights such as `{HOTA: 2, IDF1: 1}`.

        Raises:
            ValueError: an unknown metric, or a weight that is none.
        """
        weights = {given: 1.0} if isinstance(given, str) else dict(given)
        for name, weight in weights.items():
            if name not in METRICS:
                raise ValueError(f"objective names {name!r}; allowed: {', '.join(METRICS)}")
            if not (isinstance(weight, int | float) and not isinstance(weight, bool) and 0 < weight < float("inf")):
                raise ValueError(f"objective.{name} is {weight!r}; a weight above 0 is needed")
        if not weights:
            raise ValueError("objective is empty; name a metric such as HOTA")
        return cls(weights)

    def __str__(self) -> str:
        parts = [name if weight == 1 else f"{weight:g} x {name}" for name, weight in self.weights.items()]
        return parts[0] if len(parts) == 1 else f"mean of {', '.join(parts)}"

    def value(self, metrics: Mapping[str, float | int]) -> float:
        """The objective of the figures of some sequences together, a fraction."""
        weighted = sum(weight * metrics[name] for name, weight in self.weights.items())
        return weighted / sum(self.weights.values())

    def of_scores(self, scores: Iterable[SequenceScores]) -> float:
        """The objective of some sequences together."""
        return self.value(figures(total(scores)))
