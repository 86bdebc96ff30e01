"""The image cache: filled by one command, used by the next, never silently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entries.conftest import SHORT, SMALL_NET
from fairmot_pl.data.image_cache import ImageCache
from fairmot_pl.data.synthetic import render_dataset

TRAIN = [
    *SMALL_NET,
    *SHORT,
    *(
        "trainer.accelerator=cpu",
        "trainer.devices=1",
        "data.batch_size=2",
        "data.num_workers=0",
        "trainer.max_epochs=1",
    ),
    *("logger.mode=disabled", "data.val=null"),
]


@pytest.fixture
def data(tmp_path):
    render_dataset(tmp_path / "set", train=1, val=0, frames=6, people=2, image_size=(96, 160))
    return ["data=mot_folder", f"data.root={tmp_path / 'set'}", "data.input_size=[64,96]"]


def record(ran) -> dict:
    return json.loads((ran.folder / "provenance.json").read_text())["data"]


def test_the_cache_is_filled_once_and_used_by_itself(run, data, tmp_path):
    assert record(run("train", *data, *TRAIN))["image cache"] == "not used"
    (tmp_path / "set" / "train" / "SYN-01" / "img1" / "000003.jpg").write_bytes(b"torn")
    first = run("prepare_data", *data)
    assert first.metrics["images/written"] == 5
    assert first.metrics["images/broken"] == 1
    assert "they lie in" in first.out + first.err
    assert "000003.jpg: not a readable image" in first.out + first.err
    assert f"next: python -m fairmot_pl.train {' '.join(data[:2])}" in first.out
    again = run("prepare_data", *data, "workers=1")
    assert (again.metrics["images/written"], again.metrics["images/already_there"]) == (0, 5)
    used = run("train", *data, *TRAIN, "data.max_broken_share=0.5")
    entries = tmp_path / "set" / ".image_cache" / "64x96-raw"
    assert record(used)["image cache"] == f"5 of 6 images from {entries}"
    assert "image cache: 5 of 6 images" in used.out + used.err
    assert (
        record(run("train", *data, *TRAIN, "data.max_broken_share=0.5", "data.cache=off"))["image cache"] == "not used"
    )


def test_a_cache_elsewhere_must_be_there(run, refused, data, tmp_path):
    there = f"data.cache={tmp_path / 'cache'}"
    said = refused("train", *data, *TRAIN, there)
    assert "holds none of the training images at 64 x 96" in said
    run("prepare_data", *data, there, "format=jpeg")
    ran = run("train", *data, *TRAIN, there)
    assert record(ran)["image cache"] == f"6 of 6 images from {tmp_path / 'cache' / '64x96-jpeg95'}"


def test_images_that_need_no_resizing_lie_nowhere_else(run, data, tmp_path):
    ran = run("prepare_data", *data[:2], "data.input_size=[96,160]")
    said = ran.out + ran.err
    assert "6 are no larger than the network input" in said
    assert "they lie in" not in said
    assert not (tmp_path / "set" / ".image_cache").exists()


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("data.cache=off", "data.cache is off"),
        ("format=png", "format is 'png'; expected one of 'raw', 'jpeg'"),
        ("workers=0", "workers is 0"),
        ("formt=raw", "Did you mean 'format'"),
    ],
)
def test_what_cannot_be_meant(refused, data, argument, words):
    assert words in refused("prepare_data", *data, argument)


def test_a_full_disk_is_seen_before_it_is_full(refused, data, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    said = refused("prepare_data", *data)
    assert "6 images need about 0.0 GB" in said
    assert "format=jpeg" in said


def test_ctrl_c_keeps_what_is_done(run, data, monkeypatch, capfd):
    write, calls = ImageCache.write, []

    def interrupted(cache, frame):
        calls.append(frame)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return write(cache, frame)

    monkeypatch.setattr(ImageCache, "write", interrupted)
    with pytest.raises(SystemExit) as stop:
        run("prepare_data", *data, "workers=1")
    assert stop.value.code == 130
    assert "stopped after 3 images; the same command goes on" in capfd.readouterr().err
    monkeypatch.undo()
    monkeypatch.chdir(Path(data[1].partition("=")[2]).parent)
    after = run("prepare_data", *data)
    assert 3 <= after.metrics["images/already_there"] <= 5  # one may have been at work
    assert after.metrics["images/written"] == 6 - after.metrics["images/already_there"]
