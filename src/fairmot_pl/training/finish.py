"""What a run leaves behind: figures of its best weights, tracks, tables and the report."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

from fairmot_pl.evaluation.summary import Summary
from fairmot_pl.evaluation.tracking import combine
from fairmot_pl.inference.replay import count_sequence, ground_truth
from fairmot_pl.mot_format import write_mot
from fairmot_pl.reporting.evidence import Evidence, write_evidence
from fairmot_pl.reporting.metric_tables import evaluation_tables, write_figures, write_json
from fairmot_pl.reporting.run_folder import report_of
from fairmot_pl.structures import AnnotatedSequence
from fairmot_pl.tracking.refine import OFFLINE, Refinement
from fairmot_pl.training.attached import datamodule_of
from fairmot_pl.training.callbacks.pictures import draw_pictures
from fairmot_pl.training.callbacks.tracking import TrackValidationSequences, tracking_of
from fairmot_pl.training.checkpoint import read_checkpoint
from fairmot_pl.training.dashboard.board import boards
from fairmot_pl.training.provenance import write_provenance
from fairmot_pl.training.stage_profiler import stage_times

log = logging.getLogger(__name__)


def finish_training(trainer: pl.Trainer, folder: Path, record: dict[str, Any]) -> dict[str, float]:
    """Score the best weights (if the last validation was of others), then write everything.

    Returns:
        The content of `metrics.json`: `val/*` of the best weights, `train/*` as the run ended.
    """
    trained = {key: float(value) for key, value in trainer.callback_metrics.items() if key.startswith("train/")}
    if not trained and (folder / "metrics.json").is_file():  # a finished run, resumed: nothing was trained
        before = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        trained = {key: value for key, value in before.items() if key.startswith("train/")}
    best = next((found for found in trainer.checkpoint_callbacks if isinstance(found, ModelCheckpoint)), None)
    tracking = tracking_of(trainer)
    if best is not None and best.best_model_path and tracking is not None:
        step = read_checkpoint(Path(best.best_model_path))["global_step"]
        scored = tracking.summary is not None and tracking.quality is not None and tracking.quality.full
        if not scored or tracking.step != step:
            log.info("scoring the best checkpoint again for the report")
            _validate_unlogged(trainer, best.best_model_path)
    figures = write_outcome(trainer, folder, record, more=trained, tracks_folder=folder / "tracks")
    if best is not None and best.best_model_path and trainer.is_global_zero:
        for board in boards(trainer.loggers):
            board.keep_checkpoint(Path(best.best_model_path))
    return figures


def _validate_unlogged(trainer: pl.Trainer, checkpoint: str) -> None:
    """Validate a checkpoint without adding a point to the run's curves."""
    loggers, trainer.loggers = trainer.loggers, []
    try:
        trainer.validate(
            trainer.lightning_module,
            datamodule=datamodule_of(trainer),
            ckpt_path=checkpoint,
            verbose=False,
            weights_only=True,
        )
    finally:
        trainer.loggers = loggers


def write_outcome(
    trainer: pl.Trainer,
    folder: Path,
    record: dict[str, Any],
    *,
    more: dict[str, float],
    tracks_folder: Path,
    refinement: Refinement | None = None,
) -> dict[str, float]:
    """Write tracks, figures and `report.html` of the last validation; the main process alone does.

    With a refinement, figures and tracks that it has gone over come beside the online ones, and are marked as offline.
    """
    tracking, datamodule = tracking_of(trainer), datamodule_of(trainer)
    summary = tracking.summary if tracking else None
    offline: Summary | None = None
    figures = {**more, **(tracking.figures() if tracking else {})}
    if not trainer.is_global_zero:
        return figures
    if tracking is not None and summary is not None:
        tracking.write_results(tracks_folder)
        parts: dict[str, Any] = {"quality": tracking.quality, "reference": tracking.reference}
        if refinement:
            parts["offline"] = offline = refine(tracking, datamodule.val_sequences, refinement, tracks_folder)
        figures = write_figures(folder, summary, **parts, more=more)
        print("\n\n".join(table.text() for table in evaluation_tables(summary, **parts)))
    else:
        write_json(folder / "metrics.json", figures)
    broken = [*datamodule.broken_training.notes, *datamodule.broken_validation.notes]
    notes = [*record.get("notes", []), *broken, *(tracking.notes if tracking else [])]
    write_provenance(folder, {**record, "notes": notes})
    write_evidence(folder, gather_evidence(trainer, offline.offline if offline else ""))
    report_of(folder)
    for board in boards(trainer.loggers):
        board.keep_outcome(figures)
    return figures


def gather_evidence(trainer: pl.Trainer, offline: str = "") -> Evidence:
    """What the last validation leaves for the report beyond its figures."""
    tracking = tracking_of(trainer)
    quality = tracking.quality if tracking else None
    return Evidence(
        hota=tracking.summary.curves if tracking and tracking.summary else {},
        detection=quality.curve if quality else {},
        similarity=quality.similarity if quality else None,
        looks=quality.looks if quality else None,
        stages=stage_times(trainer),
        pictures=draw_pictures(trainer, tracking.results) if tracking else (),
        offline=offline,
    )


def refine(
    tracking: TrackValidationSequences, sequences: list[AnnotatedSequence], refinement: Refinement, folder: Path
) -> Summary:
    """Refine the results of the last validation, write them to `offline/SEQ.txt` in a folder, and score them."""
    scores = {}
    for sequence in [found for found in sequences if found.name in tracking.results]:
        name, last = sequence.name, tracking.lengths[sequence.name]
        rows = refinement(tracking.results[name])
        write_mot(folder / OFFLINE / f"{name}.txt", rows)
        truth = ground_truth(sequence, last)
        scores[name] = count_sequence(name, truth, rows, benchmark=tracking.benchmark, last=last)
    return replace(combine(scores), offline=refinement.label)
