"""Frames out: an H.264 video that every browser plays."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

TICKS = 16
"""Time stamps a frame: frames that come unevenly are shown when they came, to a sixteenth of a step."""


class VideoWriter:
    """Write frames as mp4 (H.264, yuv420p, index first); a context manager.

    The file appears under its name only when it is finished: an error inside the block, or while writing,
    leaves nothing behind. Frames with an odd side get one more row or column, as the format needs even sides.

    Args:
        path: the video to write; its folder is made.
        frame_rate: frames per second.
        max_side: larger frames are shrunk so that their longer side has at most so many pixels.
        quality: the x264 constant rate factor, 0 (best) to 51 (smallest file).

    Raises:
        ValueError: an argument that cannot work, or a frame that is not `(H, W, 3)` uint8 or changes size.
        OSError: the file cannot be written (disk full, no permission); the message names it.
    """

    def __init__(self, path: Path | str, *, frame_rate: float, max_side: int | None = None, quality: int = 23) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() != ".mp4":
            raise ValueError(f"{self.path}: the video writer makes .mp4 files; give the name that ending")
        if not 0 < frame_rate < float("inf"):
            raise ValueError(f"{self.path}: frame_rate is {frame_rate}; a positive number is needed")
        if max_side is not None and max_side < 16:
            raise ValueError(f"{self.path}: max_side is {max_side}; at least 16 pixels are needed")
        if not 0 <= quality <= 51:
            raise ValueError(f"{self.path}: quality is {quality}; allowed: 0 (best) to 51 (smallest file)")
        self.frame_rate = frame_rate
        self.max_side = max_side
        self.quality = quality
        self.frames_written = 0
        self._image_size = self._video_size = (0, 0)  # known from the first frame on
        self._rate = Fraction(frame_rate).limit_denominator(100_000)
        self._stamp = -TICKS
        self._scratch: Path | None = None
        self._container: Any = None
        self._stream: Any = None

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def write(self, image: NDArray[np.uint8], *, seconds: float | None = None) -> None:
        """Append one `(H, W, 3)` uint8 RGB frame.

        Args:
            image: the frame.
            seconds: when it is shown, after the first frame; None: one step of the frame rate after the last one.
        """
        import av

        image = self._checked(image)
        if self._container is None:
            self._open(image.shape[0], image.shape[1])
        image = self._fitted(image)
        try:
            # browsers take untagged HD as BT.709, so convert to it and say so
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709"
            )
            frame.pts, frame.time_base = self._next_stamp(seconds), 1 / (self._rate * TICKS)
            self._mux(frame)
        except OSError as error:
            self._fail(error)
        self.frames_written += 1

    def close(self) -> None:
        """Finish the file and put it in place.

        Raises:
            ValueError: no frame was written.
            OSError: the file cannot be written.
        """
        if self._container is None:
            raise ValueError(f"{self.path}: no frame was written, so there is no video to finish")
        try:
            self._mux(None)
            self._container.close()
            self._put_in_place()
        except OSError as error:
            self._fail(error)
        self._container = self._stream = self._scratch = None

    def discard(self) -> None:
        """Drop what was written so far; the file at `path`, if there was one, stays as it was."""
        if self._container is not None:
            with suppress(OSError):  # the disk may be full; all that matters now is to leave nothing behind
                self._container.close()
        if self._scratch is not None:
            self._scratch.unlink(missing_ok=True)
        self._container = self._stream = self._scratch = None

    def _fail(self, error: OSError) -> None:
        self.discard()
        raise OSError(
            f"{self.path} could not be written after {self.frames_written} frames: "
            f"{error.strerror or error}; free space or choose another folder"
        ) from error

    def _mux(self, frame: Any) -> None:
        """Encode a frame, or with None what the encoder holds back."""
        for packet in self._stream.encode(frame):
            packet.duration = packet.duration or TICKS  # what a player shows before it knows the next frame
            self._container.mux(packet)

    def _next_stamp(self, seconds: float | None) -> int:
        regular = self._stamp + TICKS
        wanted = regular if seconds is None else round(seconds * self._rate * TICKS)
        self._stamp = max(wanted, self._stamp + 1, 0)
        return self._stamp

    def _muxer_options(self) -> dict[str, str]:
        return {"movflags": "+faststart"}

    def _encoder_options(self) -> dict[str, str]:
        return {"crf": str(self.quality)}

    def _file_to_write(self) -> Path:
        self._scratch = scratch_file(self.path)
        return self._scratch

    def _put_in_place(self) -> None:
        if self._scratch is not None:
            os.replace(self._scratch, self.path)

    def _open(self, height: int, width: int) -> None:
        import av

        self._image_size = (height, width)
        self._video_size = _even_size(height, width, self.max_side)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = str(self._file_to_write())
            self._container = av.open(file, "w", format="mp4", options=self._muxer_options())
        except OSError as error:
            self._fail(error)
        self._stream = self._container.add_stream("libx264", rate=self._rate, options=self._encoder_options())
        self._stream.codec_context.time_base = 1 / (self._rate * TICKS)
        self._stream.height, self._stream.width = self._video_size
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        context.color_range = 1  # limited, as video is

    def _checked(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        number = self.frames_written + 1
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"{self.path}: frame {number} has shape {image.shape} and dtype {image.dtype}; "
                "(H, W, 3) uint8 is needed"
            )
        if self._container is not None and image.shape[:2] != self._image_size:
            raise ValueError(
                f"{self.path}: frame {number} is {image.shape[1]}x{image.shape[0]}, the first was "
                f"{self._image_size[1]}x{self._image_size[0]}; all frames of a video have one size"
            )
        return image

    def _fitted(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = self._video_size
        if height < image.shape[0] or width < image.shape[1]:
            return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        extra = ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0))
        return np.ascontiguousarray(np.pad(image, extra, mode="edge"))


def scratch_file(path: Path) -> Path:
    """A new hidden file beside a video, to be renamed to it when it is finished."""
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".mp4")
    os.close(handle)
    Path(scratch).chmod(0o644)
    return Path(scratch)


def _even_size(height: int, width: int, max_side: int | None) -> tuple[int, int]:
    """The `(height, width)` of the video for frames of one size: shrunk to `max_side`, and even."""
    longest = max(height, width)
    if max_side is None or longest <= max_side:
        return height + height % 2, width + width % 2
    return max(2, height * max_side // longest // 2 * 2), max(2, width * max_side // longest // 2 * 2)
