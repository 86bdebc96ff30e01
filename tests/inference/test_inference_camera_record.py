"""The camera's motion of a sequence is worked out once."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fairmot_pl.inference import camera_record
from fairmot_pl.inference.camera_record import camera_of
from fairmot_pl.structures import AnnotatedSequence, FrameAnnotation

SHIFT = 6


@pytest.fixture
def panning(tmp_path) -> AnnotatedSequence:
    """Four views of a wall that the camera passes; the third image is broken."""
    wall = np.random.default_rng(0).integers(0, 255, (24, 60, 3)).astype(np.uint8)
    wall = cv2.resize(wall, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    frames = []
    for number in range(1, 5):
        path = tmp_path / f"{number}.png"
        left = SHIFT * number
        cv2.imwrite(str(path), wall[:, left : left + 320])
        if number == 3:
            path.write_bytes(b"no image")
        nobody = {"boxes": np.zeros((0, 4)), "identities": [], "classes": [], "visibility": []}
        frames.append(FrameAnnotation(image_path=path, frame=number, image_size=(192, 320), **nobody))
    return AnnotatedSequence(name="A", frames=tuple(frames), frame_rate=30)


def test_a_pan_is_found_and_a_broken_image_stands_still(panning):
    affines = camera_of(panning, None)
    np.testing.assert_allclose(affines[:, :, :2], np.tile(np.eye(2), (4, 1, 1)), atol=0.01)
    np.testing.assert_allclose(affines[:, 0, 2], [0, -SHIFT, 0, -2 * SHIFT], atol=0.3)


def test_it_is_recorded_and_a_damaged_record_is_made_again(panning, tmp_path, monkeypatch, caplog):
    estimated = []
    estimate = camera_record.estimate_camera
    monkeypatch.setattr(camera_record, "estimate_camera", lambda found: estimated.append(found) or estimate(found))
    first = camera_of(panning, tmp_path / "records")
    np.testing.assert_array_equal(camera_of(panning, tmp_path / "records"), first)
    assert len(estimated) == 1
    (entry,) = (tmp_path / "records").rglob("*.npy")
    for damaged in (b"", entry.read_bytes()[:-8], b"nothing"):
        entry.write_bytes(damaged)
        np.testing.assert_array_equal(camera_of(panning, tmp_path / "records"), first)
    assert len(estimated) == 4
    assert caplog.text.count("is damaged") == 3
