"""Memory of loader processes over an epoch: it must stay flat.

    python benchmarks/loader_memory.py --images 6000 --workers 4

Thousands of tiny images with people in each. At every tenth of two epochs the workers' proportional set size (PSS, of
Linux: what they share is split among them) is read and added up.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader

from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.dataset import TrainingSamples
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.sampling import EpochSampler
from fairmot_pl.data.sources import DataSource, read_sources
from fairmot_pl.data.workers import prepare_worker
from fairmot_pl.seqinfo import SequenceInfo, write_seqinfo


def tiny_sequences(root: Path, images: int, size: tuple[int, int] = (96, 160), people: int = 20) -> list[DataSource]:
    """A MOTChallenge folder of sequences of 500 noisy images."""
    rng = np.random.default_rng(0)
    for first in range(0, images, 500):
        folder, frames = root / "train" / f"TINY-{first // 500:02d}", min(500, images - first)
        (folder / "img1").mkdir(parents=True)
        (folder / "gt").mkdir()
        for frame in range(1, frames + 1):
            cv2.imwrite(str(folder / "img1" / f"{frame:06d}.jpg"), rng.integers(0, 256, (*size, 3), np.uint8))
        write_seqinfo(folder / "seqinfo.ini", SequenceInfo(folder.name, 30.0, frames, size))
        rows = [
            f"{frame},{person},{5 * person},20,12,30,1,1,1"
            for person in range(1, people + 1)
            for frame in range(1, frames + 1)
        ]
        (folder / "gt" / "gt.txt").write_text("\n".join(rows) + "\n")
    return read_sources({"tiny": {"format": "mot", "path": "."}}, root)


def pss_mb(process: int) -> float:
    """Proportional set size of a process: its own memory and its share of what it shares."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024


def main() -> None:
    """Print megabytes of all workers at every tenth of two epochs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--workers", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sources = tiny_sequences(Path(scratch), given.images)
        identities = IdentityIndex.build([(source.name, list(source.sequences)) for source in sources])
        samples = TrainingSamples(sources, identities, augmentation=Augmentation(input_size=(96, 160)))
        sampler = EpochSampler(len(samples), shuffle=True, seed=0)
        loader = DataLoader(
            samples,
            batch_size=8,
            sampler=sampler,
            num_workers=given.workers,
            worker_init_fn=prepare_worker,
            persistent_workers=True,
        )
        print(f"torch {torch.__version__}, OpenCV {cv2.__version__}, {given.images} images, {given.workers} workers")
        for epoch in range(2):
            sampler.set_epoch(epoch)
            series = []
            batches = iter(loader)
            workers = [worker.pid for worker in batches._workers]
            for number, _ in enumerate(batches, 1):
                if number % max(1, len(loader) // 10) == 0:
                    series.append(sum(map(pss_mb, workers)))
            print(f"epoch {epoch}: " + " ".join(f"{megabytes:.0f}" for megabytes in series) + " MB")


if __name__ == "__main__":
    main()
