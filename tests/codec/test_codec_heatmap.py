"""The heatmap of targets, drawn from objects: against the formula, alone and in batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fairmot_pl.codec.heatmap import with_heatmap
from fairmot_pl.codec.maps import ObjectTargets
from fairmot_pl.codec.targets import collate_objects, encode_objects, encode_targets, gaussian_radius

MAP = (24, 40)


def crowd(seed: int, people: int = 60) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Boxes, some outside the image and some without extent, and their classes."""
    rng = np.random.default_rng(seed)
    corner, extent = rng.uniform(-60, 220, (people, 2)), rng.uniform(-2, 150, (people, 2))
    return np.concatenate([corner, corner + extent], axis=1), rng.integers(0, 2, people)


def objects_of(seed: int, people: int = 60) -> ObjectTargets:
    boxes, classes = crowd(seed, people)
    return encode_objects(boxes, np.arange(people), map_size=MAP, classes=classes, num_classes=2, max_objects=80)


def test_peaks_are_those_of_the_formula():
    """Bit for bit: float64 Gaussians, the greatest where they meet, float32."""
    boxes, classes = crowd(5)
    expected = np.zeros((2, *MAP), np.float32)
    y, x = np.arange(24.0)[:, None], np.arange(40.0)[None]
    for box, kind in zip(boxes / 4, classes, strict=True):
        width, height = box[2:] - box[:2]
        if min(width, height) > 0:
            column, row = np.floor(((box[:2] + box[2:]) / 2).clip(0, (39, 23)))
            radius = int(gaussian_radius(np.ceil(height), np.ceil(width)))
            inside = np.maximum(np.abs(x - column), np.abs(y - row)) <= radius
            peak = np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * ((2 * radius + 1) / 6) ** 2))
            expected[kind] = np.maximum(expected[kind], np.where(inside, peak, 0))
    targets = encode_targets(boxes, np.arange(60), map_size=MAP, classes=classes, num_classes=2)
    np.testing.assert_array_equal(targets.heatmap.numpy(), expected)


def test_a_batch_is_its_images_one_by_one():
    images = [objects_of(seed, people) for seed, people in ((1, 60), (2, 0), (3, 1), (4, 30))]
    batch = collate_objects(images)
    drawn = with_heatmap(batch, map_size=MAP, num_classes=2)
    for alone, together in zip(images, drawn.heatmap, strict=True):
        torch.testing.assert_close(with_heatmap(alone, map_size=MAP, num_classes=2).heatmap, together, rtol=0, atol=0)
    assert batch.cells == sum(objects.cells for objects in images)


def test_order_of_objects_does_not_matter():
    boxes, classes = crowd(6)
    turned = np.random.default_rng(0).permutation(len(boxes))
    maps = [
        encode_targets(boxes[order], np.arange(60), map_size=MAP, classes=classes[order], num_classes=2).heatmap
        for order in (slice(None), turned)
    ]
    assert torch.equal(*maps)


@pytest.mark.parametrize("crowds", [[0, 0], [0]])
def test_nobody(crowds):
    batch = collate_objects([objects_of(0, people) for people in crowds])
    assert batch.index.shape == (len(crowds), 1)
    drawn = with_heatmap(batch, map_size=MAP, num_classes=2)
    assert drawn.heatmap.shape == (len(crowds), 2, *MAP)
    assert drawn.heatmap.max() == 0


def test_spare_slots_go_and_used_ones_stay():
    images = [objects_of(seed, people) for seed, people in ((1, 3), (2, 2))]
    batch = collate_objects(images)
    used = max(int(objects.mask.nonzero()[-1]) + 1 for objects in images)
    for name in ("size", "offset", "index", "mask", "identity", "layer", "radius"):
        wanted = torch.stack([getattr(objects, name)[:used] for objects in images])
        torch.testing.assert_close(getattr(batch, name), wanted, rtol=0, atol=0)


def test_a_last_box_without_extent_is_a_spare_slot():
    flat_last = encode_objects(np.array([[8, 8, 40, 60], [8, 8, 8, 60]]), np.arange(2), map_size=MAP, max_objects=6)
    assert collate_objects([flat_last]).mask.tolist() == [[1]]


@pytest.mark.parametrize("times", [1, 100, 10_000])
def test_a_peak_costs_no_more_than_the_map(times):
    """However far a box reaches beyond the image, and at the map's corner."""
    boxes = times * np.array([[-4000.0, -4000, 4000, 4000], [0, 0, 8000, 8000], [-8000, -8000, 0, 0]])
    objects = encode_objects(boxes, np.arange(3), map_size=MAP)
    assert objects.cells == 3 * 24 * 40
    heatmap = with_heatmap(objects, map_size=MAP).heatmap[0]
    assert heatmap[0, 0] == heatmap[23, 39] == 1
    assert 0.5 < heatmap.min() < 1 or times > 1
    assert torch.isfinite(heatmap).all()


@pytest.mark.gpu
def test_a_gpu_draws_the_same():
    batch = collate_objects([objects_of(seed, 60) for seed in range(4)])
    moved = ObjectTargets._make([*(field.cuda() for field in batch[:-1]), batch.cells])
    torch.use_deterministic_algorithms(True)
    try:
        there = with_heatmap(moved, map_size=MAP, num_classes=2).heatmap
    finally:
        torch.use_deterministic_algorithms(False)
    torch.testing.assert_close(there.cpu(), with_heatmap(batch, map_size=MAP, num_classes=2).heatmap, rtol=0, atol=1e-7)
