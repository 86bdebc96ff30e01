from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from fairmot_pl.data.images import letterbox_pixels, read_image, read_picture, to_planes, to_unit
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


def test_planes_are_channels_first_bytes_and_floats_in_unit_range_later():
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    planes = to_planes(image)
    assert planes.dtype == torch.uint8
    tensor = to_unit(planes)
    assert tensor.shape == (3, 4, 6)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    np.testing.assert_allclose(tensor.permute(1, 2, 0).numpy() * 255, image, atol=1e-4)


@pytest.mark.parametrize(("detail", "step"), [(1, 1), (0.51, 1), (0.5, 2), (0.3, 2), (0.25, 4), (0.125, 8), (0.01, 8)])
@pytest.mark.parametrize("size", [(80, 120), (81, 123)])
def test_a_picture_has_no_more_pixels_than_needed(tmp_path, detail, step, size):
    ramp = np.add.outer(np.arange(size[0]), np.arange(size[1]))[..., None].repeat(3, axis=-1).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.jpg"), ramp, [cv2.IMWRITE_JPEG_QUALITY, 100])
    picture = read_picture(tmp_path / "a.jpg", size, detail=detail)
    assert (picture.size, picture.step) == (size, (step, step))
    assert picture.pixels.shape == (-(-size[0] // step), -(-size[1] // step), 3)
    middle = np.add.outer(*((np.arange(side // step) + 0.5) * step - 0.5 for side in size))
    seen = picture.pixels[: size[0] // step, : size[1] // step, 0]
    np.testing.assert_allclose(seen, middle, atol=2)  # a pixel lies where `step` says


@pytest.mark.parametrize("detail", [1, 0.5, 0.2])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_picture_of_another_size_is_refused_at_any_detail(tmp_path, detail, suffix):
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), np.zeros((79, 120, 3), np.uint8))
    assert read_picture(path, (79, 120), detail=detail).size == (79, 120)
    with pytest.raises(ValueError, match=rf"a.{suffix}: is 120 x 79 pixels, its annotation is made for 120 x 80"):
        read_picture(path, (80, 120), detail=detail)


@pytest.mark.parametrize("detail", [1, 0.5])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.95])
def test_a_torn_jpeg_is_not_readable(tmp_path, detail, share):
    noise = np.random.default_rng(0).integers(0, 256, (80, 120, 3), np.uint8)
    content = cv2.imencode(".jpg", noise)[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=r"a.jpg: not a readable image"):
        read_picture(tmp_path / "a.jpg", (80, 120), detail=detail)
