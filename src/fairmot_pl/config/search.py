"""A sweep whose jobs Optuna proposes, one after the other; the trials of an earlier launch count."""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
import yaml
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.core.utils import JobReturn
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState

from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.entry import plain_errors
from fairmot_pl.config.folders import job_folder
from fairmot_pl.config.jobs import JOURNAL, OBJECTIVE, read_job
from fairmot_pl.config.relaunch import MAY_CHANGE, key_of
from fairmot_pl.config.sweep import SweepAtWork
from fairmot_pl.files import write_text
from fairmot_pl.tuning.search import open_storage

if TYPE_CHECKING:
    from hydra_plugins.fairmot_pl_sweepers import OptunaSearch

DIGITS = 4
"""Numbers are tried with so many significant digits, so that a folder's name says what was tried."""

LEFT = (TrialState.COMPLETE, TrialState.FAIL)


def run_search(sweeper: OptunaSearch, arguments: Sequence[str]) -> list[JobReturn]:
    """Bring a search to its number of trials.

    Args:
        sweeper: as Hydra has set it up.
        arguments: the overrides; those that are swept are searched.

    Returns:
        What the jobs that ran gave.
    """
    sweep = SweepAtWork.of(sweeper)
    with plain_errors():
        brought, typed = sweep.parse(sweeper._parse_config()), sweep.parse(arguments)
        # seeds that an ablation crosses its jobs with are repetitions, not a setting to search for
        brought = [
            override for override in brought if not (override.key_or_group == "seed" and override.is_sweep_override())
        ]
        given = {override.key_or_group: override for override in [*brought, *typed]}
        search = Search(sweeper, sweep, list(given.values()))
        with sweep.held():
            search.open()
            with sweep.under_way():
                done = search.run()
        search.conclude()
    return done


