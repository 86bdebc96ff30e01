"""MLflow: figures, parameters and files, in a local SQLite store or wherever MLFLOW_TRACKING_URI points."""

from __future__ import annotations

import csv
import logging
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.utilities import rank_zero_only

from fairmot_pl.folder_lock import locked
from fairmot_pl.reporting.figures import to_png
from fairmot_pl.reporting.run_records import flat
from fairmot_pl.training.dashboard.board import Board, Ending, outcome_of
from fairmot_pl.training.dashboard.views import SearchView, ValidationView, jpeg

FOLDER, STORE = "mlflow", "mlflow.db"
"""Where a local store lies."""

RUN_TAG = "fairmot_pl.run"
"""Tag by which a resumed run finds itself."""

MAX_VALUE = 500
"""Characters of a parameter that MLflow takes."""

STATUS = {Ending.FINISHED: "FINISHED", Ending.FAILED: "FAILED", Ending.INTERRUPTED: "KILLED"}


class MLflowBoard(Board, MLFlowLogger):
    """An MLflow run.

    Args:
        folder: a local store, `mlflow/mlflow.db` and `mlflow/files`, goes there.
        uri: another store; None for MLFLOW_TRACKING_URI or else the local one.
        run: id of this run, by which it is found again.
        experiment: name of the experiment.
        name: of the run.
        tags: key to value.
        config: becomes its parameters.
        keep_checkpoints: whether the best checkpoint is kept; MLflow copies it.

    Raises:
        ValueError: the store cannot be reached or does not take the run.
    """

    def __init__(
        self,
        folder: Path,
        *,
        uri: str | None,
        run: str,
        experiment: str,
        name: str,
        tags: Mapping[str, str],
        config: Mapping[str, Any],
        keep_checkpoints: bool,
    ) -> None:
        import mlflow  # sets its level when it is first imported, and would tell of every table it makes

        for name_of in ("mlflow", "alembic"):
            logging.getLogger(name_of).setLevel(logging.WARNING)
        uri = uri or os.environ.get("MLFLOW_TRACKING_URI")
        store = folder.resolve() / FOLDER
        files = None if uri else (store / "files").as_uri()
        if not uri:
            store.mkdir(parents=True, exist_ok=True)
        uri = uri or f"sqlite:///{store / STORE}"
        self.keep_checkpoints = keep_checkpoints
        self._config = config
        try:
            # MLflow does not manage to make one SQLite file from two processes, such as jobs that start together
            with locked(store) if files else nullcontext():
                super().__init__(
                    experiment_name=experiment,
                    run_name=name,
                    tracking_uri=uri,
                    artifact_location=files,
                    tags={**tags, RUN_TAG: run},
                )
                self._find(run)
        except mlflow.MlflowException as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"MLflow's store {uri} cannot be used: {reason}") from error

    @rank_zero_only
    def _find(self, run: str) -> None:
        """Go on with the run of that id, if there is one; log the configuration."""
        client, name = self._mlflow_client, self._experiment_name
        if client.get_experiment_by_name(name) is None:
            from mlflow import MlflowException

            try:
                client.create_experiment(name, artifact_location=self._artifact_location)
            except MlflowException:  # of jobs that start together, another has made it
                if client.get_experiment_by_name(name) is None:
                    raise
        found = client.get_experiment_by_name(name)
        assert found is not None
        if found.lifecycle_stage == "deleted":
            raise ValueError(f"MLflow's experiment {name} is deleted: restore it, or name another as logger.project")
        same = client.search_runs([found.experiment_id], f"tags.`{RUN_TAG}` = '{run}'", max_results=1)
        if same:
            self._run_id = same[0].info.run_id
            client.update_run(self._run_id, status="RUNNING")
        self.log_hyperparams(flat(self._config, mark="/"))

    @rank_zero_only
    def log_hyperparams(self, params: Any) -> None:
        """Log what is not logged yet: a parameter never changes, so a resumed run keeps those it began with."""
        from mlflow.entities import Param

        known = self.experiment.get_run(self.run_id).data.params
        named = {mlflow_name(str(key)): str(value)[:MAX_VALUE] for key, value in dict(params).items()}
        new = {key: value for key, value in named.items() if key not in known}
        entries = [Param(key, value) for key, value in new.items() if value]
        for start in range(0, len(entries), 100):  # MLflow takes so many at once
            self.experiment.log_batch(self.run_id, params=entries[start : start + 100])

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log figures under names that MLflow takes."""
        super().log_metrics({mlflow_name(name): value for name, value in metrics.items()}, step)

    @rank_zero_only
    def end(self, ending: Ending) -> None:
        """Set the run's status."""
        self.experiment.set_terminated(self.run_id, STATUS[ending])

    @rank_zero_only
    def show_validation(self, view: ValidationView) -> None:
        """Keep the table, the figures, the frames and the clip as files, in a folder for each validation."""
        columns, rows = view.sequence_rows()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write_csv(folder / "sequences.csv", columns, rows)
            if view.frames:
                for figure_name, figure in view.figures().items():
                    (folder / f"{figure_name}.png").write_bytes(to_png(figure, dpi=100))
            for frame in view.frames:
                (folder / frame.file_name).write_bytes(jpeg(frame.drawn()))
            place = f"val/step-{view.step:06d}"
            self.experiment.log_artifacts(self.run_id, str(folder), place)
        if view.clip is not None:
            self.experiment.log_artifact(self.run_id, str(view.clip), place)

    @rank_zero_only
    def show_search(self, view: SearchView) -> None:
        """Keep the trials and the pictures as files, and what came of them as figures."""
        self.experiment.log_artifact(self.run_id, str(view.trials_csv), "tune")
        with tempfile.TemporaryDirectory() as folder:
            for name, figure in view.figures.items():
                (Path(folder) / f"{name}.png").write_bytes(to_png(figure, dpi=100))
            self.experiment.log_artifacts(self.run_id, folder, "tune")
        self.log_metrics(view.outcome)

    @rank_zero_only
    def say(self, name: str, text: str, step: int) -> None:
        """Keep the last line as a tag."""
        self.experiment.set_tag(self.run_id, name, text)

    @rank_zero_only
    def keep_outcome(self, figures: Mapping[str, float]) -> None:
        """Log the figures."""
        self.log_metrics(outcome_of(figures))

    @rank_zero_only
    def keep_checkpoint(self, path: Path) -> None:
        """Copy the checkpoint into the store."""
        if self.keep_checkpoints:
            self.experiment.log_artifact(self.run_id, str(path), "checkpoints")


def mlflow_name(name: str) -> str:
    """A name in the letters that MLflow takes: `val/TPR@FAR=0.1` is `val/TPR_at_FAR_0.1`."""
    return re.sub(r"[^\w./ -]", "_", name.replace("@", "_at_"), flags=re.ASCII)


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
