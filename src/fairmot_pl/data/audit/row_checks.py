"""What can be wrong with boxes and identities, in any format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.rows import LabelRows
from fairmot_pl.data.audit.sequence import AuditedSequence

MAX_JUMP = 1.5
"""Heights of a body that a person's centre moves in one frame, beyond the camera. The fastest in MOT15 and MOT17
moves 0.64; more than 1.5 would be 25 m/s even at 10 frames per second."""

MAX_GROWTH = 3.0
"""Factor by which a box grows or shrinks from one frame to the next; 1.35 is the most in MOT15 and MOT17."""

MIN_SWAP, MAX_AFTER_SWAP = 0.3, 0.2
"""Two ids have changed places where both are off their way by more than the first, and neither by more than the second
once they are changed back; in heights of a body. Nobody in MOT15 and MOT17 does so."""

ONE_FRAME_SHARE = 0.8
"""Share of ids that live one frame only, from which a counter must have made them."""


def check_rows(sequence: AuditedSequence, sizes: NDArray[np.int64], findings: Findings) -> None:
    """Report what is wrong with the rows of a sequence.

    Args:
        sequence: its boxes in pixels.
        sizes: `(I, 2)` height and width of its images; 0 where unknown.
        findings: where to.
    """
    rows = sequence.rows
    unknown = rows.ids < 0
    rows.report(findings, "unknown-identity", unknown, "frame {frame} has a box with id -1")
    check_unique(rows, findings)
    empty: NDArray[np.bool_] = np.any(rows.boxes[:, 2:] <= 0, axis=1)
    rows.report(findings, "empty-box", empty, "box {box} of id {id} in frame {frame} has no size")
    sized = rows.select(~empty)
    if not _check_units(sequence, sized, sequence.size_of_rows(sizes)[~empty], findings) or not sequence.is_video:
        return
    known = sized.select(sized.ids >= 0)
    if not _check_explosion(known, sequence.file, findings):
        swapped = _check_swaps(known, findings)
        _check_jumps(known, swapped, sequence.frame_rate, findings)
    _check_holes(sequence, findings)


def check_unique(rows: LabelRows, findings: Findings) -> None:
    """An id stands once in a frame."""
    order = np.lexsort((rows.line, rows.ids, rows.frames))
    frames, ids = rows.frames[order], rows.ids[order]
    again = np.zeros(len(rows), bool)
    again[order[1:]] = (frames[1:] == frames[:-1]) & (ids[1:] == ids[:-1]) & (ids[1:] >= 0)
    rows.report(findings, "duplicate-row", again, "id {id} stands twice in frame {frame}")


def _check_units(sequence: AuditedSequence, rows: LabelRows, sizes: NDArray[np.int64], findings: Findings) -> bool:
    """Boxes outside of their image, unless it is all of them because they are no pixels or no tlwh."""
    boxes, height, width = rows.boxes, sizes[:, 0], sizes[:, 1]
    known = height > 0
    if len(rows) >= 3 and not sequence.normalised and (boxes[:, 2:] <= 2).all():
        rows.report(findings, "box-units", np.arange(len(rows)) == 0, "box {box}: all boxes are below 2 pixels")
        return False
    if len(rows) >= 3 and known.all() and _are_corners(boxes, height, width):
        found = "box {box} is left, top, right, bottom, and so are all others"
        rows.report(findings, "box-units", np.arange(len(rows)) == 0, found)
        return False
    ends = boxes[:, :2] + boxes[:, 2:]
    outside = (boxes[:, 0] >= width) | (boxes[:, 1] >= height) | (ends <= 0).any(axis=1)
    rows.report(findings, "box-outside", outside & known, "box {box} of id {id} in frame {frame} is not in the image")
    return True


def _are_corners(boxes: NDArray[np.float64], height: NDArray[np.int64], width: NDArray[np.int64]) -> bool:
    """Whether every box fits the image as two corners, and half of them reach far out of it as tlwh."""
    ordered = (boxes[:, 2:] > boxes[:, :2]).all()
    inside = ((boxes[:, 2] <= 1.02 * width) & (boxes[:, 3] <= 1.02 * height)).all()
    ends = boxes[:, :2] + boxes[:, 2:]
    far = (ends[:, 0] > 1.1 * width) | (ends[:, 1] > 1.1 * height)
    return bool(ordered and inside and far.mean() >= 0.5)


def one_frame_ids(rows: LabelRows) -> NDArray[np.bool_]:
    """`(R,)` rows whose id is seen once, where most ids are, as a counter makes them that runs on at every row."""
    ids, counts = np.unique(rows.ids, return_counts=True)
    if len(np.unique(rows.frames)) < 3 or len(ids) < 10 or (counts == 1).mean() < ONE_FRAME_SHARE:
        return np.zeros(len(rows), bool)
    return np.isin(rows.ids, ids[counts == 1])


def _check_explosion(rows: LabelRows, source: Path, findings: Findings) -> bool:
    """Ids that live one frame each; reports them at once, and once where every image has a label file of its own."""
    single = one_frame_ids(rows)
    if not single.any():
        return False
    first = int(np.flatnonzero(single)[0])
    found = f"{single.sum()} of {len(np.unique(rows.ids))} ids live in one frame only, the first is {rows.ids[first]}"
    found += f" in frame {rows.frames[first]}"
    if len(rows.files) > 1:
        findings.add("identity-explosion", source, f"{found} ({rows.files[rows.file[first]]})", count=int(single.sum()))
    else:
        rows.report(findings, "identity-explosion", single, found)
    return True


def _check_jumps(rows: LabelRows, swapped: NDArray[np.bool_], frame_rate: float, findings: Findings) -> None:
    """Ids whose box leaps in place or size from one of its rows to the next, the camera's motion taken off.

    Rows up to a second apart are compared; the allowance grows with the gap as a runner would use it. Steps to
    `swapped` rows `(R,)` are told already.
    """
    order = np.lexsort((rows.frames, rows.ids))
    frames, ids, boxes = rows.frames[order], rows.ids[order], rows.boxes[order]
    gap = np.diff(frames)
    follows = (ids[1:] == ids[:-1]) & (gap > 0) & (gap <= max(1.0, frame_rate)) & ~swapped[order][1:]
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    height = np.maximum(boxes[1:, 3], boxes[:-1, 3])
    moved = np.diff(centres, axis=0)
    moved = moved - _camera_motion(moved, frames[1:], gap, follows)
    far = np.hypot(moved[:, 0], moved[:, 1]) > MAX_JUMP * height * (1 + 0.25 * (gap - 1))
    grown = np.abs(np.log(boxes[1:, 3] / boxes[:-1, 3])) > np.log(MAX_GROWTH) * (1 + 0.25 * (gap - 1))
    leaps = np.flatnonzero(follows & (far | grown)) + 1
    # there and back again is one wrong row, not two
    back = np.isin(leaps - 1, leaps)
    which = np.zeros(len(rows), bool)
    which[order[leaps[~back]]] = True
    rows.report(findings, "id-jump", which, "id {id} leaps to {box} in frame {frame}")


def _check_swaps(rows: LabelRows, findings: Findings) -> NDArray[np.bool_]:
    """Pairs of ids that change places from one frame to the next, and move on smoothly if they are changed back.

    Returns:
        `(R,)` the rows behind the change.
    """
    swapped = np.zeros(len(rows), bool)
    order = np.lexsort((rows.frames, rows.ids))
    rows = rows.select(order)
    centres = rows.boxes[:, :2] + rows.boxes[:, 2:] / 2
    gap = np.diff(rows.frames)
    follows = (rows.ids[1:] == rows.ids[:-1]) & (gap == 1)
    moved = np.diff(centres, axis=0)
    camera = _camera_motion(moved, rows.frames[1:], gap, follows)
    step = np.where(follows[:, None], moved - camera, 0.0)
    expected = centres[:-1] + camera + np.concatenate([np.zeros((1, 2)), step[:-1]])[: len(step)]
    astray = np.linalg.norm(centres[1:] - expected, axis=1) > MIN_SWAP * rows.boxes[1:, 3]
    suspects = np.flatnonzero(follows & astray)
    for frame in np.unique(rows.frames[1:][suspects]).tolist():
        here = suspects[rows.frames[1:][suspects] == frame]
        height = rows.boxes[here + 1, 3]
        off = np.linalg.norm(expected[here][:, None] - centres[here + 1][None], axis=2) / height[:, None]
        close = np.triu((off <= MAX_AFTER_SWAP) & (off.T <= MAX_AFTER_SWAP), k=1)
        for one, other in np.argwhere(close).tolist():
            first, second = here[one] + 1, here[other] + 1
            found = f"ids {rows.ids[first]} and {rows.ids[second]} change places in frame {frame}"
            lines = [rows.line[first], rows.line[second]]
            findings.add("id-swap", rows.files[rows.file[first]], found, lines=lines, count=1)
            swapped[order[[first, second]]] = True
    return swapped


def _camera_motion(
    moved: NDArray[np.float64], frames: NDArray[np.int64], gap: NDArray[np.int64], follows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The median step of everybody who is seen in a frame and in the one before; 0 where they are fewer than four."""
    camera = np.zeros_like(moved)
    steady = np.flatnonzero(follows & (gap == 1))
    if not len(steady):
        return camera
    order = steady[np.argsort(frames[steady], kind="stable")]
    numbers, starts = np.unique(frames[order], return_index=True)
    medians = {
        number: np.median(moved[group], axis=0)
        for number, group in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True)
        if len(group) >= 4
    }
    for place in np.flatnonzero(follows).tolist():
        camera[place] = medians.get(int(frames[place]), 0.0)
    return camera


def _check_holes(sequence: AuditedSequence, findings: Findings) -> None:
    """Images without any row between, before or after rows of people who cannot have left or come all at once."""
    rows = sequence.rows
    labelled = np.unique(rows.frames)
    bare = np.setdiff1d(sequence.frames, labelled)
    if not len(labelled) or not len(bare):
        return
    runs = np.split(bare, np.flatnonzero(np.diff(np.searchsorted(labelled, bare)) != 0) + 1)
    for run in runs:
        place = np.searchsorted(labelled, run[0])
        before = rows.ids[rows.frames == labelled[place - 1]] if place else np.zeros(0, np.int64)
        after = rows.ids[rows.frames == labelled[place]] if place < len(labelled) else np.zeros(0, np.int64)
        if len(before) and len(after):
            suspicious = len(np.intersect1d(before[before >= 0], after)) > 0
        else:
            suspicious = max(len(before), len(after)) > 2
        if suspicious:
            named = f"frame {run[0]}" if len(run) == 1 else f"frames {run[0]} to {run[-1]}"
            findings.add("frame-without-rows", rows.files[0], f"{named} has no row", count=len(run))
