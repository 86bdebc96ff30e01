"""What a fusion tracker tells of a frame to whoever asks why it went as it did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.structures import Detections
from fairmot_pl.tracking.fusion import motion
from fairmot_pl.tracking.fusion.settings import FusionSettings
from fairmot_pl.tracking.fusion.table import Beliefs
from fairmot_pl.tracking.trace import FrameTrace, KnownTracks

Array = NDArray[np.float64]

_HARDLY = 0.05
"""A detection that is less probably a person counts as none: it would have to lie exactly where one is expected."""


def tell_tracks(
    trace: FrameTrace, tracks: Beliefs, detections: Detections, person: Array, *, now: float, settings: FusionSettings
) -> None:
    """Take down who is expected where.

    Args:
        trace: of this frame.
        tracks: T of them, predicted to it, with the image steadied.
        detections: M of them.
        person: `(M,)` probability of being a person by the score.
        now: seconds of the engine, in which tracks were born.
        settings: of the engine.
    """
    state, spread = tracks.state.copy(), tracks.spread.copy()
    fresh = tracks.unseen == 0
    age = trace.frame_rate * (now - tracks.born)
    # who was seen in the frame before was last seen a frame ago, however long that frame took
    known = KnownTracks(
        ids=tracks.ids.copy(),
        boxes=tracks.boxes,
        embeddings=tracks.embeddings.copy(),
        states=np.where(tracks.proven, np.where(fresh, "confirmed", "lost"), "tentative"),
        age=age,
        unseen=trace.frame_rate * tracks.unseen + np.minimum(age, 1.0),
        distance=lambda boxes: motion.squared_distance(state, spread, motion.edges_of(boxes), settings),
    )
    trace.begin(known, detections, person >= _HARDLY)
