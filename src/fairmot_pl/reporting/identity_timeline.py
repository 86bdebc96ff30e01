"""Who was tracked under which id, and when: one row a person, one colour a track."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairmot_pl.inference.explanation import SequenceExplanation
from fairmot_pl.inference.palette import hex_colour, identity_colour, ink_on
from fairmot_pl.reporting.figures import GRID, INK, finish_panel, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS = 40
"""People in one figure; more cannot be told apart."""

LABELLED = 0.03
"""Share of the figure's width from which on a run has its id written on it."""

Run = tuple[int, int, int]
"""First frame, last frame, id; -1 = not found."""


def timeline_figure(found: SequenceExplanation, *, most_rows: int = MOST_ROWS) -> Figure | None:
    """Ground-truth rows coloured by the id they are found under, switches marked; None without ground truth.

    Args:
        found: the sequence.
        most_rows: of more people, those with the most switches are shown, then those in view longest.
    """
    people = _people(found, most_rows)
    if not people:
        return None
    first, last = int(found.frames.min()), int(found.frames.max())
    with styled():
        figure, (panel,) = new_figure(1, 1, height=0.9 + 0.24 * len(people))
        for row, person in enumerate(people):
            of_person = found.identities == person
            for run in runs(found.frames[of_person], found.found[of_person]):
                _draw(panel, row, run, last - first + 1)
        switches = [
            (one.switch.frame, people.index(one.switch.identity))
            for one in found.switches
            if one.switch.identity in people
        ]
        if switches:
            frames, rows = zip(*switches, strict=True)
            panel.plot(np.array(frames) - 0.5, np.array(rows) - 0.44, "v", color=INK, markersize=5, label="ID switch")
        panel.plot([], [], color=GRID, linewidth=3, label="annotated, not found")
        panel.set_yticks(range(len(people)), [str(person) for person in people])
        panel.set_ylim(len(people) - 0.4, -0.8)
        panel.set_xlim(first - 0.5, last + 0.5)
        panel.grid(visible=False, axis="y")
        finish_panel(panel, "One row a person, one colour a track", "frame", "person")
    return figure


def hidden_people(found: SequenceExplanation, most_rows: int = MOST_ROWS) -> int:
    """How many people the figure leaves out."""
    return max(0, len(np.unique(found.identities)) - most_rows)


def runs(frames: np.ndarray, ids: np.ndarray) -> list[Run]:
    """Stretches of frames without a gap under one id, from `(N,)` frames in order and `(N,)` ids."""
    breaks = np.flatnonzero((np.diff(frames) > 1) | (np.diff(ids) != 0)) + 1
    return [
        (int(frames[part[0]]), int(frames[part[-1]]), int(ids[part[0]]))
        for part in np.split(np.arange(len(frames)), breaks)
        if len(part)
    ]


def _people(found: SequenceExplanation, most: int) -> list[int]:
    """Whom to show, by first appearance."""
    people, start, length = np.unique(found.identities, return_index=True, return_counts=True)
    switches = np.array([sum(one.switch.identity == person for one in found.switches) for person in people.tolist()])
    chosen = np.lexsort((-length, -switches))[:most]
    return [int(person) for person in people[chosen[np.argsort(start[chosen], kind="stable")]]]


def _draw(panel: Axes, row: int, run: Run, width: int) -> None:
    first, last, track = run
    length = last - first + 1
    if track < 0:
        panel.broken_barh([(first - 0.5, length)], (row - 0.06, 0.12), color=GRID)
        return
    colour = identity_colour(track)
    panel.broken_barh([(first - 0.5, length)], (row - 0.34, 0.68), color=hex_colour(colour))
    if length >= LABELLED * width:
        ink = hex_colour(ink_on(colour))
        panel.text(
            first - 0.5 + 0.004 * width, row + 0.02, str(track), color=ink, fontsize=7.5, va="center", clip_on=True
        )
