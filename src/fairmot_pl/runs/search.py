"""Search tracker settings on recorded network outputs, and say what of the gain holds."""

from __future__ import annotations

import json
import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger

from fairmot_pl.config.build import as_trained, open_loggers
from fairmot_pl.config.entry import Outcome, is_main_process, output_folder, plain, sweep_folder, task_overrides
from fairmot_pl.config.folders import conf_dir, quoted
from fairmot_pl.config.jobs import JOURNAL, OBJECTIVE
from fairmot_pl.config.recorded import record_sequences
from fairmot_pl.config.resume import resumed_config
from fairmot_pl.data.progress import counting_bar
from fairmot_pl.data.workers import usable_cores
from fairmot_pl.files import write_text
from fairmot_pl.inference.replay import RecordedSequence
from fairmot_pl.reporting.tuning_report import (
    figures_text,
    search_figures,
    trial_rows,
    trials_csv,
    verdict,
    write_tuning_report,
)
from fairmot_pl.training.checkpoint import find_checkpoint
from fairmot_pl.training.dashboard.board import boards
from fairmot_pl.training.dashboard.views import SearchView
from fairmot_pl.training.loggers import closed_loggers
from fairmot_pl.training.provenance import write_provenance
from fairmot_pl.tuning.folds import make_folds
from fairmot_pl.tuning.objective import Objective
from fairmot_pl.tuning.outcome import TuningOutcome, conclude
from fairmot_pl.tuning.search import FoldSearch, Trial, open_storage, run_searches
from fairmot_pl.tuning.space import SearchSpace, complete
from fairmot_pl.tuning.trials import Replays

log = logging.getLogger(__name__)


def run_search(config: DictConfig, check: Callable[[DictConfig], None], *, may_change: tuple[str, ...]) -> Outcome:
    """Record what the network says, search on it fold by fold, conclude, report.

    Args:
        config: of this command line.
        check: refuses configurations that cannot be meant.
        may_change: keys in which a search that goes on may differ; see `resumed_config`.
    """
    folder = output_folder()
    resumed = bool(config.resume) and sweep_folder() is None  # a sweep composes its jobs anew
    config = resumed_config(config, check, may_change=may_change)
    checkpoint = find_checkpoint(config.checkpoint)
    config = config if resumed else as_trained(config, checkpoint)
    check(config)
    if is_main_process():
        write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
    sequences, record = record_sequences(config, checkpoint, folder, camera=moves_with_camera(config))
    if not is_main_process():  # it has helped to record
        return Outcome(folder, silent=True)
    if len(sequences) == 1:
        record["notes"].append(
            f"{sequences[0].name} is the only sequence: its halves in time are tuned on one another. They share camera "
            "and people, so the held-out gain flatters"
        )
        log.warning(record["notes"][-1])
        sequences = list(sequences[0].halves())
    if config.folds is not None and config.folds > len(sequences):
        record["notes"].append(
            f"folds is {config.folds}, but there are {len(sequences)} sequences: {len(sequences)} folds, each of "
            "which holds out one"
        )
        log.warning(record["notes"][-1])
    write_provenance(folder, record)
    about = {"config": plain(config), **record}
    opened = open_loggers(config, folder, about, job_type="tune", tags=[], csv_file=False)
    with closed_loggers(opened) as loggers, Replays(sequences, config.workers or usable_cores()) as replays:
        searches = build_searches(config, folder, sequences, record["data"])
        try:
            run_trials(searches, replays, config.trials, loggers)
        except KeyboardInterrupt:
            done = sum(len(search.trials) for search in searches)
            print(
                f"stopped after {done} trials; to go on: python -m fairmot_pl.tune resume={quoted(folder)}",
                file=sys.stderr,
            )
            raise
        return write_outcome(conclude(searches, replays), config, folder, record, loggers)


def moves_with_camera(config: DictConfig) -> bool:
    """Whether the tracker follows the camera's motion, or may do so in a trial."""
    tracker = complete(plain(config.tracker))
    return (
        bool(tracker["use_camera_motion"])
        or "use_camera_motion" in SearchSpace.of(plain(config.space), tracker).distributions
    )


