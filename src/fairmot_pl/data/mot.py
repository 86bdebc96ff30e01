"""MOTChallenge layouts straight from their folders: `gt/gt.txt`, `seqinfo.ini` and `img1/`.

MOT15, MOT16, MOT17, MOT20, and DanceTrack and SportsMOT, which follow them (`1,1,1` after the box).

What counts as a person follows FairMOT's label generators: rows with a flag other than 0 and, where the file
has a class column (all but MOT15), class 1. Visibility filters nothing, boxes outside the image stay whole,
and the 1-based pixel coordinates are taken as they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fairmot_pl.boxes import tlwh_to_xyxy, xyxy_to_tlwh
from fairmot_pl.data.mot_layout import (
    check_frame_rate,
    find_sequences,
    first_size,
    info_without_file,
    list_images,
    rate_of,
)
from fairmot_pl.data.progress import progress
from fairmot_pl.data.splits import check_split, take_part
from fairmot_pl.mot_format import MotFormatError, MotTable, read_mot
from fairmot_pl.seqinfo import SequenceInfo, read_seqinfo
from fairmot_pl.structures import UNKNOWN_IDENTITY, AnnotatedSequence, FrameAnnotation

PEDESTRIAN = 1
"""MOTChallenge class of a walking person."""


def read_mot_folder(
    root: Path | str,
    *,
    split: str | Mapping[str, Any] = "full",
    subset: str | None = None,
    sequences: Sequence[str] | str | None = None,
    detector: str = "auto",
    frame_rate: float | Mapping[str, float] | None = None,
) -> list[AnnotatedSequence]:
    """Read the annotated sequences of a MOTChallenge set, sorted by name.

    Args:
        root: the set's root (holding `train/`) or the folder of sequences itself.
        split: `"full"`, a half of every sequence, or a fold of videos; see `fairmot_pl.data.splits`.
        subset: folder of sequences below the root, such as `"val"`; by default `train` where there is one.
        sequences: names to read, with or without MOT17's detector, or the text file below the root that lists
            them (`splits_txt/football.txt`); all by default.
        detector: which of MOT17's three equal copies to read: `"SDP"`, `"FRCNN"`, `"DPM"`, or `"auto"` for
            the first of these that is there.
        frame_rate: frames per second of sequences that were published without `seqinfo.ini`; one for all, or by name.

    Raises:
        FileNotFoundError: the root, a sequence's images, `gt.txt` or `seqinfo.ini` are not there.
        MotFormatError: a file contradicts itself or another one; file and figures are named.
        ValueError: an unknown split, sequence or detector.
    """
    check_split(split)
    check_frame_rate(frame_rate)
    folders = find_sequences(Path(root), sequences, detector, subset)
    name = Path(root).name
    read = [
        read_sequence(folder, frame_rate=rate_of(frame_rate, folder.name))
        for folder in progress(folders, f"reading {name}", len(folders))
    ]
    return take_part(read, split)


def read_sequence(folder: Path, *, truth: Path | None = None, frame_rate: float | None = None) -> AnnotatedSequence:
    """Read one sequence folder; see `read_mot_folder` for the errors.

    Args:
        folder: holds the images, `seqinfo.ini` and `gt/gt.txt`.
        truth: the ground truth, where it lies elsewhere.
        frame_rate: of a sequence without `seqinfo.ini`.
    """
    ini = folder / "seqinfo.ini"
    if frame_rate is None and not ini.is_file():
        raise FileNotFoundError(
            f"{ini}: no such file; put it there, or say frame_rate=... beside format and path for sequences that were "
            f"published without, as those of MOT15: one number for all, or {{{folder.name}: 25, ...}}"
        )
    info = info_without_file(folder, frame_rate) if frame_rate and not ini.is_file() else read_seqinfo(ini)
    images = list_images(folder, info)
    _check_image_size(images, info, folder)
    people = _people(truth or folder / "gt" / "gt.txt", info)

    order = np.argsort(people.frames, kind="stable")
    people = people.select(order)
    bounds = np.searchsorted(people.frames, np.arange(1, info.length + 2))
    boxes = tlwh_to_xyxy(people.boxes).astype(np.float32)
    classes = np.zeros(len(people), np.int64)
    frames = tuple(
        FrameAnnotation(
            image_path=image,
            frame=index + 1,
            image_size=info.image_size,
            boxes=boxes[start:end],
            identities=people.ids[start:end],
            classes=classes[start:end],
            visibility=people.visibility[start:end].astype(np.float32),
        )
        for index, (image, start, end) in enumerate(zip(images, bounds[:-1], bounds[1:], strict=True))
    )
    return AnnotatedSequence(name=folder.name, frames=frames, frame_rate=info.frame_rate, folder=folder)


def annotation_rows(sequence: AnnotatedSequence, last: int) -> MotTable:
    """The annotation of a video that has no `gt.txt`, up to frame `last`, as rows to be evaluated against.

    Raises:
        ValueError: somebody is of unknown identity, so that no tracking can be measured.
    """
    frames = [frame for frame in sequence.frames if frame.frame <= last]
    rows = np.full((sum(map(len, frames)), 8), -1.0)  # without a class column
    rows[:, 0] = np.repeat([frame.frame for frame in frames], [len(frame) for frame in frames])
    rows[:, 1] = np.concatenate([np.zeros(0), *(frame.identities for frame in frames)])
    rows[:, 2:6] = xyxy_to_tlwh(np.concatenate([np.zeros((0, 4)), *(frame.boxes for frame in frames)]))
    rows[:, 6] = 1
    unknown = int((rows[:, 1] == UNKNOWN_IDENTITY).sum())
    if unknown:
        raise ValueError(
            f"{sequence.name}: {unknown} of {len(rows)} boxes have no identity, so tracking cannot be measured; "
            "take it out of data.val, or complete the annotation"
        )
    return MotTable.from_rows(rows)


def _check_image_size(images: Sequence[Path], info: SequenceInfo, folder: Path) -> None:
    image, (height, width) = first_size(images)
    if (height, width) != info.image_size:
        raise MotFormatError(
            f"{folder / 'seqinfo.ini'}: imWidth x imHeight is {info.image_size[1]} x {info.image_size[0]}, "
            f"but {image} is {width} x {height}; correct seqinfo.ini"
        )


def _people(path: Path, info: SequenceInfo) -> MotTable:
    """The rows of `gt.txt` that a tracker should find."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; only annotated sequences can be read (those of train/ or val/; "
            "of test/ nobody publishes the ground truth)"
        )
    table = read_mot(path)
    _check_frames(table, path, info.length)
    if not len(table):  # a video of nobody
        return table
    kept = table.scores != 0
    if has_class_column(path):
        kept &= table.classes == PEDESTRIAN
    else:  # what stands in these columns is no visibility but a world coordinate
        table = MotTable(table.frames, table.ids, table.boxes, table.scores, table.classes, np.ones(len(table)))
    if not kept.any():
        raise MotFormatError(
            f"{path}: none of its {len(table)} rows is a person (column 7 not 0, column 8 class {PEDESTRIAN})"
        )
    people = table.select(kept)
    _check_unique(people, path)
    return _without_zero_size(people, path)


