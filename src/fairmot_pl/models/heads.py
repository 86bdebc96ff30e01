"""The two homogeneous branches over one map: where people are, and who they are (FairMOT, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEATMAP_PRIOR = -2.19
"""Logit of the share of cells that is foreground before training, about 0.1 (CenterNet, after focal loss)."""


NEAR_ZERO = 0.001
"""Standard deviation of weights that start near zero."""


@dataclass(frozen=True, kw_only=True)
class HeadStyle:
    """How the branches over a neck are made; the reference has its own way for each architecture.

    Args:
        activation: between the two convolutions.
        near_zero: whose weights start near zero, in all branches but the heatmap's: the last convolution's, both
            convolutions' or none.
    """

    activation: type[nn.ReLU] | type[nn.SiLU] = nn.ReLU
    near_zero: Literal["none", "last", "all"] = "none"


def branch(in_channels: int, hidden_channels: int, out_channels: int, style: HeadStyle) -> nn.Sequential:
    """3x3 convolution, activation, 1x1 convolution."""
    return nn.Sequential(
        nn.Conv2d(in_channels, hidden_channels, 3, padding=1),
        style.activation(inplace=True),
        nn.Conv2d(hidden_channels, out_channels, 1),
    )


def _precise(layers: nn.Sequential, features: Tensor) -> Tensor:
    """A branch with its last convolution in float32 also under autocast, and its result never below float32.

    In half precision neighbouring cells of a peak tie, and both would be detections; and a size of 100 cells has
    steps of half a cell. Where the weights themselves are of half precision there is nothing more to gain, and
    the convolution runs in theirs.
    """
    *hidden, last = layers
    for layer in hidden:
        features = layer(features)
    return _last_precise(last, features)


def _last_precise(last: nn.Module, features: Tensor) -> Tensor:
    with torch.autocast(features.device.type, enabled=False):
        precise: Tensor = last(features.to(next(last.parameters()).dtype))
    return precise.to(torch.promote_types(precise.dtype, torch.float32))


def neighbourhoods(features: Tensor, image: Tensor, index: Tensor) -> Tensor:
    """`(N, c, 3, 3)` cells of `features` `(B, c, h, w)` around cells `index` `(N,)` of `image` `(N,)`; 0 outside."""
    width = features.shape[3]
    padded = F.pad(features, (1, 1, 1, 1))
    near = torch.arange(3, device=features.device)
    rows = (index // width)[:, None, None] + near[:, None]
    columns = (index % width)[:, None, None] + near
    cells: Tensor = padded[image[:, None, None], :, rows, columns]
    return cells.permute(0, 3, 1, 2)


def at_neighbourhoods(layers: nn.Sequential, around: Tensor) -> Tensor:
    """`(N, out)` float32 or better: what a branch says of the cells in the middle of `around` `(N, c, 3, 3)`."""
    first, *between, last = layers
    assert isinstance(first, nn.Conv2d)
    hidden = F.conv2d(around.to(first.weight.dtype), first.weight, first.bias)  # without padding: one value each
    for layer in between:
        hidden = layer(hidden)
    return _last_precise(last, hidden).flatten(1)


def at_slots(layers: nn.Sequential, around: Tensor, batch: int) -> Tensor:
    """What a branch says of K cells in each of `batch` images, as a map of one row `(B, out, 1, K)`."""
    return at_neighbourhoods(layers, around).view(batch, around.shape[0] // batch, -1).transpose(1, 2).unsqueeze(2)


def around_slots(features: Tensor, cells: Tensor) -> Tensor:
    """`(B K, c, 3, 3)`: the neighbourhoods of row-major cells `(B, K)`, image by image."""
    image = torch.arange(len(cells), device=cells.device).repeat_interleave(cells.shape[1])
    return neighbourhoods(features, image, cells.flatten())


def _start(layers: nn.Sequential, style: HeadStyle) -> None:
    """Initial values of a branch that is not the heatmap's: biases 0, weights as the style has them."""
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    for layer in convolutions:
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # every layer of `branch` has one
    for layer in {"none": [], "last": convolutions[-1:], "all": convolutions}[style.near_zero]:
        nn.init.normal_(layer.weight, std=NEAR_ZERO)


class DetectionHead(nn.Module):
    """Centre heatmap, box size and sub-cell offset.

    Args:
        in_channels: channels of the neck's map.
        hidden_channels: channels between the two convolutions of each branch.
        num_classes: heatmap channels.
        box_channels: size channels, 4 for `ltrb` and 2 for `wh`.
        style: activation and initial weights; by default those over the aggregation neck.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        *,
        num_classes: int,
        box_channels: int,
        style: HeadStyle | None = None,
    ) -> None:
        super().__init__()
        style = style or HeadStyle()
        self.heatmap = branch(in_channels, hidden_channels, num_classes, style)
        self.size = branch(in_channels, hidden_channels, box_channels, style)
        self.offset = branch(in_channels, hidden_channels, 2, style)
        nn.init.constant_(self.heatmap[-1].bias, HEATMAP_PRIOR)  # type: ignore[arg-type]  # as in `_start`
        _start(self.size, style)
        _start(self.offset, style)

    def forward(self, features: Tensor, cells: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """`(B, c, h, w)` to heatmap logits, size and offset, in map cells; see `HeadMaps`. Float32 or better.

        With `cells` `(B, K)` size and offset are of these row-major cells alone: `(B, channels, 1, K)`.
        """
        heatmap = self.centres(features)
        if cells is None:
            return heatmap, _precise(self.size, features), _precise(self.offset, features)
        around = around_slots(features, cells)
        return heatmap, at_slots(self.size, around, len(cells)), at_slots(self.offset, around, len(cells))

    def centres(self, features: Tensor) -> Tensor:
        """Heatmap logits alone."""
        return _precise(self.heatmap, features)


class ReIDHead(nn.Module):
    """Identity embedding of the person whose centre a cell would be.

    Args:
        in_channels: channels of the neck's map.
        hidden_channels: channels between the two convolutions.
        reid_dim: length of the embedding.
        style: activation and initial weights; by default those over the aggregation neck.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, *, reid_dim: int, style: HeadStyle | None = None
    ) -> None:
        super().__init__()
        style = style or HeadStyle()
        self.embedding = branch(in_channels, hidden_channels, reid_dim, style)
        _start(self.embedding, style)

    def forward(self, features: Tensor, cells: Tensor | None = None) -> Tensor:
        """`(B, c, h, w)` to `(B, D, h, w)`, not normalised; with `cells` `(B, K)` to `(B, D, 1, K)` of these alone."""
        if cells is not None:
            return at_slots(self.embedding, around_slots(features, cells), len(cells))
        embedding: Tensor = self.embedding(features)
        return embedding
