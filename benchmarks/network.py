"""Time the detector on this CPU against what the reference's network costs on it: `python benchmarks/network.py`.

The yardstick R is made of public parts: timm's `dla34` trunk, the 16 deformable convolutions of FairMOT's neck with
`torchvision.ops.deform_conv2d` and their offset convolutions, and the four dense heads; float32, eager, batch 1, no
decoding. *Ours* goes from images to detections. The two take turns; medians, wall time, and their ratio.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import numpy as np
import timm
import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from fairmot_pl import Detector, build_fairmot
from fairmot_pl.models.deform_conv import DeformConv

UNITS = (
    *((512, 256, 32), (256, 256, 16)),
    *((256, 128, 16), (128, 128, 8)) * 2,
    *((128, 64, 8), (64, 64, 4)) * 3,
    *((128, 64, 8), (64, 64, 4), (256, 64, 16), (64, 64, 4)),
)
"""Channels in and out and the stride of the neck's 16 deformable convolutions."""

HEADS = (1, 4, 128, 2)


class Unit(nn.Module):
    """A deformable convolution as the reference runs it."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.moves = nn.Conv2d(channels, 27, 3, padding=1)
        nn.init.normal_(self.moves.weight, std=0.02)
        self.weight, self.bias = nn.Parameter(torch.randn(out, channels, 3, 3) / 50), nn.Parameter(torch.zeros(out))

    def forward(self, features: Tensor) -> Tensor:
        """`(1, in, h, w)` to `(1, out, h, w)`."""
        offset, mask = self.moves(features).split((18, 9), dim=1)
        return deform_conv2d(features, offset, self.weight, self.bias, padding=1, mask=mask.sigmoid())


def yardstick(height: int, width: int) -> Callable[[], None]:
    trunk = timm.create_model("dla34", features_only=True).eval()
    units = [(Unit(c, o).eval(), torch.randn(1, c, height // s, width // s)) for c, o, s in UNITS]
    heads = [
        nn.Sequential(nn.Conv2d(64, 256, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(256, c, 1)) for c in HEADS
    ]
    image, shared = torch.rand(1, 3, height, width), torch.randn(1, 64, height // 4, width // 4)

    def call() -> None:
        with torch.inference_mode():
            trunk(image)
            for unit, features in units:
                unit(features)
            for head in heads:
                head(shared)

    return call


def ours(height: int, width: int, precision: str) -> Callable[[], None]:
    model = build_fairmot().eval()
    for module in model.modules():
        if isinstance(module, DeformConv):
            nn.init.normal_(module.offset_mask.weight, std=0.02)
    detector = Detector(model, input_size=(height, width), score_threshold=0.0, device="cpu", precision=precision)
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return lambda: detector(image)


def seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(608, 1088), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--laps", type=int, default=5)
    parser.add_argument("--precision", nargs="+", default=["float32"], choices=["float32", "bfloat16"])
    given = parser.parse_args()
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    calls = {"R, from public parts": yardstick(*given.size)}
    calls |= {f"ours, {precision}": ours(*given.size, precision) for precision in given.precision}
    laps: dict[str, list[float]] = {name: [] for name in calls}
    for lap in range(given.laps + 1):
        for name, call in calls.items():
            spent = seconds(call)
            if lap:
                laps[name].append(spent)
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    unit = float(np.median(laps["R, from public parts"]))
    for name, spent in laps.items():
        middle = float(np.median(spent))
        print(f"{name:<24} {middle:7.3f} s   R / {unit / middle:.2f}")


if __name__ == "__main__":
    main()