class Search:
    """Trials in the ranges of the swept overrides.

    Args:
        sweeper: how to search.
        sweep: runs the jobs.
        overrides: each key once.

    Raises:
        ConfigError: nothing is swept, or the settings make no sense.
    """

    def __init__(self, sweeper: OptunaSearch, sweep: SweepAtWork, overrides: Sequence[Override]) -> None:
        self.sweeper, self.sweep = sweeper, sweep
        self.objective = OBJECTIVE.get(sweep.entry, "objective")
        self.space = {one.get_key_element(): distribution(one) for one in overrides if one.is_sweep_override()}
        self.fixed = [str(one.input_line) for one in overrides if not one.is_sweep_override()]
        if not self.space:
            raise ConfigError(
                "nothing to search: give a key a range, as in 'optimizer.learning_rate=tag(log, interval(1e-5, 1e-3))'"
            )
        for name in ("trials", "jobs"):
            if getattr(sweeper, name) < 1:
                raise ConfigError(f"hydra.sweeper.{name} is {getattr(sweeper, name)}; it must be 1 or more")
        if sweeper.direction not in ("maximize", "minimize"):
            raise ConfigError(f"hydra.sweeper.direction is {sweeper.direction!r}; allowed: maximize, minimize")

    def open(self) -> None:
        """Take up the trials of the folder, if there are any.

        Raises:
            ConfigError: they are of another search.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            storage=open_storage(self.sweep.folder / JOURNAL),
            study_name="sweep",
            direction=optuna.study.StudyDirection[self.sweeper.direction.upper()],
            load_if_exists=True,
        )
        made_of = {
            "space": {key: repr(value) for key, value in self.space.items()},
            "fixed": [line for line in self.fixed if not key_of(line).startswith(MAY_CHANGE)],
            "seed": self.sweeper.seed,
        }
        before = study.user_attrs.get("made_of", made_of)
        changed = [name for name in made_of if made_of[name] != before[name]]
        if changed:
            raise ConfigError(f"{self.sweep.folder} holds a search with other {', '.join(changed)}: start a new one")
        study.set_user_attr("made_of", made_of)
        self.study = study

    def run(self) -> list[JobReturn]:
        """Run what is left: first the trials that were cut short, with the values they had."""
        cut_short = [trial.number for trial in self.study.get_trials(deepcopy=False) if trial.state not in LEFT]
        done: list[JobReturn] = []
        while batch := self._next(cut_short):
            trials = self.study.get_trials(deepcopy=False)
            jobs = [self._overrides(trials[number]) for number in batch]
            results = self.sweep.launch(jobs, batch[0])
            for number, result in zip(batch, results, strict=True):
                self._take_in(number, result)
            done += results
            self._write_table()
        return done

    def _next(self, cut_short: list[int]) -> list[int]:
        """Numbers of the trials to run next."""
        if cut_short:
            batch, cut_short[:] = cut_short[: self.sweeper.jobs], cut_short[self.sweeper.jobs :]
            return batch
        left = self.sweeper.trials - len(self.study.get_trials(deepcopy=False))
        return [self._ask() for _ in range(min(self.sweeper.jobs, left))]

    def _ask(self) -> int:
        """A proposal depends on the seed and the trials before it alone, not on how often the search was launched."""
        number = len(self.study.get_trials(deepcopy=False))
        seed = int(np.random.SeedSequence((self.sweeper.seed, number)).generate_state(1)[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            self.study.sampler = TPESampler(
                seed=seed, multivariate=True, n_startup_trials=self.sweeper.startup, constant_liar=self.sweeper.jobs > 1
            )
            return self.study.ask(self.space).number

    def _overrides(self, trial: FrozenTrial) -> list[str]:
        tried = tried_values(trial)
        return [*self.fixed, *tried, f"hydra.sweep.subdir='{self._folder_name(trial)}'"]

    @staticmethod
    def _folder_name(trial: FrozenTrial) -> str:
        return f"trial-{trial.number:03d}_{job_folder('|'.join(tried_values(trial)))}"

    def _take_in(self, number: int, result: JobReturn) -> None:
        """Tell Optuna; a job that failed, or whose figure is no number, is a failed trial."""
        try:
            value = result.return_value
        except Exception:  # what `FAIRMOT_DEBUG` lets through
            value = None
        if isinstance(value, int | float) and math.isfinite(value):
            self.study.tell(number, float(value))
        else:
            self.study.tell(number, state=TrialState.FAIL)

    def _write_table(self) -> None:
        """Every trial on a line of `trials.csv`."""
        stream = io.StringIO()
        table = csv.writer(stream, lineterminator="\n")
        keys = [key.lstrip("+") for key in self.space]
        table.writerow(["trial", "state", self.objective, *keys, "folder", "error"])
        for trial in self.study.get_trials(deepcopy=False):
            name = self._folder_name(trial)
            values = [line.partition("=")[2] for line in tried_values(trial)]
            error = read_job(self.sweep.folder / name, self.sweep.entry).error
            table.writerow([trial.number, trial.state.name.lower(), trial.value, *values, name, error])
        write_text(self.sweep.folder / "trials.csv", stream.getvalue())

    def conclude(self) -> None:
        """Write `search.yaml`, and say what was best and how to train with it."""
        finished = self.study.get_trials(states=(TrialState.COMPLETE,), deepcopy=False)
        failed = self.study.get_trials(states=(TrialState.FAIL,), deepcopy=False)
        outcome: dict[str, Any] = {
            "finished": len(finished),
            "failed": len(failed),
            "direction": self.sweeper.direction,
        }
        if finished:
            best = self.study.best_trial
            outcome["best"] = {
                "trial": best.number,
                self.objective: best.value,
                "folder": self._folder_name(best),
                "overrides": tried_values(best),
            }
            print(
                f"best of {len(finished)} trials: {self.objective} {best.value:.4f} with {' '.join(tried_values(best))}"
            )
        write_text(self.sweep.folder / "search.yaml", yaml.safe_dump(outcome, sort_keys=False))
        if failed:
            print(f"failed trials: {len(failed)}; trials.csv says why")


def distribution(override: Override) -> BaseDistribution:
    """Where a swept override may lie: an interval, a range of numbers, or one of its choices."""
    value = override.value()
    if isinstance(value, IntervalSweep):
        low, high, log = value.start, value.end, "log" in value.tags
        if low is None or high is None or low >= high or (log and low <= 0):
            above = " above 0" if log else ""
            raise ConfigError(f"{override.input_line}: expected interval(low, high) with low{above} below high")
        if isinstance(low, int) and isinstance(high, int):
            return IntDistribution(low, high, log=log)
        return FloatDistribution(float(low), float(high), log=log)
    if isinstance(value, RangeSweep):
        numbers = list(value.range())
        if len(numbers) < 2:
            raise ConfigError(f"{override.input_line}: a range of one number or none")
        if all(isinstance(number, int) for number in numbers):
            return IntDistribution(int(numbers[0]), int(numbers[-1]), step=int(value.step))
        return FloatDistribution(float(numbers[0]), float(numbers[-1]), step=float(value.step))
    return CategoricalDistribution(list(override.sweep_string_iterator()))


def tried_values(trial: FrozenTrial) -> list[str]:
    """The overrides of a trial's proposal."""
    return [
        f"{key}={value:.{DIGITS}g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in trial.params.items()
    ]
