"""CrowdHuman: still images, full-body boxes, no tracks; one `.odgt` file with one JSON object a line."""

from __future__ import annotations

import json
import warnings
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import box_area, tlwh_to_xyxy
from fairmot_pl.data.headers import read_headers, readable
from fairmot_pl.data.progress import progress
from fairmot_pl.data.stills import FlatAnnotations
from fairmot_pl.files import decode_text
from fairmot_pl.structures import UNKNOWN_IDENTITY, AnnotatedSequence

IDENTITIES = ("per_box", "unknown")


class CrowdHumanFormatError(ValueError):
    """An annotation that cannot be understood; the message names file, line and remedy."""


def read_crowdhuman(root: Path | str, *, annotation: str, identities: str = "per_box") -> AnnotatedSequence:
    """Read one annotation file of CrowdHuman.

    Boxes are the full bodies (`fbox`), amodal; those to be ignored, and masks over crowds, are left out, and
    so are boxes of zero size, with one warning for the file.

    Args:
        root: the folder that holds the annotation file and `Images/`.
        annotation: file name below the root, for example `annotation_train.odgt`.
        identities: `"per_box"` makes every box a person of its own, counted from 0 through the file
            (FairMOT's pre-training); `"unknown"` trains detection only.

    Returns:
        Still images named after the annotation file, numbered from 1 in file order. A few damaged ones are left
        out with a warning.

    Raises:
        FileNotFoundError: the root, the annotation file or an image is not there.
        CrowdHumanFormatError: a broken line; file and line are named.
        ValueError: an unknown way to number identities, or too many damaged images.
    """
    if identities not in IDENTITIES:
        raise ValueError(f"identities is {identities!r}; allowed: {', '.join(map(repr, IDENTITIES))}")
    root = Path(root)
    path = root / annotation
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such annotation file; expected ROOT/{annotation} beside ROOT/Images/ID.jpg"
        )
    images, counts, tables = [], [], [np.zeros((0, 8), np.float32)]
    where: list[int] = []
    with path.open("rb") as stream:
        for number, content in enumerate(progress(stream, f"reading {annotation}"), start=1):
            line = decode_text(content, f"{path}, line {number}", CrowdHumanFormatError)
            if line.strip():
                image_id, table = _read_line(f"{path}, line {number}", line)
                images.append(root / "Images" / f"{image_id}.jpg")
                tables.append(table)
                counts.append(len(table))
                where.append(number)
    if not images:
        raise CrowdHumanFormatError(f"{path}: holds no line; one JSON object a line is needed")
    rows = np.concatenate(tables)
    full = (rows[:, 2:4] > 0).all(axis=1)
    if not full.all():
        lines = np.repeat(where, counts)[~full]
        warnings.warn(
            f"{path}: {len(lines)} boxes are of zero size and are skipped (first: line {lines[0]})", stacklevel=2
        )
    bounds = np.concatenate([[0], np.cumsum(full)])[np.cumsum([0, *counts])]
    # the annotations ignore camera rotation, and so do these sizes and `read_image`
    headers = read_headers(images, path.stem)
    remedy = "complete Images/ or delete the line"
    sound = readable(headers, path, lambda place: f"{images[place]} of line {where[place]}", remedy)
    flat = _annotate(rows[full], bounds, identities).of_images(sound)
    numbers = (np.flatnonzero(sound) + 1).tolist()
    frames = flat.frames(list(compress(images, sound)), headers.sizes[sound], numbers)
    return AnnotatedSequence(name=path.stem, frames=frames, frame_rate=1.0, is_video=False)


def _read_line(where: str, line: str) -> tuple[str, NDArray[np.float32]]:
    """The image of one line, and `(N, 8)` full and visible boxes of its people, tlwh."""
    try:
        record = json.loads(line)
        image_id, people = record["ID"], [box for box in record["gtboxes"] if not _is_ignored(box)]
        with np.errstate(over="ignore"):  # what is too large becomes infinite
            boxes = np.array([box["fbox"] for box in people], np.float32).reshape(-1, 4)
            visible = np.array([box.get("vbox", box["fbox"]) for box in people], np.float32).reshape(-1, 4)
        table = np.concatenate([boxes, visible], axis=1)
        if not np.isfinite(table).all():
            raise ValueError("a box is not finite")
        if not is_image_id(image_id):
            raise ValueError(f"ID is {image_id!r}")
        return str(image_id), table
    except json.JSONDecodeError as error:
        raise CrowdHumanFormatError(f"{where}: is no JSON ({error}); mend or delete the line") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CrowdHumanFormatError(
            f"{where}: needs ID and gtboxes, each with fbox=[left, top, width, height] ({error!r})"
        ) from error


def is_image_id(value: Any) -> bool:
    """Whether a value can name an image file: text, or a whole number as some converters write it."""
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _annotate(rows: NDArray[np.float32], bounds: NDArray[np.int64], identities: str) -> FlatAnnotations:
    boxes, visible = tlwh_to_xyxy(rows[:, :4]), tlwh_to_xyxy(rows[:, 4:])
    per_box = identities == "per_box"
    return FlatAnnotations(
        bounds=bounds,
        boxes=boxes,
        identities=np.arange(len(rows)) if per_box else np.full(len(rows), UNKNOWN_IDENTITY),
        classes=np.zeros(len(rows), np.int64),
        visibility=(box_area(visible) / box_area(boxes)).clip(0, 1).astype(np.float32),
    )


def _is_ignored(box: dict[str, Any]) -> bool:
    return box.get("tag") == "mask" or box.get("extra", {}).get("ignore", 0) == 1
