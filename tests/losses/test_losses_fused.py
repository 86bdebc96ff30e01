"""The heatmap's loss under torch.compile: the same loss and the same gradients."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial

import pytest
import torch

from fairmot_pl.losses.fairmot_loss import FairMOTLoss


def compare(make_maps: Callable, make_targets: Callable, *, device: str = "cpu", dtype: torch.dtype = torch.float32):
    """Losses and gradients of a plain and a fused loss, whose graphs are followed twice."""
    targets = make_targets([0, 8, -1])
    targets.heatmap.mul_(0.99).view(-1)[::17] = 1
    seen = []
    for fused in (False, True):
        torch.manual_seed(0)
        loss = FairMOTLoss(reid_dim=16, num_identities=9).to(device)
        if fused:
            loss.fuse()
        maps = make_maps(dtype=dtype)
        parts = loss(type(maps)(*(each.to(device) for each in maps)), type(targets)(*(t.to(device) for t in targets)))
        (early,) = torch.autograd.grad(parts["heatmap"], maps.heatmap, retain_graph=True)
        parts["total"].backward()
        assert maps.heatmap.grad is not None
        seen.append((parts["heatmap"], early, maps.heatmap.grad, parts["total"]))
    for plain, got in zip(*seen, strict=True):
        torch.testing.assert_close(got, plain, rtol=1e-2 if dtype == torch.bfloat16 else 1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_graphs_are_those_of_the_plain_loss(make_maps, make_targets, monkeypatch, dtype):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))  # needs no compiler
    compare(make_maps, make_targets, dtype=dtype)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_processor_computes_the_plain_loss(make_maps, make_targets, dtype):
    compare(make_maps, make_targets, dtype=dtype)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_computes_the_plain_loss(make_maps, make_targets, dtype):
    compare(make_maps, make_targets, device="cuda", dtype=dtype)
