"""Box formats and overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fairmot_pl import boxes

coordinates = st.floats(-1e4, 1e4, allow_nan=False, width=64)
sides = st.floats(0.5, 1e3, width=64)


@st.composite
def xyxy(draw):
    number = draw(st.integers(0, 8))
    corner = draw(arrays(np.float64, (number, 2), elements=coordinates))
    extent = draw(arrays(np.float64, (number, 2), elements=sides))
    return np.concatenate([corner, corner + extent], axis=1)


@given(xyxy())
def test_formats_round_trip(given_boxes):
    np.testing.assert_allclose(boxes.tlwh_to_xyxy(boxes.xyxy_to_tlwh(given_boxes)), given_boxes, atol=1e-8)
    np.testing.assert_allclose(boxes.xyah_to_xyxy(boxes.xyxy_to_xyah(given_boxes)), given_boxes, atol=1e-7)


def test_formats_by_hand():
    box = np.array([[10.0, 20.0, 40.0, 80.0]])
    np.testing.assert_array_equal(boxes.xyxy_to_tlwh(box), [[10, 20, 30, 60]])
    np.testing.assert_array_equal(boxes.xyxy_to_xyah(box), [[25, 50, 0.5, 60]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_type_is_kept(dtype):
    box = np.ones((2, 4), dtype)
    box[:, 2:] = 3
    for convert in (boxes.tlwh_to_xyxy, boxes.xyxy_to_tlwh, boxes.xyxy_to_xyah, boxes.xyah_to_xyxy):
        assert convert(box).dtype == dtype
    assert boxes.pairwise_iou(box, box).dtype == dtype


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0, 0, 10, 10], [0, 0, 10, 10], 1.0),
        ([0, 0, 10, 10], [10, 0, 20, 10], 0.0),  # a shared edge is no overlap
        ([0, 0, 10, 10], [5, 0, 15, 10], 1 / 3),
        ([0, 0, 10, 10], [2, 2, 4, 4], 0.04),  # one inside the other
        ([0, 0, 0, 10], [0, 0, 10, 10], 0.0),  # no extent
        ([0, 0, 0, 0], [0, 0, 0, 0], 0.0),  # both without extent
        ([10, 10, 0, 0], [0, 0, 10, 10], 0.0),  # inside out
        ([-1e6, 0, 1e6, 1], [0, 0, 1e6, 1], 0.5),  # huge and negative coordinates
    ],
)
def test_iou_by_hand(first, second, expected):
    iou = boxes.pairwise_iou(np.array([first], float), np.array([second], float))
    assert iou.shape == (1, 1)
    assert iou[0, 0] == pytest.approx(expected, abs=1e-12)


@given(xyxy(), xyxy())
def test_iou_is_symmetric_and_a_share(first, second):
    iou = boxes.pairwise_iou(first, second)
    assert iou.shape == (len(first), len(second))
    assert ((iou >= 0) & (iou <= 1 + 1e-9)).all()
    np.testing.assert_allclose(iou, boxes.pairwise_iou(second, first).T)


def test_clip_cuts_at_height_and_width():
    box = np.array([[-5.0, -6.0, 700.0, 500.0]])
    np.testing.assert_array_equal(boxes.clip_boxes(box, (480, 640)), [[0, 0, 640, 480]])
