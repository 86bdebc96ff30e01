"""Decoding against the reference's figures, and as the inverse of encoding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairmot_pl.codec.decode import decode_detections, objects_at, top_peaks
from fairmot_pl.codec.maps import HeadMaps
from fairmot_pl.codec.targets import encode_targets

CASES = ["ltrb_n40", "wh_n40", "cls3", "noreg", "noise_k500", "border_ties"]


def golden_maps(data, case):
    heatmap = torch.from_numpy(data[f"{case}__hm"]).double()
    offset = torch.from_numpy(data[f"{case}__reg"])
    if not data[f"{case}__use_reg"]:
        offset = torch.full_like(offset, 0.5)  # what the reference adds where it has no offset head
    embedding = torch.ones(len(heatmap), 3, *heatmap.shape[2:])
    return HeadMaps(torch.logit(heatmap).float(), torch.from_numpy(data[f"{case}__wh"]), offset, embedding)


@pytest.mark.parametrize("case", CASES)
def test_decode_golden(golden, case):
    data = np.load(golden("decode.npz"))
    k = int(data[f"{case}__K"])
    found = decode_detections(golden_maps(data, case), k=k)
    for image, expected in enumerate(data[f"{case}__dets"]):
        expected = expected[: data[f"{case}__n_positive"][image]]
        detections = found[image]
        ours = np.column_stack([detections.boxes / 4, detections.scores, detections.classes])
        assert len(ours) == len(expected)
        np.testing.assert_allclose(ours[:, 4], expected[:, 4], atol=1e-5)
        # the order within equal scores is not defined
        order = [
            np.lexsort((rows[:, 1].round(2), rows[:, 0].round(2), rows[:, 4].round(3))) for rows in (ours, expected)
        ]
        np.testing.assert_allclose(ours[order[0]], expected[order[1]], atol=2e-4)


@pytest.mark.parametrize("case", CASES)
def test_peaks_golden(golden, case):
    """Scores, cells and classes of the peaks; those of equal score as a set."""
    data = np.load(golden("decode.npz"))
    found = top_peaks(golden_maps(data, case).heatmap, int(data[f"{case}__K"]))
    for image, count in enumerate(data[f"{case}__n_positive"]):
        scores, index, classes = (part[image, :count].numpy() for part in found)
        dets, inds = data[f"{case}__dets"][image, :count], data[f"{case}__inds"][image, :count]
        np.testing.assert_allclose(scores, dets[:, 4], atol=1e-5)
        assert (np.diff(scores) <= 0).all()
        assert sorted(zip(classes, index, strict=True)) == sorted(zip(dets[:, 5].astype(int), inds, strict=True))
        assert (found[0][image, count:] == 0).all()


def test_every_decode_case_is_compared(golden):
    """The two `pp_` cases are back-projections: tests/test_letterbox.py."""
    cases = set(np.load(golden("decode.npz"))["cases"].tolist())
    assert cases == {*CASES, "pp_1920x1080", "pp_640x480"}


def test_embeddings_golden(golden):
    data = np.load(golden("decode.npz"))
    heatmap = torch.logit(torch.from_numpy(data["gather__hm"]).double()).float()
    shape = (1, 2, *heatmap.shape[2:])
    maps = HeadMaps(heatmap, torch.ones(shape), torch.zeros(shape), torch.from_numpy(data["gather__id"]))
    found = decode_detections(maps, k=data["gather__inds"].shape[1])[0]
    expected = data["gather__feat"][0][: len(found)]
    assert len(found) == (data["gather__scores"] > 0).sum() > 0
    np.testing.assert_allclose(found.scores, data["gather__scores"][0][: len(found)], atol=1e-5)
    np.testing.assert_allclose(found.embeddings, expected, atol=1e-5)
    columns = data["gather__inds"][0][: len(found)] % shape[3]
    np.testing.assert_allclose(found.boxes[:, [0, 2]].mean(axis=1) / 4, columns, atol=1e-5)


def maps_of(targets, dim=4):
    """Perfect head maps for the targets of one image."""
    height, width = targets.heatmap.shape[1:]
    heatmap = torch.logit(targets.heatmap.clamp(1e-4, 1 - 1e-4))[None]
    size = torch.zeros(1, targets.size.shape[1], height * width)
    offset = torch.zeros(1, 2, height * width)
    slots = targets.mask.bool()
    size[0][:, targets.index[slots]] = targets.size[slots].T
    offset[0][:, targets.index[slots]] = targets.offset[slots].T
    return HeadMaps(
        heatmap,
        size.view(1, -1, height, width),
        offset.view(1, -1, height, width),
        torch.ones(1, dim, height, width),
    )


@st.composite
def separate_boxes(draw):
    """Boxes with one centre in each of some far-apart cells, reaching outside the image at will."""
    cells = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 7)), min_size=0, max_size=8, unique=True))
    boxes = []
    for row, column in cells:
        x = column * 64 + draw(st.floats(8, 56))
        y = row * 64 + draw(st.floats(8, 56))
        width, height = draw(st.floats(2, 90)), draw(st.floats(4, 90))
        boxes.append([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    return np.array(boxes, float).reshape(-1, 4)


@settings(max_examples=60, deadline=None)
@given(separate_boxes(), st.sampled_from(["ltrb", "wh"]))
def test_decode_undoes_encode(boxes, encoding):
    targets = encode_targets(boxes, np.arange(len(boxes)), map_size=(80, 128), box_encoding=encoding)
    found = decode_detections(maps_of(targets), score_threshold=0.99)[0]
    assert len(found) == len(boxes)
    order = np.lexsort((found.boxes[:, 1], found.boxes[:, 0]))
    expected = boxes[np.lexsort((boxes[:, 1], boxes[:, 0]))]
    np.testing.assert_allclose(np.sort(found.boxes[order], axis=0), np.sort(expected, axis=0), atol=1e-3)


@pytest.mark.parametrize("box", [[-40.0, 8, 8, 56], [140, 60, 200, 130], [-30, -30, 20, 10]])
def test_boxes_over_the_border_come_back_whole(box):
    targets = encode_targets(np.array([box]), np.array([0]), map_size=(24, 40))
    found = objects_at(maps_of(targets), torch.zeros(1, dtype=torch.int64), targets.index[:1])
    np.testing.assert_allclose(found.boxes(40)[0] * 4, box, atol=1e-4)


def test_threshold_is_exclusive_and_order_descends():
    heatmap = torch.full((1, 1, 8, 8), -9.0)
    heatmap[0, 0, 1, 1], heatmap[0, 0, 5, 5] = 0.0, 2.0
    empty = torch.zeros(1, 2, 8, 8)
    maps = HeadMaps(heatmap, empty, empty, torch.ones(1, 3, 8, 8))
    found = decode_detections(maps, k=5)[0]
    assert found.scores[0] > found.scores[1] == 0.5
    assert len(decode_detections(maps, score_threshold=0.5)[0]) == 1
    assert len(decode_detections(maps, score_threshold=0.99)[0]) == 0


def test_k_may_exceed_the_map():
    scores, index, classes = top_peaks(torch.randn(2, 3, 4, 4), 500)
    assert scores.shape == (2, 48)
    assert index.max() < 16
    assert classes.max() == 2
