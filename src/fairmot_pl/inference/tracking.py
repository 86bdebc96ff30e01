"""Which tracks are worth writing down."""

from __future__ import annotations

import numpy as np

from fairmot_pl.boxes import xyxy_to_tlwh
from fairmot_pl.structures import Tracks

MIN_AREA = 100.0
MAX_ASPECT = 1.6
"""The reference's output filter: people are not smaller than 10 x 10 pixels, nor much wider than high."""


def keep_for_output(
    tracks: Tracks, *, min_area: float | None = MIN_AREA, max_aspect: float | None = MAX_ASPECT
) -> Tracks:
    """The tracks worth writing down: box area above `min_area` and width / height at most `max_aspect`.

    Args:
        tracks: of one frame, boxes in image pixels.
        min_area: square pixels; None keeps all.
        max_aspect: width over height; None keeps all.
    """
    width, height = xyxy_to_tlwh(tracks.boxes)[:, 2:].T
    keep = np.ones(len(tracks), bool)
    if min_area is not None:
        keep &= width * height > min_area
    if max_aspect is not None:
        keep &= width <= max_aspect * height
    return tracks.select(keep)
