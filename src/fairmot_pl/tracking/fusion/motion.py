"""Where people are: along x and along y, a box's centre and size as filters with their speeds, measured by its edges.

A speed is an Ornstein-Uhlenbeck process: it keeps its direction for a while and never grows beyond what people do, so
that the uncertainty of who is lost grows with time, not with its square. Errors are those of edges, not of centres: a
detector that does not see the legs misplaces one edge of four.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from fairmot_pl.tracking.fusion.settings import FusionSettings

Array = NDArray[np.float64]

CENTRE, SIZE = 0, 1
"""Columns of a state; speeds follow in columns 2 and 3."""

LEAST = 1.0
"""Pixels; no box is thought smaller."""

_LEAST_VOLUME = 1e-12
"""Share of what independent edges would fill; keeps rounding from making it negative."""

_UPWARDS = np.array([1.0, 0.5])
"""Speeds along x and along y: who walks towards the camera moves little in the image."""

_EDGES = np.array([[1.0, -0.5], [1.0, 0.5]])
"""From centre and size to the two edges."""


class Fit(NamedTuple):
    """How P detections fit P tracks.

    Args:
        loglik: `(P,)` log-density of the edges, in pixels.
        trust: `(P, 2, 2)` probability that an edge (axis, then low or high) is not misplaced.
        jumped: `(P,)` probability that the person jumped.
        offset: `(P, 2, 2)` edges of the detection minus those expected.
    """

    loglik: Array
    trust: Array
    jumped: Array
    offset: Array


def edges_of(boxes: Array) -> Array:
    """`(N, 2, 2)` low and high edge along x and y, of `(N, 4)` xyxy boxes."""
    return boxes.reshape(-1, 2, 2).transpose(0, 2, 1)


def boxes_of(state: Array) -> Array:
    """`(T, 4)` xyxy boxes of `(T, 2, 4)` states."""
    return _expected(state).transpose(0, 2, 1).reshape(-1, 4)


def initiate(edges: Array, settings: FusionSettings) -> tuple[Array, Array]:
    """States `(N, 2, 4)` and covariances `(N, 2, 4, 4)` of what is seen for the first time, at rest."""
    size = np.maximum(edges[..., 1] - edges[..., 0], LEAST)
    height = size[:, 1:]
    state = np.zeros((len(edges), 2, 4))
    state[..., CENTRE], state[..., SIZE] = edges.mean(axis=2), size
    spread = np.zeros((len(edges), 2, 4, 4))
    noise = np.square(settings.edge_noise * height)
    spread[..., 0, 0], spread[..., 1, 1] = noise / 2, noise * 2
    spread[..., 2, 2] = np.square(settings.first_speed * height * _UPWARDS)
    spread[..., 3, 3] = np.square(settings.growth_speed * height)
    return state, spread


def predict(state: Array, spread: Array, seconds: float, settings: FusionSettings) -> tuple[Array, Array]:
    """States and covariances some time later."""
    memory = np.array([settings.speed_memory, settings.growth_memory])
    ratio = seconds / memory
    keep, gone = np.exp(-ratio), -np.expm1(-ratio)
    move = np.eye(4)
    move[[0, 1], [2, 3]], move[[2, 3], [2, 3]] = memory * gone, keep
    # what random changes of speed add to position, to speed and to both, for speeds of variance 1
    place = np.square(memory) * np.maximum(2 * (ratio - gone) - np.square(gone), 0)
    both, speed = memory * np.square(gone), 1 - np.square(keep)
    height = state[:, 1, SIZE, None]
    level = np.empty((len(state), 2, 2))
    level[..., CENTRE] = np.square(settings.walking_speed * height * _UPWARDS)
    level[..., SIZE] = np.square(settings.growth_speed * height)
    state = state @ move.T
    state[..., SIZE] = np.maximum(state[..., SIZE], LEAST)
    spread = move @ spread @ move.T
    spread[..., [0, 1], [0, 1]] += place * level
    spread[..., [0, 1], [2, 3]] += both * level
    spread[..., [2, 3], [0, 1]] += both * level
    spread[..., [2, 3], [2, 3]] += speed * level
    return state, spread


def fit(state: Array, spread: Array, edges: Array, settings: FusionSettings, extra: float = 0.0) -> Fit:
    """How well `(P, 2, 2)` detected edges fit P states, row by row.

    The density is a mixture: both edges of an axis as expected, one of them anywhere, or the whole box elsewhere.

    Args:
        state: `(P, 2, 4)` predicted.
        spread: `(P, 2, 4, 4)` its covariance.
        edges: what was detected.
        settings: the noise.
        extra: variance in px^2 of a shift that all share, as of a camera.
    """
    height, offset = state[:, 1, SIZE], edges - _expected(state)
    low, both, high = _innovation(spread, np.square(settings.edge_noise * height), extra)
    joint = _student(offset, low, both, high, settings.tail)
    parts = np.stack([np.log(1 - 2 * settings.hidden_edge) + joint, *_one_edge(state, offset, low, high, settings)])
    axis = np.logaddexp.reduce(parts)
    share = np.exp(parts - axis)
    trust = np.stack([1 - share[2], 1 - share[1]], axis=-1)
    steady = axis.sum(axis=1) + np.log1p(-settings.jump_chance)
    if not settings.jump_chance:
        return Fit(steady, trust, np.zeros(len(state)), offset)
    wide = np.square(settings.jump_size * height)[:, None]
    jump = _student(offset, low + wide, both + wide, high + wide, settings.tail).sum(axis=1)
    jump += np.log(settings.jump_chance)
    loglik = np.logaddexp(steady, jump)
    return Fit(loglik, trust, np.exp(jump - loglik), offset)


def squared_distance(state: Array, spread: Array, edges: Array, settings: FusionSettings) -> Array:
    """`(T, M)` squared Mahalanobis distance of the edges of M detections from those expected of T states."""
    low, both, high = (
        part[:, None] for part in _innovation(spread, np.square(settings.edge_noise * state[:, 1, SIZE]), 0.0)
    )
    offset = edges - _expected(state)[:, None]
    distance: Array = _squared(offset, low, both, high, _volume(low, both, high)).sum(axis=2)
    return distance


def correct(state: Array, spread: Array, found: Fit, settings: FusionSettings) -> tuple[Array, Array]:
    """States corrected by the detections that `found` tells of: doubtful edges count little, who jumped follows."""
    variance = np.square(settings.edge_noise * state[:, 1, SIZE])
    spread = spread.copy()
    spread[..., 0, 0] += (found.jumped * np.square(settings.jump_size * state[:, 1, SIZE]))[:, None]
    trust = np.maximum(found.trust + (1 - found.trust) * found.jumped[:, None, None], 1e-3)
    seen = _EDGES @ spread[..., :2, :]
    innovation = seen[..., :2] @ _EDGES.T
    for edge in (0, 1):
        innovation[..., edge, edge] += variance[:, None] / trust[..., edge]
    gain = np.linalg.solve(innovation, seen).transpose(0, 1, 3, 2)  # (P, 2, 4, 2), the Kalman gain
    state = state + (gain @ found.offset[..., None])[..., 0]
    state[..., SIZE] = np.maximum(state[..., SIZE], LEAST)
    # Joseph's form: a sum of squares, which rounding does not make negative however vague the prediction was
    rest = np.eye(4) - np.concatenate([gain @ _EDGES, np.zeros_like(gain)], axis=-1)
    error = gain * np.sqrt(variance[:, None, None] / trust)[..., None, :]
    return state, rest @ spread @ rest.transpose(0, 1, 3, 2) + error @ error.transpose(0, 1, 3, 2)


def map_affine(state: Array, spread: Array, affine: Array) -> tuple[Array, Array]:
    """States in the pixels of the next frame: centres and speeds mapped by `(2, 3)`, sizes grown as a step in x, y."""
    linear, growth = affine[:, :2], np.linalg.norm(affine[:, :2], axis=0)
    moved, spread = state.copy(), spread.copy()
    for column in (0, 2):
        moved[..., column] = state[..., column] @ linear.T
        moved[..., column + 1] = state[..., column + 1] * growth
    moved[..., CENTRE] += affine[:, 2]
    moved[..., SIZE] = np.maximum(moved[..., SIZE], LEAST)
    centre, size = np.ix_((0, 2), (0, 2)), np.ix_((1, 3), (1, 3))
    spread[..., centre[0], centre[1]] = np.einsum("ab,tbij->taij", np.square(linear), spread[..., centre[0], centre[1]])
    spread[..., size[0], size[1]] *= np.square(growth)[:, None, None]
    for one, other in ((0, 1), (0, 3), (2, 1), (2, 3)):
        spread[..., one, other] *= np.abs(np.diag(linear)) * growth
        spread[..., other, one] = spread[..., one, other]
    return moved, spread


def _expected(state: Array) -> Array:
    expected: Array = state[..., :2] @ _EDGES.T
    return expected


def _innovation(spread: Array, noise: Array, extra: float) -> tuple[Array, Array, Array]:
    """Variance of the low edge, covariance, variance of the high edge, each `(P, 2)`."""
    centre, mixed, size = spread[..., 0, 0] + extra, spread[..., 0, 1], spread[..., 1, 1] / 4
    noise = noise[:, None]
    return centre - mixed + size + noise, centre - size, centre + mixed + size + noise


def _student(offset: Array, low: Array, both: Array, high: Array, tail: float) -> Array:
    """`(P, 2)` log-density of two edges under Student's distribution with that covariance."""
    volume = _volume(low, both, high)
    distance = _squared(offset, low, both, high, volume)
    density: Array = _level(tail, 2) - 0.5 * np.log(volume) - (tail + 2) / 2 * np.log1p(distance / tail)
    return density


