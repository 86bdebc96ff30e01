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
from fairmot_pl.data.audit.image_structure import is_sound


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


def patched(content: bytes, block: bytes) -> bytes:
    """A block of something else in the midst."""
    middle = len(content) // 2
    return content[:middle] + block + content[middle + len(block) :]


def large_picture(**options) -> bytes:
    noise = np.random.default_rng(0).normal(0, 12, (480, 640, 3))
    image = np.asarray(picture(0, (480, 640))) + noise
    return encoded(Image.fromarray(image.clip(0, 255).astype(np.uint8)), quality=90, **options)


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
@pytest.mark.parametrize("thorough", [False, True])
def test_what_is_wrong_with_a_file(tmp_path, content, problem, thorough):
    path = tmp_path / "image.jpg"
    path.write_bytes(content())
    facts = probe_image(path, thorough=thorough)
    assert facts.problem == problem, facts
    assert facts.bytes_read == len(content())
    assert problem in ("empty-image", "unreadable-image") or facts.size == (120, 200)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"optimize": True},
        {"subsampling": 0, "restart_marker_rows": 1},
        {"restart_marker_blocks": 3, "progressive": True},
        {"comment": b"\xff\xd9 within a segment"},
        {"exif": Image.Exif()},
    ],
)
def test_whole_files_are_sound_without_decoding(options):
    assert is_sound(large_picture(**options))
    assert is_sound(encoded(picture(0).convert("L"), **options))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_whole_png_files_are_sound(mode):
    assert is_sound(encoded(picture(0).convert(mode), format="PNG"))


def test_every_cut_of_a_file_is_seen():
    for content in (encoded(picture(0)), encoded(picture(0), progressive=True), encoded(picture(0), format="PNG")):
        assert not any(is_sound(content[:length]) for length in range(len(content)))


def test_every_wrong_byte_of_a_png_is_seen():
    content = encoded(picture(0, (20, 30)), format="PNG")
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 8]) + content[place + 1 :]
        assert not is_sound(changed)


@pytest.mark.parametrize(
    "block",
    [
        bytes(512),
        b"\xff" * 512,
        b"\xaa" * 512,
        np.random.default_rng(0).bytes(4096),
        b"text of some other file, as file systems mix it in. " * 60,
        encoded(picture(1))[:1000],
    ],
)
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_foreign_blocks_are_doubted(block, options):
    assert not is_sound(patched(large_picture(**options), block))


def test_a_piece_taken_out_shows_where_there_are_restarts():
    content = large_picture(restart_marker_rows=1)
    middle = len(content) // 2
    assert not is_sound(content[:middle] + content[middle + 5000 :])


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF"])
def test_what_is_no_image_is_not_sound(content):
    assert not is_sound(content)


def test_a_flat_picture_is_decoded_and_found_whole(tmp_path):
    path = tmp_path / "flat.jpg"
    Image.new("RGB", (1920, 1080), (90, 90, 90)).save(path, optimize=True)
    assert probe_image(path, thorough=False).problem == ""


def test_looks_are_made_where_they_are_asked_for(tmp_path):
    path = tmp_path / "image.jpg"
    path.write_bytes(large_picture())
    assert probe_image(path, looks=False, thorough=False).looks is None
    assert probe_image(path, looks=True, thorough=False).looks is not None
    found = dict(probe_images([path], compared=[path]))
    assert found[path].looks is not None
    assert dict(probe_images([path]))[path].looks is None


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
