from __future__ import annotations

import pickle

import numpy as np
import pytest

from fairmot_pl.data.augment import Augmentation, Draw
from fairmot_pl.data.geometry import Motion
from fairmot_pl.data.images import Picture, letterbox_pixels
from fairmot_pl.letterbox import Letterbox

INPUT = (160, 256)
IMAGE = np.random.default_rng(0).integers(0, 256, (270, 480, 3), np.uint8)
BOXES = np.array([[-60, 20, 50, 240], [100, 40, 160, 200], [430, 100, 560, 300]], np.float32)


def augmentation(**strengths) -> Augmentation:
    return Augmentation(input_size=INPUT, **strengths)


@pytest.mark.parametrize("size", [(270, 480), (160, 256), (90, 301), (33, 20)])
def test_without_strength_the_letterbox_is_left(size):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    tiny = np.array([[3, 3, 4, 4], [-500, 0, -400, 9]], np.float32)  # no motion, so nothing is dropped
    view = Augmentation.none(INPUT)(image, tiny, np.random.default_rng(0))
    letterbox = Letterbox(size, INPUT)
    np.testing.assert_array_equal(view.image, letterbox_pixels(image, letterbox))
    np.testing.assert_allclose(view.boxes, letterbox.to_input(tiny), rtol=1e-6, atol=1e-4)
    assert view.kept.tolist() == [0, 1]


def test_boxes_move_with_what_they_hold():
    """A red rectangle, drawn, moved and found again, agrees with its moved box."""
    rng = np.random.default_rng(2)
    strong = augmentation(saturation=0, value=0, rotation=0, shear=0)
    for _ in range(40):
        size = rng.integers(150, 500, 2)
        left, top = (rng.uniform(0.25, 0.45, 2) * size[::-1]).astype(int)
        right, bottom = (rng.uniform(0.55, 0.75, 2) * size[::-1]).astype(int)
        image = np.zeros((*size, 3), np.uint8)
        image[top:bottom, left:right] = (255, 0, 0)
        view = strong(image, np.array([[left, top, right, bottom]], np.float32), rng)
        red = ((view.image[..., 0] > 128) & (view.image[..., 1] < 64)).nonzero()
        found = [red[1].min(), red[0].min(), red[1].max() + 1, red[0].max() + 1]
        seen = np.clip(view.boxes[0], 0, [*INPUT[::-1]] * 2)
        np.testing.assert_allclose(seen, found, atol=1.3)


@pytest.mark.parametrize("motion", [Motion(angle=5, shear=(2, -2)), Motion(angle=-4, scale=1.1)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_boxes_of_turned_people_are_those_of_the_corners(motion, mirrored):
    image = np.zeros((160, 256, 3), np.uint8)
    image[40:120, 100:140] = (255, 0, 0)
    view = augmentation().view(Picture.whole(image), np.array([[100, 40, 140, 120]]), Draw(motion, mirrored))
    red = ((view.image[..., 0] > 128) & (view.image[..., 1] < 64)).nonzero()
    found = np.array([red[1].min(), red[0].min(), red[1].max() + 1, red[0].max() + 1])
    shrink = np.cos(np.radians(motion.angle)) ** 0.5
    width, height = (view.boxes[0, 2:] - view.boxes[0, :2]) / shrink
    centre = (view.boxes[0, 2:] + view.boxes[0, :2]) / 2
    np.testing.assert_allclose((found[2:] + found[:2]) / 2, centre, atol=1.5)
    np.testing.assert_allclose(found[2:] - found[:2], [width, height], atol=2.5)  # corners fade out


def test_amodal_boxes_keep_their_full_extent():
    """No view cuts a box at the border: without rotation every side scales with the image."""
    rng = np.random.default_rng(3)
    mover = augmentation(rotation=0, shear=0, min_area_ratio=0, min_side=0)
    full = (BOXES[:, 2:] - BOXES[:, :2]) * Letterbox((270, 480), INPUT).ratio
    outside = 0
    for _ in range(50):
        view = mover(IMAGE, BOXES, rng)
        scale = (view.boxes[:, 2:] - view.boxes[:, :2]) / full[view.kept]
        assert np.ptp(scale) < 1e-4
        assert 0.5 - 1e-4 <= scale.min() <= scale.max() <= 1.2 + 1e-4
        outside += (view.boxes[:, :2] < 0).any() or (view.boxes[:, 2:] > INPUT[::-1]).any()
    assert outside > 25


def test_clipping_is_a_choice():
    rng = np.random.default_rng(3)
    for _ in range(20):
        view = augmentation()(IMAGE, BOXES, rng, clip_boxes=True)
        assert (view.boxes >= 0).all()
        assert (view.boxes[:, 2:] <= INPUT[::-1]).all()
    inside = Augmentation.none(INPUT)(IMAGE, BOXES, rng, clip_boxes=True).boxes
    assert inside[0, 0] == 0
    assert inside[2, 2] == INPUT[1]


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ((100, 50, 120, 100), True),
        ((100, 50, 104, 100), False),  # 4 pixels wide
        ((100, 50, 104.5, 90), True),
        ((100, 50, 150, 54), False),  # 4 pixels high
        ((100, 20, 110, 120), False),  # ten times as high as wide
        ((100, 20, 110, 119), True),
        ((-40, 50, 0, 100), False),  # just outside
        ((-40, 50, 1, 100), True),
        ((256, 50, 290, 100), False),
        ((100, 160, 130, 200), False),
    ],
)
def test_what_a_motion_leaves_too_little_of_is_dropped(box, kept):
    image = np.zeros((*INPUT, 3), np.uint8)
    turn = Motion(translate=(0, 1e-9))  # as good as none, but a motion
    view = augmentation().view(Picture.whole(image), np.array([box]), Draw(turn))
    assert len(view.boxes) == len(view.kept) == kept


