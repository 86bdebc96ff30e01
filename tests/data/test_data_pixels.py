"""Our views against those of the plain pipeline, step by step with OpenCV: same draws, same distribution of pixels."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.image_cache import FORMATS, ImageCache
from fairmot_pl.data.images import read_picture, resize_area, shrink
from fairmot_pl.data.synthetic import render_dataset
from fairmot_pl.structures import FrameAnnotation

INPUT = (304, 544)
SIZE = (540, 960)
VIEWS = 24


@pytest.fixture(scope="module")
def plain():
    spec = importlib.util.spec_from_file_location("plain", Path(__file__).parents[2] / "benchmarks/plain_pipeline.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    render_dataset(root, train=1, val=0, frames=4, people=8, image_size=SIZE)
    nobody = np.zeros((0, 4))
    return [
        FrameAnnotation(
            **{"image_path": path, "frame": number, "image_size": SIZE, "boxes": nobody},
            **{"identities": np.zeros(0), "classes": np.zeros(0), "visibility": np.zeros(0)},
        )
        for number, path in enumerate(sorted(root.glob("train/*/img1/*.jpg")), 1)
    ]


@pytest.fixture(scope="module", params=["no cache", *FORMATS])
def views(request, frames, plain, tmp_path_factory):
    """Pairs of views of the same draws, `(2, VIEWS, h, w, 3)` RGB, and the draws."""
    augmentation = Augmentation(input_size=INPUT)
    root = tmp_path_factory.mktemp("cache")
    cache = None if request.param == "no cache" else ImageCache(root, INPUT, request.param)
    pairs, draws = [], []
    for number in range(VIEWS):
        frame = frames[number % len(frames)]
        draw = augmentation.draw(np.random.default_rng(number))
        if cache is None:
            picture = read_picture(frame.image_path, SIZE, detail=augmentation.detail(draw, SIZE))
        else:
            cache.write(frame)
            picture = cache.read(cache.entry(frame.image_path), SIZE)
        theirs = plain.plain_image(str(frame.image_path), draw, INPUT)[..., ::-1]
        pairs.append((augmentation.view(picture, frame.boxes, draw).image, theirs))
        draws.append(draw)
    return np.array(pairs).swapaxes(0, 1), draws


def spectrum(images: np.ndarray) -> np.ndarray:
    """Energy of the brightness in eight rings of frequency, `(8,)`."""
    grey = images.mean(axis=-1)
    energy = (np.abs(np.fft.rfft2(grey - grey.mean(axis=(1, 2), keepdims=True))) ** 2).mean(axis=0)
    radius = np.hypot(np.fft.fftfreq(grey.shape[1])[:, None], np.fft.rfftfreq(grey.shape[2])[None])
    return np.bincount((radius.ravel() * 16).astype(int).clip(0, 7), energy.ravel(), 8)


def test_pixels_are_those_of_the_plain_pipeline(views):
    (ours, theirs), draws = views
    difference = np.abs(ours.astype(int) - theirs).mean(axis=(1, 2, 3))
    assert difference.mean() < 1, difference.mean()
    assert difference.max() < 2, (difference.max(), draws[difference.argmax()])
    assert np.median(np.abs(ours.astype(int) - theirs)) <= 1


def test_colours_are_distributed_alike(views):
    ours, theirs = views[0]
    np.testing.assert_allclose(ours.mean(axis=(1, 2, 3)), theirs.mean(axis=(1, 2, 3)), atol=0.4)
    np.testing.assert_allclose(ours.std(axis=(1, 2, 3)), theirs.std(axis=(1, 2, 3)), rtol=0.01)
    for channel in range(3):
        counts = [np.histogram(side[..., channel], bins=32, range=(0, 256))[0] for side in (ours, theirs)]
        distance = np.abs(np.subtract(*counts)).sum() / 2 / counts[0].sum()
        assert distance < 0.004, distance


def test_sharpness_is_distributed_alike(views):
    ours, theirs = (spectrum(side) for side in views[0])
    ratio = ours / theirs
    assert (np.abs(ratio[:4] - 1) < 0.05).all(), ratio  # up to half the highest frequency
    assert (np.abs(ratio - 1) < 0.15).all(), ratio


@pytest.mark.parametrize("step", [1.05, 1.3, 1.5, 1.776, 1.95])
def test_fast_shrinking_is_much_like_area_averaging(frames, step):
    image = cv2.imread(str(frames[0].image_path))
    size = (round(SIZE[0] / step), round(SIZE[1] / step))
    fast, area = shrink(image, size), resize_area(image, size)
    assert np.abs(fast.astype(int) - area).mean() < 0.8
    sharpness = [cv2.Laplacian(each, cv2.CV_32F).std() for each in (fast, area)]
    assert sharpness[0] == pytest.approx(sharpness[1], rel=0.06)


def test_shrinking_never_enlarges(frames):
    image = cv2.imread(str(frames[0].image_path))
    assert shrink(image, (600, 1000)) is image
    np.testing.assert_array_equal(shrink(image, (100, 178)), resize_area(image, (100, 178)))