def _volume(low: Array, both: Array, high: Array) -> Array:
    """Determinant of the covariance."""
    volume: Array = np.maximum(low * high - both * both, _LEAST_VOLUME * low * high)
    return volume


def _squared(offset: Array, low: Array, both: Array, high: Array, volume: Array) -> Array:
    """Squared Mahalanobis distance of two edges."""
    first, second = offset[..., 0], offset[..., 1]
    distance: Array = (high * first * first - 2 * both * first * second + low * second * second) / volume
    return distance


def _one_edge(state: Array, offset: Array, low: Array, high: Array, settings: FusionSettings) -> tuple[Array, Array]:
    """Log-densities if only the low, or only the high edge is where it should, the other anywhere within a size."""
    tail = settings.tail
    with np.errstate(divide="ignore"):
        level = _level(tail, 1) + np.log(settings.hidden_edge) - np.log(state[..., SIZE])
    parts = [
        level - 0.5 * np.log(variance) - (tail + 1) / 2 * np.log1p(np.square(offset[..., edge]) / variance / tail)
        for edge, variance in ((0, low), (1, high))
    ]
    return parts[0], parts[1]


@lru_cache(maxsize=8)
def _level(tail: float, edges: int) -> float:
    """Log of the constant in Student's density of so many edges."""
    return float(gammaln((tail + edges) / 2) - gammaln(tail / 2) - edges / 2 * np.log(tail * np.pi))
