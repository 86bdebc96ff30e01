"""Images that cannot be read: named once, counted, and too many of them end a run."""

from __future__ import annotations

import logging
from collections.abc import Iterable

log = logging.getLogger(__name__)

_NAMED = 5


class BrokenImages:
    """Which images of one kind were broken so far.

    Args:
        kind: what they are for, `"training"` or `"validation"`.
        fate: what became of their samples, for messages.
        max_share: the largest share of all images that may be broken, one at least; 0 for none at all.

    Attributes:
        reasons: why each could not be read, in the order found; every reason names its file.
    """

    def __init__(self, kind: str, fate: str, max_share: float) -> None:
        self.kind, self.fate, self.max_share = kind, fate, max_share
        self.reasons: list[str] = []

    def add(self, reasons: Iterable[str], total: int) -> None:
        """Count what is new, and log its name.

        Args:
            reasons: one a sample; empty for those that are sound.
            total: images in all.

        Raises:
            ValueError: more are broken than `max_share` allows.
        """
        new = [reason for reason in dict.fromkeys(reasons) if reason and reason not in self.reasons]
        self.reasons += new
        for reason in new:
            log.warning("%s: %s", self.fate, reason)
        # a small set is allowed one all the same: its share would round to none
        allowed = max(1, int(self.max_share * total)) if self.max_share else 0
        if new and len(self.reasons) > allowed:
            raise ValueError(
                f"{len(self.reasons)} of {total} {self.kind} images cannot be read, "
                f"data.max_broken_share={self.max_share} allows {allowed}: {self._names()}"
            )

    @property
    def notes(self) -> list[str]:
        """What a report should say about them: one sentence, or nothing."""
        if not self.reasons:
            return []
        return [f"{len(self.reasons)} {self.kind} images could not be read, {self.fate}: {self._names()}"]

    def _names(self) -> str:
        more = len(self.reasons) - _NAMED
        return "; ".join(self.reasons[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
