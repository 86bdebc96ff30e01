"""Tiny data sets on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from fairmot_pl.seqinfo import SequenceInfo, write_seqinfo

SIZE = (48, 80)
"""height and width of every generated image"""


def write_image(path: Path, size: tuple[int, int] = SIZE, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (size[0] // 8, size[1] // 8, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_NEAREST))


def write_turned_image(path: Path, size: tuple[int, int] = SIZE, orientation: int = 6) -> None:
    """A JPEG of `size` as stored whose EXIF note asks a viewer to turn it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    note = Image.Exif()
    note[0x0112] = orientation
    ramp = np.linspace(0, 255, size[0] * size[1], dtype=np.uint8).reshape(*size, 1)
    Image.fromarray(np.repeat(ramp, 3, axis=2)).save(path, exif=note)


def write_video(path: Path, frames: int = 6, size: tuple[int, int] = SIZE, rate: int = 20) -> None:
    """Frames of one grey each, getting lighter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            picture = np.full((*size, 3), 20 + 30 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def default_rows(frames: int) -> list[str]:
    """Pedestrians 1 and 7 in every frame, a distractor and a row with flag 0; sorted by id as in MOT17."""
    rows = [f"{frame},1,{frame},5,12,30,1,1,0.75" for frame in range(1, frames + 1)]
    rows += [f"{frame},7,-6,{frame},20.5,41,1,1,0" for frame in range(1, frames + 1)]
    return [*rows, "1,3,2,2,9,9,1,7,1", "1,4,2,2,9,9,0,1,1"]


@pytest.fixture
def make_sequence(tmp_path: Path) -> Callable[..., Path]:
    """Write one MOTChallenge sequence below `tmp_path / "set" / "train"` and return its folder."""

    def make(
        name: str = "MOT17-02-SDP",
        *,
        frames: int = 4,
        rows: list[str] | None = None,
        length: int | None = None,
        said_size: tuple[int, int] = SIZE,
        parent: Path = tmp_path / "set" / "train",
    ) -> Path:
        folder = parent / name
        for frame in range(1, frames + 1):
            write_image(folder / "img1" / f"{frame:06d}.jpg", seed=frame)
        info = SequenceInfo(name=name, frame_rate=25.0, length=length or frames, image_size=said_size)
        write_seqinfo(folder / "seqinfo.ini", info)
        (folder / "gt").mkdir()
        (folder / "gt" / "gt.txt").write_text("\n".join(default_rows(frames) if rows is None else rows) + "\n")
        return folder

    return make


@pytest.fixture
def make_crowd(tmp_path: Path) -> Callable[[list[str | dict]], Path]:
    """Write a CrowdHuman folder; records get their image, texts are written as they are."""

    def make(records: list[str | dict]) -> Path:
        root = tmp_path / "crowd"
        root.mkdir(exist_ok=True)
        for record in records:
            if isinstance(record, dict) and "ID" in record:
                write_image(root / "Images" / f"{record['ID']}.jpg")
        lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
        (root / "annotation_train.odgt").write_text("\n".join(lines) + "\n")
        return root

    return make


@pytest.fixture
def make_jde(tmp_path: Path) -> Callable[[dict[str, list[str] | None], str | None], Path]:
    """Write images with labels (None for no label file) and, if it is named, their list; returns the root."""

    def make(labels: dict[str, list[str] | None], listed_as: str | None = None) -> Path:
        root = tmp_path / "zoo"
        for image, rows in labels.items():
            write_image(root / image)
            if rows is not None:
                label = root / image.replace("images", "labels_with_ids").rsplit(".", 1)[0]
                label.parent.mkdir(parents=True, exist_ok=True)
                label.with_name(label.name + ".txt").write_text("".join(f"{row}\n" for row in rows))
        if listed_as is not None:
            (root / listed_as).parent.mkdir(parents=True, exist_ok=True)
            (root / listed_as).write_text("".join(f"{image}\n" for image in labels))
        return root

    return make


@pytest.fixture
def make_coco(tmp_path: Path) -> Callable[..., Path]:
    """Write a COCO folder with the images that its entries name; returns the root."""

    def make(content: dict, *, sizes: dict[str, tuple[int, int]] | None = None) -> Path:
        root = tmp_path / "coco"
        for entry in content.get("images", []):
            if "file_name" in entry:
                write_image(root / "images" / entry["file_name"], (sizes or {}).get(entry["file_name"], SIZE))
        (root / "annotations").mkdir(parents=True, exist_ok=True)
        (root / "annotations" / "train.json").write_text(json.dumps(content))
        return root

    return make
