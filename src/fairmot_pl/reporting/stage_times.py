"""Where the time of a run went: seconds of each stage, and a figure of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fairmot_pl.reporting.figures import COLOURS, MUTED, finish_panel, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PHASES = {"training": "step", "validation": "frame"}
"""The phases of a run, and what each goes through one after the other."""

MAX_STAGES = 8
"""Bars of a phase; the quickest stages become one."""


@dataclass(frozen=True, kw_only=True)
class PhaseTimes:
    """Measured seconds of one phase.

    Args:
        count: how many steps, or frames, were measured.
        seconds: of each stage. Stages do not overlap: what runs within another stage counts there only.
    """

    count: int
    seconds: Mapping[str, float]

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())

    def slowest(self, most: int = MAX_STAGES) -> dict[str, float]:
        """The stages, slowest first; beyond `most` they are put together."""
        ordered = sorted(self.seconds.items(), key=lambda stage: -stage[1])
        if len(ordered) <= most:
            return dict(ordered)
        rest = ordered[most - 1 :]
        return {**dict(ordered[: most - 1]), f"{len(rest)} others": sum(seconds for _, seconds in rest)}


StageTimes = Mapping[str, PhaseTimes]
"""By phase."""


def times_as_json(times: StageTimes) -> dict[str, Any]:
    """Plain values, for a file."""
    return {phase: {"count": part.count, "seconds": dict(part.seconds)} for phase, part in times.items()}


def times_from_json(values: Mapping[str, Any]) -> StageTimes:
    """What `times_as_json` has made."""
    return {phase: PhaseTimes(count=part["count"], seconds=part["seconds"]) for phase, part in values.items()}


def stage_figure(times: StageTimes) -> Figure | None:
    """Milliseconds of each stage, a panel a phase, slowest first; None where nothing was measured."""
    shown = {phase: part for phase, part in times.items() if part.count and part.total > 0}
    if not shown:
        return None
    rows = max(len(part.slowest()) for part in shown.values())
    with styled():
        figure, panels = new_figure(1, len(shown), height=1.0 + 0.27 * rows)
        for panel, (phase, part) in zip(panels, shown.items(), strict=True):
            _draw_stages(panel, part, per=PHASES[phase])
            finish_panel(panel, phase.capitalize(), f"milliseconds a {PHASES[phase]}", "", legend=False)
    return figure


def slowest_line(times: StageTimes) -> str:
    """The slowest stage of each phase, in words; empty where nothing was measured."""
    parts = []
    for phase, part in times.items():
        if part.count and part.total > 0:
            stage, seconds = next(iter(part.slowest().items()))
            parts.append(
                f"{phase}: {_in_words(1e3 * part.total / part.count)} a {PHASES[phase]}, "
                f"of which {stage} takes {seconds / part.total:.0%} (over {part.count:,} {PHASES[phase]}s)"
            )
    return "; ".join(parts)


def _in_words(milliseconds: float) -> str:
    return f"{milliseconds:,.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def _draw_stages(panel: Axes, part: PhaseTimes, *, per: str) -> None:
    stages = part.slowest()
    places = np.arange(len(stages))
    lengths = 1e3 * np.array(list(stages.values())) / part.count
    panel.barh(places, lengths, 0.66, color=COLOURS["blue" if per == "step" else "green"])
    for place, length, seconds in zip(places, lengths, stages.values(), strict=True):
        text = f"{_in_words(length)}, {seconds / part.total:.0%}"
        panel.annotate(text, (length, place), (4, 0), textcoords="offset points", va="center", fontsize=8, color=MUTED)
    panel.set_yticks(places, list(stages))
    panel.invert_yaxis()
    panel.set_xlim(0, 1.32 * max(lengths.max(), 1e-9))
    panel.grid(visible=False, axis="y")
