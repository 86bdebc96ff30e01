"""What counts in which benchmark."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.evaluation.preprocess import prepare, tell_benchmark
from fairmot_pl.mot_format import MotTable


def table(*rows):
    return MotTable.from_rows(np.array(rows, np.float64).reshape(-1, 9))


DROPPED, FALSE_ALARM, FOUND = (0, 0), (0, 1), (1, 1)


@pytest.mark.parametrize("benchmark", ["MOT15", "MOT16", "MOT17", "MOT20"])
@pytest.mark.parametrize(
    ("kind", "flag", "outcome"),
    [
        (1, 1, {"MOT15": FOUND, "MOT16": FOUND, "MOT17": FOUND, "MOT20": FOUND}),
        (1, 0, {"MOT15": FALSE_ALARM, "MOT16": FALSE_ALARM, "MOT17": FALSE_ALARM, "MOT20": FALSE_ALARM}),
        (1, 0.5, {"MOT15": FALSE_ALARM, "MOT16": FALSE_ALARM, "MOT17": FALSE_ALARM, "MOT20": FALSE_ALARM}),
        (2, 0, {"MOT15": FALSE_ALARM, "MOT16": DROPPED, "MOT17": DROPPED, "MOT20": DROPPED}),
        (3, 0, {"MOT15": FALSE_ALARM, "MOT16": FALSE_ALARM, "MOT17": FALSE_ALARM, "MOT20": FALSE_ALARM}),
        (3, 1, {"MOT15": FOUND, "MOT16": FALSE_ALARM, "MOT17": FALSE_ALARM, "MOT20": FALSE_ALARM}),
        (6, 0, {"MOT15": FALSE_ALARM, "MOT16": FALSE_ALARM, "MOT17": FALSE_ALARM, "MOT20": DROPPED}),
        (7, 0, {"MOT15": FALSE_ALARM, "MOT16": DROPPED, "MOT17": DROPPED, "MOT20": DROPPED}),
        (8, 1, {"MOT15": FOUND, "MOT16": DROPPED, "MOT17": DROPPED, "MOT20": DROPPED}),
        (12, 0, {"MOT15": FALSE_ALARM, "MOT16": DROPPED, "MOT17": DROPPED, "MOT20": DROPPED}),
    ],
)
def test_a_result_on_a_box_of_some_class(row, benchmark, kind, flag, outcome):
    got = prepare(table(row(1, 4, kind=kind, flag=flag)), table(row(1, 9, kind=-1)), benchmark=benchmark)
    assert (len(got.truth_ids), len(got.result_ids)) == outcome[benchmark]


def test_a_person_claims_a_result_before_a_distractor_that_overlaps_less(row):
    truth = table(row(1, 1), row(1, 2, left=2, kind=8, flag=0))
    got = prepare(truth, table(row(1, 9)), benchmark="MOT17")
    assert (len(got.result_ids), len(got.pair_iou)) == (1, 1)


def test_a_distractor_takes_the_second_result(row):
    truth = table(row(1, 1), row(1, 2, left=2, kind=8, flag=0))
    got = prepare(truth, table(row(1, 8), row(1, 9, left=2)), benchmark="MOT17")
    assert got.result_ids.tolist() == [0]
    assert got.pair_iou.tolist() == [1.0]


def test_a_distractor_needs_half_an_overlap(row):
    got = prepare(table(row(1, 1, kind=8)), table(row(1, 9, height=4.9)), benchmark="MOT17")
    assert len(got.result_ids) == 1


def test_ids_are_numbered_from_zero_after_dropping(row):
    truth = table(row(2, 40), row(1, 30, kind=3), row(1, 20))
    got = prepare(truth, table(row(1, 7), row(2, -3)), benchmark="MOT17")
    assert got.truth_frames.tolist() == [1, 2]
    assert got.truth_ids.tolist() == [0, 1]
    assert got.result_ids.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("name", "kinds", "benchmark"),
    [
        ("MOT16-02", [1, 7], "MOT16"),
        ("MOT17-02-FRCNN", [1, 7], "MOT17"),
        ("MOT20-05", [1, 6], "MOT20"),
        ("MOT17-02", [-1, -1], "MOT15"),
        ("TUD-Stadtmitte", [2, 3], "MOT15"),
        ("KITTI-13", [-1], "MOT15"),
        ("ADL-Rundle-8", [1], "MOT15"),
        ("SYN-01", [1, 1], "MOT17"),
        ("dancetrack0001", [1], "MOT17"),
        ("plaza", [-1, -1], "MOT15"),
        ("plaza", [0, 4, -7], "MOT15"),
        ("MOT17-02", [], "MOT15"),
    ],
)
def test_benchmark_told_from_name_and_columns(row, name, kinds, benchmark):
    truth = table(*(row(1, identity, kind=kind) for identity, kind in enumerate(kinds)))
    assert tell_benchmark(name, truth) == benchmark


def test_unknown_classes_are_refused(row):
    with pytest.raises(ValueError, match=r"gt\.txt, row 0: class 14 in frame 3; MOT17 has classes 1 to 13"):
        prepare(table(row(3, 1, kind=14)), table(), benchmark="MOT17", sources=("gt.txt", "a.txt"))
    with pytest.raises(ValueError, match=r"a\.txt, row 0: class 2 in frame 4; only pedestrians"):
        prepare(table(), table(row(4, 1, kind=2)), benchmark="MOT15", sources=("gt.txt", "a.txt"))
