"""Count tracks over lines and in areas, by the point where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fairmot_pl.inference.counting.areas import Area, Line, Point, Zone
from fairmot_pl.structures import Tracks

MARGIN = 0.05
"""Of a track's height: so far beyond an edge it must be to have changed sides, or a box that trembles counts twice."""

REMEMBERED = 1000
"""Frames after which an absent track is forgotten."""


@dataclass(frozen=True)
class Event:
    """A track changed sides.

    Args:
        area: name of the line or area.
        kind: `"in"` or `"out"` over a line, `"entered"` or `"left"` for an area.
        identity: the track.
        point: where it stood, in image pixels.
    """

    area: str
    kind: str
    identity: int
    point: Point


@dataclass
class _Walker:
    """A track as one area sees it: the side it is known to be on, its last point, and how it came there."""

    point: Point
    depth: float
    side: int = 0
    passed: bool = False
    frame: int = 0


@dataclass
class _Tally:
    area: Area
    counts: dict[str, int]
    walkers: dict[int, _Walker] = field(default_factory=dict)


class Counter:
    """Counts for the lines and areas of one video.

    A track stands at the bottom centre of its box. It has crossed when it stands beyond the edge by a twentieth of
    its height, so that standing on a line counts nothing; over a line only if its way led between the two ends.
    Whoever appears inside an area is inside, but has not entered.

    Args:
        areas: in image pixels.
        remembered: frames after which an absent track is forgotten; memory is bounded by it.
    """

    def __init__(self, areas: Sequence[Area], *, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._frame = 0
        self._tallies = [_Tally(area, _zeros(area)) for area in areas]

    @property
    def areas(self) -> list[Area]:
        """What is counted over and in."""
        return [tally.area for tally in self._tallies]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Of each line `in` and `out`; of each area `entered`, `left` and `inside` (in the last frame)."""
        return {tally.area.name: dict(tally.counts) for tally in self._tallies}

    def update(self, tracks: Tracks) -> list[Event]:
        """Take the tracks of the next frame; what happened in it."""
        self._frame += 1
        events = [event for tally in self._tallies for event in self._of_area(tally, tracks)]
        if self._frame % self._remembered == 0:
            oldest = self._frame - self._remembered
            for tally in self._tallies:
                tally.walkers = {key: each for key, each in tally.walkers.items() if each.frame > oldest}
        return events

    def _of_area(self, tally: _Tally, tracks: Tracks) -> list[Event]:
        events, inside = [], 0
        for identity, box in zip(tracks.ids.tolist(), tracks.boxes.tolist(), strict=True):
            point = ((box[0] + box[2]) / 2, box[3])
            walker = tally.walkers.setdefault(identity, _Walker(point, tally.area.depth(point)))
            walker.frame = self._frame
            margin = max(1.0, MARGIN * (box[3] - box[1]))
            kind = _step(tally.area, walker, point, margin)
            inside += walker.side > 0
            if kind:
                tally.counts[kind] += 1
                events.append(Event(tally.area.name, kind, identity, point))
        if "inside" in tally.counts:
            tally.counts["inside"] = inside
        return events


def _step(area: Area, walker: _Walker, point: Point, margin: float) -> str | None:
    """Move a walker to its next point; what that counts as."""
    depth = area.depth(point)
    if isinstance(area, Line) and depth * walker.depth < 0:
        walker.passed = area.passes(walker.point, point)
    if depth != 0:  # on the very edge it is still on the side it came from
        walker.point, walker.depth = point, depth
    if isinstance(area, Zone):
        margin = min(margin, area.breadth / 2)
    side = (depth >= margin) - (depth <= -margin)
    if side in (0, walker.side):
        return None
    before, walker.side = walker.side, side
    if before == 0:
        return None
    if isinstance(area, Zone):
        return "entered" if side > 0 else "left"
    if not walker.passed:
        return None
    return "in" if side > 0 else "out"


def _zeros(area: Area) -> dict[str, int]:
    return dict.fromkeys(("in", "out") if isinstance(area, Line) else ("entered", "left", "inside"), 0)
