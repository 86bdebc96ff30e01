"""Letterbox, affine step and whole loading step against the figures of the reference implementation."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from pathlib import Path

import numpy as np
import pytest

from fairmot_pl.data.augment import Augmentation, Draw
from fairmot_pl.data.geometry import Motion, motion_matrix
from fairmot_pl.data.images import Picture, letterbox_pixels, to_planes, to_unit
from fairmot_pl.letterbox import Letterbox

NETWORK = (608, 1088)
STORED = json.loads((Path(__file__).parents[1] / "golden" / "data_preprocess.json").read_text())
LETTERBOXES = ("lb_hd", "lb_480x640", "lb_tall")
AFFINE = ("aff0", "aff1", "aff2", "aff3")
CHAINS = ("chain0", "chain1", "chain2")


class Figures(dict):
    """The entries of one case, as arrays."""

    def __getitem__(self, key):
        return np.asarray(super().__getitem__(key))

    def size(self, key: str) -> tuple[int, int]:
        return tuple(self[key].tolist())


@pytest.fixture
def case(golden):
    """One case of the golden file by its prefix."""

    def pick(prefix: str) -> Figures:
        with np.load(golden("preprocess.npz")) as stored:
            names = [name for name in stored.files if name.startswith(f"{prefix}__")]
            return Figures({name.split("__")[1]: stored[name] for name in names})

    return pick


def source_image(seed: int, size: tuple[int, int]) -> np.ndarray:
    """The `(H, W, 3)` BGR image that a case was computed on."""
    blocks = (math.ceil(size[0] / 16), math.ceil(size[1] / 16), 3)
    coarse = np.random.default_rng(seed).integers(0, 200, blocks).repeat(16, axis=0).repeat(16, axis=1)
    y, x, channel = np.ogrid[: size[0], : size[1], :3]
    return (coarse[: size[0], : size[1]] + (x * (channel + 1) + 2 * y) % 56).astype(np.uint8)


def boxes_from_centres(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels class, id, xc, yc, w, h as shares of an image, as xyxy in its pixels."""
    centre, extent = labels[:, 2:4] * size[::-1], labels[:, 4:6] * size[::-1]
    return np.concatenate([centre - extent / 2, centre + extent / 2], axis=1)


def check_affine(figures: Figures) -> Motion:
    motion = Motion(
        angle=float(figures["angle_deg"]),
        scale=float(figures["scale"]),
        translate=tuple(figures["translate_px"]),
        shear=tuple(figures["shear_deg"]),
    )
    np.testing.assert_allclose(motion_matrix(motion, NETWORK), figures["M"], rtol=0, atol=1e-9)
    before, after = figures["labels_in"], figures["labels_out"]
    view = Augmentation().view(Picture.whole(np.zeros((*NETWORK, 3), np.uint8)), before[:, 2:], Draw(motion))
    assert before[view.kept, 1].tolist() == after[:, 1].tolist()  # the same boxes survive, in order
    np.testing.assert_allclose(view.boxes, after[:, 2:], atol=2e-3)
    return motion


def check_chain(figures: Figures) -> np.ndarray:
    """Feed one whole loading step the reference's nine random numbers; the view's RGB pixels."""
    size, u = figures.size("src_hw"), figures["u"]
    image = source_image(int(figures["img_seed"]), size)[..., ::-1].copy()
    motion = Motion(
        angle=u[2] * 10 - 5,
        scale=0.5 + 0.7 * u[3],
        translate=((2 * u[4] - 1) * 60.8, (2 * u[5] - 1) * 108.8),
        shear=(4 * u[6] - 2, 4 * u[7] - 2),
    )
    view = Augmentation().view(
        Picture.whole(image),
        boxes_from_centres(figures["labels_in"].astype(np.float64), size),
        Draw(motion, mirrored=bool(u[8] > 0.5), colour=(0.5 + u[0], 0.5 + u[1])),
    )
    expected = figures["labels_out"].astype(np.float64)
    assert figures["labels_in"][view.kept, 1].tolist() == expected[:, 1].tolist()
    # the reference rounds its padding to half pixels, the letterbox does not
    np.testing.assert_allclose(view.boxes, boxes_from_centres(expected, NETWORK), atol=0.2)
    np.testing.assert_allclose(view.image.mean(axis=(0, 1)), figures["img_out_mean"], atol=0.6)
    return view.image


@pytest.mark.parametrize("name", LETTERBOXES)
def test_letterbox_figures(name):
    figures = Figures(STORED["letterbox"][name])
    size = figures.size("src_hw")
    out = letterbox_pixels(source_image(int(figures["seed"]), size), Letterbox(size, NETWORK))
    np.testing.assert_allclose(out.mean(axis=(0, 1)), figures["out_mean"], atol=0.05)
    first, columns = int(figures["first_column"]), int(figures["columns"])
    assert (out[:, :first] == figures["border_value"]).all()
    assert (out[:, first + columns :] == figures["border_value"]).all()
    assert (out[:, first] != 128).any()
    assert (out[:, first + columns - 1] != 128).any()


