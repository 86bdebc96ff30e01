"""The dense parts of what a training step compares: heatmaps drawn from boxes, and their focal loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from fairmot_pl.benchmarking.laps import Case
from fairmot_pl.benchmarking.networks import noise_objects
from fairmot_pl.benchmarking.settings import Settings
from fairmot_pl.codec.heatmap import with_heatmap
from fairmot_pl.codec.maps import STRIDE, ObjectTargets
from fairmot_pl.losses.heatmap import heatmap_loss


def loss_cases(settings: Settings) -> list[Case]:
    """Heatmaps of a batch drawn on the device (and copied there instead, on a GPU); their loss with its gradient."""
    height, width = settings.input_size
    map_size = (height // STRIDE, width // STRIDE)
    *fields, cells = noise_objects(settings.input_size, settings.batch_size, settings.identities, seed=settings.seed)
    objects = ObjectTargets._make([*(field.to(settings.device) for field in fields), cells])
    heatmap = with_heatmap(objects, map_size=map_size).heatmap
    logits = torch.randn(heatmap.shape, generator=torch.Generator().manual_seed(settings.seed)).to(settings.device)
    calls: dict[str, Callable[[Any], object]] = {
        "heatmaps drawn from boxes": lambda _: with_heatmap(objects, map_size=map_size),
        "focal loss and its gradient": partial(_loss, heatmap_loss, logits, heatmap),
    }
    if settings.device.type == "cuda":
        pinned = heatmap.cpu().pin_memory()
        calls["heatmaps copied to the device"] = lambda _: pinned.to(settings.device, non_blocking=True)
    if settings.compile:
        compiled = torch.compile(heatmap_loss, dynamic=False)
        calls["focal loss and its gradient, compiled"] = partial(_loss, compiled, logits, heatmap)
    return [
        Case(part="losses", name=f"{name}, batch of {settings.batch_size}", call=call, unit="step")
        for name, call in calls.items()
    ]


def _loss(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, heatmap: Tensor, _: Any) -> None:
    leaf = logits.detach().requires_grad_()
    loss(leaf, heatmap).backward()
