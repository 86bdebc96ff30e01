"""One frame, and what every source of frames can do."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

DEFAULT_FRAME_RATE = 25.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frame:
    """A frame of a source.

    Args:
        number: its place in the source, from 1.
        image: `(H, W, 3)` RGB.
        time: seconds after the first frame.
    """

    number: int
    image: Image
    time: float


class FrameSource(ABC):
    """Frames in order.

    Attributes:
        name: what to call results made from it.
        address: where the frames come from, without passwords.
        frame_rate: frames per second.
        frame_count: number of frames, or None where nobody knows.
        live: whether frames come whether or not somebody takes them, as from a camera.
        note: what whoever reads the results should know about how the source ended; empty as a rule.
    """

    name: str
    address: str
    frame_rate: float
    frame_count: int | None
    live = False
    note = ""

    def __init__(self) -> None:
        self.closed = threading.Event()

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """All frames; a file can be read again and again.

        Raises:
            OSError, ValueError: a frame cannot be read.
        """

    def close(self) -> None:
        """Ask a reader that waits for frames, perhaps in another thread, to give up."""
        self.closed.set()


class FrameClock:
    """Seconds since the first frame, out of time stamps that are rounded, missing, jumping or even going back.

    A frame within a tenth of a step of where the frame rate puts it counts as regular and is put there, so that a
    video of constant rate has the very times of a folder of its frames.

    Args:
        frame_rate: frames per second.
        tick: seconds that the container's time stamps are rounded to.
    """

    def __init__(self, frame_rate: float, tick: float = 0.0) -> None:
        self._frame_rate = frame_rate
        self._tolerance = max(0.1 / frame_rate, 1.01 * tick)
        self._anchor, self._steps = 0.0, -1

    @property
    def now(self) -> float:
        """The time of the last frame."""
        return self._anchor + max(self._steps, 0) / self._frame_rate

    def next(self, seconds: float | None) -> float:
        """The time of the next frame, always after the one before.

        Args:
            seconds: what the container says, after its first frame; None where it does not say.
        """
        first = self._steps < 0
        expected = self._anchor + (self._steps + 1) / self._frame_rate
        if first or seconds is None or seconds <= self.now or abs(seconds - expected) <= self._tolerance:
            self._steps += 1
            return expected
        self._anchor, self._steps = seconds, 0
        return seconds


def check_frame_rate(frame_rate: float | None) -> None:
    """Refuse a frame rate that cannot be.

    Raises:
        ValueError: not positive, or not finite.
    """
    if frame_rate is not None and not 0 < frame_rate < float("inf"):
        raise ValueError(f"frame_rate is {frame_rate}; a positive number of frames per second is needed")


def chosen_frame_rate(address: str, given: float | None, declared: float | None) -> float:
    """What the user says, else what the source says, else a guess with a warning."""
    rate = given or declared
    if rate is None:
        logger.warning("%s does not say its frame rate; %g frames per second are assumed", address, DEFAULT_FRAME_RATE)
    return float(rate or DEFAULT_FRAME_RATE)
