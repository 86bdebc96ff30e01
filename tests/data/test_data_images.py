from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from fairmot_pl.data.images import letterbox_pixels, read_image, to_tensor
from fairmot_pl.letterbox import Letterbox


def test_pixels_are_red_green_blue(tmp_path):
    path = tmp_path / "Bild mit Ümlaut.png"
    image = np.zeros((6, 8, 3), np.uint8)
    image[..., 0] = 200
    path.write_bytes(cv2.imencode(".png", image[..., ::-1])[1].tobytes())
    np.testing.assert_array_equal(read_image(path), image)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, FileNotFoundError, "gone.jpg: no such image file"),
        (b"", ValueError, r"gone.jpg: not a readable image \(0 bytes\)"),
        (b"no image at all", ValueError, r"gone.jpg: not a readable image \(15 bytes\)"),
        (b"\xff\xd8\xff\xe0" + bytes(range(50)), ValueError, "gone.jpg: not a readable image"),
    ],
)
def test_an_image_that_cannot_be_read_names_its_file(tmp_path, content, error, message):
    path = tmp_path / "gone.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=message):
        read_image(path)


@pytest.mark.parametrize("size", [(48, 80), (200, 100), (31, 257), (1, 1), (96, 160)])
def test_letterbox_places_the_image_on_grey(size):
    letterbox = Letterbox(size, (96, 160))
    out = letterbox_pixels(np.zeros((*size, 3), np.uint8), letterbox)
    assert out.shape == (96, 160, 3)
    assert set(np.unique(out)) <= {0, 128}
    top, left, height, width = letterbox.placement
    assert not out[top : top + height, left : left + width].any()
    assert (out == 0).sum() == 3 * height * width


def test_letterbox_refuses_an_image_of_another_size():
    with pytest.raises(ValueError, match=r"the image is \(4, 5\), its letterbox is made for \(5, 4\)"):
        letterbox_pixels(np.zeros((4, 5, 3), np.uint8), Letterbox((5, 4), (32, 32)))


def test_a_tensor_is_channels_first_in_unit_range():
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    tensor = to_tensor(image)
    assert tensor.shape == (3, 4, 6)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    np.testing.assert_allclose(tensor.permute(1, 2, 0).numpy() * 255, image, atol=1e-4)
