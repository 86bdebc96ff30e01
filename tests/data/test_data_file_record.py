"""A record of the data tells every change of a file, and nothing but changes."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest

from fairmot_pl.data.file_record import file_record_text, fingerprint, record_files
from fairmot_pl.data.sources import read_sources
from fairmot_pl.reporting.file_changes import file_changes


@pytest.fixture
def root(tmp_path):
    """Two short sequences."""
    rng = np.random.default_rng(1)
    for name in ("A-01", "A-02"):
        folder = tmp_path / "world" / "train" / name
        (folder / "img1").mkdir(parents=True)
        (folder / "gt").mkdir()
        rows = [f"{frame},1,10,10,20,40,1,1,1" for frame in (1, 2, 3)]
        (folder / "gt" / "gt.txt").write_text("\n".join(rows) + "\n")
        (folder / "seqinfo.ini").write_text(
            f"[Sequence]\nname={name}\nimDir=img1\nframeRate=25\nseqLength=3\nimWidth=96\nimHeight=64\nimExt=.jpg\n"
        )
        for frame in (1, 2, 3):
            image = rng.integers(0, 255, (64, 96, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / "img1" / f"{frame:06d}.jpg"), image)
    return tmp_path / "world"


def read(root):
    sets = read_sources({"set": {"format": "mot", "path": ".", "split": "full"}}, root)
    return record_files({"train": sets}, root)


def test_moved_data_have_the_same_record(root, tmp_path):
    there = read(root)
    assert list(there["sequences"]) == ["train/set/A-01", "train/set/A-02"]
    assert there["sequences"]["train/set/A-01"]["folder"] == "train/A-01/img1"
    moved = read(shutil.copytree(root, tmp_path / "elsewhere"))
    assert moved == there
    assert fingerprint(moved) == fingerprint(there)
    assert json.loads(file_record_text(there)) == there


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("train/A-01/img1/000002.jpg", flip_a_byte, ["train/A-01/img1/000002.jpg has other content"]),
        (
            "train/A-02/gt/gt.txt",
            lambda path: path.write_text(path.read_text().replace("2,1,10", "2,1,11")),
            [
                "train/set/A-02: gt/gt.txt has other content",
                "train/set/A-02: the annotation of 000002.jpg reads otherwise",
            ],
        ),
        (
            "train/A-02/gt/gt.txt",
            lambda path: path.write_text(path.read_text() + "3,2,10,10,20,40,0,8,1\n"),  # a distractor
            ["train/set/A-02: gt/gt.txt has other content"],
        ),
        (
            "train/A-02/seqinfo.ini",
            lambda path: path.write_text(path.read_text().replace("=25", "=30")),
            ["train/set/A-02: seqinfo.ini has other content", "train/set/A-02: 25.0 frames per second -> 30.0"],
        ),
        ("train/A-02", shutil.rmtree, ["train/set/A-02: the sequence is not there any more"]),
    ],
)
def test_a_change_is_named(root, file, change, said):
    before = read(root)
    change(root / file)
    after = read(root)
    assert file_changes(before["sequences"], after["sequences"]) == said
    assert fingerprint(before) != fingerprint(after)
