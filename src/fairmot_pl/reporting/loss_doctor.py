"""What the curves of a training mean, in one line."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.reporting.metrics_log import MetricsLog

Float = NDArray[np.float64]

Kind = Literal["not finite", "diverging", "re-ID not learning", "starving", "negative total", "healthy", "too early"]

FINE = frozenset({"negative total", "healthy", "too early"})

PARTS = ("heatmap", "size", "offset", "reid")
NAMES = {"reid": "re-ID"}

FEWEST = 10
"""Logged steps below which nothing is said: the first tenth of a curve is then no more than a point."""

STARVED = 0.05
"""Share of the summed gradients below which a task teaches the shared part nothing to speak of."""

OPPOSED = -0.3
"""Cosine below which the tasks undo much of each other's work."""


class Diagnosis(NamedTuple):
    """What is to be said of a training.

    Attributes:
        kind: the finding.
        line: one sentence with the figures it rests on and, where something is wrong, what to try.
    """

    kind: Kind
    line: str

    @property
    def is_fine(self) -> bool:
        """Whether there is nothing to do."""
        return self.kind in FINE


def diagnose(log: MetricsLog) -> Diagnosis:
    """Judge a training by its logged losses, gradients and accuracy; the gravest finding counts.

    Recent figures are medians over the last fifth of what was logged, those of the start over the first tenth.

    Args:
        log: with `train/loss/*`, and as far as there are `train/weight/*`, `train/identity_accuracy`,
            `train/identity_chance`, `train/grad_share_reid` and `train/grad_cosine`.
    """
    broken = sorted(name for name in log.broken if name.startswith("train/loss/"))
    if broken:
        return Diagnosis(
            "not finite", f"{', '.join(broken)} is not finite: the run cannot recover; see nonfinite_batch.json"
        )
    points = max((len(_values(log, f"loss/{part}")) for part in PARTS), default=0)
    if points < FEWEST:
        return Diagnosis("too early", f"too early to tell: {points} logged steps, {FEWEST} are needed")
    checks: tuple[Callable[[MetricsLog], Diagnosis | None], ...] = (_diverging, _not_learning, _starving, _negative)
    return next((found for check in checks if (found := check(log))), _healthy(log))


def _diverging(log: MetricsLog) -> Diagnosis | None:
    """A loss that has lost a good part of what it had gained, or rises from the start."""
    for part in PARTS:
        values = _values(log, f"loss/{part}")
        if len(values) < FEWEST:
            continue
        medians = [float(np.median(chunk)) for chunk in np.array_split(values, 10)]
        first, best, last = medians[0], min(medians), _recent(values)
        if last > 2 * best and last - best > 0.3 * (first - best) and last > 1e-3:
            name = NAMES.get(part, part)
            return Diagnosis(
                "diverging",
                f"the {name} loss diverges: {last:.3g} now, {best:.3g} at its best; "
                "lower optimizer.learning_rate or set trainer.gradient_clip_val",
            )
    return None


def _not_learning(log: MetricsLog) -> Diagnosis | None:
    """Identities are told no better than by a guess, and the loss stays where it was."""
    losses, accuracies, chances = (_values(log, name) for name in ("loss/reid", "identity_accuracy", "identity_chance"))
    if len(losses) < FEWEST or not len(accuracies) or not len(chances) or not losses.any():
        return None
    chance, accuracy = float(chances[-1]), float(np.mean(_last_fifth(accuracies)))
    first, now, guess = _start(losses), _recent(losses), math.log(1 / chance)
    if chance >= 1 or now < 0.9 * first or (accuracy > 2 * chance and now < 0.98 * guess):
        return None
    starved = _share(log) < STARVED
    why = f"; it gets {_share(log):.0%} of the shared gradient" if starved else ""
    remedy = (
        "a larger weight of re-ID, or loss/weighting=uncertainty"
        if starved
        else "a higher optimizer.learning_rate, or check the identities with check_data"
    )
    return Diagnosis(
        "re-ID not learning",
        f"re-ID is not learning: {accuracy:.2%} of identities told right where a guess has {chance:.2%}, "
        f"loss {now:.3g} where guessing gives ln n = {guess:.3g}{why}; try {remedy}",
    )