def test_a_box_shrunk_to_a_tenth_of_its_area_is_dropped():
    image = np.zeros((*INPUT, 3), np.uint8)
    box = np.array([[50.0, 30, 150, 130]])
    for scale, kept in ((0.31, 0), (0.32, 1)):
        view = augmentation().view(Picture.whole(image), box, Draw(Motion(scale=scale)))
        assert len(view.boxes) == kept


def test_mirroring_twice_gives_the_image_back():
    image = np.random.default_rng(4).integers(0, 256, (*INPUT, 3), np.uint8)
    mirror = Augmentation.none(INPUT)
    once = mirror.view(Picture.whole(image), BOXES, Draw(mirrored=True))
    twice = mirror.view(Picture.whole(once.image), once.boxes, Draw(mirrored=True))
    assert (once.image != image).any()
    np.testing.assert_array_equal(twice.image, image)
    plain = mirror.view(Picture.whole(image), BOXES, Draw())
    np.testing.assert_allclose(twice.boxes, plain.boxes, atol=1e-4)


def test_one_seed_gives_one_view():
    views = [augmentation()(IMAGE, BOXES, np.random.default_rng((1, 2, 3))) for _ in range(2)]
    other = augmentation()(IMAGE, BOXES, np.random.default_rng((1, 2, 4)))
    for first, second in zip(*views, strict=True):
        np.testing.assert_array_equal(first, second)
    assert (other.image != views[0].image).any()


@pytest.mark.parametrize(
    "off", [{"saturation": 0, "value": 0}, {"flip": 0}, {"rotation": 0}, {"shear": 0}, {"flip": 1}]
)
def test_turning_one_part_off_leaves_the_draws_of_the_others(off):
    rngs = [np.random.default_rng(9) for _ in range(2)]
    augmentation()(IMAGE, BOXES, rngs[0])
    augmentation(**off)(IMAGE, BOXES, rngs[1])
    assert rngs[0].random() == rngs[1].random()


def test_colour_alone_moves_nothing():
    still = dict(rotation=0, min_scale=1, max_scale=1, translate_x=0, translate_y=0, shear=0, flip=0)
    view = augmentation(**still)(IMAGE, BOXES, np.random.default_rng(0))
    plain = Augmentation.none(INPUT)(IMAGE, BOXES, np.random.default_rng(0))
    np.testing.assert_array_equal(view.boxes, plain.boxes)
    assert (view.image != plain.image).any()
    top, *_ = Letterbox((270, 480), INPUT).placement
    assert top > 0
    assert (view.image[:top] == 128).all()  # the padding keeps its grey


def test_default_motions_have_the_ranges_of_the_reference():
    """Of both sides the reference takes a tenth, but it swaps them: 60.8 pixels in x, 108.8 in y."""
    rng = np.random.default_rng(0)
    motions = [Augmentation()._draw_motion(rng) for _ in range(3000)]
    flat = np.array([(m.angle, m.scale, *m.translate, *m.shear) for m in motions])
    low, high = np.array([(-5, 0.5, -60.8, -108.8, -2, -2), (5, 1.2, 60.8, 108.8, 2, 2)])
    assert (flat >= low).all()
    assert (flat <= high).all()
    np.testing.assert_allclose(flat.min(axis=0), low, atol=0.01 * (high - low).max())
    np.testing.assert_allclose(flat.mean(axis=0), (low + high) / 2, atol=0.03 * (high - low).max())
    assert np.abs(np.corrcoef(flat.T) - np.eye(6)).max() < 0.08


def test_it_travels_to_other_processes():
    strong = augmentation(rotation=3)
    assert pickle.loads(pickle.dumps(strong)) == strong


def test_an_image_without_boxes_is_fine():
    view = augmentation()(IMAGE, np.zeros((0, 4), np.float32), np.random.default_rng(0))
    assert view.boxes.shape == (0, 4)
    assert view.kept.shape == (0,)


@pytest.mark.parametrize(
    ("strengths", "message"),
    [
        ({"rotation": -1}, "rotation is -1; it must be 0 or more"),
        ({"flip": 1.5}, "flip, saturation and value must not exceed 1"),
        ({"value": 2}, "must not exceed 1"),
        ({"min_scale": 0}, "0 < min_scale <= max_scale"),
        ({"min_scale": 1.3}, "min_scale=1.3, max_scale=1.2"),
        ({"shear": float("nan")}, "shear is nan"),
    ],
)
def test_impossible_strengths_are_refused(strengths, message):
    with pytest.raises(ValueError, match=message):
        augmentation(**strengths)
