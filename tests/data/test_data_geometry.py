from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from fairmot_pl.data.colour import SaturationValue, scale_saturation_value
from fairmot_pl.data.geometry import (
    Motion,
    mirror_matrix,
    motion_matrix,
    placement_matrix,
    shrink_turned,
    warp_boxes,
    warp_pixels,
)
from fairmot_pl.data.images import letterbox_pixels
from fairmot_pl.letterbox import Letterbox

SIZE = (64, 96)
NOISE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)


def moved(matrix, *points):
    return [tuple(np.round((matrix @ [*point, 1])[:2], 6)) for point in points]


@pytest.mark.parametrize(
    ("motion", "point", "expected"),
    [
        (Motion(), (10, 20), (10, 20)),
        (Motion(scale=2), (58, 32), (68, 32)),  # about the centre (48, 32)
        (Motion(angle=90), (58, 32), (48, 22)),  # counter-clockwise with y pointing down
        (Motion(translate=(3, -4)), (10, 20), (13, 16)),
        (Motion(shear=(45, 0)), (10, 20), (30, 20)),  # shear acts about the origin
        (Motion(scale=2, translate=(3, 0), shear=(0, 45)), (58, 32), (71, 32 + 71)),  # in this order
    ],
)
def test_a_motion_is_rotation_then_translation_then_shear(motion, point, expected):
    assert moved(motion_matrix(motion, SIZE), point) == [pytest.approx(expected)]


def test_no_motion_is_exactly_the_identity():
    np.testing.assert_array_equal(motion_matrix(Motion(), (608, 1088)), np.eye(3))


def test_whole_pixels_move_exactly():
    np.testing.assert_array_equal(warp_pixels(NOISE, np.eye(3), SIZE), NOISE)
    shifted = warp_pixels(NOISE, motion_matrix(Motion(translate=(5, -3)), SIZE), SIZE)
    np.testing.assert_array_equal(shifted[:-3, 5:], NOISE[3:, :-5])
    assert (shifted[-3:] == 128).all()
    assert (shifted[:, :5] == 128).all()


def test_a_mirror_image_is_exact_and_twice_is_nothing():
    mirror = mirror_matrix(SIZE[1])
    once = warp_pixels(NOISE, mirror, SIZE)
    np.testing.assert_array_equal(once, NOISE[:, ::-1])
    np.testing.assert_array_equal(warp_pixels(once, mirror, SIZE), NOISE)
    boxes = np.array([[-7.5, 3, 20, 50], [90, 0, 130, 64]])
    np.testing.assert_array_equal(warp_boxes(boxes, mirror), [[76, 3, 103.5, 50], [-34, 0, 6, 64]])
    np.testing.assert_array_equal(warp_boxes(warp_boxes(boxes, mirror), mirror), boxes)


@pytest.mark.parametrize("size", [(64, 96), (30, 40), (128, 100), (17, 91)])
def test_the_placement_is_where_the_letterbox_puts_pixels(size):
    letterbox = Letterbox(size, SIZE)
    content = (letterbox_pixels(np.zeros((*size, 3), np.uint8), letterbox)[..., 0] == 0).nonzero()
    (left, top), (right, bottom) = moved(placement_matrix(letterbox), (0, 0), size[::-1])
    assert (top, left) == (content[0].min(), content[1].min())
    assert (bottom, right) == (content[0].max() + 1, content[1].max() + 1)


@pytest.mark.parametrize("angle", [0, 5, -30, 45, 90])
def test_a_box_turned_shrinks_about_its_centre(angle):
    radians = math.radians(angle)
    factor = max(abs(math.sin(radians)), abs(math.cos(radians))) ** 0.5
    (box,) = shrink_turned(np.array([[-10.0, 0, 30, 8]]), angle)
    assert box == pytest.approx([10 - 20 * factor, 4 - 4 * factor, 10 + 20 * factor, 4 + 4 * factor])


def test_no_box_is_no_box():
    assert warp_boxes(np.zeros((0, 4)), np.eye(3)).shape == (0, 4)
    assert shrink_turned(np.zeros((0, 4)), 3).shape == (0, 4)


@pytest.mark.parametrize(
    ("saturation", "value", "expected"),
    [(1, 1, (200, 100, 100)), (0, 1, (200, 200, 200)), (1, 0.5, (100, 50, 50)), (1, 0, (0, 0, 0))],
)
def test_saturation_and_value_scale_independently(saturation, value, expected):
    image = np.full((2, 2, 3), (200, 100, 100), np.uint8)
    out = scale_saturation_value(image, saturation, value)
    assert np.abs(out.astype(int) - expected).max() <= 2


def test_bright_pixels_stop_at_white():
    assert (scale_saturation_value(np.full((2, 2, 3), 200, np.uint8), 1.5, 1.5) == 255).all()


def test_the_colour_transform_follows_its_seed():
    def recoloured(seed):
        transform = SaturationValue(0.5, 0.5)
        transform.set_random_seed(seed)
        return transform(image=NOISE)["image"]

    np.testing.assert_array_equal(recoloured(1), recoloured(1))
    assert (recoloured(1) != recoloured(2)).any()


def test_colour_factors_fill_their_range():
    transform = SaturationValue(0.5, 0.2)
    transform.set_random_seed(0)
    draws = [transform.get_params() for _ in range(500)]
    for name, low, high in (("saturation_factor", 0.5, 1.5), ("value_factor", 0.8, 1.2)):
        values = [draw[name] for draw in draws]
        assert low <= min(values) < low + 0.05
        assert high - 0.05 < max(values) <= high
    pairs = np.array([list(draw.values()) for draw in draws])
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.15


@pytest.mark.parametrize("factors", [(1, 1), (0.8, 0.9), (1.37, 0.52), (0.5, 1.5), (1.213, 1.0171)])
@pytest.mark.parametrize("channels", [3, 4])
def test_levels_are_cut_as_a_table_would(factors, channels):
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    levels = np.arange(256)
    table = np.stack([levels, levels * factors[0], levels * factors[1]], -1).clip(0, 255).astype(np.uint8)
    expected = cv2.cvtColor(cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), table[None]), cv2.COLOR_HSV2RGB)
    out = scale_saturation_value(image, *factors, channels=channels)
    assert out.shape[2] == channels
    different = (out[..., :3] != expected).any(axis=-1)
    assert different.mean() < 0.002  # products within 1/4096 of the next level


def test_a_fourth_channel_changes_no_colour():
    matrix = motion_matrix(Motion(angle=4, scale=0.8, shear=(1, -2)), SIZE)
    more = np.concatenate([NOISE, np.full((*NOISE.shape[:2], 1), 9, np.uint8)], axis=-1)
    np.testing.assert_array_equal(warp_pixels(more, matrix, SIZE), warp_pixels(NOISE, matrix, SIZE))
    assert warp_pixels(NOISE, matrix, SIZE).transpose(2, 0, 1).flags.c_contiguous
