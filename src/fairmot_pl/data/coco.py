"""COCO json: still images or videos, with or without `track_id`.

Understood are `images` (`file_name`, `width`, `height`; for videos `video_id` and `frame_id`), `annotations`
(`bbox` as left, top, width, height; `category_id`, `track_id` or `instance_id`, `iscrowd`, `ignore`),
`categories` and `videos`. Crowds and boxes to be ignored are left out.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from fairmot_pl.boxes import tlwh_to_xyxy
from fairmot_pl.data.headers import Headers, read_headers, readable
from fairmot_pl.data.mot_layout import check_frame_rate
from fairmot_pl.data.splits import check_split, take_part
from fairmot_pl.data.stills import FlatAnnotations
from fairmot_pl.files import not_utf8
from fairmot_pl.mot_format import LARGEST_ID
from fairmot_pl.structures import UNKNOWN_IDENTITY, AnnotatedSequence

IDENTITIES = ("track", "per_box", "unknown")
PEOPLE = ("person", "pedestrian")
"""Category names that mean people; a file with one category alone may call it as it likes."""

_Record = dict[str, Any]


class CocoFormatError(ValueError):
    """An annotation file that cannot be understood; the message names file, entry and remedy."""


def read_coco(
    root: Path | str,
    *,
    annotation: str,
    images: str = ".",
    categories: Mapping[str, int] | Sequence[str] | None = None,
    identities: str = "track",
    split: str | Mapping[str, Any] = "full",
    frame_rate: float = 30.0,
) -> list[AnnotatedSequence]:
    """Read one annotation file.

    Args:
        root: the folder that the annotation file and the images lie below.
        annotation: file name below the root, for example `annotations/train.json`.
        images: folder below the root that `file_name` starts from.
        categories: names to read and the class of each, or names in the order of classes; by default people
            alone, as class 0.
        identities: `"track"` takes `track_id` (or `instance_id`), and boxes without one train detection only;
            `"per_box"` makes every box a person of its own; `"unknown"` trains detection only.
        split: of the videos; see `fairmot_pl.data.splits`. Still images have only `"full"`.
        frame_rate: of videos whose entry has no `fps` or `frame_rate`.

    Returns:
        Every video in the order of the file, then the still images (those without `video_id`) as one set. A few
        damaged images are left out with a warning; the others keep their frame numbers.

    Raises:
        FileNotFoundError: the annotation file or an image is not there.
        CocoFormatError: an entry that cannot be understood, or one that contradicts its image.
        ValueError: an unknown category or option, or too many damaged images.
    """
    if identities not in IDENTITIES:
        raise ValueError(f"identities is {identities!r}; allowed: {', '.join(map(repr, IDENTITIES))}")
    check_split(split)
    check_split(split)
    check_frame_rate(frame_rate)
    path = Path(root, annotation)
    content = _load(path)
    entries, videos = _in_order(content, path)
    files = [Path(root, images, str(entry["file_name"])) for entry in entries]
    flat = _boxes(content, entries, _classes(content, categories, path), identities, path)
    del content
    headers = read_headers(files, path.stem)
    remedy = "complete the images, or name their folder with images=..."
    sound = readable(headers, path, lambda place: str(files[place]), remedy)
    _check_images(entries, files, headers, path)
    numbers, sizes = list(compress(_numbers(entries, path), sound)), headers.sizes[sound]
    entries, files, flat = list(compress(entries, sound)), list(compress(files, sound)), flat.of_images(sound)
    flat = flat.without_zero_size(path, files)
    _check_unique(flat, files, path)
    frames = flat.frames(files, sizes, numbers)
    found = []
    for name, rate, start, end in _groups(entries, videos, path, frame_rate):
        is_video = rate is not None
        found.append(AnnotatedSequence(name=name, frames=frames[start:end], frame_rate=rate or 1.0, is_video=is_video))
    return take_part(found, split)


def _load(path: Path) -> _Record:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such annotation file; name it with annotation=...")
    try:
        content: _Record = json.loads(path.read_bytes())
    except UnicodeDecodeError as error:
        raise CocoFormatError(f"{path}: {not_utf8(error)}") from error
    except json.JSONDecodeError as error:
        raise CocoFormatError(f"{path}: is no JSON ({error}); is the file whole?") from error
    lists = {key: content.get(key) for key in ("images", "annotations")} if isinstance(content, dict) else {}
    if not all(isinstance(found, list) for found in lists.values()) or not lists:
        raise CocoFormatError(f"{path}: needs the lists images, annotations and categories")
    if not content["images"]:
        raise CocoFormatError(f"{path}: its list of images is empty")
    return content


def _in_order(content: _Record, path: Path) -> tuple[list[_Record], dict[Any, _Record]]:
    """The images, those of one video together and in time; and the videos by id."""
    videos = {video.get("id"): video for video in content.get("videos") or []}
    place = {key: index for index, key in enumerate(videos)}
    for entry in content["images"]:
        if not isinstance(entry, dict) or not {"id", "file_name"} <= entry.keys():
            raise CocoFormatError(f"{path}: the image {entry} needs id and file_name")
        place.setdefault(entry.get("video_id"), len(place))
    place[None] = len(place)  # still images come last
    return sorted(content["images"], key=lambda entry: (place[entry.get("video_id")], _time(entry))), videos


def _time(entry: _Record) -> float:
    return float(entry.get("frame_id", 0)) if entry.get("video_id") is not None else 0.0


def _numbers(entries: Sequence[_Record], path: Path) -> list[int]:
    """Frame numbers from 1: as the file has them where it starts at 1, one more where it starts at 0."""
    first = min((int(entry["frame_id"]) for entry in entries if "frame_id" in entry), default=1)
    shift = 1 if first == 0 else 0
    numbers: list[int] = []
    for index, entry in enumerate(entries):
        follows = index > 0 and entry.get("video_id") == entries[index - 1].get("video_id")
        counted = numbers[-1] + 1 if follows else 1
        is_frame = entry.get("video_id") is not None and "frame_id" in entry
        number = int(entry["frame_id"]) + shift if is_frame else counted
        if follows and number <= numbers[-1]:
            raise CocoFormatError(
                f"{path}: video {entry['video_id']} has frame_id {entry['frame_id']} twice "
                f"({entries[index - 1]['file_name']}, {entry['file_name']}); frames need numbers of their own"
            )
        numbers.append(number)
    return numbers


def _groups(
    entries: Sequence[_Record], videos: Mapping[Any, _Record], path: Path, frame_rate: float
) -> list[tuple[str, float | None, int, int]]:
    """Name, frame rate (None for still images), first and last image + 1 of every sequence."""
    keys = [entry.get("video_id") for entry in entries]
    starts = [index for index, key in enumerate(keys) if index == 0 or key != keys[index - 1]]
    groups: list[tuple[str, float | None, int, int]] = []
    for start, end in zip(starts, [*starts[1:], len(keys)], strict=True):
        key = keys[start]
        video = videos.get(key, {})
        rate = float(video.get("fps") or video.get("frame_rate") or frame_rate)
        name = path.stem if key is None else video_name(video, key)
        groups.append((name, None if key is None else rate, start, end))
    return groups


def video_name(video: Mapping[str, Any], key: object) -> str:
    """What a video is called, so that its results can be files of that name.

    Args:
        video: its entry, with `name`, or with `file_name` as CenterTrack and ByteTrack write it.
        key: its id, the name of one that has neither.
    """
    return str(video.get("name") or video.get("file_name") or key).replace("/", "_")


def _classes(content: _Record, wanted: Mapping[str, int] | Sequence[str] | None, path: Path) -> dict[int, int]:
    """Class by category id."""
    named = {entry["id"]: str(entry["name"]) for entry in content.get("categories") or []}
    if wanted is None:
        people = {key: 0 for key, name in named.items() if name.lower() in PEOPLE or len(named) == 1}
        if not people:
            raise ValueError(
                f"{path}: no category is named {' or '.join(PEOPLE)}; say categories=[...] with names of "
                f"{', '.join(named.values()) or 'none, the list of categories is empty'}"
            )
        return people
    classes = dict(wanted) if isinstance(wanted, Mapping) else {name: index for index, name in enumerate(wanted)}
    unknown = [name for name in classes if name not in named.values()]
    if unknown:
        raise ValueError(f"{path}: has no category {unknown[0]!r}; there are {', '.join(named.values())}")
    return {key: int(classes[name]) for key, name in named.items() if name in classes}


def _boxes(
    content: _Record, entries: Sequence[_Record], classes: Mapping[int, int], identities: str, path: Path
) -> FlatAnnotations:
    index = {entry["id"]: place for place, entry in enumerate(entries)}
    if len(index) < len(entries):
        raise CocoFormatError(f"{path}: {len(entries) - len(index)} images share their id with another one")
    image, label, track, box = [], [], [], []
    try:
        for entry in content["annotations"]:
            if entry["category_id"] in classes and not (entry.get("iscrowd") or entry.get("ignore")):
                image.append(index[entry["image_id"]])
                label.append(classes[entry["category_id"]])
                track.append(_track(entry))
                left, top, width, height = entry["bbox"]
                box.append((float(left), float(top), float(width), float(height)))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CocoFormatError(
            f"{path}: the annotation {str(entry)[:200]} needs image_id of a listed image, category_id and "
            f"bbox=[left, top, width, height] ({error!r})"
        ) from error
    place = np.array(image, np.int64)
    order = np.argsort(place, kind="stable")
    boxes = tlwh_to_xyxy(np.array(box, np.float64).reshape(-1, 4))[order]
    if not np.isfinite(boxes).all():
        raise CocoFormatError(f"{path}: {(~np.isfinite(boxes)).any(axis=1).sum()} boxes are not finite; mend them")
    raw = np.maximum(np.array(track, np.int64)[order], UNKNOWN_IDENTITY)
    if identities != "track":
        raw = np.arange(len(raw)) if identities == "per_box" else np.full(len(raw), UNKNOWN_IDENTITY)
    return FlatAnnotations(
        bounds=np.searchsorted(place[order], np.arange(len(entries) + 1)),
        boxes=boxes.astype(np.float32),
        identities=raw,
        classes=np.array(label, np.int64)[order],
        visibility=np.ones(len(raw), np.float32),
    )


def _track(entry: _Record) -> int:
    """The identity, wherever the common exports write it; -1 where they do not."""
    extra = entry.get("attributes") or {}
    written = (entry.get("track_id"), entry.get("instance_id"), extra.get("track_id"))
    track = int(next((found for found in written if found is not None), UNKNOWN_IDENTITY))
    if abs(track) > LARGEST_ID:
        raise ValueError(f"track_id {track} is beyond {LARGEST_ID}")
    return track


def _check_images(entries: Sequence[_Record], files: Sequence[Path], headers: Headers, path: Path) -> None:
    """Every image that can be read is of the size that its annotation was made for."""
    stored = headers.sizes.tolist()
    ambiguous: list[Path] = []
    for place, (entry, file, size) in enumerate(zip(entries, files, stored, strict=True)):
        if place in headers.faults:
            continue
        orientation = int(headers.orientations[place])
        said = [entry.get("height") or size[0], entry.get("width") or size[1]]
        if said != size:
            turned = orientation > 4 and said == size[::-1]
            remedy = (
                "the annotation follows the camera's rotation note (EXIF), pixels are read as stored: "
                "turn the pixels themselves, for example with `mogrify -auto-orient`"
                if turned
                else "put the original image there or mend the annotation"
            )
            raise CocoFormatError(
                f"{path}: image {entry['id']} is annotated as {said[1]} x {said[0]}, "
                f"but {file} is {size[1]} x {size[0]}; {remedy}"
            )
        if (orientation > 4 and size[0] == size[1]) or 1 < orientation <= 4:
            ambiguous.append(file)
    if ambiguous:
        warnings.warn(
            f"{path}: {len(ambiguous)} images have a rotation note of the camera (EXIF) and are read as stored, "
            f"without turning; look whether their boxes fit (first: {ambiguous[0]})",
            stacklevel=3,
        )


def _check_unique(flat: FlatAnnotations, files: Sequence[Path], path: Path) -> None:
    image = np.repeat(np.arange(len(files)), np.diff(flat.bounds))
    known = np.flatnonzero(flat.identities > UNKNOWN_IDENTITY)
    order = known[np.lexsort((flat.identities[known], image[known]))]
    twice = (np.diff(image[order]) == 0) & (np.diff(flat.identities[order]) == 0)
    if twice.any():
        row = order[np.flatnonzero(twice)[0]]
        raise CocoFormatError(
            f"{path}: track_id {flat.identities[row]} stands twice in {files[image[row]]} ({twice.sum()} such boxes); "
            "a track_id names one object of a video: delete the repeats, or say identities=unknown"
        )