@pytest.mark.parametrize("name", STORED["affine"])
def test_affine_figures(name):
    check_affine(Figures(STORED["affine"][name]))


@pytest.mark.parametrize("name", STORED["chain"])
def test_loading_figures(name):
    check_chain(Figures(STORED["chain"][name]))


@pytest.mark.parametrize("name", LETTERBOXES)
def test_letterbox_pixels_are_the_reference_s(case, name):
    figures = case(name)
    size = figures.size("src_hw")
    source = source_image(int(figures["seed"]), size)
    assert zlib.crc32(source.tobytes()) == figures["src_crc32"]
    np.testing.assert_array_equal(source[:4, :4], figures["src_corner"])
    out = letterbox_pixels(source, Letterbox(size, NETWORK))
    parts = [out[::8, ::8], *(out[y : y + 32, x : x + 32] for y, x in figures["crop_yx"])]
    same = hashlib.sha256(out.tobytes()).hexdigest() == str(figures["sha256"])
    for got, want in zip(parts, [figures["out_every8"], *figures["crops"]], strict=True):
        assert same or np.abs(got.astype(int) - want).max() <= 1  # another OpenCV may round differently
    np.testing.assert_allclose(out.mean(axis=(0, 1)), figures["out_mean"], atol=1e-9 if same else 0.05)
    for axis, line in ((1, "row_is_border"), (0, "col_is_border")):
        grey = ((out == 127) | (out == 128)).all(axis=(axis, 2))
        np.testing.assert_array_equal(grey, figures[line])
    assert (out[:, figures["col_is_border"]] == figures["border_value"]).all()
    tensor = to_unit(to_planes(out[..., ::-1].copy()))[:, ::16, ::16].numpy()
    np.testing.assert_allclose(tensor, figures["tensor_every16"], atol=1e-6 if same else 1.5 / 255)


@pytest.mark.parametrize("name", AFFINE)
def test_the_drawn_numbers_mean_the_same(case, name):
    """The reference's six uniform numbers within our ranges: translation has height and width swapped, as there."""
    figures, strengths = case(name), Augmentation()
    angle, scale, x, y, shear_x, shear_y = figures["u"]
    height, width = NETWORK
    reach = strengths.translate_x * width, strengths.translate_y * height
    assert (2 * angle - 1) * strengths.rotation == pytest.approx(float(figures["angle_deg"]))
    between = strengths.max_scale - strengths.min_scale
    assert strengths.min_scale + scale * between == pytest.approx(float(figures["scale"]))
    drawn = (2 * x - 1) * reach[0], (2 * y - 1) * reach[1]
    assert drawn == pytest.approx(figures["translate_px"])
    assert [(2 * u - 1) * strengths.shear for u in (shear_x, shear_y)] == pytest.approx(figures["shear_deg"])


@pytest.mark.parametrize("name", AFFINE)
def test_affine_step_is_the_reference_s(case, name):
    figures = case(name)
    motion = check_affine(figures)
    image = source_image(int(figures["img_seed"]), NETWORK)
    pixels = Augmentation().view(Picture.whole(image), np.zeros((0, 4)), Draw(motion)).image[::8, ::8]
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), figures["img_out_mean"], atol=2)
    difference = np.abs(pixels.astype(int) - figures["img_out_every8"])
    assert np.median(difference) <= 1  # shifted by up to a quarter of a pixel, and sharper
    assert difference.mean() < 4


@pytest.mark.parametrize("name", CHAINS)
def test_loading_step_is_the_reference_s(case, name):
    plain, augmented = case(f"{name}_aug0"), case(f"{name}_aug1")
    size = plain.size("src_hw")
    image = source_image(int(plain["img_seed"]), size)[..., ::-1].copy()
    boxes = boxes_from_centres(plain["labels_in"].astype(np.float64), size)
    view = Augmentation.none()(image, boxes, np.random.default_rng(0))
    np.testing.assert_array_equal(view.image[::16, ::16], plain["img_out_every16"])
    np.testing.assert_allclose(view.image.mean(axis=(0, 1)), plain["img_out_mean"], atol=0.01)
    np.testing.assert_allclose(view.boxes, boxes_from_centres(plain["labels_out"], NETWORK), atol=0.2)
    difference = np.abs(check_chain(augmented)[::16, ::16].astype(int) - augmented["img_out_every16"])
    assert np.median(difference) <= 1
    assert difference.mean() < 4
