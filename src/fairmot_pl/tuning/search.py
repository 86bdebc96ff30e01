"""One seeded search a fold: the settings that a search starts from first, then what Optuna proposes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import TPESampler
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from fairmot_pl.evaluation.scores import SequenceScores, figures, total
from fairmot_pl.tuning.folds import Fold
from fairmot_pl.tuning.objective import Objective
from fairmot_pl.tuning.space import SearchSpace
from fairmot_pl.tuning.trials import Replays, Settings

STARTUP = 20
"""Trials at random before proposals are drawn from what was good so far (TPE)."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One tracker on the training sequences of a fold.

    Args:
        number: from 0, the start of the search.
        parameters: the settings that are searched, as they were tried.
        objective: on the training sequences.
        figures: their metrics.
    """

    number: int
    parameters: dict[str, Any]
    objective: float
    figures: dict[str, float]


class FoldSearch:
    """The search of one fold, trial after trial: each proposal depends on the seed and the trials before alone.

    Args:
        fold: what it may look at.
        name: of the study in the storage.
        storage: trials that are there already count.
        tracker: settings that the search starts from.
        space: what it may change.
        objective: what it makes large.
        seed: of all proposals.
        made_of: what else the trials depend on; those of a storage must have been made of the same.

    Raises:
        ValueError: the storage holds trials of another search.
    """

    def __init__(
        self,
        fold: Fold,
        *,
        name: str,
        storage: BaseStorage,
        tracker: Settings,
        space: SearchSpace,
        objective: Objective,
        seed: int,
        made_of: dict[str, Any],
    ) -> None:
        self.fold, self.tracker, self.space, self.objective, self.seed = fold, tracker, space, objective, seed
        self._study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
        whole = {
            **made_of,
            "seed": seed,
            "fold": [list(fold.train), list(fold.held_out)],
            "tracker": dict(tracker),
            "space": space.described(),
            "objective": dict(objective.weights),
        }
        before = self._study.user_attrs.get("made_of", whole)
        changed = [key for key in whole if before.get(key) != whole[key]]
        if changed:
            raise ValueError(f"{name} was searched with other {', '.join(changed)}: start a new search")
        self._study.set_user_attr("made_of", whole)
        for trial in self._study.get_trials(states=(TrialState.RUNNING,), deepcopy=False):
            self._study.tell(trial.number, state=TrialState.FAIL)  # cut off by the end of an earlier process
        self._asked: optuna.Trial | None = None
        self._settings: dict[str, Any] = {}
        self._pending: list[Future[SequenceScores]] = []

    @property
    def trials(self) -> list[Trial]:
        """What is done, in order."""
        done = self._study.get_trials(states=(TrialState.COMPLETE,), deepcopy=False)
        return [_trial(number, trial) for number, trial in enumerate(done)]

    @property
    def waiting_for(self) -> set[Future[SequenceScores]]:
        """What the trial at work still needs."""
        return {future for future in self._pending if not future.done()}

    def start(self, replays: Replays) -> None:
        """Begin the next trial."""
        number = len(self._study.get_trials(states=(TrialState.COMPLETE,), deepcopy=False))
        if number == 0 and not self._study.get_trials(states=(TrialState.WAITING,), deepcopy=False):
            self._study.enqueue_trial(self.space.start(self.tracker))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # multivariate: thresholds depend on one another
            seed = int(np.random.SeedSequence((self.seed, number)).generate_state(1)[0])
            self._study.sampler = TPESampler(seed=seed, multivariate=True, n_startup_trials=STARTUP)
        self._asked = self._study.ask(dict(self.space.distributions))
        self._settings = self.space.settings(self.tracker, self._asked.params)
        self._pending = replays.submit(self._settings, self.fold.train)

    def finish(self) -> Trial:
        """Take in the counts of the trial at work."""
        assert self._asked is not None
        metrics = figures(total([future.result() for future in self._pending]))
        value = self.objective.value(metrics)
        tried = {name: self._settings[name] for name in self.space.distributions}
        self._asked.set_user_attr("parameters", tried)
        self._asked.set_user_attr("figures", metrics)
        self._study.tell(self._asked, value)
        number = len(self._study.get_trials(states=(TrialState.COMPLETE,), deepcopy=False)) - 1
        self._asked, self._pending = None, []
        return Trial(number=number, parameters=tried, objective=value, figures=dict(metrics))


def open_storage(path: Path) -> BaseStorage:
    """Trials as lines of JSON in a file, which Optuna's own tools read too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(str(path)))


def run_searches(
    searches: Sequence[FoldSearch], replays: Replays, trials: int, *, done: Callable[[int, Trial], None]
) -> None:
    """Bring every search to `trials` trials, side by side.

    Args:
        searches: one a fold.
        replays: works out the counts.
        trials: of each search, the start included.
        done: called with the index of a search and its trial as soon as that is finished.
    """
    left = {index: trials - len(search.trials) for index, search in enumerate(searches)}
    running = {index for index, count in left.items() if count > 0}
    for index in running:
        searches[index].start(replays)
    while running:
        for index in sorted(running):
            if searches[index].waiting_for:
                continue
            done(index, searches[index].finish())
            left[index] -= 1
            if left[index]:
                searches[index].start(replays)
            else:
                running.discard(index)
        wait(set().union(*(searches[index].waiting_for for index in running)), return_when=FIRST_COMPLETED)


def _trial(number: int, trial: FrozenTrial) -> Trial:
    assert trial.value is not None
    return Trial(
        number=number,
        parameters=trial.user_attrs["parameters"],
        objective=trial.value,
        figures=trial.user_attrs["figures"],
    )
