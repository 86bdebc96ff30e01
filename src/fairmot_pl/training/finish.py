"""What a run leaves behind: figures of its best weights, tracks, tables and the report."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray
from pytorch_lightning.callbacks import ModelCheckpoint

from fairmot_pl.data.images import read_image
from fairmot_pl.inference.drawing import draw_tracks
from fairmot_pl.mot_format import write_text
from fairmot_pl.reporting.run_report import write_run_report
from fairmot_pl.structures import AnnotatedSequence
from fairmot_pl.training.callbacks.media import tracks_of_frame
from fairmot_pl.training.callbacks.tracking import tracking_of
from fairmot_pl.training.loggers import merge_csv

log = logging.getLogger(__name__)


def finish_training(trainer: pl.Trainer, folder: Path, record: dict[str, Any], *, title: str) -> dict[str, float]:
    """Score the best weights (if the last validation was of others), then write everything.

    Returns:
        The content of `metrics.json`: `val/*` of the best weights, `train/*` as the run ended.
    """
    trained = {key: float(value) for key, value in trainer.callback_metrics.items() if key.startswith("train/")}
    best = next((found for found in trainer.checkpoint_callbacks if isinstance(found, ModelCheckpoint)), None)
    tracking = tracking_of(trainer)
    if best is not None and best.best_model_path and tracking is not None and tracking.summary is not None:
        assert best.best_model_score is not None
        if abs(float(best.best_model_score) - tracking.summary.overall["HOTA"]) > 1e-6:
            log.info("scoring the best checkpoint again for the report")
            trainer.validate(
                trainer.lightning_module,
                datamodule=trainer.datamodule,  # type: ignore[attr-defined]
                ckpt_path=best.best_model_path,
                verbose=False,
                weights_only=True,
            )
    return write_outcome(trainer, folder, record, title=title, more=trained, tracks_folder=folder / "tracks")


def write_outcome(
    trainer: pl.Trainer,
    folder: Path,
    record: dict[str, Any],
    *,
    title: str,
    more: dict[str, float],
    tracks_folder: Path,
) -> dict[str, float]:
    """Write tracks, `metrics.json` and `report.html` of the last validation; the main process alone does."""
    tracking = tracking_of(trainer)
    summary = tracking.summary if tracking else None
    figures = {**more, **(summary.flat("val/") if summary else {})}
    if not trainer.is_global_zero:
        return figures
    if tracking is not None and summary is not None:
        tracking.write_results(tracks_folder)
        print(summary.table())
    write_text(folder / "metrics.json", json.dumps(figures, indent=2) + "\n")
    clip = folder / "validation.mp4"
    write_run_report(
        folder,
        title=title,
        config_text=(folder / "config.yaml").read_text(encoding="utf-8"),
        environment={
            **record["environment"],
            **{f"data: {key}": value for key, value in record["data"].items()},
        },
        metrics_csv=merge_csv(folder),
        summary=summary,
        frames=sample_frames(trainer.datamodule.val_sequences, tracking.results) if tracking else [],  # type: ignore[attr-defined]
        video=clip if clip.is_file() else None,
        notes=record.get("notes", []),
    )
    return figures


def sample_frames(
    sequences: list[AnnotatedSequence], results: dict[str, NDArray[np.float64]], count: int = 4
) -> list[tuple[str, NDArray[np.uint8]]]:
    """The middle frame of up to `count` sequences with its tracks drawn, and a caption each."""
    drawn = []
    for sequence in [found for found in sequences if found.name in results][:count]:
        annotation = sequence.frames[len(sequence) // 2]
        tracks = tracks_of_frame(results[sequence.name], annotation.frame)
        image = draw_tracks(read_image(annotation.image_path), tracks)
        drawn.append((f"{sequence.name}, frame {annotation.frame}: {len(tracks)} tracks", image))
    return drawn
