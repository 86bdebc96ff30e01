"""Time and memory of a tracker: `python benchmarks/tracker.py`, `python benchmarks/tracker.py --frames 100000`.

Without `--frames`, the median of an update in scenes of 10 to 1000 people, in milliseconds and in units of U: SciPy's
`linear_sum_assignment` on a uniform random 400 x 420 matrix, measured in turn with the updates. All are seconds of
processor time, so that other work on the machine counts little. With `--frames`, the resident memory at each tenth of a
long stream with people who come and go (Linux only).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from fairmot_pl import Detections, OnlineTracker

ASSOCIATIONS = ("fairmot", "byte", "byte_reid", "fusion")
SWITCHES = {"": {}, " + re-update": {"use_reupdate": True}}
SCREEN = np.array([1920.0, 1080.0])
DIM = 128


def walkers(people: int, frames: int, seed: int = 0, share_hidden: float = 1 / 3) -> Iterator[Detections]:
    """A crowd on 1920 x 1080: people walk, turn back at the border and hide behind one another.

    At any time a share of them is hidden, each for some 12 frames; a seventh of those seen is half hidden, at a low
    score. One detection in 50 is false. Embeddings are of unit length with noise, a tenth of the people look alike.
    """
    rng = np.random.default_rng(seed)
    tall = 20 + 1000 / np.sqrt(people + 20) * rng.uniform(0.5, 1.5, people)
    centre, speed = rng.uniform(0, SCREEN, (people, 2)), rng.normal(0, 2, (people, 2))
    looks = rng.normal(size=(people, DIM))
    looks[::10] = looks[0]
    hides = share_hidden / (12 * (1 - share_hidden))
    hidden = np.where(rng.random(people) < share_hidden, rng.integers(1, 24, people), 0)
    for _ in range(frames):
        speed = np.where((centre < 0) | (centre > SCREEN), -speed, speed + rng.normal(0, 0.1, speed.shape))
        centre = centre + speed
        hidden = np.where((hidden == 0) & (rng.random(people) < hides), rng.integers(1, 24, people), hidden - 1).clip(0)
        who = np.flatnonzero(hidden == 0)
        false = rng.binomial(len(who), 0.02)
        at = np.concatenate([centre[who] + rng.normal(0, 1, (len(who), 2)), rng.uniform(0, SCREEN, (false, 2))])
        height = np.append(tall[who], rng.uniform(40, 200, false)) * np.exp(rng.normal(0, 0.02, len(at)))
        half = height[:, None] * [0.2, 0.5]
        look = np.concatenate([looks[who], rng.normal(size=(false, DIM))]) + 0.3 * rng.normal(size=(len(at), DIM))
        score = np.where(rng.random(len(at)) < 1 / 7, rng.uniform(0.2, 0.4, len(at)), rng.uniform(0.5, 0.95, len(at)))
        yield Detections(
            boxes=np.concatenate([at - half, at + half], axis=1),
            scores=score,
            embeddings=look / np.linalg.norm(look, axis=1, keepdims=True),
            classes=np.zeros(len(at)),
        )


def seconds(call: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


def measure(
    people: int, frames: int, share_hidden: float, settings: dict[str, object], warm_up: int = 30
) -> tuple[float, float, float, float]:
    """Medians: seconds of an update, of U, detections above the threshold, living tracks."""
    matrix = np.random.default_rng(0).random((400, 420))
    tracker = OnlineTracker(**settings)
    updates, units, high, alive = [], [], [], []
    for number, detections in enumerate(walkers(people, frames + warm_up, share_hidden=share_hidden)):
        spent = seconds(lambda detections=detections: tracker.update(detections))
        if number < warm_up:
            continue
        updates.append(spent)
        high.append(int((detections.scores > tracker.score_threshold).sum()))
        alive.append(len(tracker.tracks))
        if number % 5 == 0:
            units.append(seconds(lambda: linear_sum_assignment(matrix)))
    return float(np.median(updates)), float(np.median(units)), float(np.median(high)), float(np.median(alive))


def speed(frames: int) -> None:
    print("| people | above threshold | tracks | association | update | in U |")
    print("|---|---|---|---|---|---|")
    for people, share_hidden in ((10, 0.15), (50, 0.22), (200, 1 / 3), (1000, 1 / 3)):
        for association in ASSOCIATIONS:
            for label, switches in SWITCHES.items() if association != "fusion" else [("", {})]:
                settings = {"association": association, **switches}
                spent, unit, high, alive = measure(
                    people, frames if people < 1000 else frames // 4, share_hidden, settings
                )
                print(
                    f"| {people} | {high:.0f} | {alive:.0f} | {association}{label} | {1e3 * spent:.2f} ms | "
                    f"**{spent / unit:.2f}** of {1e3 * unit:.1f} ms |",
                    flush=True,
                )


def resident() -> float:
    """Resident memory of this process in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def memory(frames: int, people: int) -> None:
    for association in ASSOCIATIONS:
        tracker = OnlineTracker(association=association)
        figures = []
        for number, detections in enumerate(walkers(people, frames), 1):
            tracker.update(detections)
            if number % (frames // 10) == 0:
                figures.append(resident())
        tracks = f"{tracker.tracks.ids.max(initial=0)} ids given, {len(tracker.tracks)} alive"
        print(f"{association}: {' '.join(f'{one:.1f}' for one in figures)} MB; {tracks}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, help="measure memory over so many frames instead of time")
    parser.add_argument("--people", type=int, default=6, help="with --frames")
    parser.add_argument("--timed", type=int, default=120, help="frames timed in each scene")
    given = parser.parse_args()
    if given.frames:
        memory(given.frames, given.people)
    else:
        speed(given.timed)


if __name__ == "__main__":
    main()