def _starving(log: MetricsLog) -> Diagnosis | None:
    """One task has next to nothing of the gradient at the shared part."""
    share = _share(log)
    if math.isnan(share) or STARVED <= share <= 1 - STARVED or not _values(log, "loss/reid").any():
        return None
    starved, other, of_it = ("re-ID", "detection", share) if share < STARVED else ("detection", "re-ID", 1 - share)
    weights = [_values(log, f"weight/{task}") for task in ("detection", "reid")]
    stated = f" (weights {_recent(weights[0]):.3g} and {_recent(weights[1]):.3g})" if all(map(len, weights)) else ""
    return Diagnosis(
        "starving",
        f"{starved} is starving: {of_it:.1%} of the shared gradient, {other} has the rest{stated}; "
        f"give {starved} more weight, or a loss/weighting that balances gradients, such as pcgrad",
    )


def _negative(log: MetricsLog) -> Diagnosis | None:
    """A total below 0 because of what uncertainty weighting adds for its log-variances."""
    total, weighted = _values(log, "loss/total"), _weighted(log)
    if not len(total) or _recent(total) >= 0 or math.isnan(weighted):
        return None
    price = _recent(total) - weighted
    return Diagnosis(
        "negative total",
        f"healthy: the total is {_recent(total):.3g}, below 0 since the log-variances of the uncertainty weighting add "
        f"{price:.3g}; the weighted losses themselves are {weighted:.3g}. Nothing is wrong{_remarks(log)}",
    )


def _healthy(log: MetricsLog) -> Diagnosis:
    changes = []
    for part in PARTS:
        values = _values(log, f"loss/{part}")
        if len(values) and values.any():
            changes.append(f"{NAMES.get(part, part)} {_start(values):.3g} to {_recent(values):.3g}")
    return Diagnosis("healthy", f"healthy: {', '.join(changes)}{_remarks(log)}")


def _remarks(log: MetricsLog) -> str:
    """Who gets how much, what is told right, and whether the tasks pull against each other."""
    parts = []
    share, cosines = _share(log), _values(log, "grad_cosine")
    accuracies, chances = _values(log, "identity_accuracy"), _values(log, "identity_chance")
    if share > 0:
        parts.append(f"re-ID has {share:.0%} of the shared gradient")
    if len(cosines) and _recent(cosines) < OPPOSED:
        parts.append(
            f"the tasks pull against each other (cosine {_recent(cosines):.2f}), loss/weighting=pcgrad may help"
        )
    if len(accuracies) and len(chances):
        parts.append(f"{np.mean(_last_fifth(accuracies)):.1%} of identities told right (guess {chances[-1]:.2%})")
    return "".join(f"; {part}" for part in parts)


def _weighted(log: MetricsLog) -> float:
    """The weighted losses of both tasks, which are never below 0; NaN where a part is not logged."""
    found = [_values(log, f"{kind}/{task}") for kind in ("loss", "weight") for task in ("detection", "reid")]
    if not all(map(len, found)):
        return math.nan
    detection, reid, for_detection, for_reid = map(_recent, found)
    return for_detection * detection + for_reid * reid


def _share(log: MetricsLog) -> float:
    """Recent share of re-ID in the shared gradient; NaN where it is not logged."""
    shares = _values(log, "grad_share_reid")
    return _recent(shares) if len(shares) else math.nan


def _values(log: MetricsLog, name: str) -> Float:
    return log.series(f"train/{name}")[1]


def _last_fifth(values: Float) -> Float:
    return values[-max(1, len(values) // 5) :]


def _recent(values: Float) -> float:
    return float(np.median(_last_fifth(values)))


def _start(values: Float) -> float:
    return float(np.median(values[: max(1, len(values) // 10)]))
