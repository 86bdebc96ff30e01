"""The maps at stride 4 that the network predicts and the targets it learns from."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

STRIDE = 4
"""Network-input pixels per map cell."""

BOX_CHANNELS = {"ltrb": 4, "wh": 2}
"""Channels of the size head by box encoding."""


class HeadMaps(NamedTuple):
    """What the network says about every cell.

    Attributes:
        heatmap: `(B, C, h, w)` centre logits, one channel a class.
        size: `(B, 4, h, w)` distances left, top, right, bottom from the centre, or `(B, 2, h, w)` width and
            height; in map cells.
        offset: `(B, 2, h, w)` x, y from the cell's corner to the centre, in map cells.
        embedding: `(B, D, h, w)` re-ID embedding, not normalised.

    Examples:
        >>> import torch
        >>> from fairmot_pl import HeadMaps
        >>> maps = HeadMaps(
        ...     heatmap=torch.full((1, 1, 24, 40), -5.0),
        ...     size=torch.ones(1, 4, 24, 40),
        ...     offset=torch.zeros(1, 2, 24, 40),
        ...     embedding=torch.ones(1, 8, 24, 40),
        ... )
        >>> maps.heatmap.sigmoid().max() < 0.01
        tensor(True)
    """

    heatmap: Tensor
    size: Tensor
    offset: Tensor
    embedding: Tensor


class Targets(NamedTuple):
    """What the network should say: a dense heatmap and one slot an object (a leading batch axis when collated).

    Attributes:
        heatmap: `(C, h, w)` Gaussian peaks; exactly 1 at an object's cell.
        size: `(K, 4 or 2)` as in `HeadMaps`.
        offset: `(K, 2)`.
        index: `(K,)` int64 row-major cell index of the centre.
        mask: `(K,)` uint8, 1 where the slot holds an object. Slots with 0 carry zeros and mean nothing.
        identity: `(K,)` int64 identity class, -1 = unknown.

    Examples:
        >>> import numpy as np
        >>> from fairmot_pl import encode_targets
        >>> targets = encode_targets(np.array([[16, 8, 48, 72]]), np.array([3]), map_size=(24, 40))
        >>> targets.identity[targets.mask.bool()]
        tensor([3])
    """

    heatmap: Tensor
    size: Tensor
    offset: Tensor
    index: Tensor  # type: ignore[assignment]  # the field's term; tuple.index is not needed
    mask: Tensor
    identity: Tensor


class ObjectTargets(NamedTuple):
    """Targets whose heatmap is still to be drawn, so that what travels to a device holds no map.

    Attributes:
        size: as in `Targets`, and so are `offset`, `index`, `mask` and `identity`.
        offset: see `size`.
        index: see `size`.
        mask: see `size`.
        identity: see `size`.
        layer: `(K,)` int64 channel of the heatmap, the object's class.
        radius: `(K,)` int64 of the object's Gaussian peak, in map cells.
        cells: how many cells of the map the peaks cover, those under several as often; a number, so that nobody has to
            wait for the device to tell it.
    """

    size: Tensor
    offset: Tensor
    index: Tensor  # type: ignore[assignment]  # as in `Targets`
    mask: Tensor
    identity: Tensor
    layer: Tensor
    radius: Tensor
    cells: int


def gather_cells(maps: Tensor, index: Tensor) -> Tensor:
    """Values of `maps` `(B, C, h, w)` at row-major cells `index` `(B, K)`, as `(B, K, C)`."""
    flat = maps.flatten(2)
    picked = flat.gather(2, index.unsqueeze(1).expand(-1, flat.shape[1], -1))
    return picked.transpose(1, 2)


def check_box_encoding(box_encoding: str) -> int:
    """Channels of the size head.

    Raises:
        ValueError: `box_encoding` is not one of `BOX_CHANNELS`.
    """
    if box_encoding not in BOX_CHANNELS:
        raise ValueError(f"box_encoding is {box_encoding!r}; allowed: {', '.join(map(repr, BOX_CHANNELS))}")
    return BOX_CHANNELS[box_encoding]
