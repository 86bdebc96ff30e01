"""The place where many readers leave frames for one taker, and wait when it is full."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

_Item = TypeVar("_Item")

_NAP = 0.5
"""Seconds after which a waiting thread looks up, for systems where Ctrl-C does not interrupt it."""


class StoppedError(Exception):
    """Nobody takes anything any more."""


class Exchange(Generic[_Item]):
    """Lanes of bounded length. Items of one lane keep their order; lanes take turns.

    Args:
        capacity: items that may wait in one lane.
    """

    def __init__(self, capacity: int = 2) -> None:
        self._capacity = capacity
        self._changed = threading.Condition()
        self._lanes: dict[Hashable, deque[_Item]] = {}
        self._ended: list[Hashable] = []
        self._error: BaseException | None = None
        self._stopped = False

    def put(self, lane: Hashable, item: _Item) -> None:
        """Leave an item, and wait while the lane is full.

        Raises:
            StoppedError: nobody will take it.
        """
        with self._changed:
            while len(self._lanes.setdefault(lane, deque())) >= self._capacity and not self._stopped:
                self._changed.wait()
            self._leave(lane, item)

    def replace(self, lane: Hashable, item: _Item) -> int:
        """Leave an item instead of those that wait in the lane; how many these were.

        Raises:
            StoppedError: nobody will take it.
        """
        with self._changed:
            waiting = self._lanes.setdefault(lane, deque())
            dropped = len(waiting)
            waiting.clear()
            self._leave(lane, item)
            return dropped

    def end(self, lane: Hashable) -> None:
        """Say that no more items come in a lane."""
        with self._changed:
            self._ended.append(lane)
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Let the taker raise an error, the first of several, and stop."""
        with self._changed:
            self._error = self._error or error
            self._stopped = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Let every waiting reader go."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def take(self) -> tuple[Hashable, _Item | None]:
        """Wait for an item; a lane that has ended and is empty comes once, with None.

        Raises:
            BaseException: what `fail` was given.
        """
        with self._changed:
            while True:
                if self._error is not None:
                    raise self._error
                for lane in self._ended:
                    if not self._lanes.get(lane):
                        self._ended.remove(lane)
                        self._lanes.pop(lane, None)
                        return lane, None
                for lane in list(self._lanes):
                    if waiting := self._lanes.pop(lane):
                        item = waiting.popleft()
                        self._lanes[lane] = waiting  # to the end: lanes take turns
                        self._changed.notify_all()
                        return lane, item
                    self._lanes[lane] = waiting
                self._changed.wait(_NAP)

    def check(self) -> None:
        """Raise what `fail` was given, if it was."""
        with self._changed:
            if self._error is not None:
                raise self._error

    def _leave(self, lane: Hashable, item: _Item) -> None:
        if self._stopped:
            raise StoppedError
        self._lanes[lane].append(item)
        self._changed.notify_all()
