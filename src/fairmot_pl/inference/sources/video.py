"""Frames out of a video file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from fairmot_pl.data.video_frames import decode_frames, read_video_header, upright_pixels
from fairmot_pl.inference.sources.frame import (
    Frame,
    FrameClock,
    FrameSource,
    check_frame_rate,
    chosen_frame_rate,
)

logger = logging.getLogger(__name__)


class VideoSource(FrameSource):
    """The frames of a video file, upright even where the file only says to turn them (telephones do).

    Args:
        path: any file FFmpeg can decode.
        frame_rate: overrides what the file says, its time stamps too; a file that does not say has 25.

    Raises:
        ValueError: the file holds no video that can be decoded.
    """

    def __init__(self, path: Path, *, frame_rate: float | None = None) -> None:
        super().__init__()
        check_frame_rate(frame_rate)
        self.path = path
        self.name, self.address = path.stem, str(path)
        header = read_video_header(path)
        self.frame_count = header.frame_count
        self.frame_rate = chosen_frame_rate(str(path), frame_rate, header.frame_rate)
        self._stamped = frame_rate is None

    def __iter__(self) -> Iterator[Frame]:
        clock: FrameClock | None = None
        first: int | None = None
        number = 0
        for number, frame in enumerate(decode_frames(self.path), start=1):
            tick = float(frame.time_base or 0)
            if clock is None:
                clock = FrameClock(self.frame_rate, tick)
            stamp = frame.pts if self._stamped else None
            first = stamp if first is None else first
            seconds = None if stamp is None or first is None else (stamp - first) * tick
            yield Frame(number, upright_pixels(frame), clock.next(seconds))
        if number < (self.frame_count or 0):  # the count of a header may be off, so this is no error
            logger.warning("%s ends after frame %d of %d; it may be cut off", self.path, number, self.frame_count)
