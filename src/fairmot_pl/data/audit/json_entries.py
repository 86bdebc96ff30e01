"""Entries of JSON annotations, of which any key may be missing or hold something else."""

from __future__ import annotations

import math
from typing import Any

Box = tuple[float, float, float, float]


def box_of(value: Any) -> Box | None:
    """`[left, top, width, height]` of finite numbers, or None where it is something else."""
    if not isinstance(value, list | tuple) or len(value) != 4:
        return None
    if not all(isinstance(part, int | float) and not isinstance(part, bool) for part in value):
        return None
    box = (float(value[0]), float(value[1]), float(value[2]), float(value[3]))
    return box if all(map(math.isfinite, box)) else None


def whole(value: Any) -> int | None:
    """A whole number, also where it is written as `3.0` or `"3"`; None where it is something else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number == math.floor(number) and math.isfinite(number) else None


def short(entry: Any) -> str:
    """The beginning of an entry, for a message."""
    text = str(entry)
    return text if len(text) <= 100 else f"{text[:97]}..."
