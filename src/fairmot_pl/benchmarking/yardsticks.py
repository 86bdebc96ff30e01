"""What times are measured in: R, the reference's network, and U, an assignment; both from public parts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import timm
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from fairmot_pl.benchmarking.laps import Case

MEANINGS: dict[str, str] = {
    "R": "timm's dla34 trunk, 16 deformable convolutions with torchvision's kernel and FairMOT's four dense heads; "
    "float32, eager, one image, without decoding; seconds of the wall clock",
    "U": "scipy.optimize.linear_sum_assignment on a uniform random 400 x 420 matrix; seconds of the thread",
}

UNITS = (
    *((512, 256, 32), (256, 256, 16)),
    *((256, 128, 16), (128, 128, 8)) * 2,
    *((128, 64, 8), (64, 64, 4)) * 3,
    *((128, 64, 8), (64, 64, 4), (256, 64, 16), (64, 64, 4)),
)
"""Channels in and out and the stride of the neck's 16 deformable convolutions."""

HEADS = (1, 4, 128, 2)
"""Channels of heatmap, size, embedding and offset."""


class _Unit(nn.Module):
    """A deformable convolution as the reference runs it."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.moves = nn.Conv2d(channels, 27, 3, padding=1)
        nn.init.normal_(self.moves.weight, std=0.02)
        self.weight, self.bias = nn.Parameter(torch.randn(out, channels, 3, 3) / 50), nn.Parameter(torch.zeros(out))

    def forward(self, features: Tensor) -> Tensor:
        """`(1, in, h, w)` to `(1, out, h, w)`."""
        offset, mask = self.moves(features).split((18, 9), dim=1)
        sampled: Tensor = deform_conv2d(features, offset, self.weight, self.bias, padding=1, mask=mask.sigmoid())
        return sampled


def reference_network(size: tuple[int, int], device: torch.device) -> Callable[[], None]:
    """A call that is R for images of `size` `(height, width)` on a device."""
    height, width = size
    trunk = timm.create_model("dla34", features_only=True).eval().to(device)
    units = [
        (_Unit(c, o).eval().to(device), torch.randn(1, c, height // s, width // s, device=device)) for c, o, s in UNITS
    ]
    heads = [
        nn.Sequential(nn.Conv2d(64, 256, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(256, c, 1)).to(device)
        for c in HEADS
    ]
    image = torch.rand(1, 3, height, width, device=device)
    shared = torch.randn(1, 64, height // 4, width // 4, device=device)

    def call() -> None:
        with torch.inference_mode():
            trunk(image)
            for unit, features in units:
                unit(features)
            for head in heads:
                head(shared)

    return call


def case_r(size: tuple[int, int], device: torch.device) -> Case:
    """R as a case."""
    call = reference_network(size, device)
    return Case(part="yardstick", name="R", call=lambda _: call())


def case_u() -> Case:
    """U as a case."""
    matrix = np.random.default_rng(0).random((400, 420))
    return Case(part="yardstick", name="U", call=lambda _: linear_sum_assignment(matrix), unit="call")
