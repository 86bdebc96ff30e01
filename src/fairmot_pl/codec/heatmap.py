"""Draw the heatmap that the network learns from: a Gaussian peak at every centre (CenterNet)."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairmot_pl.codec.maps import ObjectTargets, Targets

_Whole = TypeVar("_Whole", Tensor, NDArray[np.int64])


def with_heatmap(objects: ObjectTargets, *, map_size: tuple[int, int], num_classes: int = 1) -> Targets:
    """The whole targets, drawn on the device that the objects lie on.

    Args:
        objects: of one image or batched.
        map_size: `(h, w)` of the map.
        num_classes: heatmap channels.
    """
    heatmap = _draw(objects, map_size=map_size, num_classes=num_classes)
    return Targets(heatmap, objects.size, objects.offset, objects.index, objects.mask, objects.identity)


def covered(index: _Whole, radius: _Whole, *, map_size: tuple[int, int]) -> tuple[_Whole, _Whole, _Whole, _Whole]:
    """The part of the map that peaks cover: the squares of `radius` `(K,)` around cells `index` `(K,)`, cropped.

    Returns:
        `(K,)` how far up and how far left of its centre each part starts, both negative or 0; its height and width.
    """
    height, width = map_size
    row, column = index // width, index % width
    top, left = (row - radius).clip(min=0), (column - radius).clip(min=0)
    rows = (row + radius).clip(max=height - 1) + 1 - top
    columns = (column + radius).clip(max=width - 1) + 1 - left
    return top - row, left - column, rows, columns


def _draw(objects: ObjectTargets, *, map_size: tuple[int, int], num_classes: int) -> Tensor:
    """A Gaussian of height 1 at each object's cell, cropped at its radius and the map's border.

    Where peaks meet, the greatest counts. The cells of all peaks are one list, so that an object costs what its peak
    covers of the map, and nothing waits for the device. A peak of radius r has a standard deviation of (2 r + 1) / 6.

    Args:
        objects: of one image, fields `(K, ...)`, or batched, `(B, K, ...)`.
        map_size: `(h, w)` of the map.
        num_classes: heatmap channels C.

    Returns:
        `(C, h, w)` or `(B, C, h, w)` float32.
    """
    height, width = map_size
    *batch, slots = objects.index.shape
    index, layer, radius = (field.flatten() for field in (objects.index, objects.layer, objects.radius))
    up, left, rows, columns = covered(index, radius, map_size=map_size)
    count = rows * columns * objects.mask.flatten()
    sheet = torch.arange(len(index), device=index.device) // slots * num_classes + layer
    peaks = torch.stack([count.cumsum(0) - count, columns, up, left, sheet * (height * width) + index, radius], dim=1)
    owner = torch.repeat_interleave(count, output_size=objects.cells)
    first, columns, up, left, centre, radius = peaks.int().index_select(0, owner).unbind(1)
    nth = torch.arange(objects.cells, device=index.device, dtype=torch.int32) - first
    down = nth // columns
    right = nth - down * columns + left
    down = down + up
    exact = torch.float32 if index.device.type == "mps" else torch.float64  # Apple's GPUs have no float64
    value = torch.exp((down.square() + right.square()) * -18 / (2 * radius.to(exact) + 1).square())
    heatmap = torch.zeros(*batch, num_classes, height, width, device=index.device)
    heatmap.view(-1).scatter_reduce_(0, (centre + down * width + right).long(), value.float(), "amax")
    return heatmap
