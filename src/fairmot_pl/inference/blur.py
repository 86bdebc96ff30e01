"""Make people unrecognisable in what is written.

No face is looked for: where a head is follows from the box of the body, so that a head turned away is covered as
well. What the network does not see at all stays as it is; a low `detection_threshold` leaves less of that.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from fairmot_pl.inference.sources.frame import Image

REGIONS = ("none", "head", "person")

HEAD_HEIGHT, HEAD_WIDTH, HEADROOM = 0.22, 0.7, 0.04
"""Of a standing body's box: about an eighth is head; the rest is for those who bend, and for boxes that are off."""

CELLS, CELL_PIXELS = 4, 6
"""A region becomes at most so many cells a side, each the mean of so many pixels a side or more; then it is smeared."""

HELD_FRAMES = 8
"""A region stays covered for so many frames after it was last seen, as detectors miss people for a frame or two."""


class Blur:
    """Covers regions of one video, frame by frame.

    Args:
        region: `"head"`, the upper part of each box, or `"person"`, all of it; `"none"` covers nothing.

    Raises:
        ValueError: an unknown region.
    """

    def __init__(self, region: str) -> None:
        if region not in REGIONS:
            raise ValueError(f"blur is {region!r}; allowed: {', '.join(REGIONS)}")
        self._region = region
        self._recent: deque[NDArray[np.float64]] = deque(maxlen=HELD_FRAMES + 1)

    def __call__(self, image: Image, boxes: NDArray[np.floating]) -> Image:
        """The image with the people in it covered.

        Args:
            image: `(H, W, 3)` uint8 RGB; it stays as it is.
            boxes: `(N, 4)` xyxy of everything that may be a person, in pixels of that image.
        """
        if self._region == "none":
            return image
        regions = np.asarray(boxes, np.float64)
        self._recent.append(head_regions(regions) if self._region == "head" else regions)
        covered = image.copy()
        for left, top, right, bottom in _whole(np.concatenate(self._recent), image.shape[:2]).tolist():
            _cover(covered[top:bottom, left:right])
        return covered


def head_regions(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """`(N, 4)` xyxy of where the heads of bodies `(N, 4)` xyxy are, generously."""
    left, top, right, bottom = np.asarray(boxes, np.float64).T
    width, height = right - left, bottom - top
    half = np.maximum(HEAD_WIDTH * width, HEAD_HEIGHT * height) / 2  # a body from the side is narrow, its head is not
    middle = (left + right) / 2
    return np.stack([middle - half, top - HEADROOM * height, middle + half, top + HEAD_HEIGHT * height], axis=1)


def _whole(regions: NDArray[np.float64], size: tuple[int, ...]) -> NDArray[np.int64]:
    """Whole pixels inside the image, at least one a side; regions outside of it go."""
    height, width = size
    regions = regions[np.isfinite(regions).all(axis=1)]
    low = np.floor(regions[:, :2]).clip(0, (width, height))
    high = np.ceil(regions[:, 2:]).clip(0, (width, height))
    return np.concatenate([low, high], axis=1)[(high > low).all(axis=1)].astype(np.int64)


def _cover(region: Image) -> None:
    """A few means and nothing else: there is not enough left to reconstruct anything from."""
    height, width = region.shape[:2]
    across, down = (max(1, min(CELLS, side // CELL_PIXELS)) for side in (width, height))
    cells = cv2.resize(region, (across, down), interpolation=cv2.INTER_AREA)
    region[:] = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
