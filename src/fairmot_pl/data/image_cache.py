"""An optional cache of images at the size that training averages them to anyway, one file an image.

An entry is named after its image's content, and lies in a folder named after what was done to it. So an entry that is
there is right: a changed image has another name, a copied or moved one the same, and nothing needs to be kept in step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from fairmot_pl.data.content_key import content_key
from fairmot_pl.data.images import Image, Picture, decode, read_content, read_picture, resize_area
from fairmot_pl.files import write_bytes
from fairmot_pl.letterbox import Letterbox
from fairmot_pl.structures import FrameAnnotation

FOLDER = ".image_cache"
"""Where the cache of a data set lies below its root, unless told otherwise."""

FORMATS = ("raw", "jpeg")
"""How entries are stored, the fastest first: pixels as they are, or as JPEG, in a seventh of the space."""

JPEG_QUALITY = 95

PIECES, PIECE_BYTES = 8, 4096
"""Of an image's file, of which a cache is told by; images up to 36 kB are read whole."""


@dataclass(frozen=True)
class ImageCache:
    """Images that are larger than their letterbox, area-averaged to it.

    Args:
        folder: where the entries lie; need not exist.
        input_size: `(height, width)` of the network input that the entries are made for.
        format: one of `FORMATS`.

    Raises:
        ValueError: an unknown format.
    """

    folder: Path
    input_size: tuple[int, int]
    format: str = FORMATS[0]

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"format is {self.format!r}; allowed: {', '.join(FORMATS)}")

    @property
    def entries(self) -> Path:
        """The folder of the entries made for this input size."""
        made = "raw" if self.format == "raw" else f"jpeg{JPEG_QUALITY}"
        return self.folder / f"{self.input_size[0]}x{self.input_size[1]}-{made}"

    def placed_size(self, image_size: tuple[int, int]) -> tuple[int, int] | None:
        """`(height, width)` of the entry of an image; None where the image is no larger, and so is its own entry."""
        _, _, height, width = Letterbox(image_size, self.input_size).placement
        return (height, width) if height < image_size[0] else None

    def entry(self, image: Path) -> Path:
        """The file that holds an image as it is now.

        Raises:
            OSError: the image is not there or cannot be read.
        """
        name = content_key(image, pieces=PIECES, piece_bytes=PIECE_BYTES)
        return self.entries / name[:2] / f"{name[2:]}.{self.format}"

    def find(self, frames: Sequence[FrameAnnotation]) -> list[Path | None]:
        """The entry of each frame's image as it is now, None where it has none."""
        folders = list(self.entries.iterdir()) if self.entries.is_dir() else []
        stored = {entry for folder in folders for entry in folder.iterdir()}

        def look_up(frame: FrameAnnotation) -> Path | None:
            if self.placed_size(frame.image_size) is None:
                return None
            try:
                entry = self.entry(frame.image_path)
            except OSError:  # whoever reads the image itself will say so
                return None
            return entry if entry in stored else None

        return [look_up(frame) for frame in frames] if stored else [None] * len(frames)

    def write(self, frame: FrameAnnotation) -> int:
        """Make the entry of a frame's image unless it is there.

        Returns:
            Bytes written; 0 if there was nothing to do.

        Raises:
            ValueError: the image cannot be decoded, or is of another size than annotated.
            OSError: it is not there, or the entry cannot be written.
        """
        placed = self.placed_size(frame.image_size)
        if placed is None or (entry := self.entry(frame.image_path)).is_file():
            return 0
        small = resize_area(read_picture(frame.image_path, frame.image_size).pixels, placed)
        content = small.tobytes() if self.format == "raw" else _encode(small)
        try:
            write_bytes(entry, content)
        except OSError as error:
            raise OSError(f"{error}: data.cache=FOLDER names it") from error
        return len(content)

    def read(self, entry: Path, size: tuple[int, int]) -> Picture:
        """An entry as the picture of its image.

        Args:
            entry: the file, from `find`.
            size: `(height, width)` of the image.

        Raises:
            OSError: the entry is gone.
            ValueError: the entry is damaged.
        """
        content, placed = read_content(entry), self.placed_size(size)
        assert placed is not None  # `find` gives no entry then
        if self.format == "jpeg":
            content = decode(content, entry)
        if content.size != placed[0] * placed[1] * 3:
            raise ValueError(f"{entry}: holds {content.size} values, not the {placed[1]} x {placed[0]} pixels stored")
        return Picture(content.reshape(*placed, 3), size, (size[0] / placed[0], size[1] / placed[1]))


def _encode(image: Image) -> bytes:
    options = [
        *(cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),  # colours as sharp as the rest
    ]
    _, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    return bytes(content)
