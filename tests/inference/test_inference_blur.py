"""Covering people: everything that could tell them apart is gone, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.inference.blur import HELD_FRAMES, Blur, head_regions

BOX = np.array([[60, 40, 100, 160]], np.float32)
NOBODY = np.zeros((0, 4), np.float32)


def scene(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (200, 200, 3), dtype=np.uint8)


@pytest.mark.parametrize(("region", "covered"), [("head", slice(40, 66)), ("person", slice(40, 160))])
def test_what_was_there_cannot_be_told(region, covered):
    image = scene()
    before = image.copy()
    out = Blur(region)(image, BOX)
    np.testing.assert_array_equal(image, before)
    there, then = out[covered, 66:94].astype(float), before[covered, 66:94].astype(float)
    assert abs(np.corrcoef(there.ravel(), then.ravel())[0, 1]) < 0.2
    assert np.abs(np.diff(there, axis=0)).max() < 25, "no edge is left"
    outside = np.ones((200, 200), bool)
    outside[30:165, 50:110] = False
    np.testing.assert_array_equal(out[outside], before[outside])


def test_two_faces_of_the_same_means_become_the_same():
    """A mirrored cell pattern that averages to the same has become indistinguishable: the detail is not there."""
    fine = np.indices((200, 200)).sum(axis=0) % 2 * 200
    first, second = (np.repeat(pattern[..., None], 3, axis=2).astype(np.uint8) for pattern in (fine, 200 - fine))
    covered = [Blur("person")(image, BOX)[40:160, 60:100].astype(int) for image in (first, second)]
    assert np.abs(covered[0] - covered[1]).max() <= 2


def test_none_changes_nothing():
    image = scene()
    assert Blur("none")(image, BOX) is image


def test_a_missed_detection_does_not_uncover():
    blur = Blur("head")
    blur(scene(), BOX)
    for count in range(1, HELD_FRAMES + 2):
        image = scene(count)
        assert (blur(image, NOBODY) != image).any() == (count <= HELD_FRAMES)


def test_the_head_is_inside_its_region_whatever_the_pose():
    upright, from_the_side, wide = head_regions(np.array([[0, 0, 40, 120], [0, 0, 20, 120], [0, 0, 120, 120]]))
    assert upright.tolist() == pytest.approx([6, -4.8, 34, 26.4])
    assert from_the_side[2] - from_the_side[0] == pytest.approx(26.4), "not narrower than high"
    assert wide[2] - wide[0] == pytest.approx(84)


def test_boxes_at_the_rim_outside_tiny_and_broken():
    image = scene()
    boxes = np.array(
        [
            *([-50, -50, 10, 10], [190, 190, 400, 400], [500, 0, 600, 90], [20.2, 20.2, 20.4, 20.4], [5, 5, 2, 2]),
            *([np.nan, 0, 1, 1], [-1e9, -1e9, -1e8, 1e9]),
        ],
        np.float32,
    )
    out = Blur("person")(image, boxes)
    assert (out[:10, :10] != image[:10, :10]).any()
    np.testing.assert_array_equal(out[50:150, 50:150], image[50:150, 50:150])


def test_an_unknown_region_is_refused():
    with pytest.raises(ValueError, match="blur is 'face'; allowed: none, head, person"):
        Blur("face")
