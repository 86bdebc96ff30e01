"""Which data a run has read, file by file, so that a changed file can be named later."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fairmot_pl.data.content_key import content_key
from fairmot_pl.data.many_files import ask_many
from fairmot_pl.data.sources import DataSource
from fairmot_pl.structures import AnnotatedSequence, FrameAnnotation

HASHED = (
    "of an image its size in bytes and 5 KiB from all over the file (images up to 5 KiB whole); of its annotation "
    "boxes, identities, classes and visibility as they were read; of a sequence's own files all bytes"
)
"""What `record_files` looks at, in words."""

PIECES, PIECE_BYTES = 4, 1024

SEQUENCE_FILES = ("gt/gt.txt", "seqinfo.ini")
"""Files beside a sequence's images that say what is in them; where they are there, they are read whole."""

MISSING = "missing"


def record_files(sides: Mapping[str, Sequence[DataSource]], root: Path) -> dict[str, Any]:
    """What the data hold, as plain values.

    Args:
        sides: data sets by what they serve, `train` and `val`.
        root: folder that folders are named from, so that moved data have the same record.

    Returns:
        `hashed`: what is looked at, in words; `sequences`: by side, data set and name, such as
        `train/mot17/MOT17-02-SDP`, the `folder` of its images, its own `files` with a hash each, and `frames`: by
        image file, a hash of the image and one of its annotation, with a blank between them.
    """
    named = [
        (f"{side}/{source.name}/{sequence.name}", sequence)
        for side, sources in sides.items()
        for source in sources
        for sequence in source.sequences
    ]
    paths = list(dict.fromkeys(frame.image_path for _, sequence in named for frame in sequence.frames))
    images = dict(zip(paths, ask_many(_image_key, paths, "fingerprint of the data"), strict=True))
    return {"hashed": HASHED, "sequences": {name: _sequence(found, images, root) for name, found in named}}


def fingerprint(record: Mapping[str, Any]) -> str:
    """16 hexadecimal digits of a record of files: same data, same fingerprint."""
    return hashlib.sha256(json.dumps(record["sequences"], sort_keys=True).encode()).hexdigest()[:16]


def file_record_text(record: Mapping[str, Any]) -> str:
    """The record as JSON with a line for each sequence, which stays readable for tens of thousands of images."""
    lines = [f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in record["sequences"].items()]
    return f'{{"hashed": {json.dumps(record["hashed"])}, "sequences": {{\n' + ",\n".join(lines) + "\n}}\n"


def _sequence(sequence: AnnotatedSequence, images: Mapping[Path, str], root: Path) -> dict[str, Any]:
    paths = [frame.image_path for frame in sequence.frames]
    folder = Path(os.path.commonpath([path.parent for path in paths])) if paths else (sequence.folder or root)
    found: dict[str, Any] = {"folder": _below(folder, root), "frame_rate": sequence.frame_rate}
    if sequence.folder is not None:
        found["files"] = {name: _file_key(sequence.folder / name) for name in SEQUENCE_FILES}
    found["frames"] = {
        path.relative_to(folder).as_posix(): f"{images[path]} {_annotation_key(frame)}"
        for path, frame in zip(paths, sequence.frames, strict=True)
    }
    return found


def _below(folder: Path, root: Path) -> str:
    """A folder as it is called from the root; its last two parts where it lies elsewhere."""
    try:
        return folder.relative_to(root).as_posix()
    except ValueError:
        return "/".join(folder.parts[-2:])


def _image_key(path: Path) -> str:
    try:
        return content_key(path, pieces=PIECES, piece_bytes=PIECE_BYTES)[:16]
    except OSError:  # training counts and names images that cannot be read
        return MISSING


def _file_key(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return MISSING


def _annotation_key(frame: FrameAnnotation) -> str:
    digest = hashlib.sha256(f"{frame.frame} {frame.image_size}".encode())
    for array in (frame.boxes, frame.identities, frame.classes, frame.visibility):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:8]
