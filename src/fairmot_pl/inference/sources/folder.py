"""Frames out of image files: a folder, a MOTChallenge sequence, or a list of images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from fairmot_pl.data.convert.image_folders import natural
from fairmot_pl.data.images import read_image
from fairmot_pl.inference.sources.frame import Frame, FrameSource, check_frame_rate, chosen_frame_rate
from fairmot_pl.seqinfo import read_seqinfo

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


class ImageSource(FrameSource):
    """Image files in natural order (`frame2` before `frame10`).

    Args:
        paths: the files.
        name: what to call results made from them.
        address: where they come from.
        frame_rate: frames per second.

    Raises:
        ValueError: when iterated, an image that is unreadable.
        FileNotFoundError: when iterated, an image that is not there any more.
    """

    def __init__(self, paths: Sequence[Path], *, name: str, address: str, frame_rate: float) -> None:
        super().__init__()
        self.paths = sorted(paths, key=lambda path: natural(path.name))
        self.name, self.address, self.frame_rate = name, address, frame_rate
        self.frame_count = len(self.paths)

    def __iter__(self) -> Iterator[Frame]:
        for number, path in enumerate(self.paths, start=1):
            yield Frame(number, read_image(path), (number - 1) / self.frame_rate)


def open_folder(folder: Path, *, frame_rate: float | None = None) -> ImageSource:
    """The images of a folder, or of a MOTChallenge sequence (`img1/` and `seqinfo.ini`).

    Args:
        folder: the folder.
        frame_rate: overrides what `seqinfo.ini` says; a folder without one has 25.

    Raises:
        ValueError: no image in the folder.
    """
    check_frame_rate(frame_rate)
    folder = Path(os.path.abspath(folder))
    sequence = folder.parent if folder.name == "img1" else folder
    info = read_seqinfo(sequence / "seqinfo.ini") if (sequence / "seqinfo.ini").is_file() else None
    inner = sequence / (info.image_folder if info else "img1")
    images = inner if inner.is_dir() else folder
    paths = list(filter(is_image, images.iterdir()))
    if not paths:
        allowed = ", ".join(sorted(IMAGE_SUFFIXES))
        raise ValueError(f"{images}: no image in this folder; allowed are {allowed}")
    rate = chosen_frame_rate(str(folder), frame_rate, info.frame_rate if info else None)
    return ImageSource(paths, name=sequence.name, address=str(folder), frame_rate=rate)


def is_image(path: Path) -> bool:
    """Whether a path is an image file by its name, and no hidden one."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
