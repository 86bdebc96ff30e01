"""From an export to checked sequences that are ready to be written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fairmot_pl.data.audit.audit import Progress, check_sequence, probe_sequences
from fairmot_pl.data.audit.coco_scan import scan_coco
from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.rows import LabelRows
from fairmot_pl.data.audit.sequence import AuditedSequence
from fairmot_pl.data.convert.cvat_scan import scan_cvat
from fairmot_pl.data.convert.image_folders import image_folders
from fairmot_pl.data.convert.yolo_scan import scan_yolo

Classes = Collection[str | int] | None
Scan = Callable[[Path, Path, Findings, Classes], list[AuditedSequence]]


REMEDIES: Mapping[str, str] = {
    "unreadable-labels": "check format=...: coco is a JSON file, cvat an XML file, yolo a folder; or export it again",
    "missing-labels": "name the annotation file with source=...; a folder of labels is format=yolo",
    "no-images": "name the folder of the images with images=...",
    "no-people": "name the classes that are people: classes=[...]",
}
"""What to do where an export cannot be converted."""


@dataclass(frozen=True)
class Converted:
    """A checked sequence: boxes in pixels, one size for all of its images."""

    sequence: AuditedSequence
    image_size: tuple[int, int]


def read_export(
    kind: str,
    source: Path,
    images: Path,
    findings: Findings,
    *,
    classes: Classes = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Converted]:
    """Read an export, decode its images and check everything as `check_data` does.

    Args:
        kind: `"coco"`, `"cvat"` or `"yolo"`.
        source: the annotation file; for YOLO the folder that holds `labels/`.
        images: the folder that file names start from, or that holds the frames.
        findings: what is wrong. Rows without size and repeated ones are reported and left out.
        classes: names (COCO, CVAT) or numbers (YOLO) to take; None: people.
        workers: threads that decode images.
        progress: called after each image.

    Returns:
        The sequences, none where no image is there; those with images of several sizes, or of none that can be read,
        are reported and left out.

    Raises:
        KeyboardInterrupt: Ctrl-C; nothing is written yet.
    """
    sequences = SCANS[kind](source, images, findings, classes)
    named = [path for sequence in sequences for path in sequence.images]
    if named and not any(path.exists() for path in named):
        text = f"none of the {len(named)} images is there, such as {named[0]}" if any(images.iterdir()) else "is empty"
        findings.add("no-images", images, text)
        return []
    facts, interrupted = probe_sequences(sequences, workers, progress)
    if interrupted:
        raise KeyboardInterrupt
    found = []
    for sequence in sequences:
        kinds = np.unique(check_sequence(sequence, facts, findings), axis=0)
        if len(kinds) == 1 and kinds.all():
            sequence.rows = _sound(sequence.rows)
            found.append(Converted(sequence, (int(kinds[0, 0]), int(kinds[0, 1]))))
        elif (known := kinds[kinds.all(axis=1)]).shape[0] > 1:
            text = ", ".join(f"{width} x {height}" for height, width in known.tolist())
            findings.add("image-size", sequence.file, f"{sequence.name} has images of {text}; a video has one size")
    return found


def _sound(rows: LabelRows) -> LabelRows:
    """The rows with an extent, each (frame, id) once."""
    rows = rows.select(np.all(rows.boxes[:, 2:] > 0, axis=1))
    keys = np.stack([rows.frames, rows.ids], axis=1)
    keys[rows.ids < 0, 1] = -2 - np.arange(int((rows.ids < 0).sum()))  # nobody is twice where nobody is known
    return rows.select(np.sort(np.unique(keys, axis=0, return_index=True)[1]))


def _scan_coco(source: Path, images: Path, findings: Findings, classes: Classes) -> list[AuditedSequence]:
    names = None if classes is None else [str(name) for name in classes]
    found = scan_coco(source, images, findings, categories=names, folders_are_videos=True)
    # a video is continuous for its tracks, so it is counted as one even where the file has gaps
    return [replace(sequence, is_video=True) for sequence in found]


def _scan_cvat(source: Path, images: Path, findings: Findings, classes: Classes) -> list[AuditedSequence]:
    folders = image_folders(images)
    if len(folders) != 1:
        what = f"images lie in {len(folders)} folders" if folders else "no image in this folder"
        findings.add("no-images", images, f"{what}; name the folder that holds the frames of this task")
        return []
    (frames,) = folders.values()
    names = None if classes is None else [str(name) for name in classes]
    return scan_cvat(source, frames, findings, classes=names)


def _scan_yolo(source: Path, images: Path, findings: Findings, classes: Classes) -> list[AuditedSequence]:
    return scan_yolo(source, images, findings, classes=_numbers(classes))


def _numbers(classes: Classes) -> Sequence[int] | None:
    return None if classes is None else [int(number) for number in classes]


SCANS: Mapping[str, Scan] = {"coco": _scan_coco, "cvat": _scan_cvat, "yolo": _scan_yolo}
"""How to read each kind of export."""
