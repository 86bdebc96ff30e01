"""Draw the heatmap that the network learns from: a Gaussian peak at every centre (CenterNet)."""

from __future__ import annotations

import torch
from torch import Tensor

from fairmot_pl.codec.maps import ObjectTargets, Targets


def with_heatmap(objects: ObjectTargets, *, map_size: tuple[int, int], num_classes: int = 1) -> Targets:
    """The whole targets, drawn on the device that the objects lie on.

    Args:
        objects: of one image or batched.
        map_size: `(h, w)` of the map.
        num_classes: heatmap channels.
    """
    heatmap = _draw(objects, map_size=map_size, num_classes=num_classes)
    return Targets(heatmap, objects.size, objects.offset, objects.index, objects.mask, objects.identity)


def _draw(objects: ObjectTargets, *, map_size: tuple[int, int], num_classes: int) -> Tensor:
    """A Gaussian of height 1 at each object's cell, cropped at its radius and the map's border.

    Where peaks meet, the greatest counts. The cells of all peaks are one list, so that an object costs what its peak
    covers, and nothing waits for the device. A peak of radius r has a standard deviation of (2 r + 1) / 6.

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
    side = 2 * radius + 1
    covered = side.square() * objects.mask.flatten()
    sheet = torch.arange(len(index), device=index.device) // slots * num_classes + layer
    peaks = torch.stack(
        [covered.cumsum(0) - covered, side, index // width - radius, index % width - radius, sheet * height], dim=1
    )
    owner = torch.repeat_interleave(covered, output_size=objects.cells)
    first, side, top, left, start = peaks.int().index_select(0, owner).unbind(1)
    nth = torch.arange(objects.cells, device=index.device, dtype=torch.int32) - first
    down = nth // side
    right = nth - down * side
    row, column = top + down, left + right
    on_map = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    away = (2 * down + 1 - side).square() + (2 * right + 1 - side).square()  # of the centre, in half cells, squared
    value = torch.exp(away * -4.5 / side.square().double()) * on_map
    cell = (start + row.clamp(0, height - 1)).long() * width + column.clamp(0, width - 1)
    heatmap = torch.zeros(*batch, num_classes, height, width, device=index.device)
    heatmap.view(-1).scatter_reduce_(0, cell, value.float(), "amax")
    return heatmap
