"""How metrics are written for people: fractions as percent, counts as whole numbers."""

from __future__ import annotations

import math
from typing import Any

FRACTIONS = frozenset(
    {"HOTA", "DetA", "AssA", "LocA", "DetRe", "DetPr", "AssRe", "AssPr", "MOTA", "MOTP", "IDF1", "IDP", "IDR"}
)
FRACTION_KINDS = ("AP", "AP50", "TPR@FAR=", "rank1", "mAP")
"""How the names of other fractions begin; what they are about follows."""

COUNTS = frozenset(
    {"IDSW", "FP", "FN", "TP", "MT", "PT", "ML", "Frag", "GT", "IDTP", "IDFP", "IDFN"}
    | {"GT_IDs", "GT_Dets", "IDs", "Dets"}
)
LOWER_IS_BETTER = frozenset({"IDSW", "FP", "FN", "ML", "Frag", "IDFP", "IDFN"})
HIGHER_IS_BETTER = frozenset(
    {"TP", "MT", "IDTP", "identity_accuracy", "images_per_second", "frames_per_second", "objective", "best"}
)
"""Besides fractions; the last two are of a search."""


def is_fraction(name: str) -> bool:
    """Whether a metric, with or without its prefix (`val/HOTA`), is a share of 1, shown in percent."""
    return _short(name) in FRACTIONS or _short(name).startswith(FRACTION_KINDS)


def lower_is_better(name: str) -> bool:
    """Whether less of it is better, as of all errors."""
    return _short(name) in LOWER_IS_BETTER


def best_is(name: str) -> str | None:
    """`"max"` or `"min"`, whichever is better of a logged figure; None where neither is."""
    if lower_is_better(name) or "/loss/" in name:
        return "min"
    return "max" if is_fraction(name) or _short(name) in HIGHER_IS_BETTER else None


def figure_text(name: str, value: Any) -> str:
    """The value of a metric for a table: percent with one decimal, whole counts, else four digits."""
    if value is None:
        return "-"
    number = float(value)
    if not math.isfinite(number):
        return "no number" if math.isnan(number) else str(number)
    if is_fraction(name):
        return f"{100 * number:.1f}"
    if _short(name) in COUNTS:
        return f"{round(number):,}"
    return f"{number:.4g}"


def signed_text(name: str, difference: float) -> str:
    """A difference of a metric with its sign, in the unit of `figure_text`."""
    text = figure_text(name, abs(difference))
    return text if not any(digit in text for digit in "123456789") else ("+" if difference > 0 else "-") + text


def sentence(text: str) -> str:
    """Words with a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + "."


def _short(name: str) -> str:
    return name.rsplit("/", 1)[-1]