def has_class_column(path: Path) -> bool:
    """Whether column 8 of a `gt/gt.txt` is a class.

    So it is in every sequence of MOT16, MOT17 and MOT20. Elsewhere the number of columns tells: MOT15 has
    ten, the last three being -1 or a place in the world; later sets have nine, or eight without visibility.
    """
    if path.parent.parent.name.startswith(("MOT16-", "MOT17-", "MOT20-")):
        return True
    with path.open(encoding="utf-8-sig") as stream:
        first = next((line for line in stream if line.strip()), "")
    columns = first.strip().rstrip(",").split(",") if "," in first else first.split()
    return len(columns) in (8, 9)


def _check_frames(table: MotTable, path: Path, length: int) -> None:
    beyond = table.frames > length
    if beyond.any():
        raise MotFormatError(
            f"{path}: {beyond.sum()} rows lie beyond the sequence's {length} frames "
            f"(last: frame {table.frames.max()}); seqinfo.ini and gt.txt are of different cuts of the video"
        )


def _check_unique(people: MotTable, path: Path) -> None:
    known = people.select(people.ids >= 0)
    order = np.lexsort((known.ids, known.frames))
    frames, ids = known.frames[order], known.ids[order]
    twice = np.flatnonzero((frames[1:] == frames[:-1]) & (ids[1:] == ids[:-1]))
    if len(twice):
        first = twice[0]
        raise MotFormatError(
            f"{path}: id {ids[first]} stands twice in frame {frames[first]} ({len(twice)} such rows); "
            "an id names one person, delete the repeated rows"
        )


def _without_zero_size(people: MotTable, path: Path) -> MotTable:
    full = (people.boxes[:, 2] > 0) & (people.boxes[:, 3] > 0)
    if not full.all():
        first = np.flatnonzero(~full)[0]
        warnings.warn(
            f"{path}: {(~full).sum()} rows hold a box of zero size and are skipped "
            f"(first: frame {people.frames[first]}, id {people.ids[first]})",
            stacklevel=2,
        )
    return people.select(full)
