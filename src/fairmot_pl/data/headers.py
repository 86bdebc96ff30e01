"""Sizes of many image files from their headers: in parallel, and kept for the next start.

No pixel is decoded. Sizes are those of the pixels as stored: `read_image` ignores the camera's rotation note
(EXIF) too, so that both agree whatever the note says.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fairmot_pl.data.many_files import ask_many

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
"""How image files end, in lower case, that readers look for in folders."""

KEPT_FROM = 2000
"""Images from which on their sizes are kept; fewer are read again in no time."""

MAX_UNREADABLE_SHARE = 0.01
"""Of the images of a set that may be left out: a disk damages a few files, a larger share is another mistake."""

_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Headers:
    """What the files say of themselves.

    Args:
        sizes: `(N, 2)` int64 height and width in pixels as stored; 0 where a file could not be read.
        orientations: `(N,)` int64 EXIF orientation, 1 where there is none: 2 to 8 ask a viewer to turn the image.
        faults: why a file could not be read, by its place.
    """

    sizes: NDArray[np.int64]
    orientations: NDArray[np.int64]
    faults: dict[int, OSError]


def read_headers(paths: Sequence[Path], description: str) -> Headers:
    """Read the headers of many images, or take over what is known of files that have not changed since.

    Args:
        paths: the image files.
        description: of what they are, for the progress bar.
    """
    known = _load(paths) if len(paths) >= KEPT_FROM else None

    def ask(index: int) -> NDArray[np.int64] | tuple[int, ...] | OSError:
        return _read_header(paths[index], None if known is None else known[index])

    table = np.zeros((len(paths), 5), np.int64)  # bytes, time of change, height, width, orientation
    faults: dict[int, OSError] = {}
    for index, row in enumerate(ask_many(ask, range(len(paths)), f"reading image sizes of {description}")):
        if isinstance(row, OSError):
            faults[index] = row
        else:
            table[index] = row
    if len(paths) >= KEPT_FROM:
        table[list(faults), :2] = -1  # like no file, so that they are asked again
        _keep(paths, table)
    return Headers(table[:, 2:4], table[:, 4], faults)


def readable(headers: Headers, source: Path | str, name: Callable[[int], str], remedy: str) -> NDArray[np.bool_]:
    """Which images can be read; those that are damaged are told in one warning.

    Args:
        headers: of the images.
        source: what lists them, for messages.
        name: of an image by its place, for messages.
        remedy: what to do about files that are not there.

    Returns:
        `(N,)` False for damaged images.

    Raises:
        FileNotFoundError: a file is not there or may not be opened.
        ValueError: more than `MAX_UNREADABLE_SHARE` are damaged and more than one, or all are.
    """
    total, faults = len(headers.sizes), headers.faults
    gone = [place for place in sorted(faults) if faults[place].errno is not None]  # the system's word, not Pillow's
    if gone:
        raise FileNotFoundError(
            f"{source}: {len(gone)} of {total} images cannot be read, the first is {name(gone[0])} "
            f"({faults[gone[0]]}); {remedy}"
        )
    sound = np.ones(total, bool)
    sound[list(faults)] = False
    if faults:
        first = min(faults)
        said = f"{source}: {len(faults)} of {total} images are damaged"
        which = f"the first is {name(first)} ({faults[first]})"
        if len(faults) == total or len(faults) > max(1, MAX_UNREADABLE_SHARE * total):
            raise ValueError(f"{said}, {which}; {MAX_UNREADABLE_SHARE:.0%} may be: replace them or take them out")
        warnings.warn(f"{said} and left out, {which}", stacklevel=3)
    return sound


def _read_header(path: Path, known: NDArray[np.int64] | None) -> NDArray[np.int64] | tuple[int, ...] | OSError:
    try:
        stat = os.stat(path)
        if known is not None and (stat.st_size, stat.st_mtime_ns) == (known[0], known[1]):
            return known
        with Image.open(path) as header:
            # asking a PNG that has no such note would decode it
            orientation = header.getexif().get(_EXIF_ORIENTATION, 1) if "exif" in header.info else 1
            width, height = header.size
        return stat.st_size, stat.st_mtime_ns, height, width, orientation if orientation in range(1, 9) else 1
    except OSError as error:
        return error
    except (ValueError, SyntaxError, Image.DecompressionBombError) as error:  # how Pillow calls some broken files
        return OSError(str(error))


def cache_folder() -> Path:
    """Where what can be had again is kept: `$FAIRMOT_CACHE`, or `fairmot_pl` in the user's cache folder."""
    if "FAIRMOT_CACHE" in os.environ:
        return Path(os.environ["FAIRMOT_CACHE"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "fairmot_pl"


def _file_for(paths: Sequence[Path]) -> Path:
    """One file a list of images, named after all of their paths."""
    digest = hashlib.sha256("\n".join(map(os.path.abspath, paths)).encode("utf-8", "surrogateescape"))
    return cache_folder() / "image_sizes" / f"{digest.hexdigest()[:24]}.npy"


def _load(paths: Sequence[Path]) -> NDArray[np.int64] | None:
    try:
        table: NDArray[np.int64] = np.load(_file_for(paths), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return table if table.shape == (len(paths), 5) and table.dtype == np.int64 else None


def _keep(paths: Sequence[Path], table: NDArray[np.int64]) -> None:
    """Write the table by renaming; where there is no room for it, the next start reads the headers again."""
    target = _file_for(paths)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as stream:
            np.save(stream, table)
        os.replace(stream.name, target)
    except OSError:
        return
