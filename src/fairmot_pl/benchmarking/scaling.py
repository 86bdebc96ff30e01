"""Data-parallel training with 1 and 2 processes on this machine."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from fairmot_pl.benchmarking.networks import a_module, noise_batch
from fairmot_pl.codec.maps import Targets

LIGHT: dict[str, Any] = {"backbone": "mobilenetv4_conv_small", "reid_dim": 64, "deformable": False, "head_channels": 64}
SIZE, BATCH = (160, 288), 4
PROCESSES = (1, 2)


@dataclass(frozen=True)
class Job:
    """What every process does."""

    world: int
    identities: int
    laps: int
    cuda: bool
    folder: str


class _Losses(nn.Module):
    """The total loss as a module's forward, which DistributedDataParallel wants."""

    def __init__(self, identities: int) -> None:
        super().__init__()
        self.module = a_module(identities, **LIGHT)

    def forward(self, images: Tensor, targets: Targets) -> Tensor:
        """Images and targets to the total loss."""
        return self.module.losses(images, targets)["total"]


def step_seconds(job: Job) -> dict[str, float]:
    """Medians of a step with and without exchanging gradients, and the bytes of gradients, of `job.world` processes.

    Every process has one thread (or one GPU) and a batch of its own.
    """
    spawn(_process, args=(job,), nprocs=job.world)
    found: dict[str, float] = json.loads(Path(job.folder, f"scaling_{job.world}_{job.identities}.json").read_text())
    return found


def _process(rank: int, job: Job) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    device = torch.device("cuda", rank) if job.cuda else torch.device("cpu")
    store = Path(job.folder, f"store_{job.world}_{job.identities}").absolute().as_uri()
    dist.init_process_group("nccl" if job.cuda else "gloo", init_method=store, rank=rank, world_size=job.world)
    losses = _Losses(job.identities).to(device)
    parallel = DistributedDataParallel(losses)
    images, targets = noise_batch(SIZE, BATCH, job.identities, seed=rank)
    images, targets = images.to(device), Targets(*(field.to(device) for field in targets))
    times: dict[str, list[float]] = {"step": [], "alone": []}
    for lap in range(job.laps + 2):
        for kind in times:
            losses.zero_grad()
            dist.barrier()
            start = time.perf_counter()
            if kind == "alone":
                with parallel.no_sync():
                    parallel(images, targets).backward()
            else:
                parallel(images, targets).backward()
            if job.cuda:
                torch.cuda.synchronize(device)
            if lap > 1:
                times[kind].append(time.perf_counter() - start)
    if rank == 0:
        figures = {kind: median(seconds) for kind, seconds in times.items()}
        figures["gradient_mb"] = sum(p.numel() * p.element_size() for p in losses.parameters()) / 2**20
        Path(job.folder, f"scaling_{job.world}_{job.identities}.json").write_text(json.dumps(figures))
    dist.destroy_process_group()
