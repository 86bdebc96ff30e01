"""One table of text in the formats that people paste: aligned, Markdown, LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Mark = Literal["", "best", "noise", "worse"]

SIGNS: dict[str, str] = {"": " ", "best": "*", "noise": "~", "worse": " "}
"""What stands behind a figure where there is neither weight nor colour."""


class Cell(NamedTuple):
    """A cell and how it stands beside the others of its column."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """Cells under a header.

    Args:
        header: a name for each column.
        rows: as long as the header each.
        figures: whether each column holds figures, which are aligned right.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    figures: Sequence[bool]

    def text(self) -> str:
        """Aligned columns for a terminal."""
        signed = [
            [
                cell.text + SIGNS[cell.mark] if figure else cell.text
                for cell, figure in zip(row, self.figures, strict=True)
            ]
            for row in self.rows
        ]
        table = [list(self.header), *signed]
        widths = [max(len(row[place]) for row in table) for place in range(len(self.header))]
        table.insert(1, ["-" * width for width in widths])
        return "\n".join(self._aligned(row, widths) for row in table)

    def markdown(self) -> str:
        """A Markdown table; the best are bold, what cannot be told from them has a `~`."""
        dressed = {"": "{}", "best": "**{}**", "noise": "{} ~", "worse": "{}"}
        marks = ["---:" if figure else "---" for figure in self.figures]
        rows = [[dressed[cell.mark].format(cell.text) for cell in row] for row in self.rows]
        escaped = [[cell.replace("|", "\\|") for cell in row] for row in [list(self.header), marks, *rows]]
        return "\n".join("| " + " | ".join(row) + " |" for row in escaped)

    def latex(self) -> str:
        """A `tabular` for the package booktabs; the best are bold, what cannot be told from them has a tilde."""
        dressed = {"": "{}", "best": r"\textbf{{{}}}", "noise": r"{}$^{{\sim}}$", "worse": "{}"}
        columns = "".join("r" if figure else "l" for figure in self.figures)
        rows = [[dressed[cell.mark].format(latex_text(cell.text)) for cell in row] for row in self.rows]
        lines = [" & ".join(row) + r" \\" for row in [[latex_text(name) for name in self.header], *rows]]
        body = [lines[0], r"\midrule", *lines[1:]]
        return "\n".join([rf"\begin{{tabular}}{{{columns}}}", r"\toprule", *body, r"\bottomrule", r"\end{tabular}"])

    def _aligned(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = [
            cell.rjust(width) if figure else cell.ljust(width)
            for cell, width, figure in zip(row, widths, self.figures, strict=True)
        ]
        return "  ".join(cells).rstrip()


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def latex_text(text: str) -> str:
    """Text as LaTeX prints it."""
    return re.sub("|".join(map(re.escape, _LATEX)), lambda found: _LATEX[found.group()], text)
