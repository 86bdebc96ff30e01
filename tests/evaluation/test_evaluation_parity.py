"""The figures equal TrackEval's: on made-up rows stored here, on real results and on streams of trackers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.stored_rows import sample_of_motmetrics, streams_of_trackers
from fairmot_pl import evaluate_tracking

STORED = Path(__file__).resolve().parents[1] / "golden" / "evaluation_trackeval.json"
COMBINED = "COMBINED_SEQ"


def assert_equals_trackeval(summary, reference, *, tolerance):
    assert set(reference) - {COMBINED} == set(summary.sequences)
    for name, want in reference.items():
        got = summary.overall if name == COMBINED else summary.sequences[name]
        compared = {metric.removeprefix("CLR_"): value for metric, value in want.items()}
        compared = {metric: value for metric, value in compared.items() if metric in got}
        assert {"HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"} <= set(compared)
        assert {"IDSW", "FP", "FN", "MT", "ML", "Frag"} <= set(compared)
        for metric, value in compared.items():
            if isinstance(got[metric], int):
                assert got[metric] == value, (name, metric)
            else:
                assert got[metric] == pytest.approx(value, rel=0, abs=tolerance), (name, metric)


@pytest.mark.parametrize("benchmark", ["MOT15", "MOT17", "MOT20"])
def test_made_up_rows(benchmark):
    case = json.loads(STORED.read_text())[benchmark]
    truth, results = ({name: np.array(rows) for name, rows in case[side].items()} for side in ("truth", "results"))
    summary = evaluate_tracking(truth, results, benchmark=benchmark)
    assert_equals_trackeval(summary, case["trackeval"], tolerance=1e-9)


@pytest.mark.parametrize("benchmark", ["MOT15", "MOT17"])
def test_real_results(real_data, benchmark):
    metrics = real_data / "metrics"
    reference = json.loads((metrics / "reference_trackeval.json").read_text())[f"{benchmark}-train/MPNTrack"]
    results = metrics / "trackers" / f"{benchmark}-train" / "MPNTrack" / "data"
    summary = evaluate_tracking(metrics / "gt" / f"{benchmark}-train", results)
    assert_equals_trackeval(summary, reference, tolerance=1e-6)  # the reference is rounded to six decimals


def test_sample_of_motmetrics(golden):
    reference = json.loads(golden("metrics.json").read_text())["tud"]["trackeval"]
    summary = evaluate_tracking(*sample_of_motmetrics(sorted(set(reference) - {COMBINED})))
    assert_equals_trackeval(summary, reference, tolerance=1e-9)


def test_streams_of_trackers(golden):
    reference = json.loads(golden("metrics.json").read_text())["streams"]["trackeval"]
    summary = evaluate_tracking(*streams_of_trackers(golden, reference), benchmark="MOT15")
    assert_equals_trackeval(summary, reference, tolerance=1e-9)
    for name, want in reference.items():
        for metric in ("HOTA", "DetA", "AssA"):
            assert summary.curves[name][metric] == pytest.approx(want[f"{metric}_alpha"], rel=0, abs=1e-9)
