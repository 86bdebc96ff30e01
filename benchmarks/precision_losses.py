"""Do losses fall in mixed precision as they do in float32?

    python benchmarks/precision_losses.py --device cuda --steps 200

Trains the paper's network from the same weights on the same pictures (coloured boxes on noise, an identity a colour) in
float32 and in bfloat16 with channels-last memory, and in float32 from other weights; prints each task's loss, mean of
the last fifty steps. The spread over weights is the noise that the difference between precisions is held against.
"""

from __future__ import annotations

import argparse
import statistics
from functools import partial

import numpy as np
import torch
from torch import Tensor

from fairmot_pl.benchmarking.networks import a_module
from fairmot_pl.benchmarking.plain import PlainFairMOT, plain_losses
from fairmot_pl.codec.maps import STRIDE, Targets
from fairmot_pl.codec.targets import encode_targets
from fairmot_pl.data.progress import progress

TASKS = ("total", "heatmap", "size", "offset", "reid")
IDENTITIES, PEOPLE, LAST = 40, 12, 50


def pictures(batch: int, size: tuple[int, int], step: int, device: torch.device) -> tuple[Tensor, Targets]:
    """A batch of boxes, each in the two colours of its identity."""
    random = np.random.default_rng(step)
    colours = np.random.default_rng(0).random((IDENTITIES, 2, 3))
    images = 0.3 * random.random((batch, *size, 3))
    targets = []
    for image in images:
        boxes, identities = [], random.choice(IDENTITIES, PEOPLE, replace=False)
        for who in identities:
            height = random.integers(size[0] // 8, size[0] // 3)
            width = int(height * random.uniform(0.35, 0.5))
            top, left = random.integers(0, size[0] - height), random.integers(0, size[1] - width)
            image[top : top + height // 2, left : left + width] = colours[who, 0]
            image[top + height // 2 : top + height, left : left + width] = colours[who, 1]
            boxes.append([left, top, left + width, top + height])
        targets.append(
            encode_targets(
                np.array(boxes), identities, map_size=(size[0] // STRIDE, size[1] // STRIDE), max_objects=PEOPLE
            )
        )
    planes = torch.from_numpy(images).permute(0, 3, 1, 2).float().contiguous().to(device)
    return planes, Targets(*(torch.stack(fields).to(device) for fields in zip(*targets, strict=True)))


def run(name: str, seed: int, bfloat16: bool, plain: bool, given: argparse.Namespace) -> dict[str, float]:
    device = torch.device(given.device)
    module = a_module(IDENTITIES, seed=seed, backbone=given.backbone, channels_last=bfloat16).to(device)
    losses_of = module.losses
    if plain:
        PlainFairMOT(module.model)
        losses_of = partial(plain_losses, module)
    elif given.compile:
        module.fuse()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-4)
    curves: dict[str, list[Tensor]] = {task: [] for task in TASKS}
    batches = [pictures(given.batch, tuple(given.size), number, device) for number in range(given.batches)]
    for step in progress(range(given.steps), name, given.steps):
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
            losses = losses_of(*batches[step % len(batches)])
        optimizer.zero_grad()
        losses["total"].backward()
        optimizer.step()
        for task in TASKS:
            curves[task].append(losses[task].detach())
    return {task: statistics.fmean(torch.stack(values[-LAST:]).tolist()) for task, values in curves.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--backbone", default="dla34")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--batches", type=int, default=25)
    parser.add_argument("--size", type=int, nargs=2, default=(320, 576))
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    runs = {
        "plain float32": (0, False, True),
        "float32": (0, False, False),
        "bfloat16": (0, True, False),
        "float32, weights 1": (1, False, False),
        "float32, weights 2": (2, False, False),
    }
    print(f"{'':20}" + "".join(f"{task:>10}" for task in TASKS))
    for name, settings in runs.items():
        found = run(name, *settings, given)
        print(f"{name:20}" + "".join(f"{found[task]:10.4f}" for task in TASKS), flush=True)


if __name__ == "__main__":
    main()
