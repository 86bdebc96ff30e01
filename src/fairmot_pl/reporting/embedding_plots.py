"""Figures of re-identification: how alike people look to the network, and where they lie in its space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fairmot_pl.evaluation.embedding_map import EmbeddingMap
from fairmot_pl.evaluation.pairs import Int
from fairmot_pl.evaluation.similarity import EDGES, shared_part
from fairmot_pl.reporting.figures import COLOURS, MUTED, finish_panel, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "^")
MAX_PEOPLE = len(MARKERS) * len(COLOURS)
"""People who can be told apart by colour and marker; the others are grey."""

FEWEST_BOXES = 3
"""Boxes below which nobody is worth a colour of his own."""


def similarity_figure(counts: Int, gaps: Sequence[int]) -> Figure | None:
    """Histograms of cosine similarity, a panel a gap, scaled to one area; None where no gap has pairs of both kinds.

    Args:
        counts: `(gaps, 2, bins)` pairs of one person and of two; see `similarity_histogram`.
        gaps: frames between the boxes of a pair.
    """
    shown = [(gap, *of_gap) for gap, of_gap in zip(gaps, counts, strict=True) if of_gap.sum(axis=1).all()]
    if not shown:
        return None
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    highest = max(float((kind / kind.sum()).max()) for _, *kinds in shown for kind in kinds)
    with styled():
        figure, panels = new_figure(rows, columns, height=2.6)
        for panel, (gap, same, different) in zip(panels, shown, strict=False):
            _draw_hill(panel, different, "orange", "two people")
            _draw_hill(panel, same, "blue", "one person")
            panel.set_xlim(-1, 1)
            panel.set_ylim(0, 105 * highest)
            apart = "1 frame apart" if gap == 1 else f"{gap} frames apart"
            finish_panel(
                panel,
                f"{apart}: {100 * shared_part(same, different):.0f} % in common",
                "cosine similarity of two boxes",
                "pairs, percent",
            )
        for unused in panels[len(shown) :]:
            unused.remove()
    return figure


def _draw_hill(panel: Axes, counts: Int, colour: str, label: str) -> None:
    shares = 100 * counts / counts.sum()
    panel.stairs(shares, EDGES, color=COLOURS[colour], fill=True, alpha=0.28, linewidth=0)
    panel.stairs(shares, EDGES, color=COLOURS[colour], label=label, linewidth=1.4)


def looks_figure(looks: EmbeddingMap) -> Figure:
    """Boxes in the principal plane of their embeddings: those who are seen most in a colour each, the others grey."""
    chosen = most_seen(looks)
    person = np.full(len(looks.points), -1)
    for number, (sequence, identity) in enumerate(chosen):
        person[(looks.sequences == sequence) & (looks.identities == identity)] = number
    looks_of = [(marker, colour) for marker in MARKERS for colour in COLOURS.values()]
    with styled():
        figure, (panel,) = new_figure(1, 1, height=4.6)
        others = looks.points[person < 0]
        if len(others):
            panel.plot(*others.T, color=MUTED, alpha=0.35, marker=".", markersize=3, linestyle="none", label="others")
        for number, (sequence, identity) in enumerate(chosen):
            marker, colour = looks_of[number]
            label = f"{looks.names[sequence]}, id {identity}"
            points = looks.points[person == number]
            panel.plot(*points.T, marker, color=colour, label=label, markersize=4.5, markeredgewidth=0, alpha=0.8)
        panel.set_aspect("equal", adjustable="datalim")
        first, second = (f"{axis} component, {share:.0%} of the variance" for axis, share in _axes(looks))
        finish_panel(panel, "Embeddings of annotated boxes", first, second, legend=False)
        panel.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title="who", alignment="left")
    return figure


def most_seen(looks: EmbeddingMap, most: int = MAX_PEOPLE) -> list[tuple[int, int]]:
    """Sequence and identity of those with the most boxes, in order of sequence and identity."""
    people = np.stack([looks.sequences, looks.identities], axis=1)
    found, boxes = np.unique(people, axis=0, return_counts=True)
    order = np.argsort(-boxes, kind="stable")[:most]
    return sorted((int(found[row, 0]), int(found[row, 1])) for row in order if boxes[row] >= FEWEST_BOXES)


def _axes(looks: EmbeddingMap) -> list[tuple[str, float]]:
    return list(zip(("first", "second"), looks.shares.tolist(), strict=True))
