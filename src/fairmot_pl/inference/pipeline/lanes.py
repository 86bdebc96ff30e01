"""One source on its way through the pipeline: a thread that reads it and a thread that finishes its frames."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from fairmot_pl.codec.decode import Sight
from fairmot_pl.inference.detector import Prepared
from fairmot_pl.inference.pipeline.exchange import Exchange, StoppedError
from fairmot_pl.inference.pipeline.follower import Follower
from fairmot_pl.inference.pipeline.timings import StageClock
from fairmot_pl.inference.sources.frame import Frame, FrameSource, Image
from fairmot_pl.letterbox import Letterbox
from fairmot_pl.structures import Detections

WAITING = 2
"""Frames that may wait between two stages."""


class StagedDetector(Protocol):
    """A detector whose steps can be done apart, such as `Detector`."""

    def prepare(self, images: Sequence[Image]) -> Prepared:
        """Fit images into the network's input; called from several threads."""

    def network(self, prepared: Prepared) -> Sight:
        """The network alone."""

    def decode(self, sight: Sight, letterboxes: Sequence[Letterbox]) -> list[Detections]:
        """Detections in pixels of each image."""

    def wait(self) -> None:
        """Until the device is done."""


class Waiting(NamedTuple):
    """A frame before the network; not yet prepared where it may be dropped."""

    frame: Frame
    prepared: Prepared | None


class Lane:
    """A source and what becomes of it.

    Args:
        source: the frames.
        follower: takes them with their detections.
        latest: whether frames are skipped that come while the network is busy.
        max_frames: stop after so many; None for all.

    Attributes:
        skipped: frames that came and were not looked at.
        problem: why the source could not be read to its end.
    """

    def __init__(
        self, source: FrameSource, follower: Follower, *, latest: bool = False, max_frames: int | None = None
    ) -> None:
        self.source, self.follower, self.latest, self.max_frames = source, follower, latest, max_frames
        self.skipped = 0
        self.taken = 0
        self.problem: OSError | ValueError | None = None
        self._done: queue.Queue[tuple[Frame, Detections] | None] = queue.Queue(WAITING)
        self._finisher: threading.Thread | None = None

    @property
    def name(self) -> str:
        """The source's."""
        return self.source.name

    @property
    def total(self) -> int | None:
        """How many frames there will be, if that is known."""
        known = [count for count in (self.max_frames, self.source.frame_count) if count is not None]
        return min(known) if known else None

    def start(self, detector: StagedDetector, exchange: Exchange[Waiting]) -> None:
        """Begin to read, and be ready to finish."""
        read = threading.Thread(target=self._read, args=(detector, exchange), name=f"read {self.name}", daemon=True)
        self._finisher = threading.Thread(target=self._finish, args=(exchange,), name=f"write {self.name}", daemon=True)
        read.start()
        self._finisher.start()

    def hand_on(self, frame: Frame, detections: Detections) -> None:
        """Give a frame to the thread that finishes it; waits while that is behind."""
        self._done.put((frame, detections))

    def no_more(self) -> None:
        """Say that no more frames are handed on: what was is finished, and the files are closed."""
        self._done.put(None)

    def join(self) -> None:
        """Wait until the files are closed."""
        if self._finisher is not None:
            while self._finisher.is_alive():
                self._finisher.join(0.5)  # a wait without end would not hear Ctrl-C on every system

    def _read(self, detector: StagedDetector, exchange: Exchange[Waiting]) -> None:
        clock = self.follower.clock
        try:
            frames = iter(self.source)
            while (frame := self._next(frames.__next__, clock)) is not None:
                if self.latest:
                    if not self.source.live:
                        self._wait_for(frame)
                    self.skipped += exchange.replace(self, Waiting(frame, None))
                    continue
                with clock.time("prepare"):
                    prepared = detector.prepare([frame.image])
                exchange.put(self, Waiting(frame, prepared))
                if frame.number == self.max_frames:
                    break
        except StoppedError:
            pass
        except BaseException as error:
            exchange.fail(error)
        finally:
            exchange.end(self)

    def _next(self, read: Callable[[], Frame], clock: StageClock) -> Frame | None:
        """The next frame; None at the end, or where the source breaks."""
        if self.source.closed.is_set():
            return None
        try:
            with clock.time("read"):
                return read()
        except StopIteration:
            return None
        except (OSError, ValueError) as error:
            self.problem = error
            return None

    def _wait_for(self, frame: Frame) -> None:
        """Read a file at the pace it was recorded at, as if it were a camera."""
        if frame.number == 1:
            self._origin = time.monotonic() - frame.time
        self.source.closed.wait(max(0.0, self._origin + frame.time - time.monotonic()))

    def _finish(self, exchange: Exchange[Waiting]) -> None:
        failed = False
        while (done := self._done.get()) is not None:
            if failed:
                continue  # whoever hands on must not wait for ever
            try:
                self.follower.follow(*done)
            except BaseException as error:
                failed = True
                exchange.fail(error)
        try:
            self.follower.close()
        except BaseException as error:
            exchange.fail(error)
