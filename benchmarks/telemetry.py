"""What the fairness telemetry costs: training steps with and without a look at the gradients, in turn, in one process.

    OMP_NUM_THREADS=1 python benchmarks/telemetry.py

Times are processor time of this process, so that other work on the machine counts little. A look every k steps costs
(seconds with a look - seconds without) / k a step.
"""

from __future__ import annotations

import argparse
import statistics
import time
from functools import partial
from typing import Any

import torch

from fairmot_pl.benchmarking.networks import a_module, noise_batch
from fairmot_pl.codec.maps import Targets
from fairmot_pl.losses.task_gradients import task_gradients
from fairmot_pl.losses.weighting.base import SharedPart
from fairmot_pl.training.module import FairMOTModule

EVERY = 50
IDENTITIES = 546

NETWORKS: dict[str, dict[str, Any]] = {
    "light": {"backbone": "mobilenetv4_conv_small", "reid_dim": 64, "deformable": False, "head_channels": 64},
    "dla34": {"backbone": "dla34", "reid_dim": 128, "deformable": True, "head_channels": 256},
}


def build(network: str, weighting: str) -> FairMOTModule:
    """A module of a network and a balance, with as many identities as MOT17-train has."""
    return a_module(IDENTITIES, weighting=weighting, **NETWORKS[network])


def step(
    module: FairMOTModule, optimizer: torch.optim.Optimizer, data: tuple[torch.Tensor, Targets], look: bool
) -> float:
    """Seconds of a training step."""
    start = time.process_time()
    shared = SharedPart(module.model.shared_parameters(), module.model.last_shared_weight())
    seen: list[Any] = []

    def branch(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        ends = module.loss.weighting.branch(features, shared)
        seen[:] = [ends, features]
        return ends

    losses = module.loss(module(data[0], partial(branch)), data[1])
    if look:
        task_gradients((losses["detection"], losses["reid"]), seen[0], seen[1], shared.parameters)
    optimizer.zero_grad()
    losses["total"].backward()
    module.loss.weighting.before_step()
    optimizer.step()
    return time.process_time() - start


def main() -> None:
    """Console entry."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--laps", type=int, default=7, help="pairs of steps, after one to warm up")
    parser.add_argument("--size", type=int, nargs=2, default=(160, 288))
    parser.add_argument("--images", type=int, default=4)
    given = parser.parse_args()
    torch.set_flush_denormal(True)
    print(f"| network | weighting | step, s | with a look, s | cost at every {EVERY} steps |\n|---|---|---|---|---|")
    for network, weighting in (("light", "uncertainty"), ("light", "pcgrad"), ("dla34", "uncertainty")):
        torch.manual_seed(0)
        module = build(network, weighting)
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-4)
        data = noise_batch((given.size[0], given.size[1]), given.images, IDENTITIES)
        times: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(given.laps + 1):
            for look in times:
                times[look].append(step(module, optimizer, data, look))
        plain, looked = (statistics.median(times[look][1:]) for look in (False, True))
        cost = (looked - plain) / plain / EVERY
        print(f"| {network} | {weighting} | {plain:.2f} | {looked:.2f} | {cost:.1%} |", flush=True)


if __name__ == "__main__":
    main()
