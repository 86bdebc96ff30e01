"""The camera's motion out of images whose motion is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fairmot_pl.inference.camera_motion import CameraMotion
from fairmot_pl.tracking.camera import checked_camera

SIZE = (360, 640)


def texture(size=SIZE, seed=0):
    """Soft blotches of all sizes in colour."""
    rng = np.random.default_rng(seed)
    image = np.zeros((*size, 3), np.float32)
    for cell in (8, 16, 40):
        grid = rng.uniform(0, 255, (size[0] // cell + 1, size[1] // cell + 1, 3)).astype(np.float32)
        image += cv2.resize(grid, (size[1], size[0]), interpolation=cv2.INTER_CUBIC) / 3
    return image.clip(0, 255).astype(np.uint8)


def similarity(zoom=1.0, degrees=0.0, shift=(0.0, 0.0), middle=(320, 180)):
    """Turn and zoom about the middle of the image, then shift; pixels are continuous."""
    angle = np.deg2rad(degrees)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, np.array(middle) - turn @ middle + shift])


def warped(image, affine):
    """The image seen after the camera has moved."""
    centres = affine.copy()  # OpenCV's coordinates are of middles of pixels
    centres[:, 2] += affine[:, :2] @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(image, centres, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


def error(got, want, size=SIZE):
    """Pixels by which two maps differ at most in the corners of the image."""
    corners = np.array([[0, 0, 1], [size[1], 0, 1], [0, size[0], 1], [size[1], size[0], 1.0]])
    return np.abs(corners @ (got - want).T).max()


@pytest.mark.parametrize(
    "camera",
    [
        similarity(),
        similarity(shift=(0.4, -0.3)),
        similarity(shift=(25, -12)),
        similarity(zoom=1.05),
        similarity(zoom=0.93, shift=(10, 3)),
        similarity(degrees=4),
        similarity(zoom=1.03, degrees=-3, shift=(-14, 8)),
    ],
    ids=["rest", "less than a pixel", "pan", "zoom in", "zoom out", "roll", "all"],
)
def test_a_known_motion_is_found(camera):
    motion, image = CameraMotion(), texture()
    np.testing.assert_array_equal(motion.step(image), np.eye(2, 3))  # there was nothing before
    got = motion.step(warped(image, camera))
    assert error(checked_camera(got, 2), camera) < 0.5


def test_a_large_image_is_measured_in_its_own_pixels():
    size = (1080, 1920)
    camera = similarity(zoom=1.02, degrees=1, shift=(40, -20), middle=(960, 540))
    motion, image = CameraMotion(), texture(size)
    motion.step(image)
    assert error(motion.step(warped(image, camera)), camera, size) < 1.5


def test_people_who_walk_are_no_camera():
    """Most of the image walks to the right; without those boxes, the rest says that nothing moves."""
    image = texture()
    left, top, right, bottom = 60, 20, 560, 340
    later = image.copy()
    later[top:bottom, left + 10 : right + 10] = image[top:bottom, left:right]
    boxes = np.array([[left, top, right + 10, bottom]], np.float32)
    fooled, told = CameraMotion(), CameraMotion()
    fooled.step(image)
    told.step(image, boxes)
    assert abs(fooled.step(later)[0, 2] - 10) < 1
    assert error(told.step(later), np.eye(2, 3)) < 0.5


@pytest.mark.parametrize(
    "second",
    [np.full((*SIZE, 3), 127, np.uint8), texture(seed=9), texture((180, 320))],
    ids=["grey", "another scene", "another size"],
)
def test_what_says_nothing_is_no_motion(second):
    motion = CameraMotion()
    motion.step(texture())
    np.testing.assert_array_equal(motion.step(second), np.eye(2, 3))
    motion.step(second)
    assert error(motion.step(second), np.eye(2, 3)) < 0.1  # and it goes on from there


@pytest.mark.parametrize("size", [(1, 1), (4, 300), (300, 4)])
def test_images_too_small_for_corners(size):
    motion = CameraMotion()
    for _ in range(2):
        np.testing.assert_array_equal(motion.step(np.zeros((*size, 3), np.uint8)), np.eye(2, 3))


def test_the_same_images_give_the_same_maps_and_reset_starts_over():
    images = [warped(texture(), similarity(degrees=number, shift=(3 * number, 0))) for number in range(4)]
    motion, other = CameraMotion(), CameraMotion()
    first = [motion.step(image) for image in images]
    np.testing.assert_array_equal([other.step(image) for image in images], first)
    motion.reset()
    np.testing.assert_array_equal([motion.step(image) for image in images], first)


def test_boxes_outside_of_the_image_are_fine():
    motion, image = CameraMotion(), texture()
    boxes = np.array([[-500, -500, -400, -400], [-10, -10, 20, 20], [1e9, 1e9, 2e9, 2e9]])
    motion.step(image, boxes)
    assert error(motion.step(image, boxes), np.eye(2, 3)) < 0.1
