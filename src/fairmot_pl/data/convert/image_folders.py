"""Folders of frames, in natural order."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fairmot_pl.data.headers import IMAGE_SUFFIXES


def image_folders(root: Path) -> dict[Path, list[Path]]:
    """Every folder at or below `root` that holds images, and these, `frame2` before `frame10`."""
    found: dict[Path, list[Path]] = {}
    for folder, inner, names in os.walk(root, followlinks=True):
        inner.sort()
        images = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES) and name[0] != "."]
        if images:
            found[Path(folder)] = [Path(folder, name) for name in sorted(images, key=natural)]
    return found


def natural(name: str) -> list[tuple[int, str]]:
    """Sort key that reads runs of digits as numbers; the text itself settles `1.jpg` against `01.jpg`."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts] + [(-1, name)]
