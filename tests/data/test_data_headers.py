from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from data.conftest import write_image, write_turned_image
from fairmot_pl.data import headers
from fairmot_pl.data.headers import read_headers
from fairmot_pl.data.images import read_image


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A cache of the test's own, for sets of any size."""
    monkeypatch.setenv("FAIRMOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(headers, "KEPT_FROM", 1)
    return tmp_path / "cache" / "image_sizes"


def test_sizes_are_those_of_the_pixels_read_whatever_the_note_says(tmp_path):
    paths = []
    for orientation in range(1, 9):
        paths.append(tmp_path / f"{orientation}.jpg")
        write_turned_image(paths[-1], (40, 64), orientation)
    found = read_headers(paths, "test")
    assert found.orientations.tolist() == list(range(1, 9))
    assert found.sizes.tolist() == [list(read_image(path).shape[:2]) for path in paths] == [[40, 64]] * 8


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp"])
def test_no_pixel_is_decoded(tmp_path, monkeypatch, suffix):
    write_image(tmp_path / f"a{suffix}", (48, 80))
    monkeypatch.setattr(Image.Image, "load", None)
    found = read_headers([tmp_path / f"a{suffix}"], "test")
    assert (found.sizes.tolist(), found.orientations.tolist(), found.faults) == ([[48, 80]], [1], {})


def test_what_cannot_be_read_is_told_apart(tmp_path):
    write_image(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"nothing")
    found = read_headers([tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "c.jpg"], "test")
    assert found.sizes.tolist() == [[48, 80], [0, 0], [0, 0]]
    assert set(found.faults) == {1, 2}
    assert isinstance(found.faults[2], FileNotFoundError)


def test_files_that_did_not_change_are_not_opened_again(tmp_path, kept, monkeypatch):
    paths = [tmp_path / name for name in ("a.jpg", "b.png")]
    for path in paths:
        write_image(path)
    first = read_headers(paths, "test")
    opened = []
    real = Image.open
    monkeypatch.setattr(headers.Image, "open", lambda path: opened.append(path) or real(path))
    np.testing.assert_array_equal(read_headers(paths, "test").sizes, first.sizes)
    assert opened == []
    write_image(paths[1], (24, 40))
    assert read_headers(paths, "test").sizes.tolist() == [[48, 80], [24, 40]]
    assert opened == [paths[1]]
    os.utime(paths[0], ns=(1, 1))
    read_headers(paths, "test")
    assert opened == [paths[1], paths[0]]


def test_a_damaged_file_is_asked_again_and_the_others_are_not(tmp_path, kept, monkeypatch):
    paths = [tmp_path / name for name in ("a.jpg", "b.jpg")]
    write_image(paths[0])
    paths[1].write_bytes(b"")
    os.utime(paths[1], ns=(0, 0))
    asked = []
    real = Image.open
    monkeypatch.setattr(headers.Image, "open", lambda path: asked.append(path) or real(path))
    for opened in (paths, paths[1:]):
        asked.clear()
        assert set(read_headers(paths, "test").faults) == {1}
        assert sorted(asked) == opened


@pytest.mark.parametrize(
    ("damaged", "total", "fine"), [(0, 5, True), (1, 2, True), (1, 1, False), (2, 199, False), (2, 200, True)]
)
@pytest.mark.filterwarnings("ignore:.*damaged and left out")
def test_a_few_damaged_images_are_left_out_and_many_are_not(damaged, total, fine):
    faults = {place: OSError("torn") for place in range(damaged)}
    found = headers.Headers(np.ones((total, 2), np.int64), np.ones(total, np.int64), faults)
    if fine:
        assert headers.readable(found, "set", str, "").tolist() == [False] * damaged + [True] * (total - damaged)
    else:
        with pytest.raises(ValueError, match=rf"set: {damaged} of {total} images are damaged, the first is 0 \(torn\)"):
            headers.readable(found, "set", str, "")


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x93NUMPY"])
def test_a_broken_cache_is_written_anew(tmp_path, kept, content):
    write_image(tmp_path / "a.jpg")
    read_headers([tmp_path / "a.jpg"], "test")
    (file,) = kept.iterdir()
    sound = file.read_bytes()
    file.write_bytes(content)
    assert read_headers([tmp_path / "a.jpg"], "test").sizes.tolist() == [[48, 80]]
    assert file.read_bytes() == sound


def test_no_room_for_the_cache_is_no_error(tmp_path, kept, monkeypatch):
    kept.parent.parent.mkdir(exist_ok=True)
    kept.parent.write_text("a file stands in its way")
    write_image(tmp_path / "a.jpg")
    assert read_headers([tmp_path / "a.jpg"], "test").sizes.tolist() == [[48, 80]]


def test_small_sets_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRMOT_CACHE", str(tmp_path / "cache"))
    write_image(tmp_path / "a.jpg")
    read_headers([tmp_path / "a.jpg"], "test")
    assert not (tmp_path / "cache").exists()
