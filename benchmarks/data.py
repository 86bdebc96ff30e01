"""Training samples per second and core from 1920 x 1080 JPEGs, beside the plain pipeline, in one interleaved run.

    OMP_NUM_THREADS=1 python benchmarks/data.py

Real frames are taken from $FAIRMOT_DATA/MOT17-09 where that is there, rendered ones otherwise. Samples end as
float32 in [0, 1]; the rows called bytes are what a loader does in training, which leaves that step to the device.
Seconds are those of the thread, so that neighbours on the machine count less.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from plain_pipeline import plain_sample

from fairmot_pl.codec.heatmap import with_heatmap
from fairmot_pl.codec.maps import STRIDE
from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.dataset import TrainingSamples
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.image_cache import FORMATS, ImageCache
from fairmot_pl.data.images import to_unit
from fairmot_pl.data.sources import DataSource, read_sources
from fairmot_pl.data.synthetic import render_dataset
from fairmot_pl.data.workers import prepare_worker

FRAMES = 40


def sources(scratch: Path) -> list[DataSource]:
    """MOT17-09 if it is there, else one rendered sequence of the same size."""
    real = Path(os.environ.get("FAIRMOT_DATA", "data"), "MOT17-09")
    if real.is_dir():
        return read_sources({"mot17": {"format": "mot", "path": "."}}, real)
    render_dataset(scratch / "world", train=1, val=0, frames=FRAMES, people=16, image_size=(1080, 1920))
    return read_sources({"world": {"format": "synthetic", "path": "train"}}, scratch / "world")


def pipelines(found: list[DataSource], size: tuple[int, int], scratch: Path) -> dict[str, Callable[[int], object]]:
    """Name to a function that makes sample number n of epoch 0."""
    augmentation = Augmentation(input_size=size)
    identities = IdentityIndex.build([(source.name, list(source.sequences)) for source in found])
    frames = [frame for source in found for sequence in source.sequences for frame in sequence.frames]
    direct = TrainingSamples(found, identities, augmentation=augmentation)
    cached = {}
    for kind in FORMATS:
        cache = ImageCache(scratch / "cache", size, kind)
        print(f"cache, {kind}: {sum(map(cache.write, frames)) / len(frames) / 1e3:.0f} kB an image")
        cached[kind] = TrainingSamples(found, identities, augmentation=augmentation, cache=cache)
        assert cached[kind].cached == len(frames)

    def plain(index: int) -> object:
        frame, draw = frames[index], augmentation.draw(np.random.default_rng((0, 0, index)))
        raw = np.arange(len(frame))
        return plain_sample(str(frame.image_path), frame.boxes, raw, frame.image_size, draw, augmentation)

    def floats(samples: TrainingSamples) -> Callable[[int], object]:
        def make(index: int) -> object:
            sample = samples[0, index]
            return to_unit(sample.image), with_heatmap(sample.targets, map_size=(size[0] // STRIDE, size[1] // STRIDE))

        return make

    return {
        "plain": plain,
        "ours": floats(direct),
        **{f"ours, {kind} cache": floats(samples) for kind, samples in cached.items()},
        "bytes": lambda index: direct[0, index],
        **{
            f"bytes, {kind} cache": lambda index, samples=samples: samples[0, index] for kind, samples in cached.items()
        },
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(608, 1088), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--laps", type=int, default=9, help=f"of {FRAMES} samples a pipeline")
    given = parser.parse_args()
    prepare_worker(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        found = sources(Path(scratch))
        makers = pipelines(found, tuple(given.size), Path(scratch))
        available = sum(len(sequence) for source in found for sequence in source.sequences)
        shown = np.linspace(0, available - 1, min(FRAMES, available)).astype(int).tolist()
        seconds = {name: np.zeros((given.laps, len(shown))) for name in makers}
        for lap in range(-1, given.laps):  # the first one warms up
            for position, index in enumerate(shown):
                for name, make in makers.items():
                    start = time.thread_time()
                    make(index)
                    if lap >= 0:
                        seconds[name][lap, position] = time.thread_time() - start
    print(f"{platform.machine()}, 1 thread, OpenCV {cv2.__version__}, torch {torch.__version__}, {len(shown)} frames")
    laps = {name: found.mean(axis=1) for name, found in seconds.items()}
    for name, mean in laps.items():
        ratio = np.median(laps["plain"] / mean)
        print(f"{name:<18} {1e3 * np.median(mean):7.2f} ms  {1 / np.median(mean):7.1f} samples/s  {ratio:5.2f} x plain")


if __name__ == "__main__":
    main()
