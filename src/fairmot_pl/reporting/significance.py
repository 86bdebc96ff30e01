"""Is a difference between two settings more than noise? Paired over sequences, and over seeds where there are several.

With m[s, q] the metric of seed s on sequence q, a setting's mean may be off because it met these seeds and because it
was tried on these sequences. The first part is the variance of the seeds' means, the second that of the sequences'
differences, which is also what a paired bootstrap over sequences finds for it: here in closed form, as of infinitely
many resamples, and without their bias of (n - 1) / n. What both contain (chance of a single cell) counts once. The
quantiles are Student's: those of the resamples claim a difference in 10 to 20 % of the cases without one where there
are 4 to 7 sequences (`docs/comparing.md` has the figures).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtr, stdtrit

Float = NDArray[np.float64]

LEVEL = 0.05
"""How often a difference is claimed where there is none."""


UNBELIEVABLE = 1e-3
"""A spread that chance gives so seldom is taken for another one."""


class Difference(NamedTuple):
    """What is known of the difference second - first of two means.

    Attributes:
        mean: the difference.
        low: lower end of its interval of confidence 1 - `LEVEL`.
        high: upper end.
        p: how likely a difference of this size is where there is none; NaN where nothing can be said.
    """

    mean: Float
    low: Float
    high: Float
    p: Float


def paired_difference(first: Float, second: Float, others: Sequence[Float] = ()) -> Difference:
    """Compare two settings that were tried on the same sequences.

    Args:
        first: `(..., S1, n)` a metric, by seed and sequence.
        second: `(..., S2, n)` the same metric on the same n sequences; its seeds are others.
        others: further settings on these sequences that vary alike from seed to seed (`vary_alike`): with them, two or
            three seeds a setting suffice to know by how much.

    Returns:
        Arrays `(...)`. One seed of each says nothing about other seeds, one sequence nothing about others: the interval
        is then about those alone. One of both, or differences without any variation, give NaN.

    Raises:
        ValueError: no seed or sequence, or other numbers of sequences.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.ndim < 2 or second.ndim < 2 or first.shape[-1] != second.shape[-1] or not (first.size and second.size):
        raise ValueError(f"figures of {first.shape} and {second.shape}: (..., seeds, sequences), of the same sequences")
    sequences, settings = first.shape[-1], [first, second, *others]
    by_sequence = second.mean(axis=-2) - first.mean(axis=-2)
    mean = by_sequence.mean(axis=-1)
    of_sequences, of_seeds = np.zeros_like(mean), np.zeros_like(mean)
    seeds_whole = of_seeds
    free = np.array([sequences - 1, sum(figures.shape[-2] - 1 for figures in settings)])
    if free[0]:
        of_sequences = by_sequence.var(axis=-1, ddof=1) / sequences
    if free[1]:
        share = (1 / first.shape[-2] + 1 / second.shape[-2]) / free[1]
        of_seeds = seeds_whole = share * sum(_between_seeds(figures) for figures in settings)
        if free[0]:
            of_cells = share * sum((_residuals(figures) ** 2).sum((-2, -1)) for figures in settings)
            of_seeds = np.maximum(seeds_whole - of_cells / free[0] / sequences, 0)
    variance, least = of_sequences + of_seeds, np.maximum(free, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        # after Satterthwaite (1946); the seeds' part is a difference of two estimates, so it is charged with both
        degrees = variance**2 / (of_sequences**2 / least[0] + of_seeds * seeds_whole / least[1])
    return _judged(mean, variance, degrees, nothing_varies=not free.any())


def vary_alike(settings: Sequence[Float]) -> list[bool]:
    """Which settings vary from seed to seed as the others do, so that their spread may be estimated together.

    Args:
        settings: `(S, n)` each. With one seed there is nothing to estimate, and nothing against it.

    Returns:
        False for a setting whose spread the others' makes unbelievable, such as one with a seed that collapsed.
    """
    squares = np.array([float(_between_seeds(np.asarray(figures, np.float64))) for figures in settings])
    free = np.array([np.shape(figures)[-2] - 1 for figures in settings])
    alike = np.full(len(settings), True)
    while True:
        kept = alike & (free > 0)
        if kept.sum() < 3:
            return alike.tolist()
        rest_squares, rest_free = squares[kept].sum() - squares, free[kept].sum() - free
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(kept, (squares / free) / (rest_squares / rest_free), 0)
        worst = int(np.argmax(ratio))
        if not fdtrc(free[worst], rest_free[worst], ratio[worst]) < UNBELIEVABLE:
            return alike.tolist()
        alike[worst] = False


def _between_seeds(figures: Float) -> Float:
    """Squares of what each seed's mean over sequences is off the mean of all, summed, `(...)`."""
    means = figures.mean(axis=-1)
    return np.asarray(((means - means.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1))


def _judged(mean: Float, variance: Float, degrees: Float, *, nothing_varies: bool) -> Difference:
    """Interval and p of a mean whose variance was estimated with so many degrees of freedom."""
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(variance)
        p = 2 * stdtr(degrees, -np.abs(mean) / error)
        reach = stdtrit(degrees, 1 - LEVEL / 2) * error
    unvaried = ~(variance > 0)
    p = np.where(unvaried, np.nan if nothing_varies else np.where(mean == 0, 1.0, np.nan), p)
    reach = np.where(unvaried, np.nan, reach)
    return Difference(mean, mean - reach, mean + reach, np.asarray(p))


def _residuals(figures: Float) -> Float:
    """What seed and sequence do not explain together, `(..., S, n)`."""
    of_seeds, of_sequences = figures.mean(axis=-1, keepdims=True), figures.mean(axis=-2, keepdims=True)
    return np.asarray(figures - of_seeds - of_sequences + figures.mean(axis=(-2, -1), keepdims=True))


def holm(p: Float) -> Float:
    """Adjust p of several comparisons, so that the chance of a single false claim in all stays below the level.

    Args:
        p: `(K,)`; NaN where nothing could be compared, which stays.

    Returns:
        `(K,)` adjusted p (Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979).
    """
    p = np.asarray(p, np.float64)
    adjusted = np.full_like(p, np.nan)
    order = np.argsort(p)
    order = order[np.isfinite(p[order])]
    steps = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * steps), 1)
    return adjusted
