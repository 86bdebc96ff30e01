"""Which files of the data are others than they were, by two records of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ABSENT = "missing"


def file_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """A line for each file or group of annotations that differs.

    Args:
        then: sequences by name as `data_files.json` keeps them.
        now: the same, later.
    """
    lines: list[str] = []
    for name in {**then, **now}:
        if name not in now:
            lines.append(f"{name}: the sequence is not there any more")
        elif name not in then:
            lines.append(f"{name}: the sequence is new")
        else:
            lines += _changes(name, then[name], now[name])
    return list(dict.fromkeys(lines))  # a sequence may train and validate


def _changes(name: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    folder = then["folder"]
    lines = []
    own = {**then.get("files", {}), **now.get("files", {})}
    for file in own:
        before, after = (entry.get("files", {}).get(file, ABSENT) for entry in (then, now))
        if before != after:
            lines.append(f"{name}: {file} {_what(before, after)}")
    images = {
        file: [(entry["frames"].get(file) or ABSENT).split() for entry in (then, now)] for file in _frames(then, now)
    }
    lines += [
        f"{folder}/{file} {_what(before[0], after[0])}"
        for file, (before, after) in images.items()
        if before[0] != after[0]
    ]
    relabelled = [
        file for file, (before, after) in images.items() if before[1:] and after[1:] and before[1:] != after[1:]
    ]
    if relabelled:
        more = f" and of {len(relabelled) - 1} more images" if len(relabelled) > 1 else ""
        lines.append(f"{name}: the annotation of {relabelled[0]}{more} reads otherwise")
    if then.get("frame_rate") != now.get("frame_rate"):
        lines.append(f"{name}: {then.get('frame_rate')} frames per second -> {now.get('frame_rate')}")
    return lines


def _frames(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return list({**then["frames"], **now["frames"]})


def _what(before: str, after: str) -> str:
    if after == ABSENT:
        return "is missing"
    return "is new" if before == ABSENT else "has other content"
