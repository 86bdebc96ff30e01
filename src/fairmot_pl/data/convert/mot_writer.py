"""Write a sequence as a MOTChallenge folder, whole or not at all, and only once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Literal

import numpy as np

from fairmot_pl.data.audit.sequence import AuditedSequence
from fairmot_pl.data.convert.whole_folder import whole_folder
from fairmot_pl.data.mot import PEDESTRIAN
from fairmot_pl.files import write_text
from fairmot_pl.mot_format import write_mot
from fairmot_pl.seqinfo import SequenceInfo, write_seqinfo

ImagesAs = Literal["link", "copy", "symlink"]

MARKER = "converted.json"
"""Written into a folder: what it was made of."""


def write_mot_sequence(
    sequence: AuditedSequence,
    parent: Path,
    *,
    image_size: tuple[int, int],
    frame_rate: float,
    images_as: ImagesAs = "link",
) -> tuple[Path, bool]:
    """Write `parent/NAME` with `img1/`, `gt/gt.txt` (one identity after another) and `seqinfo.ini`.

    Where an id is 0, all ids are raised by one: they count from 1 as in MOTChallenge. Frames without people stay.

    Args:
        sequence: its boxes in pixels.
        parent: the folder of sequences.
        image_size: height and width of its images.
        frame_rate: frames per second.
        images_as: `"link"` makes hard links, and copies where the file system cannot; or `"copy"`, `"symlink"`.

    Returns:
        The folder, and whether it was written now; False where the very same was there already.

    Raises:
        FileExistsError: the folder is there and holds something else.
        OSError: the disk is full or not writable.
    """
    target = parent / sequence.name
    table = _table(sequence)
    facts = {
        "source": str(sequence.file.resolve()),
        "images": len(sequence.images),
        "frame_rate": frame_rate,
        "image_size": list(image_size),
        "rows": hashlib.sha256(table.tobytes()).hexdigest(),
        "files": hashlib.sha256("\n".join(str(path.resolve()) for path in sequence.images).encode()).hexdigest(),
    }
    if target.exists():
        if _facts(target) == facts:
            return target, False
        raise FileExistsError(
            f"{target} is there and holds something else; choose another output folder, or delete it first"
        )
    extensions = {path.suffix.lower() for path in sequence.images}
    if len(extensions) > 1:
        raise ValueError(
            f"{sequence.name} mixes images of {', '.join(sorted(extensions))}; a sequence has one kind: convert them"
        )
    extension = extensions.pop()
    with whole_folder(target) as folder:
        (folder / "img1").mkdir()
        for number, path in enumerate(sequence.images, start=1):
            _place(path, folder / "img1" / f"{number:06d}{extension}", images_as)
        write_mot(folder / "gt" / "gt.txt", table)
        info = SequenceInfo(sequence.name, frame_rate, len(sequence.images), image_size, image_extension=extension)
        write_seqinfo(folder / "seqinfo.ini", info)
        write_text(folder / MARKER, json.dumps(facts, indent=2) + "\n")
    return target, True


def _table(sequence: AuditedSequence) -> np.ndarray:
    """Rows `(R, 9)`: frame, id, tlwh, flag, class, visibility; by id, then by frame."""
    rows = sequence.rows
    table = np.ones((len(rows), 9))
    table[:, 0] = np.searchsorted(sequence.frames, rows.frames) + 1
    table[:, 1] = np.where(rows.ids < 0, -1, rows.ids + (rows.ids == 0).any())
    table[:, 2:6] = rows.boxes.round(3)
    table[:, 7] = PEDESTRIAN
    table[:, 8] = rows.visibility.round(3)
    return table[np.lexsort((table[:, 0], table[:, 1]))]


def _facts(folder: Path) -> object:
    try:
        return json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _place(source: Path, target: Path, images_as: ImagesAs) -> None:
    source = source.resolve()
    if images_as == "symlink":
        target.symlink_to(source)
        return
    if images_as == "link":
        try:
            os.link(source, target)
            return
        except OSError:  # another disk, or a file system without links
            pass
    shutil.copyfile(source, target)
