"""Encoding against the reference's figures, and its edge cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fairmot_pl.codec.targets import encode_targets, gaussian_radius


@pytest.mark.parametrize(
    ("height", "width", "radius"),
    [(4, 2, 0), (10, 4, 1), (20, 8, 3), (60, 25, 9), (152, 60, 23)],
)
def test_radius_of_the_published_code(height, width, radius):
    assert int(gaussian_radius(np.array([height]), np.array([width]))[0]) == radius


def test_radius_golden(golden):
    data = np.load(golden("targets.npz"))
    height, width = data["radius__hw"].T
    np.testing.assert_allclose(gaussian_radius(height, width), data["radius__value"], atol=1e-9)


@pytest.mark.parametrize("encoding", ["ltrb", "wh"])
@pytest.mark.parametrize("case", ["normal", "outside", "tiny", "samecell"])
def test_targets_golden(golden, case, encoding):
    data = np.load(golden("targets.npz"))
    labels = data[f"{case}__labels"].astype(np.float64)
    width, height = data[f"{case}__net_wh"].tolist()
    centre, extent = labels[:, 2:4] * (width, height), labels[:, 4:6] * (width, height)
    identities = labels[:, 1].astype(np.int64)
    identities[identities > -1] += int(data[f"{case}__id_offset"])
    targets = encode_targets(
        np.concatenate([centre - extent / 2, centre + extent / 2], axis=1),
        identities,
        map_size=(height // 4, width // 4),
        box_encoding=encoding,
        max_objects=int(data[f"{case}__K"]),
    )
    expected = {
        name: data[f"{case}__ltrb{int(encoding == 'ltrb')}__{name}"]
        for name in ("hm", "wh", "reg", "ind", "reg_mask", "ids", "bbox")
    }
    # every slot, also the empty ones: zeros on both sides
    np.testing.assert_array_equal(targets.mask.numpy(), expected["reg_mask"])
    np.testing.assert_array_equal(targets.index.numpy(), expected["ind"])
    np.testing.assert_array_equal(targets.identity.numpy(), expected["ids"])
    np.testing.assert_allclose(targets.size.numpy(), expected["wh"], atol=1e-4)
    np.testing.assert_allclose(targets.offset.numpy(), expected["reg"], atol=1e-4)
    np.testing.assert_allclose(targets.heatmap.numpy(), expected["hm"], atol=1e-6)
    np.testing.assert_allclose(box_about_the_centre(targets, width // 4), expected["bbox"], atol=2e-4)


def box_about_the_centre(targets, map_width):
    """`(K, 4)` xyxy in cells: as large as the object, about its centre on the map; no loss of ours needs it."""
    index, offset, size = targets.index.numpy(), targets.offset.numpy(), targets.size.numpy()
    centre = np.stack([index % map_width, index // map_width], axis=1) + offset
    extent = size[:, :2] + size[:, 2:] if size.shape[1] == 4 else size
    return np.concatenate([centre - extent / 2, centre + extent / 2], axis=1) * targets.mask.numpy()[:, None]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("width", "height"), [(1088, 608), (640, 384), (864, 480), (576, 320)])
def test_whole_cells_are_whole_whatever_the_rounding(width, height, dtype):
    """Centres on the border of a cell, extents of whole cells: shares of the input in float32, as labels hold them."""
    rng, columns, rows = np.random.default_rng(width), width // 4, height // 4
    for _ in range(50):
        cell, extent = rng.integers(0, (columns, rows)), rng.integers(1, 60, 2)
        share = np.float32(cell / (columns, rows)).astype(dtype), np.float32(extent / (columns, rows)).astype(dtype)
        edges = np.concatenate([share[0] - share[1] / 2, share[0] + share[1] / 2])
        box = edges * np.array([width, height, width, height], dtype)
        targets = encode_targets(box[None], np.array([0]), map_size=(rows, columns))
        assert targets.index[0] == cell[1] * columns + cell[0]
        np.testing.assert_allclose(targets.offset[0], 0, atol=1e-4)
        radius = int(gaussian_radius(*extent[::-1].astype(float)))
        reach = min(cell[0], radius) + min(columns - 1 - cell[0], radius) + 1
        assert (targets.heatmap[0, cell[1]] > 0).sum() == reach


def encode(boxes, **options):
    boxes = np.array(boxes, float).reshape(-1, 4)
    return encode_targets(boxes, np.arange(len(boxes)), map_size=(24, 40), **options)


def test_shapes_and_types():
    targets = encode([[8, 8, 40, 80]], num_classes=3, classes=np.array([2]), max_objects=7)
    assert [tuple(field.shape) for field in targets] == [(3, 24, 40), (7, 4), (7, 2), (7,), (7,), (7,)]
    assert targets.index.dtype == targets.identity.dtype == torch.int64
    assert targets.mask.dtype == torch.uint8
    assert targets.heatmap[2].max() == 1
    assert targets.heatmap[:2].max() == 0


def test_no_objects():
    targets = encode([])
    assert targets.mask.sum() == 0
    assert targets.heatmap.max() == 0


def test_an_amodal_box_keeps_its_far_edges():
    targets = encode([[-40, 8, 8, 56]])  # centre at x = -16: moved to the border
    left, _, right, _ = targets.size[0].tolist()
    assert targets.index[0] % 40 == 0
    assert (left, right) == (10.0, 2.0)


def test_a_box_without_extent_keeps_its_slot_empty():
    targets = encode([[8, 8, 8, 40], [8, 8, 40, 40]])
    assert targets.mask[:2].tolist() == [0, 1]
    assert targets.identity[1] == 1


def test_too_many_objects_are_dropped_aloud():
    with pytest.warns(UserWarning, match="3 objects in one image, max_objects=2: the last 1"):
        targets = encode([[8, 8, 40, 80]] * 3, max_objects=2)
    assert targets.mask.sum() == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"box_encoding": "xywh"}, "box_encoding is 'xywh'; allowed: 'ltrb', 'wh'"),
        ({"classes": np.array([1])}, "num_classes=1 allows 0 to 0"),
        ({"classes": np.array([0, 0])}, "must be equally many"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        encode([[8, 8, 40, 80]], **options)
