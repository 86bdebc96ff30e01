"""wandb: figures whose summary keeps the best, tables, charts that compare runs, pictures with boxes, a clip."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import wandb
from numpy.typing import NDArray
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from fairmot_pl.evaluation.similarity import EDGES
from fairmot_pl.reporting.figures import to_png
from fairmot_pl.reporting.wording import best_is
from fairmot_pl.training.dashboard.board import Board, Ending, outcome_of
from fairmot_pl.training.dashboard.views import SearchView, ShownFrame, ValidationView, jpeg

STEP = "trainer/global_step"
STEP_METRICS = {"val/": "epoch", "tune/": "tune/trial"}
"""What figures are drawn over; all others over the training step."""

CHARTS = {
    "hota_over_alpha": ("alpha", "HOTA", "HOTA over the localisation threshold"),
    "precision_recall": ("recall", "precision", "Detection at an IoU of 0.5"),
}
"""Curves of a validation: across, up, title."""

EXIT_CODES = {Ending.FINISHED: 0, Ending.FAILED: 1, Ending.INTERRUPTED: 255}
"""The last is wandb's own for Ctrl-C."""


class WandbBoard(Board, WandbLogger):
    """A wandb run.

    Args:
        mode: `"online"` or `"offline"`.
        keep_checkpoints: whether the best checkpoint becomes an artifact.
        settings: of `wandb.init`; `save_dir` is where wandb's files go.
    """

    def __init__(self, *, mode: str, keep_checkpoints: bool, **settings: Any) -> None:
        super().__init__(
            **settings,
            resume="allow",
            log_model=False,
            settings=wandb.Settings(mode=mode, silent=True, console="off", disable_git=True),
            reinit="finish_previous",
        )
        # Lightning hands on a setting that wandb has dropped and warns about
        self._wandb_init.pop("anonymous", None)
        self.keep_checkpoints = keep_checkpoints
        self._defined: set[str] = set()

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log figures; of those that are seen for the first time, say what the summary keeps."""
        self._define(metrics)
        super().log_metrics(metrics, step)

    def _define(self, names: Mapping[str, Any]) -> None:
        for name in names.keys() - self._defined:
            self._defined.add(name)
            over = next((step for prefix, step in STEP_METRICS.items() if name.startswith(prefix)), STEP)
            best = best_is(name)
            if name not in (STEP, *STEP_METRICS.values()):
                self.experiment.define_metric(name, step_metric=over, summary=f"{best},last" if best else None)

    @rank_zero_only
    def end(self, ending: Ending) -> None:
        """Finish the run with an exit code."""
        if self._experiment is not None:
            self._experiment.finish(exit_code=EXIT_CODES[ending])

    @rank_zero_only
    def show_validation(self, view: ValidationView) -> None:
        """Log everything in one row."""
        columns, rows = view.sequence_rows()
        content: dict[str, Any] = {"val/sequences": wandb.Table(columns=columns, data=rows)}
        for name, (header, points) in view.curves().items():
            across, up, title = CHARTS[name]
            table = wandb.Table(columns=list(header), data=points)
            content[f"val/{name}"] = wandb.plot.line(table, across, up, title=title)
        for name, counts in view.histograms().items():
            content[f"val/similarity/{name}"] = wandb.Histogram(np_histogram=(counts.tolist(), EDGES.tolist()))
        if view.clip is not None:
            content["val/clip"] = wandb.Video(str(view.clip), format="mp4")
        with tempfile.TemporaryDirectory() as folder:
            for name, frames in _of_one_size(view.frames).items():
                content[name] = [_image(frame, Path(folder)) for frame in frames]
            self._log(content, epoch=view.epoch, step=view.step)

    @rank_zero_only
    def show_search(self, view: SearchView) -> None:
        """Log the trials as a table, the pictures, and what came of them as the summary."""
        content: dict[str, Any] = {"tune/trials": wandb.Table(columns=list(view.columns), data=_lists(view.trials))}
        with tempfile.TemporaryDirectory() as folder:
            for name, figure in view.figures.items():
                path = Path(folder) / f"{name}.png"
                path.write_bytes(to_png(figure, dpi=100))
                content[f"tune/{name}"] = wandb.Image(str(path))
            self._log(content)
        self.experiment.summary.update(dict(view.outcome))

    @rank_zero_only
    def say(self, name: str, text: str, step: int) -> None:
        """Log the line as text."""
        self._log({name: text}, step=step)

    @rank_zero_only
    def keep_outcome(self, figures: Mapping[str, float]) -> None:
        """Put the figures into the summary."""
        self.experiment.summary.update(outcome_of(figures))

    @rank_zero_only
    def keep_checkpoint(self, path: Path) -> None:
        """Log the checkpoint as an artifact; it is read where it lies, not copied."""
        if self.keep_checkpoints:
            artifact = wandb.Artifact(f"checkpoint-{self.experiment.id}", type="model")
            artifact.add_file(str(path), name=path.name, policy="immutable")
            with self._staged_beside_the_run():
                self.experiment.log_artifact(artifact, aliases=["best"])

    def _log(self, content: Mapping[str, Any], *, step: int | None = None, epoch: int | None = None) -> None:
        places = {STEP: step, "epoch": epoch}
        self._define(content)
        with self._staged_beside_the_run():
            self.experiment.log({**content, **{key: value for key, value in places.items() if value is not None}})

    @contextmanager
    def _staged_beside_the_run(self) -> Iterator[None]:
        """Wandb keeps a copy of every table and artifact; have it beside the run's files, not in the user's home."""
        if "WANDB_DATA_DIR" in os.environ:
            yield
            return
        os.environ["WANDB_DATA_DIR"] = str(Path(str(self.save_dir)) / "wandb")
        try:
            yield
        finally:
            del os.environ["WANDB_DATA_DIR"]


def _of_one_size(frames: Sequence[ShownFrame]) -> dict[str, list[ShownFrame]]:
    """Pictures by key: wandb lays out a list by its first picture, so those of other sizes get keys of their own."""
    found: dict[str, list[ShownFrame]] = {}
    for frame in frames:
        height, width = frame.image.shape[:2]
        alike = frame.image.shape == frames[0].image.shape
        found.setdefault("val/frames" if alike else f"val/frames/{width}x{height}", []).append(frame)
    return found


def _image(frame: ShownFrame, folder: Path) -> wandb.Image:
    """A picture whose boxes are data: tracks with their ids, and the annotated people, each to be shown or hidden."""
    path = folder / frame.file_name
    path.write_bytes(jpeg(frame.image))
    scores = frame.tracks.scores.tolist()
    overlays = {
        "tracks": _overlay(frame.tracks.boxes, frame.tracks.ids, "track", scores),
        "annotated": _overlay(frame.truth, frame.identities, "person"),
    }
    return wandb.Image(str(path), caption=frame.caption, boxes={name: of for name, of in overlays.items() if of})


def _overlay(
    boxes: NDArray[np.float64], ids: NDArray[np.int64], word: str, scores: Sequence[float] = ()
) -> dict[str, Any]:
    """One layer of boxes, the id being the class, so that each has a colour of its own; empty without boxes."""
    if not len(boxes):
        return {}
    data: list[dict[str, Any]] = []
    for index, ((left, top, right, bottom), identity) in enumerate(zip(boxes.tolist(), ids.tolist(), strict=True)):
        box: dict[str, Any] = {
            "position": {"minX": left, "minY": top, "maxX": right, "maxY": bottom},
            "domain": "pixel",
            "class_id": identity,
            "box_caption": f"{word} {identity}",
        }
        if scores:
            box["scores"] = {"score": scores[index]}
        data.append(box)
    return {"box_data": data, "class_labels": {identity: f"{word} {identity}" for identity in ids.tolist()}}


def _lists(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(row) for row in rows]
