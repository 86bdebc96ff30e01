"""Bad input: one clear line, exit status 1, no traceback."""

from __future__ import annotations

import shutil

import pytest

from entries.conftest import SHORT, SMALL_NET, TINY
from fairmot_pl.data.synthetic import render_dataset

BASE = [
    *SMALL_NET,
    *SHORT,
    *("trainer.accelerator=cpu", "trainer.devices=1", "data.input_size=[96,160]", "data.batch_size=2"),
    *("data.num_workers=0", "logger.mode=disabled"),
]


@pytest.fixture
def folder(tmp_path):
    render_dataset(tmp_path / "set", train=1, val=0, frames=4, people=2, image_size=(96, 160))
    return tmp_path / "set"


def edit(path, change):
    path.write_text(change(path.read_text()))


def break_row(sequence):
    edit(sequence / "gt" / "gt.txt", lambda text: text + "3,one,5,5,5,5\n")


def wrong_length(sequence):
    edit(sequence / "seqinfo.ini", lambda text: text.replace("seqLength=4", "seqLength=9"))


def wrong_size(sequence):
    edit(sequence / "seqinfo.ini", lambda text: text.replace("imWidth=160", "imWidth=320"))


def no_images(sequence):
    shutil.rmtree(sequence / "img1")


def unreadable_image(sequence):
    (sequence / "img1" / "000002.jpg").write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (break_row, ["gt.txt, line", "3,one,5,5,5,5"]),
        (wrong_length, ["seqinfo.ini", "9", "4"]),
        (wrong_size, ["seqinfo.ini", "320", "160"]),
        (no_images, ["SYN-01", "img1"]),
        (unreadable_image, ["000002.jpg"]),
    ],
)
def test_broken_sequences(refused, folder, harm, words):
    harm(folder / "train" / "SYN-01")
    said = refused("train", "data=mot_folder", f"data.root={folder}", *BASE, "data.max_broken_share=0")
    assert all(word in said for word in words), said


def test_an_error_of_a_loader_process_is_one_line_too(refused, folder):
    unreadable_image(folder / "train" / "SYN-01")
    base = [each for each in BASE if not each.startswith("data.num_workers")]
    said = refused(
        "train", "data=mot_folder", f"data.root={folder}", *base, "data.num_workers=1", "data.max_broken_share=0"
    )
    assert "000002.jpg" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data=mot_folder", "data.root=nowhere"], ["nowhere", "data.root=FOLDER"]),
        (["data=mot_folder", "data.root={folder}", "data.val.folder.sequences=[SYN-77]"], ["SYN-77"]),
        (["data=mot_folder", "data.root={folder}", "data.input_size=[100,160]"], ["input_size", "multiples of 32"]),
        (["data=mot_folder", "data.root={folder}", "model.backbone=dla43"], ["dla43", "dla34"]),
        (["data=mot_folder", "data.root={folder}", "model.init_from=nowhere.ckpt"], ["nowhere.ckpt", "not there"]),
        (["data=mot_folder", "data.root={folder}", "trainer.devices=0"], ["trainer", "devices"]),
        (["data=mot_folder", "data.root={folder}", "trainer.precision=7"], ["trainer", "precision"]),
        (["data=mot_folder", "data.root={folder}", "data.train.folder.format=mott"], ["mott", "mot"]),
    ],
)
def test_settings_that_meet_nothing(refused, folder, arguments, words):
    given = [argument.format(folder=folder) for argument in arguments]
    said = refused("train", *[each for each in BASE if each.partition("=")[0] not in "".join(given)], *given)
    assert all(word in said for word in words), said


def test_an_empty_validation_set(refused, folder):
    edit(folder / "train" / "SYN-01" / "gt" / "gt.txt", lambda text: text)
    said = refused(
        *("train", "data=mot_folder", f"data.root={folder}", *BASE),
        *("data.train.folder.split=full", "data.val.folder.split=second_half", "data.val.folder.sequences=[]"),
    )
    assert "validation set is empty" in said


def test_evaluate_needs_a_checkpoint_that_is_one(refused, tmp_path, world_root):
    data = [f"data.root={world_root}", *TINY]
    assert "checkpoint is missing" in refused("evaluate", *data)
    assert "nowhere is not there" in refused("evaluate", "checkpoint=nowhere", *data)
    (tmp_path / "cut.ckpt").write_bytes(b"PK\x03\x04 cut")
    assert "cut.ckpt cannot be read" in refused("evaluate", "checkpoint=cut.ckpt", *data)


def test_devices_are_checked_before_anything_is_read(refused, world_root):
    data = [f"data.root={world_root}", *TINY]
    assert "precision" in refused("evaluate", "checkpoint=nowhere", *data, "trainer.precision=7")
    assert "devices" in refused("evaluate", "checkpoint=nowhere", *data[:-1], "trainer.devices=0")
    track = ["track", "source=nowhere.mp4", "checkpoint=nowhere"]
    assert "device is 'cuda:99'" in refused(*track, "device=cuda:99")
    assert "precision is 'half'; allowed: 'auto', 'float32'" in refused(*track, "precision=half")
    assert "input_size is" in refused(*track, "input_size=[100,160]")


def test_track_needs_a_source(refused, tmp_path):
    assert "source is missing" in refused("track", "checkpoint=a")
    assert "no such file or folder" in refused("track", "source=nowhere.mp4", "checkpoint=a")
    (tmp_path / "notes.mp4").write_text("no video")
    assert "not a video that can be decoded" in refused("track", "source=notes.mp4", "checkpoint=a")


def test_a_full_disk(refused, folder, monkeypatch):
    import errno
    import os

    from fairmot_pl import files

    def full(source, destination):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "replace", full)
    said = refused("train", "data=mot_folder", f"data.root={folder}", *BASE)
    assert "could not be written: No space left on device" in said
