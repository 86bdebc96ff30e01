"""TensorBoard: figures, pictures, histograms and hyper-parameters, in the run's folder."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from fairmot_pl.evaluation.similarity import EDGES
from fairmot_pl.reporting.figures import to_png
from fairmot_pl.reporting.run_records import flat
from fairmot_pl.training.dashboard.board import Board, Ending, outcome_of
from fairmot_pl.training.dashboard.views import SearchView, ValidationView, jpeg

ENDING_FILE = ".ending"
"""How the name of the event file ends that lays the run's outcome beside its configuration."""

STATUS = {Ending.FINISHED: "STATUS_SUCCESS", Ending.FAILED: "STATUS_FAILURE", Ending.INTERRUPTED: "STATUS_FAILURE"}
"""TensorBoard knows no others."""


class TensorBoardBoard(Board, TensorBoardLogger):
    """Event files. They have no place for videos, so the clip stays a file of the run.

    Args:
        folder: where they go.
        config: what the run's outcome is laid beside as hyper-parameters.
    """

    def __init__(self, folder: Path, *, config: Mapping[str, Any]) -> None:
        super().__init__(folder, name="", version="tensorboard", default_hp_metric=False)
        self._config = flat(config, mark="/")
        self._outcome: dict[str, float] = {}
        self._forget_ending()

    @rank_zero_only
    def _forget_ending(self) -> None:
        """A resumed run ends anew, but of two endings TensorBoard shows the first."""
        for path in Path(self.log_dir).glob(f"events*{ENDING_FILE}"):
            path.unlink()

    @rank_zero_only
    def end(self, ending: Ending) -> None:
        """Lay outcome and status beside the configuration, for the page of hyper-parameters."""
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
        from torch.utils.tensorboard.summary import hparams
        from torch.utils.tensorboard.writer import FileWriter

        self.experiment.close()
        summaries = hparams(self._sanitize_params(self._config), self._outcome)
        plugin = summaries[-1].value[0].metadata.plugin_data  # that the session has ended, always with success
        data = HParamsPluginData.FromString(plugin.content)
        data.session_end_info.status = STATUS[ending]
        plugin.content = data.SerializeToString()
        writer = FileWriter(self.log_dir, filename_suffix=ENDING_FILE)
        for summary in summaries:
            writer.add_summary(summary)
        writer.close()

    @rank_zero_only
    def show_validation(self, view: ValidationView) -> None:
        """Add the table as text, the figures and frames as pictures, and the histograms."""
        writer, step = self.experiment, view.step
        columns, rows = view.sequence_rows()
        writer.add_text("val/sequences", _markdown(columns, rows), step)
        for name, counts in view.histograms().items():
            centres = (EDGES[:-1] + EDGES[1:]) / 2
            writer.add_histogram_raw(
                f"val/similarity/{name}",
                min=-1.0,
                max=1.0,
                num=int(counts.sum()),
                sum=float(counts @ centres),
                sum_squares=float(counts @ centres**2),
                bucket_limits=EDGES[1:].tolist(),
                bucket_counts=counts.tolist(),
                global_step=step,
            )
        if view.frames:  # figures are pictures here, so they come as seldom
            for name, figure in view.figures().items():
                self._add_picture(f"val/{name}", to_png(figure, dpi=100), step)
        for index, frame in enumerate(view.frames):
            self._add_picture(f"val/frames/{index}", jpeg(frame.drawn()), step)
        writer.flush()

    @rank_zero_only
    def show_search(self, view: SearchView) -> None:
        """Add the pictures and what came of the search."""
        for name, figure in view.figures.items():
            self._add_picture(f"tune/{name}", to_png(figure, dpi=100), 0)
        self._keep(view.outcome)

    @rank_zero_only
    def say(self, name: str, text: str, step: int) -> None:
        """Add the line as text."""
        self.experiment.add_text(name, text, step)

    @rank_zero_only
    def keep_outcome(self, figures: Mapping[str, float]) -> None:
        """Add the figures."""
        self._keep(outcome_of(figures))

    def keep_checkpoint(self, path: Path) -> None:
        """Nothing: event files hold no checkpoints."""

    def _keep(self, outcome: Mapping[str, float]) -> None:
        self._outcome = dict(outcome)
        self.log_metrics(self._outcome)

    def _add_picture(self, tag: str, encoded: bytes, step: int) -> None:
        """Add a picture as it is encoded; `add_image` would make a large PNG of it."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        width, height = Image.open(io.BytesIO(encoded)).size
        image = Summary.Image(encoded_image_string=encoded, height=height, width=width, colorspace=3)
        value = Summary.Value(tag=tag, image=image)
        self.experiment._get_file_writer().add_summary(Summary(value=[value]), step)


def _markdown(columns: list[str], rows: list[list[str | float | None]]) -> str:
    def cell(value: str | float | None) -> str:
        return "" if value is None else f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)

    lines = [columns, ["---"] * len(columns), *([cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
