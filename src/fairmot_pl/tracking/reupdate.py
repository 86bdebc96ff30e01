"""Observation-centric re-update: what a track would know, had it been seen all the while it was lost (OC-SORT).

While a track is lost, every prediction adds to the error of the one before. When it is found again, that error is
undone: the filter goes back to the last sight and runs anew along the straight path from there to here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import xyxy_to_xyah
from fairmot_pl.tracking import kalman

Array = NDArray[np.float64]

MOST_STEPS = 100
"""The filter settles within far fewer sights, so a longer path is walked in longer steps."""


def reupdate(mean: Array, covariance: Array, start: Array, end: Array, frames: Array) -> tuple[Array, Array]:
    """The filter's states along virtual sights, one a frame, evenly spaced (Cao et al. 2023, section 4.1).

    Args:
        mean: `(N, 8)` states at the last sight.
        covariance: `(N, 3, 4)` their covariance.
        start: `(N, 4)` xyxy seen then, in the pixels of the present frame.
        end: `(N, 4)` xyxy seen now.
        frames: `(N,)` between the two, above 0.

    Returns:
        Mean `(N, 8)` and covariance `(N, 3, 4)` now.
    """
    mean, covariance = mean.copy(), covariance.copy()
    steps = np.rint(frames).clip(1, MOST_STEPS)
    for step in range(1, int(steps.max(initial=0)) + 1):
        rows = np.flatnonzero(steps >= step)
        share = (step / steps[rows])[:, None]
        virtual = xyxy_to_xyah(start[rows] + share * (end - start)[rows])
        before = kalman.predict(mean[rows], covariance[rows], (frames / steps)[rows])
        mean[rows], covariance[rows] = kalman.update(*before, virtual)
    return mean, covariance
