"""Frames in: a folder of images, a MOTChallenge sequence or a video file, read one frame at a time."""

from __future__ import annotations

import logging
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.images import read_image
from fairmot_pl.data.video_frames import decode_frames, read_video_header, upright_pixels
from fairmot_pl.inference.video_writer import VideoWriter
from fairmot_pl.mot_format import read_seqinfo

__all__ = ["FolderSource", "FrameSource", "VideoSource", "VideoWriter", "open_source"]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
DEFAULT_FRAME_RATE = 25.0

Image = NDArray[np.uint8]

logger = logging.getLogger(__name__)


class FrameSource(ABC):
    """Frames in order; iterating yields `(frame number from 1, (H, W, 3) uint8 RGB)` and can be repeated.

    Attributes:
        name: what to call results made from it.
        frame_rate: frames per second.
        frame_count: number of frames, or None where the file does not say.
    """

    name: str
    frame_rate: float
    frame_count: int | None

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[int, Image]]: ...


class FolderSource(FrameSource):
    """The images of a folder in natural order (`frame2` before `frame10`).

    Args:
        folder: a folder of images, or a MOTChallenge sequence (`img1/` and `seqinfo.ini`).
        frame_rate: overrides what `seqinfo.ini` says; a folder without one has 25.

    Raises:
        ValueError: no image in the folder; when iterated, an image that is unreadable.
    """

    def __init__(self, folder: Path, *, frame_rate: float | None = None) -> None:
        folder = Path(os.path.abspath(folder))
        sequence = folder.parent if folder.name == "img1" else folder
        info = read_seqinfo(sequence / "seqinfo.ini") if (sequence / "seqinfo.ini").is_file() else None
        inner = sequence / (info.image_folder if info else "img1")
        images = inner if inner.is_dir() else folder
        self.paths = sorted(filter(_is_image, images.iterdir()), key=_natural)
        if not self.paths:
            allowed = ", ".join(sorted(IMAGE_SUFFIXES))
            raise ValueError(f"{images}: no image in this folder; allowed are {allowed}")
        self.name = sequence.name
        self.frame_rate = _frame_rate(folder, frame_rate, info.frame_rate if info else None)
        self.frame_count = len(self.paths)

    def __iter__(self) -> Iterator[tuple[int, Image]]:
        for number, path in enumerate(self.paths, start=1):
            yield number, read_image(path)


class VideoSource(FrameSource):
    """The frames of a video file, upright even where the file only says to turn them (telephones do).

    Args:
        path: any file FFmpeg can decode.
        frame_rate: overrides what the file says; a file that does not say has 25.

    Raises:
        ValueError: the file holds no video that can be decoded.
    """

    def __init__(self, path: Path, *, frame_rate: float | None = None) -> None:
        self.path = path
        self.name = path.stem
        header = read_video_header(path)
        self.frame_count = header.frame_count
        self.frame_rate = _frame_rate(path, frame_rate, header.frame_rate)

    def __iter__(self) -> Iterator[tuple[int, Image]]:
        number = 0
        for number, frame in enumerate(decode_frames(self.path), start=1):
            yield number, upright_pixels(frame)
        if number < (self.frame_count or 0):  # the count of a header may be off, so this is no error
            logger.warning("%s ends after frame %d of %d; it may be cut off", self.path, number, self.frame_count)


def open_source(path: Path | str, *, frame_rate: float | None = None) -> FrameSource:
    """Open a folder of images, a MOTChallenge sequence or a video file.

    Args:
        path: the folder or file.
        frame_rate: frames per second; overrides what the source says.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: an empty folder, a file that is no video, a senseless frame rate.
    """
    path = Path(path)
    if frame_rate is not None and not 0 < frame_rate < float("inf"):
        raise ValueError(f"frame_rate is {frame_rate}; a positive number of frames per second is needed")
    if path.is_dir():
        return FolderSource(path, frame_rate=frame_rate)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file or folder; give a video, a folder of images or a MOTChallenge sequence"
        )
    return VideoSource(path, frame_rate=frame_rate)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key that reads runs of digits as numbers; the text itself settles `1.jpg` against `01.jpg`."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts] + [(-1, path.name)]


def _frame_rate(path: Path, given: float | None, declared: float | None) -> float:
    rate = given or declared
    if rate is None:
        logger.warning("%s does not say its frame rate; %g frames per second are assumed", path, DEFAULT_FRAME_RATE)
    return float(rate or DEFAULT_FRAME_RATE)
