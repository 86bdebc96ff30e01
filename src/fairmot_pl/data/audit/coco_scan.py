"""COCO json as it is, sound or not: videos by `video_id`, else still images or one video a folder."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.json_entries import Box, box_of, short, whole
from fairmot_pl.data.audit.rows import LabelRows
from fairmot_pl.data.audit.sequence import AuditedSequence
from fairmot_pl.data.coco import PEOPLE, video_name
from fairmot_pl.files import not_utf8

Entry = Mapping[str, Any]


def scan_coco(
    path: Path,
    images: Path,
    findings: Findings,
    *,
    categories: Iterable[str] | None = None,
    folders_are_videos: bool = False,
) -> list[AuditedSequence]:
    """Read an annotation file and report what can be told without opening its images.

    Args:
        path: the JSON file.
        images: the folder that `file_name` starts from.
        findings: where to.
        categories: names that are taken for people; None: `PEOPLE`, or the only category.
        folders_are_videos: without `video_id`, images of one folder are a video in the order of their names.
    """
    content = _load(path, findings)
    if content is None:
        return []
    entries = _images(content, path, findings)
    wanted = _wanted(content, categories, path, findings)
    boxes = _boxes(content, entries, wanted, path, findings)
    videos = {entry.get("id"): entry for entry in content.get("videos") or [] if isinstance(entry, dict)}
    groups: dict[tuple[str, bool], list[Entry]] = defaultdict(list)
    for entry in entries.values():
        video = entry.get("video_id")
        if video is not None:
            name, is_video = video_name(videos.get(video, {}), video), True
        elif folders_are_videos:
            parent = PurePosixPath(entry["file_name"]).parent
            parts = [part for part in parent.parts if part not in ("img1", "images")]
            name, is_video = "_".join(parts) or path.stem, True
        else:
            name, is_video = path.stem, False
        groups[name.replace("/", "_"), is_video].append(entry)
    found = []
    for (name, is_video), members in groups.items():
        about = next((each for each in videos.values() if video_name(each, each.get("id")) == name), {})
        rate = float(whole(about.get("fps") or about.get("frame_rate")) or 0)
        members.sort(key=_time)
        found.append(_sequence(path, images, name, members, boxes, is_video=is_video, rate=rate))
    return found


def _load(path: Path, findings: Findings) -> dict[str, Any] | None:
    if not path.is_file():
        findings.add("missing-labels", path, "no such annotation file")
        return None
    try:
        content = json.loads(path.read_bytes())
    except UnicodeDecodeError as error:
        findings.add("unreadable-labels", path, not_utf8(error))
        return None
    except (ValueError, OSError) as error:
        line = getattr(error, "lineno", 0)
        findings.add("unreadable-labels", path, f"is no JSON: {error}", lines=[line])
        return None
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        findings.add("unreadable-labels", path, "needs the lists images, annotations and categories")
        return None
    return content


def _images(content: Entry, path: Path, findings: Findings) -> dict[Any, Entry]:
    """Image entries by id."""
    found: dict[Any, Entry] = {}
    names: set[str] = set()
    for entry in content["images"]:
        if not isinstance(entry, dict) or entry.get("id") is None or not isinstance(entry.get("file_name"), str):
            findings.add("bad-entry", path, f"image {short(entry)} needs id and file_name")
        elif entry["id"] in found or entry["file_name"] in names:
            findings.add("entry-twice", path, f"image {entry['id']} ({entry['file_name']}) is listed twice")
        else:
            found[entry["id"]] = entry
            names.add(entry["file_name"])
    return found


def _wanted(content: Entry, categories: Iterable[str] | None, path: Path, findings: Findings) -> set[Any] | None:
    """Ids of the categories of people; None takes every annotation, where the file has no categories."""
    known = {
        entry.get("id"): str(entry.get("name")) for entry in content.get("categories") or [] if isinstance(entry, dict)
    }
    if not known:
        return None
    if categories is not None:
        wanted = {key for key, name in known.items() if name in set(categories)}
    else:
        wanted = {key for key, name in known.items() if name.lower() in PEOPLE or len(known) == 1}
    if not wanted:
        found = f"the categories are {', '.join(known.values())}; none of them is people"
        remedy = "name the categories that are people: categories=[...] of the source, in convert classes=[...]"
        findings.add("no-people", path, found, remedy=remedy)
    return wanted


def _boxes(
    content: Entry, images: Mapping[Any, Entry], wanted: set[Any] | None, path: Path, findings: Findings
) -> dict[Any, list[tuple[int, Box]]]:
    """`(identity, box)` of people by image id."""
    boxes: dict[Any, list[tuple[int, Box]]] = defaultdict(list)
    seen: set[Any] = set()
    for entry in content.get("annotations") or []:
        if not isinstance(entry, dict):
            findings.add("bad-entry", path, f"annotation {short(entry)} is no object")
            continue
        if wanted is not None and entry.get("category_id") not in wanted:
            continue
        if entry.get("iscrowd") or entry.get("ignore"):
            continue
        box, key = box_of(entry.get("bbox")), entry.get("id")
        if key is not None and key in seen:
            findings.add("entry-twice", path, f"annotation id {key} is there twice")
        seen.add(key)
        if box is None:
            found = f"annotation {key}: bbox {short(entry.get('bbox'))} is no [left, top, width, height]"
            findings.add("bad-entry", path, found)
        elif entry.get("image_id") not in images:
            found = f"annotation {key} points at image {entry.get('image_id')}, which is not listed"
            findings.add("dangling-label", path, found)
        else:
            boxes[entry["image_id"]].append((_track(entry), box))
    return boxes


def _track(entry: Entry) -> int:
    extra = entry.get("attributes")
    attributes = extra if isinstance(extra, dict) else {}
    written = (entry.get("track_id"), entry.get("instance_id"), attributes.get("track_id"))
    number = whole(next((value for value in written if value is not None), -1))
    return -1 if number is None else max(number, -1)


def _time(entry: Entry) -> tuple[int, str]:
    number = whole(entry.get("frame_id"))
    stem = PurePosixPath(str(entry["file_name"])).stem
    digits = "".join(filter(str.isdigit, stem))
    return number if number is not None else int(digits or 0), str(entry["file_name"])


def _sequence(
    path: Path,
    images: Path,
    name: str,
    members: Sequence[Entry],
    boxes: Mapping[Any, Sequence[tuple[int, Box]]],
    *,
    is_video: bool,
    rate: float,
) -> AuditedSequence:
    people = [
        (number, identity, *box)
        for number, entry in enumerate(members, start=1)
        for identity, box in boxes.get(entry["id"], ())
    ]
    table = np.array(people, np.float64).reshape(-1, 6)
    nothing = np.zeros(len(table), np.int64)
    rows = LabelRows(
        (path,),
        nothing,
        nothing,
        table[:, 0].astype(np.int64),
        table[:, 1].astype(np.int64),
        table[:, 2:],
        np.ones(len(table)),
    )
    sizes = [(whole(entry.get("height")) or 0, whole(entry.get("width")) or 0) for entry in members]
    return AuditedSequence(
        name=name,
        file=path,
        images=tuple(images / entry["file_name"] for entry in members),
        frames=np.arange(1, len(members) + 1),
        said_sizes=np.array(sizes, np.int64).reshape(-1, 2),
        rows=rows,
        frame_rate=rate,
        is_video=is_video,
    )