def build_searches(
    config: DictConfig, folder: Path, sequences: Sequence[RecordedSequence], data: dict[str, Any]
) -> list[FoldSearch]:
    """One search a fold, with the trials that the folder holds already."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    tracker = complete(plain(config.tracker))
    space = SearchSpace.of(plain(config.space), tracker)
    storage = open_storage(folder / JOURNAL)
    made_of = {"recordings": [data["network outputs"], *data["recordings"]]}
    return [
        FoldSearch(
            fold,
            name=f"fold {index}",
            storage=storage,
            tracker=tracker,
            space=space,
            objective=Objective.of(plain(config.objective)),
            seed=config.seed,
            made_of=made_of,
        )
        for index, fold in enumerate(make_folds(sequences, config.folds), start=1)
    ]


def run_trials(searches: Sequence[FoldSearch], replays: Replays, trials: int, loggers: Sequence[Logger]) -> None:
    """Bring every search to its number of trials behind a progress bar; log each trial."""
    values = [[trial.objective for trial in search.trials] for search in searches]
    with counting_bar() as bar:
        job = bar.add_task("trials", total=trials * len(searches), completed=sum(map(len, values)))

        def done(index: int, trial: Trial) -> None:
            values[index].append(trial.objective)
            row = {"objective": trial.objective, "best": max(values[index])}
            named = {f"tune/fold_{index + 1}/{name}": value for name, value in row.items()}
            for logger in loggers:
                logger.log_metrics({"tune/trial": trial.number, **named}, trial.number)
            gains = ", ".join(f"{100 * (max(found) - found[0]):+.1f}" for found in values if found)
            bar.update(job, advance=1, description=f"trials (best gains {gains})")

        run_searches(searches, replays, trials, done=done)


def write_outcome(
    outcome: TuningOutcome, config: DictConfig, folder: Path, record: dict[str, Any], loggers: Sequence[Logger]
) -> Outcome:
    """Write the tracker, the trials, figures and the report; show and print what matters of them."""
    command = shlex.join(
        [
            *("python", "-m", "fairmot_pl.evaluate", f"checkpoint={config.checkpoint}"),
            *(override for override in task_overrides() if override.startswith("data")),
            *tracker_overrides(outcome.settings),
        ]
    )
    header = f"# {verdict(outcome)}\n# {command}\n"
    tracker_text = header + OmegaConf.to_yaml(OmegaConf.create(outcome.settings))
    write_text(folder / "tracker.yaml", tracker_text)
    write_text(folder / "trials.csv", trials_csv(outcome))
    figures: dict[str, float] = {
        "gain/held_out": outcome.held_out_gain,
        "gain/seen": outcome.seen_gain,
        "trials": float(sum(len(fold.trials) for fold in outcome.folds)),
        **outcome.start.flat("start/"),
        **outcome.cross_validated.flat("held_out/"),
        **outcome.best.flat("tuned/"),
    }
    write_text(folder / "metrics.json", json.dumps(figures, indent=2) + "\n")
    write_tuning_report(
        folder / "report.html",
        outcome,
        title=config.name,
        notes=record["notes"],
        command=command,
        tracker_text=tracker_text,
    )
    columns, rows = trial_rows(outcome)
    pictures = search_figures(outcome)
    for board in boards(loggers):
        board.show_search(
            SearchView(
                trials_csv=folder / "trials.csv", columns=columns, trials=rows, figures=pictures, outcome=figures
            )
        )
    print(figures_text(outcome))
    print(verdict(outcome))
    steps = [f"open {folder / 'report.html'} in a browser"]
    return Outcome(
        folder, next_steps=[command, *steps] if outcome.holds else steps, objective=figures[OBJECTIVE["tune"]]
    )


def tracker_overrides(settings: dict[str, Any]) -> list[str]:
    """Overrides that make the tracker node of a command from `conf/tracker/fairmot.yaml`, which names most settings."""
    shipped = plain(OmegaConf.load(conf_dir() / "tracker" / "fairmot.yaml"))
    defaults = complete(shipped)
    return [
        "tracker=fairmot",
        *(
            f"{'' if name in shipped else '+'}tracker.{name}={'null' if value is None else value}"
            for name, value in settings.items()
            if value != defaults[name]
        ),
    ]
