"""Two processes with half a batch each strike the balance of one process with all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from fairmot_pl.losses.weighting import WEIGHTINGS, build_weighting
from losses.toy import Toy, shared_gradient

STEPS = 3


def learn(toy: Toy, weighting: torch.nn.Module, *, parallel: bool) -> dict[str, Tensor]:
    """A few epochs of one step each; the gradient and what the weighting knows afterwards."""
    model = DistributedDataParallel(toy) if parallel else toy
    optimizer = torch.optim.SGD(toy.parameters(), lr=0.05)
    for epoch in range(STEPS):
        weighting.start_epoch(epoch)
        optimizer.zero_grad()
        model(weighting).backward()
        weighting.before_step()
        optimizer.step()
    return {"gradient": shared_gradient(toy), "weights": weighting.weights, **weighting.state_dict()}


def process(rank: int, folder: str, conflicting: bool) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    found = {}
    for name in WEIGHTINGS:
        toy = Toy()
        if conflicting:
            toy.conflict()
        toy.image, toy.wanted = toy.image[3 * rank : 3 * rank + 3], toy.wanted[3 * rank : 3 * rank + 3]
        found[name] = learn(toy, build_weighting(name), parallel=True)
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.parametrize(
    "conflicting", [pytest.param(False, marks=pytest.mark.slow), True], ids=["as drawn", "conflicting"]
)
def test_two_processes_equal_one(tmp_path: Path, conflicting: bool) -> None:
    mp.spawn(process, args=(str(tmp_path), conflicting), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for name in WEIGHTINGS:
        toy = Toy()
        if conflicting:
            toy.conflict()
        wanted = learn(toy, build_weighting(name), parallel=False)
        for key, value in wanted.items():
            if name == "uncertainty" and key.endswith("log_variance"):
                continue  # the toy's optimiser does not learn them
            for found in (first[name][key], second[name][key]):
                torch.testing.assert_close(found, value, rtol=1e-4, atol=1e-6, msg=f"{name} {key}")
