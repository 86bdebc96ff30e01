"""How often `compare` claims a difference: where there is none, and where there is one. All figures are simulated.

    python benchmarks/significance.py --picture docs/power.png

A metric in percent of seeds and sequences is drawn from normal distributions: each setting reacts to each sequence in
its own way (standard deviation 1.0), each seed is lucky or not on all of them (0.5), and every cell has chance of its
own (0.7). Prints the tables of docs/comparing.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.reporting.comparison_plots import legend_below, looks
from fairmot_pl.reporting.figures import finish_panel, new_figure, styled, to_png
from fairmot_pl.reporting.significance import LEVEL, paired_difference

SEED_SD, SEQUENCE_SD, CELL_SD = 0.5, 1.0, 0.7

DESIGNS = [(1, 7, 0), (2, 7, 0), (2, 7, 3), (3, 7, 0), (3, 7, 3), (5, 7, 0), (3, 2, 0), (3, 21, 0)]
"""Seeds a setting, sequences, and how many further settings the sweep has."""

SHIFTS = (0.5, 1.0, 1.5, 2.0, 3.0)

Float = NDArray[np.float64]


def draw(rng: np.random.Generator, draws: int, seeds: int, sequences: int) -> Float:
    """`(draws, seeds, sequences)`; with one seed, that seed's luck is left out, since no test could know of it."""
    luck = SEED_SD * (seeds > 1)
    return (
        luck * rng.standard_normal((draws, seeds, 1))
        + SEQUENCE_SD * rng.standard_normal((draws, 1, sequences))
        + CELL_SD * rng.standard_normal((draws, seeds, sequences))
    )


def percentile_bootstrap(rng: np.random.Generator, first: Float, second: Float, resamples: int) -> Float:
    """The p of the plain paired bootstrap: sequences, and seeds, drawn with replacement; twice the smaller tail."""
    (_, seeds, sequences), above = first.shape, np.zeros(len(first))
    for _ in range(resamples):
        picked = rng.integers(0, sequences, sequences)
        means = [figures[:, rng.integers(0, seeds, seeds)][:, :, picked].mean((1, 2)) for figures in (first, second)]
        above += means[1] > means[0]
    return 2 * np.minimum(above, resamples - above) / resamples


def plain_rate(draws: int, seeds: int, sequences: int, resamples: int) -> float:
    """Claims of the plain paired bootstrap where there is no difference."""
    rng = np.random.default_rng(1)
    first, second = (draw(rng, draws, seeds, sequences) for _ in range(2))
    return float(np.mean(percentile_bootstrap(rng, first, second, resamples) < LEVEL))


def power(draws: int, design: tuple[int, int, int], shifts: Float) -> Float:
    """Share of draws in which a difference of so many points is found."""
    rng = np.random.default_rng(2)
    seeds, sequences, others = design
    first, second, *rest = (draw(rng, draws, seeds, sequences) for _ in range(2 + others))
    return np.array([np.mean(paired_difference(first, second + shift, rest).p < LEVEL) for shift in shifts])


def power_picture(draws: int) -> bytes:
    """The power curves of all designs."""
    shifts = np.linspace(0, 4, 33)
    with styled():
        figure, (panel,) = new_figure(1, 1, width=8, height=4.8)
        for design, look in zip(DESIGNS, looks(len(DESIGNS)), strict=True):
            seeds, sequences, others = design
            label = f"{seeds} seed{'s' * (seeds > 1)}, {sequences} sequences" + f", {others} more settings" * (
                others > 0
            )
            (line,) = panel.plot(shifts, 100 * power(draws, design, shifts), color=look.colour, label=label)
            line.set(linestyle=look.dashes, markevery=4, markersize=6, **look.marks)
        panel.axhline(100 * LEVEL, color="#616e7c", linewidth=1, linestyle=":")
        panel.set_ylim(0, 102)
        panel.set_xlim(0, 4)
        finish_panel(
            panel,
            "How often a difference is found (simulated)",
            "true difference, percent points of HOTA",
            "found, percent",
            legend=False,
        )
        legend_below(figure, panel)
    return to_png(figure)


def main() -> None:
    """Console entry."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--resamples", type=int, default=400, help="of the plain bootstrap")
    parser.add_argument("--picture", type=Path, default=None, help="where the power curves go, as PNG")
    given = parser.parse_args()
    shifts = (0.0, *SHIFTS)
    print("| seeds | sequences | further settings | " + " | ".join(f"{shift:g} points" for shift in shifts) + " |")
    print("|---" * (3 + len(shifts)) + "|")
    for design in DESIGNS:
        found = power(given.draws, design, np.array(shifts))
        print(
            f"| {' | '.join(map(str, design))} | {found[0]:.1%} | "
            + " | ".join(f"{rate:.0%}" for rate in found[1:])
            + " |"
        )
    print("\n| seeds | sequences | claimed without a difference by the plain paired bootstrap |\n|---|---|---|")
    for seeds, sequences, others in DESIGNS:
        if not others:
            print(f"| {seeds} | {sequences} | {plain_rate(given.draws, seeds, sequences, given.resamples):.1%} |")
    if given.picture:
        given.picture.write_bytes(power_picture(given.draws))


if __name__ == "__main__":
    main()
