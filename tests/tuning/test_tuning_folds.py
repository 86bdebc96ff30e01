"""Every sequence is held out once, and never by a search that looks at it."""

from __future__ import annotations

import pytest

from fairmot_pl.tuning.folds import make_folds
from tuning.conftest import walkers


@pytest.mark.parametrize("count", [2, 3, 5, None])
def test_each_sequence_is_held_out_once(count):
    sequences = [walkers(name, length=4 + 3 * index) for index, name in enumerate("ABCDE")]
    folds = make_folds(sequences, count)
    assert len(folds) == (count or 5)
    assert sorted(name for fold in folds for name in fold.held_out) == list("ABCDE")
    for fold in folds:
        assert sorted(fold.train + fold.held_out) == list("ABCDE")
        assert fold.train


def test_folds_hold_out_about_as_many_frames():
    sequences = [walkers(name, length=length) for name, length in zip("ABCD", (20, 9, 8, 3), strict=True)]
    assert [fold.held_out for fold in make_folds(sequences, 2)] == [("A",), ("B", "C", "D")]


def test_more_folds_than_sequences_hold_out_one_each(sequences):
    assert len(make_folds(sequences, 9)) == 3


def test_a_single_sequence_is_halved_in_time():
    first, second = walkers("A", length=9).halves()
    assert [part.name for part in (first, second)] == ["A (first half)", "A (second half)"]
    assert (len(first), len(second)) == (4, 5)
    assert set(first.truth.frames) == {1, 2, 3, 4}
    assert set(second.truth.frames) == {5, 6, 7, 8, 9}
    rows = second.track({"score_threshold": 0.3})
    assert rows[:, 0].min() >= 5
    assert second.score(rows).truth_boxes == 15


def test_folds_need_two_sequences():
    with pytest.raises(ValueError, match="two sequences"):
        make_folds([walkers("A")], 2)
