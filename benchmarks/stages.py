"""Time the stages of training and tracking on this machine: medians over repeated calls, one table.

make bench          or          python benchmarks/stages.py --backbone dla34 --size 608 1088
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from fairmot_pl import Detections, OnlineTracker, build_fairmot, decode_detections
from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.dataset import TrainingSamples
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.images import to_unit
from fairmot_pl.data.sources import read_sources
from fairmot_pl.data.synthetic import render_dataset
from fairmot_pl.losses.fairmot_loss import FairMOTLoss


def median_ms(call: Callable[[], object], *, repeats: int, warm_up: int = 1) -> float:
    """Median milliseconds of a call."""
    laps = []
    for lap in range(warm_up + repeats):
        start = time.perf_counter()
        call()
        if lap >= warm_up:
            laps.append(time.perf_counter() - start)
    return 1e3 * float(np.median(laps))


def crowd(people: int, frames: int = 60) -> list[Detections]:
    """Detections of people who walk at constant speed."""
    rng = np.random.default_rng(0)
    centre, speed = rng.uniform(0, 1900, (people, 2)), rng.normal(0, 4, (people, 2))
    looks = rng.normal(size=(people, 128))
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    found = []
    for frame in range(frames):
        corner = centre + frame * speed
        boxes = np.concatenate([corner, corner + np.array([40, 110])], axis=1)
        found.append(Detections(boxes=boxes, scores=np.full(people, 0.9), embeddings=looks, classes=np.zeros(people)))
    return found


def track(people: int, association: str) -> Callable[[], object]:
    """A call that tracks a crowd for 60 frames."""
    stream = crowd(people)

    def call() -> None:
        tracker = OnlineTracker(association=association)
        for detections in stream:
            tracker.update(detections)

    return call


def samples(size: tuple[int, int], root: Path) -> TrainingSamples:
    """Training samples of a rendered 1080p sequence."""
    render_dataset(root, train=1, val=0, frames=8, people=16, image_size=(1080, 1920))
    sources = read_sources({"world": {"format": "synthetic", "path": "train"}}, root)
    identities = IdentityIndex.build([(found.name, list(found.sequences)) for found in sources])
    return TrainingSamples(sources, identities, augmentation=Augmentation(input_size=size))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="dla34")
    parser.add_argument("--size", type=int, nargs=2, default=(608, 1088), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    size = (given.size[0], given.size[1])
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")

    rows: list[tuple[str, float]] = []
    cost = np.random.default_rng(0).random((400, 420))
    rows.append(("yardstick: SciPy assignment 400x420", median_ms(lambda: linear_sum_assignment(cost), repeats=20)))
    for people in (10, 50, 200):
        for association in ("fairmot", "byte", "byte_reid"):
            rows.append(
                (
                    f"tracker {association}, {people} people, a frame",
                    median_ms(track(people, association), repeats=3) / 60,
                )
            )
    images = torch.rand(1, 3, *size)
    for deformable in (True, False):
        model = build_fairmot(backbone=given.backbone, deformable=deformable).eval()
        with torch.inference_mode():
            maps = model(images)
            name = f"network {given.backbone} {size[0]}x{size[1]}, {'deformable' if deformable else 'plain'} neck"
            rows.append((name, median_ms(lambda net=model: net(images), repeats=given.repeats)))  # type: ignore[misc]
    rows.append(("decode 500 detections", median_ms(lambda: decode_detections(maps), repeats=10)))
    with tempfile.TemporaryDirectory() as folder:
        data = samples(size, Path(folder))
        laps = iter(range(10**6))
        rows.append(
            ("training sample from a 1080p JPEG, one core", median_ms(lambda: data[next(laps) % len(data)], repeats=16))
        )
        image, targets = to_unit(data[0].image), data[0].targets
    step = build_fairmot(backbone=given.backbone, deformable=False)
    loss = FairMOTLoss(reid_dim=128, num_identities=500)
    batched = type(targets)(*(field[None] for field in targets))
    rows.append(
        (
            "training step, one image, plain neck",
            median_ms(lambda: loss(step(image[None]), batched)["total"].backward(), repeats=3),
        )
    )
    for name, milliseconds in rows:
        print(f"{name:<55} {milliseconds:>10.2f} ms")


if __name__ == "__main__":
    main()
