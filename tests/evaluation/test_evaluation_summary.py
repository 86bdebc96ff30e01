"""What a reader and a logger see of an evaluation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fairmot_pl import Summary, evaluate_tracking

FRACTIONS = ["HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"]
COLUMNS = [*FRACTIONS, "IDSW", "FP", "FN", "MT", "ML", "Frag"]


@pytest.fixture
def summary(crowd) -> Summary:
    scenes = {f"a-rather-long-name-{seed}": crowd(seed) for seed in (1, 2)}
    return evaluate_tracking({n: t for n, (t, _) in scenes.items()}, {n: r for n, (_, r) in scenes.items()})


def test_keys_and_types(summary):
    for figures in (summary.overall, *summary.sequences.values()):
        assert list(figures)[: len(COLUMNS)] == COLUMNS
        assert all(type(figures[name]) is float for name in FRACTIONS)
        assert all(type(value) is int for value in list(figures.values())[9:])


def test_frozen_and_made_of_keywords(summary):
    with pytest.raises(dataclasses.FrozenInstanceError):
        summary.overall = {}
    assert Summary(overall=summary.overall, sequences=summary.sequences, curves=summary.curves) == summary


def test_curves_average_to_the_figures(summary):
    assert list(summary.curves) == [*summary.sequences, "OVERALL"]
    for name, curve in summary.curves.items():
        figures = summary.overall if name == "OVERALL" else summary.sequences[name]
        assert curve["alpha"] == [round(0.05 * step, 2) for step in range(1, 20)]
        for metric in ("HOTA", "DetA", "AssA", "LocA"):
            assert np.mean(curve[metric]) == pytest.approx(figures[metric])


def test_table_is_aligned_and_in_per_cent(summary):
    lines = summary.table().splitlines()
    assert lines[0].split() == COLUMNS
    assert len({len(line) for line in lines}) == 1
    assert [line.split()[0] for line in lines[1:3]] == list(summary.sequences)
    overall = lines[-1].split()
    assert overall[0] == "OVERALL"
    assert overall[1] == f"{100 * summary.overall['HOTA']:.1f}"
    assert overall[-4] == str(summary.overall["FN"])


def test_flat_record(summary):
    assert summary.flat()["val/HOTA"] == summary.overall["HOTA"]
    assert list(summary.flat(prefix="test/"))[: len(COLUMNS)] == [f"test/{name}" for name in COLUMNS]
