"""The counting of FairMOT's own scripts: each of its habits by hand, and motmetrics' figures where there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fairmot_pl import evaluate_tracking

FRACTIONS = ("MOTA", "MOTP", "IDF1", "IDP", "IDR")


def overall(truth, results, *, benchmark="MOT17", protocol="reference"):
    rows = ({"walk": np.array(of, np.float64).reshape(-1, 9)} for of in (truth, results))
    return evaluate_tracking(*rows, benchmark=benchmark, protocol=protocol).overall


def test_frames_without_results_cost_nothing(standing):
    truth = standing([1, 2], range(1, 11))
    found = truth[truth[:, 0] > 5]
    got = overall(truth, found)
    assert (got["FN"], got["MOTA"], got["IDF1"], got["GT_Dets"], got["MT"]) == (0, 1.0, 1.0, 10, 2)
    assert overall(truth, found, protocol="trackeval")["FN"] == 10


def test_a_right_box_on_a_distractor_is_lost(row):
    truth = [row(1, 1), row(1, 2, left=2, kind=8, flag=0)]
    got = overall(truth, [row(1, 9, kind=-1)])
    assert (got["TP"], got["FN"], got["FP"]) == (0, 1, 0)
    assert overall(truth, [row(1, 9, kind=-1)], protocol="trackeval")["TP"] == 1


@pytest.mark.parametrize(("benchmark", "counted"), [("MOT15", 3), ("MOT16", 1), ("MOT17", 1), ("MOT20", 3)])
def test_flags_and_classes_are_heeded_in_mot16_and_mot17_alone(row, benchmark, counted):
    truth = [row(1, 1), row(1, 2, left=100, flag=0), row(1, 3, left=200, kind=7, flag=0)]
    assert overall(truth, [row(1, 9, left=900, kind=-1)], benchmark=benchmark)["GT_Dets"] == counted


def test_exactly_four_fifths_are_mostly_tracked(standing):
    truth = standing([1, 2], range(1, 6))
    found = truth[(truth[:, 1] == 2) | (truth[:, 0] > 1)]
    assert overall(truth, found)["MT"] == 2
    assert overall(truth, found, protocol="trackeval")["MT"] == 1


def test_it_has_no_hota_and_says_so_in_its_names(standing):
    rows = {"a": standing([1], range(1, 4)), "b": standing([1, 2], range(1, 4))}
    summary = evaluate_tracking(rows, rows, benchmark="MOT17", protocol="reference")
    assert summary.table().splitlines()[0].split() == [*FRACTIONS, "IDSW", "FP", "FN", "MT", "ML", "Frag"]
    assert not summary.curves
    assert summary.flat()["val/reference/MOTA"] == summary.overall["MOTA"] == 1.0
    assert summary.overall["GT_IDs"] == 3


def test_nobody_and_nothing(standing):
    rows = standing([1], range(1, 4))
    for truth, results in ((rows, rows[:0]), (rows[:0], rows), (rows[:0], rows[:0])):
        got = overall(truth, results)
        assert np.isfinite(list(got.values())).all()
        assert (got["TP"], got["FN"], got["FP"]) == (0, 0, len(results))


def test_streams_of_trackers_as_motmetrics_counts_them(golden):
    """Every frame of these has results, and nothing is ignored: then the two are one."""
    reference = json.loads(golden("metrics.json").read_text())["streams"]["motmetrics"]
    checked = 0
    for name, want in reference.items():
        stream, tracker = name.split("_", 1)
        with np.load(golden(f"tracker_{stream}.npz")) as arrays:
            truth, results = arrays["gt"], arrays[f"{tracker}__tracks"]
        truth = truth[truth[:, 6] != 0]
        frames = np.unique(results[:, 0])
        if len(frames) < truth[:, 0].max():  # what the scripts leave out
            continue
        got = evaluate_tracking({name: truth}, {name: results}, benchmark="MOT15", protocol="reference").overall
        counts = {"num_false_positives": "FP", "num_misses": "FN", "num_switches": "IDSW", "idtp": "IDTP"}
        counts |= {"mostly_tracked": "MT", "mostly_lost": "ML", "num_fragmentations": "Frag"}
        assert {ours: got[ours] for ours in counts.values()} == {ours: want[theirs] for theirs, ours in counts.items()}
        assert got["MOTP"] == pytest.approx(1 - want["motp"], abs=1e-9)
        checked += 1
    assert checked


def test_an_unknown_protocol_lists_the_known(standing):
    with pytest.raises(ValueError, match="'devkit'; allowed: 'trackeval', 'reference'"):
        overall(standing([1], [1]), standing([1], [1]), protocol="devkit")
