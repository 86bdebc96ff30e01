"""Pictures of a switch: the same place before, in between and after, with tracks in their colours."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import tlwh_to_xyxy
from fairmot_pl.inference.drawing import draw_tracks
from fairmot_pl.inference.explanation import ExplainedSwitch, SequenceExplanation
from fairmot_pl.inference.palette import identity_colour
from fairmot_pl.mot_format import MotTable, tracks_of
from fairmot_pl.structures import Tracks

Image = NDArray[np.uint8]
Float = NDArray[np.float64]

Pictures = Callable[[int], Image]
"""From a frame's number to its `(H, W, 3)` uint8 RGB image; raises OSError or ValueError where there is none."""

HEIGHT, WIDTH = 300, 340
"""Of each crop in pixels."""

SHARE = 0.55
"""How much of the crop's height the person takes."""


def crops(found: ExplainedSwitch, of: SequenceExplanation, pictures: Pictures) -> list[tuple[str, Image]]:
    """Caption and picture of the last sighting, the darkest frame (if it is another one) and the switch.

    The person is outlined in black and white. Around a place outside the image everything is black.

    Raises:
        OSError, ValueError: as `pictures` raises them.
    """
    switch = found.switch
    frames = {
        switch.last_frame: f"frame {switch.last_frame}: still track {switch.old_id}",
        switch.frame: f"frame {switch.frame}: now track {switch.new_id}",
    }
    between = found.darkest if found.darkest not in frames else (switch.last_frame + switch.frame) // 2
    if between not in frames:
        frames[between] = f"frame {between}: in between"
    drawn, ids = [], (switch.old_id, switch.new_id)
    for frame in sorted(frames):
        person = _person(of.ground_truth, switch.identity, frame)
        drawn.append(
            (
                frames[frame],
                _crop(pictures(frame), person, tracks_of(of.results.select(of.results.frames == frame)), ids),
            )
        )
    return drawn


def _person(truth: MotTable, identity: int, frame: int) -> Float:
    """The person's box xyxy in a frame, or in the nearest frame in which they are annotated."""
    rows = np.flatnonzero(truth.ids == identity)
    nearest = rows[np.abs(truth.frames[rows] - frame).argmin()]
    box: Float = tlwh_to_xyxy(truth.boxes[nearest : nearest + 1])[0]
    return box


def _crop(image: Image, person: Float, tracks: Tracks, marked: tuple[int, int]) -> Image:
    """The surroundings of a box, at one size, tracks drawn on it, the `marked` ones bold."""
    scale = SHARE * HEIGHT / max(person[3] - person[1], 1.0)
    centre = (person[:2] + person[2:]) / 2
    shift = np.array([WIDTH, HEIGHT]) / 2 - scale * centre
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    crop = np.asarray(cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR), np.uint8)
    moved = np.array([*shift, *shift])
    left, top, right, bottom = np.rint(scale * person + moved).astype(int).tolist()
    for width, colour in ((4, (255, 255, 255)), (2, (0, 0, 0))):
        cv2.rectangle(crop, (left, top), (right, bottom), colour, width)
    boxes = scale * tracks.boxes + moved
    for track, box in zip(tracks.ids.tolist(), np.rint(boxes).astype(int).tolist(), strict=True):
        if track in marked:
            cv2.rectangle(crop, (box[0], box[1]), (box[2], box[3]), identity_colour(track), 3)
    near = (boxes[:, 2] > 0) & (boxes[:, 0] < WIDTH) & (boxes[:, 3] > 0) & (boxes[:, 1] < HEIGHT)
    shown = Tracks(ids=tracks.ids, boxes=boxes, scores=tracks.scores, classes=tracks.classes)
    return draw_tracks(crop, shown.select(near))
