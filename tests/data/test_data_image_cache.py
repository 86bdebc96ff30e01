from __future__ import annotations

import os
import shutil

import cv2
import numpy as np
import pytest

from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.dataset import TrainingSamples
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.image_cache import FORMATS, ImageCache
from fairmot_pl.data.images import read_image, resize_area
from fairmot_pl.data.sources import read_sources

INPUT = (32, 64)


@pytest.fixture
def source(make_sequence, tmp_path):
    make_sequence(frames=3)
    return read_sources({"people": {"format": "mot", "path": "set"}}, tmp_path)[0]


@pytest.fixture
def frames(source):
    return source.sequences[0].frames


def cache(tmp_path, **more) -> ImageCache:
    return ImageCache(**{"folder": tmp_path / "cache", "input_size": INPUT, **more})


def samples(source, **more) -> TrainingSamples:
    index = IdentityIndex.build([(source.name, source.sequences)])
    return TrainingSamples([source], index, augmentation=Augmentation(input_size=INPUT), max_objects=8, **more)


@pytest.mark.parametrize(("format", "tolerance"), [("raw", 0), ("jpeg", 3)])
def test_an_entry_is_the_image_averaged_to_its_letterbox(frames, tmp_path, format, tolerance):
    store = cache(tmp_path, format=format)
    assert store.find(frames) == [None] * 3
    assert store.write(frames[1]) > 0
    assert store.write(frames[1]) == 0  # a second run has nothing to do
    found = store.find(frames)
    assert [entry is not None for entry in found] == [False, True, False]
    picture = store.read(found[1], frames[1].image_size)
    assert picture.size == (48, 80)
    assert picture.step == (48 / 32, 80 / 53)
    expected = resize_area(read_image(frames[1].image_path), (32, 53))
    assert np.abs(picture.pixels.astype(int) - expected).mean() <= tolerance


def test_small_images_are_their_own_entry(frames, tmp_path):
    store = cache(tmp_path, input_size=(64, 96))
    assert store.placed_size((48, 80)) is None
    assert store.write(frames[0]) == 0
    assert not store.folder.exists()


@pytest.mark.parametrize("change", ["content", "bytes", "input size", "format"])
def test_what_has_changed_is_not_found(frames, tmp_path, change):
    store = cache(tmp_path)
    store.write(frames[0])
    path = frames[0].image_path
    if change == "content":  # of the same size and time
        state, content = path.stat(), bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(0, state.st_mtime_ns))
    elif change == "bytes":
        state = path.stat()
        path.write_bytes(path.read_bytes() + b"\0")
        os.utime(path, ns=(0, state.st_mtime_ns))
    else:
        store = cache(tmp_path, **({"input_size": (32, 32)} if change == "input size" else {"format": "jpeg"}))
    assert store.find(frames[:1]) == [None]


def test_data_and_cache_can_move_together(frames, tmp_path):
    cache(tmp_path).write(frames[0])
    before = cache(tmp_path).find(frames[:1])[0].name
    elsewhere = tmp_path / "elsewhere"
    for part in ("set", "cache"):
        shutil.copytree(tmp_path / part, elsewhere / part, copy_function=shutil.copyfile)  # times are new
    moved = read_sources({"people": {"format": "mot", "path": "set"}}, elsewhere)[0].sequences[0].frames
    (entry,) = cache(elsewhere).find(moved[:1])
    assert entry is not None
    assert entry.name == before


def test_training_uses_it_and_keeps_to_the_same_view(source, tmp_path):
    plain = samples(source)
    for frame in source.sequences[0].frames[:2]:
        cache(tmp_path).write(frame)
    used = samples(source, cache=cache(tmp_path))
    assert (plain.cached, used.cached) == (0, 2)
    for index in range(3):
        first, second = plain[0, index], used[0, index]
        for one, other in zip(first.targets, second.targets, strict=True):
            np.testing.assert_array_equal(one, other)
        difference = np.abs(first.image.numpy().astype(int) - second.image.numpy())
        assert difference.mean() < 4  # blocks of 8 pixels: nothing but edges
        assert (difference.max() == 0) == (index == 2)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("content", [b"", b"torn"])
def test_a_damaged_entry_falls_back_to_its_image_aloud(source, tmp_path, format, content):
    store = cache(tmp_path, format=format)
    frame = source.sequences[0].frames[0]
    store.write(frame)
    used = samples(source, cache=store)
    store.find([frame])[0].write_bytes(content)
    with pytest.warns(UserWarning, match="damaged entry of the image cache"):
        sample = used[0, 0]
    assert not sample.broken
    assert (sample.image == samples(source)[0, 0].image).all()


def test_a_broken_image_has_no_entry(frames, tmp_path):
    store = cache(tmp_path)
    frames[0].image_path.write_bytes(b"nothing")
    cv2.imwrite(str(frames[1].image_path), np.zeros((20, 30, 3), np.uint8))
    for frame, message in zip(frames, ("not a readable image", "is 30 x 20 pixels"), strict=False):
        with pytest.raises(ValueError, match=message):
            store.write(frame)
    assert not store.folder.exists()


def test_a_place_that_cannot_be_written_to_is_named(frames, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(OSError, match=r"cache.*could not be written.*data\.cache=FOLDER"):
        cache(tmp_path).write(frames[0])


def test_formats(tmp_path):
    with pytest.raises(ValueError, match="format is 'png'; allowed: raw, jpeg"):
        cache(tmp_path, format="png")
