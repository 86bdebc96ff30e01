"""A small batch that every loss can take."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from fairmot_pl.codec.maps import HeadMaps, Targets

MAP = (6, 8)
DIM = 16


@pytest.fixture
def make_maps() -> Callable[..., HeadMaps]:
    """Random head maps of two images that ask for gradients."""

    def make(*, box_channels: int = 4, classes: int = 1, dtype: torch.dtype = torch.float32, seed: int = 0) -> HeadMaps:
        generator = torch.Generator().manual_seed(seed)
        channels = (classes, box_channels, 2, DIM)
        maps = [torch.randn(2, count, *MAP, generator=generator).to(dtype).requires_grad_() for count in channels]
        return HeadMaps(*maps)

    return make


@pytest.fixture
def make_targets() -> Callable[..., Targets]:
    """Targets of two images with five slots each; `identities` fills the first slots of the first image."""

    def make(identities: list[int], *, box_channels: int = 4, classes: int = 1) -> Targets:
        count = len(identities)
        generator = torch.Generator().manual_seed(1)
        heatmap = torch.rand(2, classes, *MAP, generator=generator) * 0.9
        index = torch.zeros(2, 5, dtype=torch.int64)
        mask = torch.zeros(2, 5, dtype=torch.uint8)
        identity = torch.zeros(2, 5, dtype=torch.int64)
        index[0, :count] = torch.arange(count) * 7 + 3
        mask[0, :count] = 1
        identity[0, :count] = torch.tensor(identities, dtype=torch.int64)
        heatmap[0, 0].view(-1)[index[0, :count]] = 1
        return Targets(
            heatmap=heatmap,
            size=torch.rand(2, 5, box_channels, generator=generator),
            offset=torch.rand(2, 5, 2, generator=generator),
            index=index,
            mask=mask,
            identity=identity,
        )

    return make
