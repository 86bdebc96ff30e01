"""A moving camera: where what was known in the pixels of the last frame is in those of the next (BoT-SORT)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_FLATTEST = 1e6
"""How much longer one axis may become than the other before an affine map counts as not invertible."""


def checked_camera(camera: ArrayLike, frame: int) -> Array:
    """The affine map as `(2, 3)` float64.

    Raises:
        ValueError: another shape, values that are not finite, or a map that cannot be inverted.
    """
    affine = np.asarray(camera, dtype=np.float64)
    wanted = "the (2, 3) affine map from the last frame's pixels to this one's, or None for a camera at rest"
    if affine.shape != (2, 3):
        raise ValueError(f"camera of frame {frame} has shape {affine.shape}; expected {wanted}")
    if not np.isfinite(affine).all():
        raise ValueError(f"camera of frame {frame} holds NaN or infinite values; expected {wanted}")
    most, least = np.linalg.svd(affine[:, :2], compute_uv=False)
    if least * _FLATTEST <= most:
        raise ValueError(f"camera of frame {frame} cannot be inverted: {affine.tolist()}; expected {wanted}")
    return affine


def move_states(mean: Array, covariance: Array, camera: Array) -> tuple[Array, Array]:
    """Kalman states in the pixels of the next frame (Aharon et al. 2022, section 3.2); the arguments stay as they are.

    Centres and their changes are mapped; width and height grow by as much as a step in x and in y does. Exact for
    shifts, rotations and zooms, since the filter is equally sure of x and y. Of a shear or an unequal zoom, the
    correlation between x and y is left out.

    Args:
        mean: `(N, 8)` xyah and its change per frame.
        covariance: `(N, 3, 4)`.
        camera: `(2, 3)` affine map from the pixels of the states to those of the next frame.
    """
    linear = camera[:, :2]
    wider, higher = _growth(camera)
    scale = np.array([wider / higher, higher])
    moved, spread = mean.reshape(-1, 2, 4).copy(), covariance.copy()
    moved[..., :2] = moved[..., :2] @ linear.T
    moved[:, 0, :2] += camera[:, 2]
    moved[..., 2:] *= scale
    spread[..., :2] = spread[..., :2] @ np.square(linear).T
    spread[..., 2:] *= np.square(scale)
    return moved.reshape(-1, 8), spread


def move_boxes(boxes: Array, camera: Array) -> Array:
    """`(N, 4)` xyxy boxes in the pixels of the next frame, upright again: centres mapped, sides as in `move_states`."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ camera[:, :2].T + camera[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * _growth(camera)
    return np.concatenate([centre - half, centre + half], axis=1)


def finite_rows(*columns: Array) -> NDArray[np.bool_]:
    """`(N,)` whether all the numbers in a row are finite, of columns `(N, ...)`."""
    rows = [np.isfinite(column).all(axis=tuple(range(1, column.ndim))) for column in columns]
    finite: NDArray[np.bool_] = np.all(rows, axis=0)
    return finite


def _growth(camera: Array) -> Array:
    """How long a step of one pixel in x and in y becomes."""
    growth: Array = np.linalg.norm(camera[:, :2], axis=0)
    return growth
