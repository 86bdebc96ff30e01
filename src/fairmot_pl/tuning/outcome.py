"""What a search is worth: every fold's best tracker on the sequences that its search has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fairmot_pl.evaluation.scores import SequenceScores
from fairmot_pl.evaluation.summary import Summary
from fairmot_pl.evaluation.tracking import combine
from fairmot_pl.tuning.objective import Objective
from fairmot_pl.tuning.search import FoldSearch, Trial
from fairmot_pl.tuning.trials import Replays


@dataclass(frozen=True, kw_only=True)
class FoldOutcome:
    """One fold's search.

    Args:
        held_out: names of the sequences that it did not see.
        trials: all of them, the start first.
        best: the best of them on the training sequences.
        start_held_out: objective of the start on the held-out sequences.
        best_held_out: objective of `best` on them.
    """

    held_out: tuple[str, ...]
    trials: list[Trial]
    best: Trial
    start_held_out: float
    best_held_out: float


@dataclass(frozen=True, kw_only=True)
class TuningOutcome:
    """What came of all folds.

    Args:
        folds: one search each.
        start: figures of the settings that the search started from, on all sequences.
        cross_validated: figures where each sequence is tracked as the search that did not see it says.
        best: figures of `settings` on all sequences, which the searches have seen.
        settings: of the fold's best tracker, or of the start, that does best on all sequences.
        objective: what was made large.
    """

    folds: list[FoldOutcome]
    start: Summary
    cross_validated: Summary
    best: Summary
    settings: dict[str, Any]
    objective: Objective

    @property
    def held_out_gain(self) -> float:
        """Gain in the objective to be expected of sequences that no search has seen."""
        return self.objective.value(self.cross_validated.overall) - self.objective.value(self.start.overall)

    @property
    def seen_gain(self) -> float:
        """Gain in the objective on the sequences searched on; it flatters."""
        return self.objective.value(self.best.overall) - self.objective.value(self.start.overall)

    @property
    def holds(self) -> bool:
        """Whether tuning helped where it had not looked."""
        return self.held_out_gain > 0


def conclude(searches: Sequence[FoldSearch], replays: Replays) -> TuningOutcome:
    """Score the best tracker of every search on what that has not seen, and pick one."""
    first = searches[0]
    names = sorted({name for search in searches for name in (*search.fold.train, *search.fold.held_out)})
    objective, start = first.objective, dict(first.tracker)

    def summary(settings: dict[str, Any]) -> Summary:
        return combine(dict(zip(names, replays.scores(settings, names), strict=True)))

    folds, chosen = [], [start]
    unseen: dict[str, SequenceScores] = {}
    for search in searches:
        trials = search.trials
        best = max(trials, key=lambda trial: (trial.objective, -trial.number))
        settings = {**start, **best.parameters}
        chosen.append(settings)
        out = search.fold.held_out
        scores = replays.scores(settings, out)
        unseen |= dict(zip(out, scores, strict=True))
        folds.append(
            FoldOutcome(
                held_out=out,
                trials=trials,
                best=best,
                start_held_out=objective.of_scores(replays.scores(start, out)),
                best_held_out=objective.of_scores(scores),
            )
        )
    figures = [summary(settings) for settings in chosen]
    values = [objective.value(each.overall) for each in figures]
    winner = max(range(len(chosen)), key=lambda index: (values[index], -index))
    return TuningOutcome(
        folds=folds,
        start=figures[0],
        cross_validated=combine(unseen),
        best=figures[winner],
        settings=chosen[winner],
        objective=objective,
    )
