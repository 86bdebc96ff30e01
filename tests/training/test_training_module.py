"""What the module computes beside the trainer: losses at the objects' cells alone."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fairmot_pl.codec.heatmap import with_heatmap
from fairmot_pl.codec.maps import Targets
from fairmot_pl.codec.targets import collate_objects, encode_objects
from fairmot_pl.losses.weighting.base import SharedPart
from fairmot_pl.training.module import FairMOTModule

SETTINGS: dict[str, Any] = {
    **{"num_identities": 5, "backbone": "resnet18", "reid_dim": 4, "box_encoding": "ltrb", "deformable": True},
    **{"num_classes": 1, "head_channels": 8, "pretrained": False, "heatmap_weight": 1.0, "size_weight": 0.1},
    **{"offset_weight": 1.0, "weighting_options": {}, "learning_rate": 1e-4, "lr_drop_epochs": []},
    **{"lr_drop_factor": 0.1, "weighting": "uncertainty"},
}
CROWDS = {
    "people in both images": [[[8, 8, 40, 60], [8, 8, 44, 62], [60, 0, 99, 64]], [[2, 2, 30, 50]]],
    "an empty image": [[], [[2, 2, 30, 50], [70, 5, 90, 63]]],
    "nobody at all": [[], []],
}


def batch_of(crowd: list[list[list[int]]]) -> Targets:
    objects = [
        encode_objects(np.array(boxes).reshape(-1, 4), np.arange(len(boxes)), map_size=(16, 24), max_objects=6)
        for boxes in crowd
    ]
    return with_heatmap(collate_objects(objects), map_size=(16, 24))


def dense_losses(module: FairMOTModule, images: Tensor, targets: Targets) -> dict[str, Tensor]:
    shared = SharedPart(module.model.shared_parameters(), module.model.last_shared_weight())
    losses: dict[str, Tensor] = module.loss(
        module(images, partial(module.loss.weighting.branch, shared=shared)), targets
    )
    return losses


@pytest.mark.parametrize("weighting", ["uncertainty", "pcgrad"])
@pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS.keys())
def test_losses_at_the_cells_are_those_of_dense_maps(crowd: list[list[list[int]]], weighting: str) -> None:
    torch.manual_seed(0)
    module = FairMOTModule(**{**SETTINGS, "weighting": weighting}).double()
    images, targets = torch.rand(2, 3, 64, 96, dtype=torch.float64), batch_of(crowd)
    learned = dict(module.named_parameters())
    seen = []
    for losses in (dense_losses(module, images, targets), module.losses(images, targets)):
        gradients = torch.autograd.grad(losses["total"], list(learned.values()), allow_unused=True)
        seen.append((losses, gradients))
    (dense, wanted), (sparse, got) = seen
    for name, value in dense.items():
        torch.testing.assert_close(sparse[name], value, rtol=1e-5, atol=1e-7)  # losses are summed in float32
    for name, mine, theirs in zip(learned, got, wanted, strict=True):
        assert (mine is None) == (theirs is None), name
        if mine is not None and theirs is not None:
            torch.testing.assert_close(
                mine, theirs, rtol=1e-4, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}"
            )
