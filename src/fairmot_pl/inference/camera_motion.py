"""How the camera moved from one image to the next: sparse optical flow of the background."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Affine = NDArray[np.float64]

MAX_SIDE = 640
"""Pixels of the longer side that the flow is computed on."""

MAX_CORNERS, CORNER_QUALITY, CORNER_DISTANCE = 400, 0.01, 7
FEWEST = 12
"""So many corners must move together, and half of all, or the images say nothing."""

INLIER_PIXELS = 1.5
GREATEST_ZOOM = 1.5
"""Between two frames; beyond it, it is another scene."""


class CameraMotion:
    """Estimates the affine map from each image's pixels to the next one's (as BoT-SORT, section 3.2).

    Corners of the last image are followed by pyramidal Lucas-Kanade flow, and the similarity (shift, rotation, zoom) on
    which most of them agree is the camera's motion. The same images give the same maps.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the last image: the next one is the first of a video."""
        self._last: Image | None = None
        self._background: Image | None = None
        self._size: tuple[int, ...] = ()

    def step(self, image: Image, boxes: NDArray[np.floating] | None = None) -> Affine:
        """Take the next image.

        Args:
            image: `(H, W, 3)` uint8 RGB.
            boxes: `(N, 4)` xyxy of what moves by itself and is to be left out, in pixels of the image.

        Returns:
            `(2, 3)` float64 from the last image's pixels to this one's; identity for the first image, one of another
            size, or too little texture to tell.
        """
        size = image.shape[:2]
        small = _small_grey(image)
        scale = np.array([size[1] / small.shape[1], size[0] / small.shape[0]])
        last, background = self._last, self._background
        comparable = last is not None and last.shape == small.shape and self._size == size
        self._last, self._size = small, size
        self._background = _mask(small.shape, None if boxes is None else np.asarray(boxes, np.float64), scale)
        if last is None or background is None or not comparable:
            return _identity()
        return _motion(last, small, background, scale)


def _identity() -> Affine:
    return np.eye(2, 3)


def _small_grey(image: Image) -> Image:
    height, width = image.shape[:2]
    ratio = min(1.0, MAX_SIDE / max(height, width))
    if ratio < 1:
        small = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    grey: Image = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    return grey


def _mask(shape: tuple[int, ...], boxes: NDArray[np.float64] | None, scale: NDArray[np.float64]) -> Image:
    """Where corners may be, as OpenCV wants it: 255 there and 0 inside of boxes."""
    mask = np.full(shape, 255, np.uint8)
    if boxes is None or not len(boxes):
        return mask
    height, width = shape[:2]
    edges = (boxes / np.tile(scale, 2)).clip(0, [width, height, width, height])
    low, high = np.floor(edges[:, :2]).astype(int), np.ceil(edges[:, 2:]).astype(int)
    for (left, top), (right, bottom) in zip(low.tolist(), high.tolist(), strict=True):
        mask[top:bottom, left:right] = 0
    return mask


def _motion(last: Image, image: Image, background: Image, scale: NDArray[np.float64]) -> Affine:
    """The similarity that most corners follow, in pixels of which there are `scale` to one of the small images."""
    corners = cv2.goodFeaturesToTrack(last, MAX_CORNERS, CORNER_QUALITY, CORNER_DISTANCE, mask=background)
    if corners is None or len(corners) < FEWEST:
        return _identity()
    moved, found, _ = cv2.calcOpticalFlowPyrLK(last, image, corners, None, winSize=(15, 15), maxLevel=4)
    found = found.ravel().astype(bool)
    # OpenCV's whole numbers are middles of pixels; ours are their edges.
    start, end = ((points.reshape(-1, 2)[found] + 0.5) * scale for points in (corners, moved))
    if len(start) < FEWEST:
        return _identity()
    affine, agree = cv2.estimateAffinePartial2D(
        start, end, method=cv2.RANSAC, ransacReprojThreshold=INLIER_PIXELS * float(scale.max())
    )
    if affine is None or not np.isfinite(affine).all():
        return _identity()
    zoom = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    enough = agree.sum() >= max(FEWEST, len(corners) / 2)
    return affine if enough and 1 / GREATEST_ZOOM <= zoom <= GREATEST_ZOOM else _identity()
