"""Read every image once, in parallel, and keep what the checks need of it: size, content hash, a perceptual hash."""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fairmot_pl.data.audit.image_structure import is_sound
from fairmot_pl.data.workers import usable_cores

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
        looks: `(32,)` uint8, 256 bits of "is a cell brighter than its left neighbour"; None for an empty picture, and
            where it was not asked for.
        bytes_read: size of the file.
    """

    problem: str = ""
    detail: str = ""
    size: tuple[int, int] = (0, 0)
    orientation: int = 1
    content: bytes = b""
    looks: NDArray[np.uint8] | None = None
    bytes_read: int = 0


def probe_image(path: Path, *, looks: bool = True, thorough: bool = True) -> ImageFacts:
    """Read one image; what is wrong with it is part of the answer.

    Args:
        path: the image file.
        looks: make the perceptual hash, for which the image is decoded at a fraction of its size.
        thorough: decode every bit also of files whose structure is sound.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ImageFacts("missing-image", "no such file")
    except OSError as error:
        return ImageFacts("unreadable-image", error.strerror or str(error))
    digest, length = hashlib.sha256(content).digest()[:16], len(content)
    if not content:
        return ImageFacts("empty-image", "0 bytes", content=digest)
    decodes = thorough or not is_sound(content)
    size, orientation, problem, detail, hashed = (0, 0), 1, "", "", None
    try:
        with Image.open(io.BytesIO(content)) as image:
            size = image.height, image.width
            orientation = _orientation(image)
            if decodes:
                problem, detail, hashed = _decode(content, image)
            elif looks:
                image.draft("L", _DRAFT)
                hashed = perceptual_hash(image)
    except Exception as error:  # whatever a decoder raises at damaged content
        cut = "truncated" in str(error).lower() or isinstance(error, EOFError)
        problem = "truncated-image" if cut and size != (0, 0) else "unreadable-image"
        detail = f"{str(error) or type(error).__name__}" if size != (0, 0) else f"no image format ({length} bytes)"
    return ImageFacts(problem, detail, size, orientation, digest, hashed, length)


def _orientation(image: Image.Image) -> int:
    """The camera's rotation note; asking a PNG that has none would decode it."""
    return int(image.getexif().get(_ORIENTATION, 1)) if "exif" in image.info else 1


def _decode(content: bytes, image: Image.Image) -> tuple[str, str, NDArray[np.uint8] | None]:
    """Check and reason it fails, if any, and the perceptual hash; every bit of the image is read."""
    is_jpeg = image.format in ("JPEG", "MPO")
    grey = _strict_jpeg(content, (image.height, image.width)) if is_jpeg else None
    image.draft("L", _DRAFT)
    hashed = perceptual_hash(grey or image)  # decodes what is not decoded yet
    if not _training_reads(content):
        ended = _END.get(str(image.format), b"") in content[-_TAIL:]
        return "unreadable-image" if ended else "truncated-image", "training's decoder refuses it", None
    if grey is None and is_jpeg:
        return "damaged-image", "a part of it is no JPEG", hashed
    return "", "", hashed


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


def probe_images(
    paths: Sequence[Path],
    *,
    workers: int | None = None,
    compared: Collection[Path] = (),
    thorough: bool = False,
) -> Iterator[tuple[Path, ImageFacts]]:
    """Probe many images side by side. Reading and decoding run outside of Python's lock, so threads are enough.

    Args:
        paths: image files; a file named twice is probed once.
        workers: threads; None: one more than there are cores, as one of them waits for the disk.
        compared: those whose perceptual hash is needed.
        thorough: decode all of them, also those whose structure is sound.

    Yields:
        Path and facts in the order of `paths`, as soon as they are there.
    """
    workers = workers or usable_cores() + 1
    waiting: deque[tuple[Path, Future[ImageFacts]]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for path in dict.fromkeys(paths):
            future = pool.submit(probe_image, path, looks=path in compared, thorough=thorough)
            waiting.append((path, future))
            if len(waiting) >= 8 * workers:  # few in flight: memory stays flat and Ctrl-C answers at once
                path, future = waiting.popleft()
                yield path, future.result()
        for path, future in waiting:
            yield path, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
