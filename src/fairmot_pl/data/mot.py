"""MOT15, MOT16, MOT17 and MOT20 straight from their folders: `gt/gt.txt`, `seqinfo.ini` and `img1/`.

What counts as a person follows FairMOT's label generators: rows with a flag other than 0 and, where the file
has a class column (all but MOT15), class 1. Visibility filters nothing, boxes outside the image stay whole,
and the 1-based pixel coordinates are taken as they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fairmot_pl.boxes import tlwh_to_xyxy
from fairmot_pl.data.mot_layout import find_sequences, list_images
from fairmot_pl.data.splits import SPLITS, take_split
from fairmot_pl.mot_format import MotFormatError, MotTable, SequenceInfo, read_mot, read_seqinfo
from fairmot_pl.structures import AnnotatedSequence, FrameAnnotation

PEDESTRIAN = 1
"""MOTChallenge class of a walking person."""


def read_mot_folder(
    root: Path | str,
    *,
    split: str = "full",
    sequences: Sequence[str] | None = None,
    detector: str = "auto",
) -> list[AnnotatedSequence]:
    """Read the annotated sequences of a MOTChallenge set, sorted by name.

    Args:
        root: the set's root (holding `train/`) or the folder of sequences itself.
        split: `"full"`, `"first_half"` or `"second_half"` of every sequence; frames keep their numbers.
        sequences: names to read, with or without MOT17's detector; all by default.
        detector: which of MOT17's three equal copies to read: `"SDP"`, `"FRCNN"`, `"DPM"`, or `"auto"` for
            the first of these that is there.

    Raises:
        FileNotFoundError: the root, a sequence's images, `gt.txt` or `seqinfo.ini` are not there.
        MotFormatError: a file contradicts itself or another one; file and figures are named.
        ValueError: an unknown split, sequence or detector.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; allowed: {', '.join(map(repr, SPLITS))}")
    folders = find_sequences(Path(root), sequences, detector)
    return [take_split(read_sequence(folder), split) for folder in folders]


def read_sequence(folder: Path) -> AnnotatedSequence:
    """Read one sequence folder; see `read_mot_folder` for the errors."""
    info = read_seqinfo(folder / "seqinfo.ini")
    images = list_images(folder, info)
    _check_image_size(images[0], info, folder)
    people = _people(folder, info)

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


def _check_image_size(image: Path, info: SequenceInfo, folder: Path) -> None:
    try:
        with Image.open(image) as header:  # reads the header only
            width, height = header.size
    except OSError as error:
        raise MotFormatError(f"{image}: not a readable image ({error}); replace the file") from error
    if (height, width) != info.image_size:
        raise MotFormatError(
            f"{folder / 'seqinfo.ini'}: imWidth x imHeight is {info.image_size[1]} x {info.image_size[0]}, "
            f"but {image} is {width} x {height}; correct seqinfo.ini"
        )


def _people(folder: Path, info: SequenceInfo) -> MotTable:
    """The rows of `gt.txt` that a tracker should find."""
    path = folder / "gt" / "gt.txt"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; only annotated sequences can be read (those of train/)")
    table = read_mot(path)
    _check_frames(table, path, info.length)
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
    if path.parents[1].name.startswith(("MOT16-", "MOT17-", "MOT20-")):
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
