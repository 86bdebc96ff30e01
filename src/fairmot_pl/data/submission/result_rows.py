"""What an evaluation server would refuse in a result file, and what is allowed but looks wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.row_checks import check_unique, one_frame_ids
from fairmot_pl.data.audit.rows import LabelRows, RawTable, read_table
from fairmot_pl.mot_format import LARGEST_ID
from fairmot_pl.seqinfo import SequenceInfo

COLUMNS = 10
"""frame, id, left, top, width, height, confidence, x, y, z."""

FAR = 1.0
"""Image sizes beyond the border from which on a box is suspicious."""


def check_result(path: Path, info: SequenceInfo, findings: Findings) -> None:
    """Report what is wrong with a result file.

    Args:
        path: the file.
        info: of its sequence: the number of frames and the image size.
        findings: where to.
    """
    table = read_table(path, findings)
    _check_separator(path, findings)
    values = table.values
    if values.shape[1] != COLUMNS and len(values):
        findings.add(
            "result-columns", path, f"rows have {values.shape[1]} columns", lines=table.lines[:1], count=len(values)
        )
    frame, identity = values[:, 0], values[:, 1]
    bad_frame = (frame < 1) | (frame != np.floor(frame))
    bad_id = (identity < 1) | (identity > LARGEST_ID) | (identity != np.floor(identity))
    beyond = (frame > info.length) & ~bad_frame
    for check, which, found, column in (
        ("frame-number", bad_frame, "frame is {:.15g}", 0),
        ("result-id", bad_id, "id is {:.15g}", 1),
        ("result-frame", beyond, f"frame {{:.15g}} of a sequence of {info.length}", 0),
    ):
        if which.any():
            findings.add(check, path, found.format(values[which, column][0]), lines=table.lines[which])
    backwards = np.concatenate([[False], np.diff(frame) < 0])
    if backwards.any():
        first = int(np.flatnonzero(backwards)[0])
        found = f"frame {frame[first]:g} stands behind frame {frame[first - 1]:g}"
        findings.add("row-order", path, found, lines=table.lines[backwards])
    if not len(values) and not any(each.file == path for each in findings):
        findings.add("result-empty", path, "holds no row: nobody is tracked in the whole sequence")
    rows = _rows(path, table, ~(bad_frame | bad_id | beyond))
    check_unique(rows, findings)
    _check_boxes(rows, info.image_size, findings)
    short = one_frame_ids(rows)
    if short.any():
        rows.report(
            findings, "result-ids", short, "most ids live in one frame only, the first is {id} in frame {frame}"
        )


def _check_separator(path: Path, findings: Findings) -> None:
    """Servers read values between commas; blanks alone are something that only our own reader understands."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return  # told by `read_table`
    blank = [number for number, line in enumerate(lines, start=1) if line.strip() and "," not in line]
    if blank:
        findings.add("result-columns", path, "values are not separated by commas", lines=blank)


def _rows(path: Path, table: RawTable, sound: NDArray[np.bool_]) -> LabelRows:
    values = table.values[sound]
    return LabelRows(
        files=(path,),
        file=np.zeros(len(values), np.int64),
        line=table.lines[sound],
        frames=values[:, 0].astype(np.int64),
        ids=values[:, 1].astype(np.int64),
        boxes=values[:, 2:6],
        visibility=np.ones(len(values)),
    )


def _check_boxes(rows: LabelRows, image_size: tuple[int, int], findings: Findings) -> None:
    """Boxes without size, and those so far from the image that they are another unit or a filter that ran away."""
    boxes, (height, width) = rows.boxes, image_size
    empty = np.any(boxes[:, 2:] <= 0, axis=1)
    rows.report(findings, "empty-box", empty, "box {box} of id {id} in frame {frame} has no size")
    ends = boxes[:, :2] + boxes[:, 2:]
    far = (boxes[:, 0] > (1 + FAR) * width) | (boxes[:, 1] > (1 + FAR) * height)
    far |= (ends[:, 0] < -FAR * width) | (ends[:, 1] < -FAR * height)
    far |= (boxes[:, 2] > (1 + FAR) * width) | (boxes[:, 3] > (1 + FAR) * height)
    rows.report(findings, "result-far", far & ~empty, "box {box} of id {id} in frame {frame} is far outside the image")
