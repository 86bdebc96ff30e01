"""Video files to frames, upright and one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class VideoHeader:
    """What a video file says of itself: frames per second and number of frames, None where it does not."""

    frame_rate: float | None
    frame_count: int | None


def read_video_header(path: Path) -> VideoHeader:
    """Open a video and decode its first frame.

    Raises:
        ValueError: the file holds no video that can be decoded.
    """
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            next(container.decode(stream))  # a header alone is no video
            declared = stream.average_rate or stream.guessed_rate
            return VideoHeader(float(declared) if declared else None, stream.frames or None)
    except (av.error.FFmpegError, IndexError, StopIteration) as error:
        raise ValueError(
            f"{path}: not a video that can be decoded ({error or 'no video stream'}); "
            "give a video file, a folder of images or a MOTChallenge sequence"
        ) from error


def decode_frames(path: Path) -> Iterator[Any]:
    """PyAV's frames of a video, in order; `upright_pixels` makes images of them.

    Raises:
        ValueError: the stream breaks off in an error; the frame is named.
    """
    import av

    number = 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        try:
            for frame in container.decode(stream):
                number += 1
                yield frame
        except av.error.FFmpegError as error:
            raise ValueError(f"{path}: broken after frame {number} ({error}); re-encode or cut the video") from error


def upright_pixels(frame: Any) -> Image:
    """`(H, W, 3)` RGB of a decoded frame, turned by the quarter turns its display matrix asks for."""
    image: Image = frame.to_ndarray(format="rgb24")
    quarters = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarters)) if quarters else image
