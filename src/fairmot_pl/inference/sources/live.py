"""Frames out of a camera or a network stream, which may break off and come back."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import urlsplit

from fairmot_pl.data.video_frames import upright_pixels
from fairmot_pl.inference.sources.fetched import fetch
from fairmot_pl.inference.sources.frame import (
    Frame,
    FrameClock,
    FrameSource,
    Image,
    check_frame_rate,
    chosen_frame_rate,
)

OPEN_SECONDS, READ_SECONDS = 15.0, 10.0
"""How long a connection may take, and how long nothing may come before it counts as dropped."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
"""Seconds between attempts to reconnect: doubled each time, up to the second."""

logger = logging.getLogger(__name__)


class LiveSource(FrameSource):
    """A camera or a stream. It is connected at once, and reconnected when it drops.

    Time runs on while it is away, so that tracks age by the clock. A network address of known length, such as an
    mp4 on a web server, is a file that happens to lie elsewhere: it is not live, and ends where it ends. Where its
    index stands at its end and the server sends no parts of files, it is fetched whole first.

    Args:
        source: a camera number, or an address such as `rtsp://host/path`.
        frame_rate: frames per second where the stream does not say, or says it wrong.
        reconnect_seconds: how long to try after a drop; 0 ends the source there.

    Raises:
        OSError: no such camera, or nothing that answers; the message names the address, without its password.
        ValueError: something answers that is no video.
    """

    live = True

    def __init__(self, source: int | str, *, frame_rate: float | None = None, reconnect_seconds: float = 60.0) -> None:
        super().__init__()
        check_frame_rate(frame_rate)
        if not 0 <= reconnect_seconds < float("inf"):
            raise ValueError(f"reconnect_seconds is {reconnect_seconds}; 0 or a number of seconds is needed")
        self._source, self._reconnect_seconds = source, reconnect_seconds
        self.address = f"camera {source}" if isinstance(source, int) else without_password(source)
        self.name = _name(self.address)
        self.frame_count = None
        self.reconnects = self.broken_packets = 0
        self._fetched: IO[bytes] | None = None
        self._container: Any = self._connect()
        stream = self._container.streams.video[0]
        declared = stream.average_rate or stream.guessed_rate
        self.frame_rate = chosen_frame_rate(self.address, frame_rate, float(declared) if declared else None)
        if self._container.duration and not isinstance(source, int):
            self.live = False
            self.frame_count = stream.frames or None

    def __iter__(self) -> Iterator[Frame]:
        import av

        clock, number, started, late = FrameClock(self.frame_rate), 0, 0.0, 0.0
        while not self.closed.is_set():
            why = "the sender ended it"
            try:
                for image, seconds in self._images():
                    if number == 0:
                        started = time.monotonic()
                        clock = FrameClock(self.frame_rate, self._tick)
                    number += 1
                    passed = time.monotonic() - started if seconds is None else late + seconds
                    yield Frame(number, image, clock.next(passed))
            except (av.error.FFmpegError, OSError) as error:
                why = _reason(error)
                if number == 0 and self._fetch():
                    continue
                if not self.live:
                    raise OSError(f"{self.address}: broken after frame {number} ({why})") from error
            if self.closed.is_set() or not self.live:
                return
            if not self._reconnected(why, number):
                if not self.closed.is_set():
                    self.note = f"{self.address}: dropped after frame {number} ({why}) and did not come back"
                return
            late = time.monotonic() - started if number else 0.0

    @property
    def _tick(self) -> float:
        return float(self._container.streams.video[0].time_base or 0) if self._container else 0.0

    def _images(self) -> Iterator[tuple[Image, float | None]]:
        """Images of one connection, with seconds after its first one; packets that arrive broken are left out."""
        import av

        container = self._container or self._connect()
        self._container = container
        first: float | None = None
        try:
            stream = container.streams.video[0]
            for packet in container.demux(stream):
                if self.closed.is_set():
                    return
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    self.broken_packets += 1
                    continue
                for frame in frames:
                    stamp = None if frame.pts is None else float(frame.pts * (frame.time_base or 0))
                    first = stamp if first is None else first
                    yield upright_pixels(frame), None if stamp is None or first is None else stamp - first
        finally:
            container.close()
            self._container = None

    def _fetch(self) -> bool:
        """Fetch a file from a web server, if not even its first frame could be read; whether that was done."""
        if self.live or self._fetched is not None or not str(self._source).startswith(("http://", "https://")):
            return False
        logger.warning("%s: the server sends no parts of files; it is fetched whole first", self.address)
        self._fetched = fetch(str(self._source), timeout=OPEN_SECONDS, closed=self.closed)
        return True

    def _reconnected(self, why: str, number: int) -> bool:
        """Try again and again, more and more slowly."""
        import av

        end, pause = time.monotonic() + self._reconnect_seconds, FIRST_PAUSE
        if self._reconnect_seconds:
            logger.warning(
                "%s: dropped after frame %d (%s); trying for %g s", self.address, number, why, self._reconnect_seconds
            )
        while (left := end - time.monotonic()) > 0:
            if self.closed.wait(min(pause, left)):
                return False
            try:
                self._container = self._connect()
            except (OSError, ValueError, av.error.FFmpegError):
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            self.reconnects += 1
            logger.warning("%s: back", self.address)
            return True
        return False

    def _connect(self) -> Any:
        import av

        where, options = _how_to_open(self._source)
        if self._fetched is not None:
            self._fetched.seek(0)
            where = self._fetched
        try:
            container = av.open(where, timeout=(OPEN_SECONDS, READ_SECONDS), **options)
        except (av.error.FFmpegError, OSError) as error:
            what = "no such camera, or it is in use" if isinstance(self._source, int) else "cannot be opened"
            remedy = "is it connected?" if isinstance(self._source, int) else "is the address right, and the sender on?"
            kind = ValueError if isinstance(error, ValueError) else OSError
            raise kind(f"{self.address}: {what} ({_reason(error)}); {remedy}") from error
        if not container.streams.video:
            container.close()
            raise ValueError(f"{self.address}: no video in this stream")
        return container


def is_address(source: str) -> bool:
    """Whether a source is a network address rather than a path."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", source) is not None


def without_password(address: str) -> str:
    """A network address as it may be shown and stored: without user, password and query, which may hold keys."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _name(address: str) -> str:
    return re.sub(r"[^\w.-]+", "_", address.partition("://")[2] or address).strip("_.") or "stream"


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _how_to_open(source: int | str) -> tuple[Any, dict[str, Any]]:
    """The address and options for PyAV."""
    if isinstance(source, int):
        return _camera(source)
    over_tcp = {"options": {"rtsp_transport": "tcp"}}  # packets lost by UDP would smear the picture
    return source, over_tcp if source.startswith("rtsp") else {}


def _camera(number: int) -> tuple[str, dict[str, Any]]:
    """What FFmpeg calls the camera of that number on this system."""
    import av

    if sys.platform == "darwin":
        return str(number), {"format": "avfoundation", "options": {"framerate": "30"}}
    if sys.platform == "win32":
        cameras = [found for found in av.enumerate_input_devices("dshow") if "video" in found.media_types]
        if number >= len(cameras):
            raise OSError(f"camera {number}: no such camera; {len(cameras)} were found")
        return f"video={cameras[number].name}", {"format": "dshow"}
    return f"/dev/video{number}", {"format": "v4l2"}
