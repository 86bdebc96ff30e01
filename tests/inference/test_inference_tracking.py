"""Which tracks are written down."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.inference.tracking import keep_for_output
from fairmot_pl.structures import Tracks


def tracks_of(boxes, ids=None) -> Tracks:
    count = len(boxes)
    return Tracks(
        ids=np.arange(1, count + 1) if ids is None else np.array(ids),
        boxes=np.array(boxes, np.float64).reshape(-1, 4),
        scores=np.full(count, 0.5),
        classes=np.zeros(count),
    )


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ([0, 0, 10, 10], False),  # 100 square pixels: the area must be above
        ([0, 0, 10, 10.1], True),
        ([0, 0, 16, 10], True),  # 1.6 is the widest
        ([0, 0, 16.1, 10], False),
        ([0, 0, 5, 50], True),
        ([0, 0, 50, 0], False),
        ([20, 20, 0, 0], False),
    ],
)
def test_output_filter(box, kept):
    assert len(keep_for_output(tracks_of([box]))) == kept


def test_output_filter_can_be_changed_and_switched_off():
    boxes = tracks_of([[0, 0, 3, 3], [0, 0, 100, 10]])
    assert keep_for_output(boxes, min_area=None).ids.tolist() == [1]
    assert keep_for_output(boxes, max_aspect=None).ids.tolist() == [2]
    assert keep_for_output(boxes, min_area=None, max_aspect=None).ids.tolist() == [1, 2]
    assert keep_for_output(boxes, min_area=1000, max_aspect=20).ids.tolist() == []
    assert len(keep_for_output(tracks_of([]))) == 0
