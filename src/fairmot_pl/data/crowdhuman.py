"""CrowdHuman: still images, full-body boxes, no tracks; one `.odgt` file with one JSON object a line."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fairmot_pl.boxes import box_area, tlwh_to_xyxy
from fairmot_pl.structures import UNKNOWN_IDENTITY, AnnotatedSequence, FrameAnnotation

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
        Still images named after the annotation file, numbered from 1 in file order.

    Raises:
        FileNotFoundError: the root, the annotation file or an image is not there.
        CrowdHumanFormatError: a broken line; file and line are named.
        ValueError: an unknown way to number identities.
    """
    if identities not in IDENTITIES:
        raise ValueError(f"identities is {identities!r}; allowed: {', '.join(map(repr, IDENTITIES))}")
    root = Path(root)
    path = root / annotation
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such annotation file; expected ROOT/{annotation} beside ROOT/Images/ID.jpg"
        )
    frames: list[FrameAnnotation] = []
    flat: list[int] = []
    first_identity = 0 if identities == "per_box" else UNKNOWN_IDENTITY
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                frame, skipped = _read_line(
                    f"{path}, line {number}", line, root / "Images", len(frames) + 1, first_identity
                )
                frames.append(frame)
                flat += [number] * skipped
                first_identity += len(frame) if identities == "per_box" else 0
    if not frames:
        raise CrowdHumanFormatError(f"{path}: holds no line; one JSON object a line is needed")
    if flat:
        warnings.warn(
            f"{path}: {len(flat)} boxes are of zero size and are skipped (first: line {flat[0]})", stacklevel=2
        )
    return AnnotatedSequence(name=path.stem, frames=tuple(frames), frame_rate=1.0, is_video=False)


def _read_line(where: str, line: str, images: Path, number: int, first_identity: int) -> tuple[FrameAnnotation, int]:
    """The image of one line, and how many boxes of zero size it had."""
    try:
        record = json.loads(line)
        image_id, people = record["ID"], [box for box in record["gtboxes"] if not _is_ignored(box)]
        boxes = np.array([box["fbox"] for box in people], np.float64).reshape(-1, 4)
        visible = np.array([box.get("vbox", box["fbox"]) for box in people], np.float64).reshape(-1, 4)
    except json.JSONDecodeError as error:
        raise CrowdHumanFormatError(f"{where}: is no JSON ({error}); mend or delete the line") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CrowdHumanFormatError(
            f"{where}: needs ID and gtboxes, each with fbox=[left, top, width, height] ({error!r})"
        ) from error
    kept = (boxes[:, 2:] > 0).all(axis=1)
    boxes, visible = tlwh_to_xyxy(boxes[kept]), tlwh_to_xyxy(visible[kept])
    path = images / f"{image_id}.jpg"
    frame = FrameAnnotation(
        image_path=path,
        frame=number,
        image_size=_image_size(path, where),
        boxes=boxes.astype(np.float32),
        identities=_number(first_identity, len(boxes)),
        classes=np.zeros(len(boxes), np.int64),
        visibility=(box_area(visible) / box_area(boxes)).clip(0, 1).astype(np.float32),
    )
    return frame, int((~kept).sum())


def _is_ignored(box: dict[str, Any]) -> bool:
    return box.get("tag") == "mask" or box.get("extra", {}).get("ignore", 0) == 1


def _number(first: int, count: int) -> NDArray[np.int64]:
    if first == UNKNOWN_IDENTITY:
        return np.full(count, UNKNOWN_IDENTITY, np.int64)
    return np.arange(first, first + count, dtype=np.int64)


def _image_size(path: Path, where: str) -> tuple[int, int]:
    """`(height, width)` from the file's header, as stored: `read_image` ignores camera rotation too."""
    try:
        with Image.open(path) as header:
            return header.size[1], header.size[0]
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{where}: its image {path} is not there") from error
    except OSError as error:
        raise CrowdHumanFormatError(f"{where}: its image {path} is not readable ({error}); replace it") from error
