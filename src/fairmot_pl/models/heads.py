"""The two homogeneous branches over one map: where people are, and who they are (FairMOT, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

HEATMAP_PRIOR = -2.19
"""Logit of the share of cells that is foreground before training, about 0.1 (CenterNet, after focal loss)."""


def branch(in_channels: int, hidden_channels: int, out_channels: int) -> nn.Sequential:
    """3x3 convolution, ReLU, 1x1 convolution."""
    return nn.Sequential(
        nn.Conv2d(in_channels, hidden_channels, 3, padding=1),
        nn.ReLU(inplace=True),
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
    with torch.autocast(features.device.type, enabled=False):
        precise: Tensor = last(features.to(next(last.parameters()).dtype))
    return precise.to(torch.promote_types(precise.dtype, torch.float32))


def _zero_biases(layers: nn.Sequential) -> None:
    for layer in layers:
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


class DetectionHead(nn.Module):
    """Centre heatmap, box size and sub-cell offset.

    Args:
        in_channels: channels of the neck's map.
        hidden_channels: channels between the two convolutions of each branch.
        num_classes: heatmap channels.
        box_channels: size channels, 4 for `ltrb` and 2 for `wh`.
    """

    def __init__(self, in_channels: int, hidden_channels: int, *, num_classes: int, box_channels: int) -> None:
        super().__init__()
        self.heatmap = branch(in_channels, hidden_channels, num_classes)
        self.size = branch(in_channels, hidden_channels, box_channels)
        self.offset = branch(in_channels, hidden_channels, 2)
        nn.init.constant_(self.heatmap[-1].bias, HEATMAP_PRIOR)  # type: ignore[arg-type]
        _zero_biases(self.size)
        _zero_biases(self.offset)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`(B, c, h, w)` to heatmap logits, size and offset, in map cells; see `HeadMaps`. Float32 or better."""
        return _precise(self.heatmap, features), _precise(self.size, features), _precise(self.offset, features)


class ReIDHead(nn.Module):
    """Identity embedding of the person whose centre a cell would be.

    Args:
        in_channels: channels of the neck's map.
        hidden_channels: channels between the two convolutions.
        reid_dim: length of the embedding.
    """

    def __init__(self, in_channels: int, hidden_channels: int, *, reid_dim: int) -> None:
        super().__init__()
        self.embedding = branch(in_channels, hidden_channels, reid_dim)
        _zero_biases(self.embedding)

    def forward(self, features: Tensor) -> Tensor:
        """`(B, c, h, w)` to `(B, D, h, w)`, not normalised."""
        embedding: Tensor = self.embedding(features)
        return embedding
