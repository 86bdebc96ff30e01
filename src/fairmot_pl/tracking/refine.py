"""Offline refinement of finished results: gaps filled, boxes smoothed, short tracks removed.

It looks ahead in time, so what comes out is no online result: `Refinement.label` says so, for every table of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import matmul_toeplitz, solve_toeplitz

from fairmot_pl.mot_format import read_mot, write_mot

INTERPOLATIONS = ("none", "linear", "gaussian")

OFFLINE = "offline"
"""Folder of refined results, below that of the online ones."""

_TAU = 10.0
"""StrongSORT's constant of the length scale, in frames."""

_MIN_NOISE = 1e-4
"""Smallest variance of the noise against that of the motion: keeps the equations solvable."""

Rows = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """What to do with the rows of a finished sequence.

    Args:
        interpolate: `"none"`, `"linear"` (missing boxes on a straight line between their neighbours) or `"gaussian"`
            (the same, then every box of the track smoothed by a Gaussian process, as StrongSORT's GSI does).
        max_gap: gaps of at most so many missing frames are filled.
        min_length: tracks with fewer boxes than this are removed, before gaps are filled.

    Raises:
        ValueError: an unknown interpolation, or a number out of range.
    """

    interpolate: str = "none"
    max_gap: int = 20
    min_length: int = 1

    def __post_init__(self) -> None:
        if self.interpolate not in INTERPOLATIONS:
            raise ValueError(f"interpolate is {self.interpolate!r}; allowed: {', '.join(INTERPOLATIONS)}")
        for name in ("max_gap", "min_length"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}; a whole number of frames from 1 on is needed")

    def __bool__(self) -> bool:
        return self.interpolate != "none" or self.min_length > 1

    @property
    def label(self) -> str:
        """What tables call the outcome, such as `offline: linear ≤20, tracks ≥5`; empty where nothing is done."""
        parts = [f"{self.interpolate} ≤{self.max_gap}"] if self.interpolate != "none" else []
        parts += [f"tracks ≥{self.min_length}"] if self.min_length > 1 else []
        return f"offline: {', '.join(parts)}" if parts else ""

    def __call__(self, rows: Rows) -> Rows:
        """Refine one sequence.

        Args:
            rows: `(R, 10)` MOTChallenge result rows: frame, id, tlwh in pixels, score, three columns to keep.

        Returns:
            `(R', 10)` rows by frame, then id; rows that were filled in have a score between those of their neighbours.

        Raises:
            ValueError: an id stands twice in one frame.
        """
        rows = np.asarray(rows, np.float64)
        ordered = rows[np.lexsort((rows[:, 0], rows[:, 1]))]
        _check_unique(ordered)
        kept = remove_short(ordered, self.min_length)
        if self.interpolate != "none":
            kept = fill_gaps(kept, self.max_gap)
        if self.interpolate == "gaussian":
            kept = smooth(kept)
        return kept[np.lexsort((kept[:, 1], kept[:, 0]))]


def refine_file(results: Path, refinement: Refinement) -> Path:
    """Refine a result file `FOLDER/SEQ.txt` into `FOLDER/offline/SEQ.txt`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no MOTChallenge file, or an id stands twice in a frame; the file is named.
        OSError: the refined one cannot be written.
    """
    table = read_mot(results)
    rest = np.full((len(table), 3), -1.0)
    rows = np.column_stack([table.frames, table.ids, table.boxes, table.scores, rest]).astype(np.float64)
    try:
        refined = refinement(rows)
    except ValueError as error:
        raise ValueError(f"{results}: {error}") from error
    target = results.parent / OFFLINE / results.name
    write_mot(target, refined)
    return target


def remove_short(rows: Rows, min_length: int) -> Rows:
    """Rows of the tracks that have at least `min_length` boxes."""
    _, track, counts = np.unique(rows[:, 1], return_inverse=True, return_counts=True)
    return rows[counts[track] >= min_length]


