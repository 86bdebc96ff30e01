"""Where the cache of images is looked for, and what becomes of one that holds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.dataset import TrainingSamples
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.sources import read_sources
from fairmot_pl.data.synthetic import render_dataset
from fairmot_pl.training.cache_choice import CacheChoice

SIZE = (32, 64)


def choice(setting, root=Path("data")) -> CacheChoice:
    return CacheChoice(setting=setting, root=root, input_size=SIZE)


@pytest.mark.parametrize(
    ("setting", "folder"),
    [("auto", Path("data/.image_cache")), ("there", Path("there")), ("~/there", Path.home() / "there")],
)
def test_where_it_lies(setting, folder):
    assert choice(setting).find().folder == folder


@pytest.mark.parametrize("setting", ["off", False, ""])
def test_it_may_be_off(setting):
    assert choice(setting).find() is None


def test_true_is_no_place():
    with pytest.raises(ValueError, match=r"data\.cache is true; allowed: auto, off, or the path of a folder"):
        choice(True)


def test_the_fastest_format_that_is_there(tmp_path):
    chosen = choice(str(tmp_path))
    assert chosen.find().format == "raw"  # to be filled
    chosen.find("jpeg").entries.mkdir()
    assert chosen.find().format == "jpeg"
    chosen.find("raw").entries.mkdir()
    assert chosen.find().format == "raw"


def test_one_that_was_asked_for_must_hold_something(tmp_path):
    render_dataset(tmp_path, train=1, val=0, frames=2, people=1, image_size=(64, 96))
    (source,) = read_sources({"a": {"format": "mot", "path": "."}}, tmp_path)
    there, auto, off = (choice(setting, tmp_path) for setting in (str(tmp_path / "there"), "auto", "off"))

    def samples(cache) -> TrainingSamples:
        index = IdentityIndex.build([(source.name, source.sequences)])
        return TrainingSamples([source], index, augmentation=Augmentation(input_size=SIZE), max_objects=8, cache=cache)

    for chosen in (auto, off):
        without = samples(chosen.find())
        chosen.check(without)
        assert chosen.use(without) == "not used"
    with pytest.raises(ValueError, match=r"there holds none of the training images at 32 x 64; fill it with"):
        there.check(samples(there.find()))
    there.find().write(source.sequences[0].frames[0])
    filled = samples(there.find())
    there.check(filled)
    assert there.use(filled) == f"1 of 2 images from {tmp_path / 'there' / '32x64-raw'}"
