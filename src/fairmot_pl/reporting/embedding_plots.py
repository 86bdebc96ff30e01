"""Figures of re-identification: how alike people look to the network, and where they lie in its space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.evaluation.embedding_map import EmbeddingMap
from fairmot_pl.evaluation.pairs import Float, Int
from fairmot_pl.evaluation.similarity import EDGES, shared_part
from fairmot_pl.reporting.figures import COLOURS, MUTED, finish_panel, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "^")
MAX_PEOPLE = len(MARKERS) * len(COLOURS)
"""People who can be told apart by colour and marker; the others are grey."""

MAX_RATIO = 5
"""Of the heights of two histograms in one panel: beyond it the lower one could not be read."""

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
    with styled():
        figure, panels = new_figure(rows, columns, height=2.6, gap=0.06)
        for panel, (gap, same, different) in zip(panels, shown, strict=False):
            _draw_hills(panel, {"two people": different, "one person": same})
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


def _draw_hills(panel: Axes, hills: Mapping[str, Int]) -> None:
    """Two histograms. One far higher than the other leaves the panel, with its height beside it."""
    shares = {label: 100 * counts / counts.sum() for label, counts in hills.items()}
    top = 1.08 * min(max(map(np.max, shares.values())), MAX_RATIO * min(map(np.max, shares.values())))
    for (label, values), colour in zip(shares.items(), (COLOURS["orange"], COLOURS["blue"]), strict=True):
        panel.stairs(values, EDGES, color=colour, fill=True, alpha=0.28, linewidth=0)
        panel.stairs(values, EDGES, color=colour, label=label, linewidth=1.4)
        if values.max() > top:
            middle = (EDGES[values.argmax()] + EDGES[values.argmax() + 1]) / 2
            away, side = (-9, "right") if middle > 0 else (9, "left")
            panel.annotate(
                *(f"up to {values.max():.0f} %", (middle, top), (away, -3)),
                textcoords="offset points",
                ha=side,
                va="top",
                fontsize=8,
                color=MUTED,
            )
    panel.set_xlim(-1, 1)
    panel.set_ylim(0, top)


def looks_figure(looks: EmbeddingMap) -> Figure:
    """Boxes in the principal plane of their embeddings, by person and, where there are several, by sequence.

    Those of whom there are most boxes have a colour and marker each; the others are grey.
    """
    people = {
        f"{looks.names[sequence]}, id {identity}": (looks.sequences == sequence) & (looks.identities == identity)
        for sequence, identity in most_seen(looks)
    }
    sequences = {name: looks.sequences == index for index, name in enumerate(looks.names[:MAX_PEOPLE])}
    groups = {"Embeddings by person": people} | ({"The same by sequence": sequences} if len(sequences) > 1 else {})
    first, second = (f"{axis} component, {share:.0%} of the variance" for axis, share in _axes(looks))
    with styled():
        figure, panels = new_figure(1, len(groups), height=5.4 if len(groups) > 1 else 5.0)
        for panel, (title, members) in zip(panels, groups.items(), strict=True):
            _draw_groups(panel, looks.points, members)
            panel.set_aspect("equal", adjustable="datalim")
            finish_panel(panel, title, first, second, legend=False)
            panel.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.14), ncols=3, fontsize=8, borderaxespad=0)
    return figure


def _draw_groups(panel: Axes, points: Float, groups: Mapping[str, NDArray[np.bool_]]) -> None:
    """Points in a colour and marker for each group, all others grey."""
    others = ~np.any([np.zeros(len(points), np.bool_), *groups.values()], axis=0)
    dress = [(marker, colour) for marker in MARKERS for colour in COLOURS.values()]
    for (label, inside), (marker, colour) in zip(groups.items(), dress, strict=False):
        panel.plot(*points[inside].T, marker, color=colour, label=label, markersize=4, markeredgewidth=0, alpha=0.75)
    if others.any():
        panel.plot(*points[others].T, ".", color=MUTED, label="others", markersize=3, alpha=0.4, zorder=1)


def most_seen(looks: EmbeddingMap, most: int = MAX_PEOPLE) -> list[tuple[int, int]]:
    """Sequence and identity of those with the most boxes, in order of sequence and identity."""
    people = np.stack([looks.sequences, looks.identities], axis=1)
    found, boxes = np.unique(people, axis=0, return_counts=True)
    order = np.argsort(-boxes, kind="stable")[:most]
    return sorted((int(found[row, 0]), int(found[row, 1])) for row in order if boxes[row] >= FEWEST_BOXES)


def _axes(looks: EmbeddingMap) -> list[tuple[str, float]]:
    return list(zip(("first", "second"), looks.shares.tolist(), strict=True))
