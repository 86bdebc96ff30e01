"""motmetrics' own figures: identity counts are the same; its CLEAR matching is another, so those are only near."""

from __future__ import annotations

import json

import pytest

from evaluation.stored_rows import sample_of_motmetrics, streams_of_trackers
from fairmot_pl import evaluate_tracking

IDENTITY = {"idtp": "IDTP", "idfp": "IDFP", "idfn": "IDFN", "idf1": "IDF1", "idp": "IDP", "idr": "IDR"}
CLEAR = {"num_false_positives": "FP", "num_misses": "FN", "num_switches": "IDSW", "mostly_lost": "ML"}


def assert_near_motmetrics(got, want, *, clear):
    assert got["GT_IDs"] == want["num_unique_objects"]
    for theirs, ours in IDENTITY.items():
        assert got[ours] == pytest.approx(want[theirs], abs=1e-12), ours
    for theirs, ours in CLEAR.items():
        assert abs(got[ours] - want[theirs]) <= clear, ours
    assert got["MOTA"] == pytest.approx(want["mota"], abs=1e-3)
    assert got["MOTP"] == pytest.approx(1 - want["motp"], abs=1e-3)  # theirs is a distance


def test_streams_of_trackers(golden):
    reference = json.loads(golden("metrics.json").read_text())["streams"]["motmetrics"]
    summary = evaluate_tracking(*streams_of_trackers(golden, reference), benchmark="MOT15")
    for name, want in reference.items():
        assert_near_motmetrics(summary.sequences[name], want, clear=1)


def test_sample_of_motmetrics(golden):
    reference = json.loads(golden("metrics.json").read_text())["tud"]["motmetrics"]
    summary = evaluate_tracking(*sample_of_motmetrics(sorted(set(reference) - {"OVERALL"})))
    for name, want in reference.items():
        got = summary.overall if name == "OVERALL" else summary.sequences[name]
        assert_near_motmetrics(got, want, clear=0)
