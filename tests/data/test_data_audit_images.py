"""What decoding shows of a file, and how alike two pictures are."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.conftest import write_image
from fairmot_pl.data.audit.footage import NEAR_BITS
from fairmot_pl.data.audit.image_probe import perceptual_hash, probe_image, probe_images


def picture(seed: int, size: tuple[int, int] = (120, 200)) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 15, 3), np.uint8)
    return Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)


def encoded(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **{"format": "JPEG", **options})
    return buffer.getvalue()


def noisy_picture() -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 12, (120, 200, 3))
    return Image.fromarray((np.asarray(picture(0)) + noise).clip(0, 255).astype(np.uint8))


def with_rubbish(content: bytes) -> bytes:
    """A block of zeros in the midst, as broken disks leave it."""
    middle = len(content) // 2
    return content[:middle] + bytes(2048) + content[middle + 2048 :]


def distance(first: Image.Image, second: Image.Image) -> int:
    return int(np.unpackbits(perceptual_hash(first) ^ perceptual_hash(second)).sum())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (lambda: encoded(picture(0)), ""),
        (lambda: encoded(picture(0), progressive=True), ""),
        (lambda: encoded(picture(0), format="PNG"), ""),
        (lambda: encoded(picture(0).convert("L")), ""),
        (lambda: b"", "empty-image"),
        (lambda: b"<html>not found</html>", "unreadable-image"),
        (lambda: encoded(picture(0))[:40], "unreadable-image"),
        (lambda: encoded(picture(0))[:-200], "truncated-image"),
        (lambda: encoded(picture(0), progressive=True)[:-200], "truncated-image"),
        (lambda: encoded(picture(0), format="PNG")[:-2000], "truncated-image"),
        *((lambda cut=cut: encoded(picture(0))[:-cut], "truncated-image") for cut in (1, 2, 5, 10)),
        (lambda: encoded(picture(0), format="PNG")[:-1], "truncated-image"),
        (lambda: encoded(picture(0), format="PNG")[:-20], "truncated-image"),
        (lambda: with_rubbish(encoded(noisy_picture(), quality=90)), "damaged-image"),
        (lambda: encoded(noisy_picture(), quality=90), ""),
        (lambda: encoded(picture(0).convert("CMYK")), ""),
        (lambda: encoded(picture(0), restart_marker_rows=1, subsampling=0), ""),
        (lambda: encoded(picture(0)) + b"rubbish behind the image", ""),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, content, problem):
    path = tmp_path / "image.jpg"
    path.write_bytes(content())
    facts = probe_image(path)
    assert facts.problem == problem, facts
    assert facts.bytes_read == len(content())
    assert problem in ("empty-image", "unreadable-image") or facts.size == (120, 200)


def test_a_file_that_is_not_there(tmp_path):
    assert probe_image(tmp_path / "no.jpg").problem == "missing-image"
    assert probe_image(tmp_path).problem == "unreadable-image"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("scale", "quality"), [(1, 40), (0.5, 90), (2, 60)])
def test_copies_of_other_size_and_quality_look_alike(seed, scale, quality):
    original = picture(seed, (480, 800))
    size = (round(800 * scale), round(480 * scale))
    copy = Image.open(io.BytesIO(encoded(original.resize(size), quality=quality)))
    assert distance(original, copy) <= NEAR_BITS
    assert distance(original, picture(seed + 100, (480, 800))) > 2 * NEAR_BITS


def test_an_empty_picture_looks_like_nothing():
    assert perceptual_hash(Image.new("RGB", (100, 100), (7, 7, 7))) is None


@pytest.mark.parametrize("workers", [1, 3, None])
def test_order_and_repeats(tmp_path, workers):
    paths = [tmp_path / f"{number}.jpg" for number in range(30)]
    for number, path in enumerate(paths):
        write_image(path, seed=number)
    found = list(probe_images([*paths, paths[0]], workers=workers))
    assert [path for path, _ in found] == paths
    assert len({facts.content for _, facts in found}) == 30


def test_stopping_early_stops_the_workers(tmp_path):
    paths = [Path(tmp_path, f"{number}.jpg") for number in range(50)]
    for path in paths:
        write_image(path)
    probing = probe_images(paths, workers=2)
    next(probing)
    probing.close()
