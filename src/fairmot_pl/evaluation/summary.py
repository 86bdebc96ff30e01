"""The outcome of an evaluation, as figures, as a table to read and as a flat record to log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OVERALL = "OVERALL"
"""Name of the row, and of the curve, that speaks of all sequences together."""

COLUMNS = (
    *("HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"),
    *("IDSW", "FP", "FN", "MT", "ML", "Frag"),
)
"""The metrics every table shows, in this order; the first nine are fractions, the others counts."""

PROTOCOLS = ("trackeval", "reference")
"""How figures are counted: as the benchmark's server does, or as FairMOT's own scripts do."""

Figures = dict[str, float | int]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Metrics of all sequences together and of each.

    Args:
        overall: metric name to value (fractions as float, counts as int), from the counts of all sequences:
            not a mean over sequences. Starts with `COLUMNS`, in that order.
        sequences: the same for each sequence.
        curves: for each sequence and for `OVERALL` the columns alpha, HOTA, DetA, AssA, LocA over the 19 IoU
            thresholds.
        protocol: `"trackeval"`, or `"reference"`: counted as FairMOT's scripts do, without HOTA and its parts.
        offline: what was done to the tracks after the fact, such as `offline: linear ≤20`; empty for online results.

    Examples:
        >>> import numpy as np
        >>> from fairmot_pl import evaluate_tracking
        >>> rows = np.array([[frame, 1, 10, 20, 40, 100] for frame in range(1, 6)])
        >>> summary = evaluate_tracking({"street": rows}, {"street": rows})
        >>> summary.overall["HOTA"], summary.sequences["street"]["FN"], summary.flat()["val/MOTA"]
        (1.0, 0, 1.0)
    """

    overall: Figures
    sequences: Mapping[str, Figures]
    curves: Mapping[str, Mapping[str, list[float]]]
    protocol: str = "trackeval"
    offline: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The metrics that a table shows, in its order."""
        return tuple(name for name in COLUMNS if name in self.overall)

    def table(self) -> str:
        """Plain text: one line a sequence and one for all, fractions in per cent."""
        rows = {**self.sequences, OVERALL: self.overall}
        cells = [
            ["", *self.columns],
            *([name, *(_cell(row[column]) for column in self.columns)] for name, row in rows.items()),
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                [
                    row[0].ljust(widths[0]),
                    *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
                ]
            )
            for row in cells
        ]
        return "\n".join([lines[0], *lines[1:-1], "-" * len(lines[0]), lines[-1]])

    def flat(self, prefix: str = "val/") -> dict[str, float]:
        """The overall figures as loggers and `metrics.json` take them: `val/MOTA`, `val/reference/MOTA` and so on."""
        if self.protocol != PROTOCOLS[0]:
            prefix += f"{self.protocol}/"
        if self.offline:
            prefix += "offline/"
        return {prefix + name: value for name, value in self.overall.items()}


def _cell(value: float | int) -> str:
    return f"{100 * value:.1f}" if isinstance(value, float) else str(value)
