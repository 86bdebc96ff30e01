"""CVAT for video, XML 1.1: tracks of boxes, one explicit box a frame."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.rows import LabelRows
from fairmot_pl.data.audit.sequence import AuditedSequence
from fairmot_pl.data.coco import PEOPLE

OCCLUDED = 0.5
"""Visibility of a box that is marked as occluded: the tool says whether, MOTChallenge asks how much."""

_CORNERS = ("xtl", "ytl", "xbr", "ybr")


def scan_cvat(
    path: Path, images: Sequence[Path], findings: Findings, *, classes: Iterable[str] | None = None
) -> list[AuditedSequence]:
    """Read an export and report what can be told without opening its images.

    Boxes marked as outside are left out. Frames are counted from 1, the first that the task holds.

    Args:
        path: the XML file.
        images: the frames of the task in order.
        findings: where to.
        classes: labels that are taken; None: people, or the only label.

    Returns:
        One sequence, named after the task or its video, else after the file; none where it cannot be understood.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except FileNotFoundError:
        findings.add("missing-labels", path, "no such file")
        return []
    except (OSError, ElementTree.ParseError) as error:
        line = error.position[0] if isinstance(error, ElementTree.ParseError) else 0
        findings.add("unreadable-labels", path, f"is no XML: {error}", lines=[line])
        return []
    tracks = root.findall("track")
    if not tracks:
        hint = "; images are labelled in it: export as CVAT for video" if root.find("image") is not None else ""
        findings.add("unreadable-labels", path, f"holds no track{hint}")
        return []
    wanted = _wanted([str(track.get("label")) for track in tracks], classes, path, findings)
    start, step = _first_frame(root)
    people: list[tuple[float, ...]] = []
    for track in tracks:
        if track.get("label") in wanted:
            people += _boxes(track, start, step, len(images), path, findings)
    table = np.array(people, np.float64).reshape(-1, 7)
    nothing = np.zeros(len(table), np.int64)
    whole = table[:, :2].astype(np.int64)
    rows = LabelRows((path,), nothing, nothing, whole[:, 0], whole[:, 1], table[:, 2:6], table[:, 6])
    size = _size(root)
    return [
        AuditedSequence(
            name=_name(root) or path.stem,
            file=path,
            images=tuple(images),
            frames=np.arange(1, len(images) + 1),
            said_sizes=np.tile(np.array(size, np.int64), (len(images), 1)),
            rows=rows,
        )
    ]


def _name(root: ElementTree.Element) -> str:
    """What the tool calls the task or its video, fit for a folder; every task is exported to a file of one name."""
    names = [root.findtext(f"meta/{place}/name") for place in ("task", "job")]
    videos = [root.findtext(place) for place in ("meta/source", "meta/task/source", "meta/job/source")]
    texts = [*(name or "" for name in names), *(PurePosixPath(video or "").stem for video in videos)]
    return next(filter(None, (re.sub(r"[^\w.-]+", "_", text.strip()).strip("._") for text in texts)), "")


def _wanted(labels: Sequence[str], classes: Iterable[str] | None, path: Path, findings: Findings) -> set[str]:
    known = dict.fromkeys(labels)
    if classes is not None:
        wanted = set(classes) & known.keys()
    else:
        wanted = {label for label in known if label.lower() in PEOPLE or len(known) == 1}
    if not wanted:
        found = f"the labels are {', '.join(known)}; none of them is taken for people"
        findings.add("no-people", path, found, remedy="name the labels that are people: classes=[...]")
    return wanted


def _boxes(
    track: ElementTree.Element, start: int, step: int, length: int, path: Path, findings: Findings
) -> list[tuple[float, ...]]:
    """Frame, id, tlwh, visibility of the boxes of a track."""
    key = track.get("id")
    if key is None or not key.isdecimal():
        findings.add("bad-id", path, f"track id is {key!r}")
        return []
    rows: list[tuple[float, ...]] = []
    for box in track.findall("box"):
        if box.get("outside") == "1":
            continue
        number = str(box.get("frame"))
        try:
            left, top, right, bottom = (float(box.get(corner, "nan")) for corner in _CORNERS)
            frame, left_over = divmod(int(number) - start, step)
            turned = float(box.get("rotation", "0"))
        except ValueError:
            frame, left_over, left, top, right, bottom, turned = 0, 0, math.nan, 0.0, 0.0, 0.0, 0.0
        if not all(map(math.isfinite, (left, top, right, bottom))):
            findings.add("bad-entry", path, f"track {key}, frame {number}: a box needs {', '.join(_CORNERS)}")
        elif left_over or not 0 <= frame < length:
            found = f"track {key} has a box in frame {number}, the task has {length} images"
            findings.add("row-beyond-end", path, found)
        else:
            left, top, right, bottom = _upright(left, top, right, bottom, turned)
            visible = OCCLUDED if box.get("occluded") == "1" else 1.0
            rows.append((frame + 1, int(key), left, top, right - left, bottom - top, visible))
    return rows


def _upright(left: float, top: float, right: float, bottom: float, angle: float) -> tuple[float, float, float, float]:
    """The upright box around one that is turned about its centre by `angle` degrees."""
    if angle % 360 == 0:
        return left, top, right, bottom
    cosine, sine = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
    half_width, half_height = (right - left) / 2, (bottom - top) / 2
    across, down = half_width * cosine + half_height * sine, half_width * sine + half_height * cosine
    x, y = (left + right) / 2, (top + bottom) / 2
    return x - across, y - down, x + across, y + down


def _first_frame(root: ElementTree.Element) -> tuple[int, int]:
    """Number of the task's first frame in the video, and how far apart its frames are."""
    start = root.findtext("./meta//start_frame") or "0"
    step = re.search(r"step\s*=\s*(\d+)", root.findtext("./meta//frame_filter") or "")
    return int(start) if start.strip().isdecimal() else 0, max(1, int(step[1])) if step else 1


def _size(root: ElementTree.Element) -> tuple[int, int]:
    """Height and width of the video; 0 where the file does not say."""
    found = [root.findtext(f"./meta//original_size/{side}") or "" for side in ("height", "width")]
    return (int(found[0]), int(found[1])) if all(text.strip().isdecimal() for text in found) else (0, 0)