def fill_gaps(rows: Rows, max_gap: int) -> Rows:
    """Fill gaps of at most `max_gap` missing frames on a straight line.

    Args:
        rows: `(R, 10)` by id, then frame.
        max_gap: missing frames.

    Returns:
        The rows with the new ones among them, by id, then frame.
    """
    missing = np.diff(rows[:, 0]).astype(np.int64) - 1
    gaps = np.flatnonzero((np.diff(rows[:, 1]) == 0) & (missing > 0) & (missing <= max_gap))
    sizes = missing[gaps]
    before = np.repeat(gaps, sizes)
    step = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    share = (step / np.repeat(sizes + 1, sizes))[:, None]
    filled = (1 - share) * rows[before] + share * rows[before + 1]
    filled[:, 0] = rows[before, 0] + step
    filled[:, 1] = rows[before, 1]
    return np.insert(rows, before + 1, filled, axis=0)


def smooth(rows: Rows) -> Rows:
    """Smooth the boxes of every stretch without a gap by a Gaussian process over time.

    Centre and size are each a straight line, a smooth deviation from it (squared-exponential kernel) and noise. The
    length scale is that of Du et al., "StrongSORT: Make DeepSORT Great Again" (2023), eq. 7, but never below their tau,
    where it would stop smoothing; the shares of deviation and noise are estimated from the stretch itself, so that
    motion which is smooth already stays as it is.

    Args:
        rows: `(R, 10)` by id, then frame.
    """
    rows = rows.copy()
    new_stretch = (np.diff(rows[:, 1]) != 0) | (np.diff(rows[:, 0]) != 1)
    for stretch in np.split(np.arange(len(rows)), np.flatnonzero(new_stretch) + 1):
        if len(stretch) > 3:  # noise is told by second differences, of which there must be two
            rows[stretch, 2:6] = _smooth_boxes(rows[stretch, 2:6])
    return rows


def _smooth_boxes(boxes: Rows) -> Rows:
    """`(n, 4)` tlwh of consecutive frames, smoothed; no side becomes smaller than it was in any of them."""
    sides = boxes[:, 2:]
    states = np.hstack([boxes[:, :2] + sides / 2, sides])
    count = len(states)
    time = np.arange(count, dtype=np.float64)
    trend = np.vander(time - time.mean(), 2)
    line = trend @ np.linalg.lstsq(trend, states, rcond=None)[0]
    kernel = np.exp(-(time**2) / (2 * _length_scale(count) ** 2))
    smoothed = line + np.column_stack([_deviation(column, kernel) for column in (states - line).T])
    low, high = sides.min(axis=0), sides.max(axis=0)
    smoothed[:, 2:] = np.clip(smoothed[:, 2:], low, high)
    return np.hstack([smoothed[:, :2] - smoothed[:, 2:] / 2, smoothed[:, 2:]])


def _deviation(residual: Rows, kernel: Rows) -> Rows:
    """Posterior mean of the process at its own times; frames are evenly spaced, so its covariance is Toeplitz."""
    noise = np.mean(np.diff(residual, 2) ** 2) / 6  # white noise has six times its variance in second differences
    signal = np.mean(residual**2) - noise
    if signal <= 0 or noise == 0:
        return np.zeros_like(residual) if noise else residual
    observed = kernel.copy()
    observed[0] += max(noise / signal, _MIN_NOISE)
    posterior: Rows = matmul_toeplitz(kernel, solve_toeplitz(observed, residual))
    return posterior


def _length_scale(count: int) -> float:
    return float(np.clip(_TAU * np.log(_TAU**3 / count), _TAU, _TAU**2))


def _check_unique(rows: Rows) -> None:
    twice = np.flatnonzero((np.diff(rows[:, 0]) == 0) & (np.diff(rows[:, 1]) == 0))
    if len(twice):
        frame, track = rows[twice[0], :2]
        raise ValueError(f"id {track:.0f} stands twice in frame {frame:.0f}: a track is at one place at a time")
