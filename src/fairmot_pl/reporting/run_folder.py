"""The report of a run from its folder alone: whatever a run is to show, it has left as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairmot_pl.evaluation.quality import Quality
from fairmot_pl.evaluation.summary import OVERALL, Figures, Summary
from fairmot_pl.reporting.evidence import Evidence, read_evidence
from fairmot_pl.reporting.metrics_log import merge_csv
from fairmot_pl.reporting.run_records import CONFIG_NAME, LOG_NAME, SEQUENCES_NAME, RunRecord, read_run
from fairmot_pl.reporting.run_report import write_run_report
from fairmot_pl.reporting.run_setup import is_evaluation, setup_facts, setup_line

CLIP_NAME = "validation.mp4"
REFERENCE, OFFLINE = "reference/", "offline/"
"""What the names of figures counted otherwise, or of refined tracks, begin with in `sequences.json`."""


def report_of(folder: Path) -> Path:
    """Write `report.html` of a run from what its folder holds; what is missing is left out.

    `metrics.csv` is joined anew from the logs of the run, so that the curves of one that was stopped are whole.

    Args:
        folder: with `config.yaml`, and as far as they are there `metrics.json`, `sequences.json`, `evidence.npz`,
            `logs`, `provenance.json`, `split.json` and `validation.mp4`.

    Returns:
        The path of the report.

    Raises:
        FileNotFoundError: the folder is not that of a run.
        ValueError: a file of it is broken.
        OSError: the report cannot be written.
    """
    run = read_run(folder)
    if not run.config:
        raise FileNotFoundError(f"{folder}: {run.problem}; give the folder of a run")
    merge_csv(folder)
    evidence = read_evidence(folder) or Evidence()
    rows = _rows(folder)
    log, clip = folder / LOG_NAME, folder / CLIP_NAME
    return write_run_report(
        folder,
        title=str(run.config.get("name", run.name)),
        line=setup_line(run),
        evaluated=is_evaluation(run),
        setup=setup_facts(run),
        config_text=(folder / CONFIG_NAME).read_text(encoding="utf-8"),
        environment=_environment(run),
        metrics_csv=log if log.is_file() else None,
        summary=_summary(rows, "", curves=evidence.hota),
        reference=_summary(rows, REFERENCE, protocol="reference"),
        offline=_summary(rows, OFFLINE, offline=evidence.offline or "offline"),
        quality=_quality(rows, evidence),
        pictures=evidence.pictures,
        stages=evidence.stages,
        video=clip if clip.is_file() else None,
        notes=[*run.provenance.get("notes", ()), *([run.problem] if run.problem else [])],
    )


def _environment(run: RunRecord) -> dict[str, Any]:
    data = run.provenance.get("data") or {}
    return {**(run.provenance.get("environment") or {}), **{f"data: {key}": value for key, value in data.items()}}


def _rows(folder: Path) -> dict[str, Figures]:
    path = folder / SEQUENCES_NAME
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise ValueError(f"{path}: damaged ({error}); remove it, or evaluate the run again") from error


def _part(rows: Mapping[str, Figures], prefix: str) -> dict[str, Figures]:
    """The figures of one way of counting, without its prefix."""

    def own(name: str) -> bool:
        return name.startswith(prefix) and (bool(prefix) or not name.startswith((REFERENCE, OFFLINE)))

    found = {
        row: {name.removeprefix(prefix): value for name, value in figures.items() if own(name)}
        for row, figures in rows.items()
    }
    return {row: figures for row, figures in found.items() if figures}


def _summary(rows: Mapping[str, Figures], prefix: str, **more: Any) -> Summary | None:
    part = _part(rows, prefix)
    if OVERALL not in part:
        return None
    sequences = {name: figures for name, figures in part.items() if name != OVERALL}
    return Summary(overall=part[OVERALL], sequences=sequences, **{"curves": {}, **more})


def _quality(rows: Mapping[str, Figures], evidence: Evidence) -> Quality | None:
    part = _part(rows, "")
    if OVERALL not in part or not evidence.detection:
        return None
    return Quality(
        overall=part[OVERALL],
        sequences={name: figures for name, figures in part.items() if name != OVERALL},
        curve={name: list(values) for name, values in evidence.detection.items()},
        full=evidence.similarity is not None,
        similarity=evidence.similarity,
        looks=evidence.looks,
    )
