"""Decode every image once, in parallel, and keep what the checks need of it: size, content hash, a perceptual hash."""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

HASH_GRID = (16, 16)
"""Rows and columns of brightness steps in the perceptual hash: 256 bits."""

_DRAFT = (128, 96)
"""JPEG is shrunk by the power of two that leaves at least so much: every bit is read, few pixels are made."""

_ORIENTATION = 0x0112
_END = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
_TAIL = 64  # bytes in which the mark of the end is looked for
_FLAT = 2.0  # grey levels: a picture whose cells differ less has no hash


@dataclass(frozen=True)
class ImageFacts:
    """What is known of an image file.

    Args:
        problem: name of the check it fails, or empty.
        detail: what the decoder says.
        size: height and width as stored.
        orientation: the camera's rotation note, 1 = upright.
        content: hash of the file; empty where it cannot be read.
        looks: `(32,)` uint8, 256 bits of "is a cell brighter than its left neighbour"; None for an empty picture.
        bytes_read: size of the file.
    """

    problem: str = ""
    detail: str = ""
    size: tuple[int, int] = (0, 0)
    orientation: int = 1
    content: bytes = b""
    looks: NDArray[np.uint8] | None = None
    bytes_read: int = 0


def probe_image(path: Path) -> ImageFacts:
    """Read and decode one image; what is wrong with it is part of the answer."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ImageFacts("missing-image", "no such file")
    except OSError as error:
        return ImageFacts("unreadable-image", error.strerror or str(error))
    digest, length = hashlib.blake2b(content, digest_size=16).digest(), len(content)
    if not content:
        return ImageFacts("empty-image", "0 bytes", content=digest)
    size, orientation = (0, 0), 1
    try:
        with Image.open(io.BytesIO(content)) as image:
            size = image.height, image.width
            orientation = int(image.getexif().get(_ORIENTATION, 1))
            grey = _strict_jpeg(content, size) if image.format in ("JPEG", "MPO") else None
            image.draft("L", _DRAFT)
            looks = perceptual_hash(grey or image)  # decodes what is not decoded yet
            if not _training_reads(content):
                ended = _END.get(str(image.format), b"") in content[-_TAIL:]
                problem = "unreadable-image" if ended else "truncated-image"
                return ImageFacts(problem, "training's decoder refuses it", size, orientation, digest, None, length)
            if grey is None and image.format in ("JPEG", "MPO"):
                return ImageFacts("damaged-image", "a part of it is no JPEG", size, orientation, digest, looks, length)
    except Exception as error:  # whatever a decoder raises at damaged content
        cut = "truncated" in str(error).lower() or isinstance(error, EOFError)
        problem = "truncated-image" if cut and size != (0, 0) else "unreadable-image"
        detail = f"{str(error) or type(error).__name__}" if size != (0, 0) else f"no image format ({length} bytes)"
        return ImageFacts(problem, detail, size, orientation, digest, None, length)
    return ImageFacts("", "", size, orientation, digest, looks, length)


def _training_reads(content: bytes) -> bool:
    """Whether the decoder of `fairmot_pl.data.images` takes it; unlike Pillow it forgives no missing end."""
    flags = cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_IGNORE_ORIENTATION  # all bits are read, few pixels are made
    return cv2.imdecode(np.frombuffer(content, np.uint8), flags) is not None


def _strict_jpeg(content: bytes, size: tuple[int, int]) -> Image.Image | None:
    """The brightness of a JPEG image, shrunk by a power of two; None where a part of it makes no sense.

    Viewers and training put up with a block of rubbish in the midst; FFmpeg can be told not to.
    """
    import av

    codec = av.CodecContext.create("mjpeg", "r")
    shrink = next((step for step in (3, 2, 1) if min(size[1] / _DRAFT[0], size[0] / _DRAFT[1]) >= 2**step), 0)
    codec.options = {"err_detect": "explode", "lowres": str(shrink)}
    codec.thread_count = 1  # images are decoded side by side
    try:
        frames: list[Any] = [found for packet in (av.Packet(content), None) for found in codec.decode(packet)]
        plane = frames[0].planes[0]
    except (av.error.FFmpegError, IndexError):
        return None
    cells = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
    return Image.fromarray(np.ascontiguousarray(cells))


def perceptual_hash(image: Image.Image) -> NDArray[np.uint8] | None:
    """The brightness steps of an image from left to right, on a grid; close for copies of other size or quality.

    Measured: re-encoded and resized MOT frames differ in at most 10 bits, rendered ones in 25; frames of different
    videos in at least 88.
    """
    rows, columns = HASH_GRID
    grey = image.convert("L").resize((columns + 1, rows), Image.Resampling.BILINEAR)
    cells = np.asarray(grey, np.int16)
    if cells.std() < _FLAT:
        return None
    return np.packbits(cells[:, 1:] > cells[:, :-1])


def probe_images(paths: Sequence[Path], *, workers: int | None = None) -> Iterator[tuple[Path, ImageFacts]]:
    """Probe many images side by side. Reading and decoding run outside of Python's lock, so threads are enough.

    Args:
        paths: image files; a file named twice is probed once.
        workers: threads; None: one more than there are cores, as one of them waits for the disk.

    Yields:
        Path and facts in the order of `paths`, as soon as they are there.
    """
    workers = workers or _cores() + 1
    waiting: deque[tuple[Path, Future[ImageFacts]]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for path in dict.fromkeys(paths):
            waiting.append((path, pool.submit(probe_image, path)))
            if len(waiting) >= 8 * workers:  # few in flight: memory stays flat and Ctrl-C answers at once
                path, future = waiting.popleft()
                yield path, future.result()
        for path, future in waiting:
            yield path, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
