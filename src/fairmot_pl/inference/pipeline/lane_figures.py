"""What came of tracking: figures of all sources and of each, and a line about each."""

from __future__ import annotations

from collections.abc import Sequence

from fairmot_pl.inference.pipeline.lanes import Lane
from fairmot_pl.inference.sources.live import LiveSource

SELDOM = {
    "skipped": ("{} skipped, as the network was busy", "{} skipped, as the network was busy"),
    "reconnects": ("reconnected once", "reconnected {} times"),
    "broken_packets": ("{} broken packet left out", "{} broken packets left out"),
}
"""Figures that are said only where they are not 0, and how: where they are 1, and more."""


def figures_of(lanes: Sequence[Lane]) -> dict[str, float]:
    """Sums over all lanes, and the figures of each; under `NAME/` where there are several."""
    every = [lane.follower.figures() for lane in lanes]
    figures = {key: sum(each[key] for each in every) for key in ("tracks", "boxes")}
    figures["skipped"] = float(sum(lane.skipped for lane in lanes))
    for lane, each in zip(lanes, every, strict=True):
        of_lane = each | _of_lane(lane)
        figures |= {f"{lane.name}/{key}" if len(lanes) > 1 else key: value for key, value in of_lane.items()}
    return figures


def said_of(lane: Lane) -> str:
    """How it went with one source, in a line or two."""
    follower, figures = lane.follower, _of_lane(lane)
    parts = [f"{follower.ids.count} tracks, {follower.boxes} boxes in {follower.frames} frames"]
    parts += [words[count > 1].format(count) for key, words in SELDOM.items() if (count := int(figures.get(key, 0)))]
    for area, kinds in (follower.counter.counts if follower.counter else {}).items():
        parts.append(f"{area}: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    return f"{lane.name}: " + "; ".join(parts) + (f"\n{lane.source.note}" if lane.source.note else "")


def _of_lane(lane: Lane) -> dict[str, float]:
    """Frames tracked and skipped; of a live source how often it came back."""
    figures = {"frames": float(lane.follower.frames), "skipped": float(lane.skipped)}
    if isinstance(lane.source, LiveSource):
        figures |= {"reconnects": float(lane.source.reconnects), "broken_packets": float(lane.source.broken_packets)}
    return figures
