"""The reference's networks once more, written down layer by layer from their key names: slow, plain, eval mode.

Nothing of the package is used here, so that its modules and its map of names are both held against something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch.nn import functional as F
from torchvision.ops import deform_conv2d

State = Mapping[str, torch.Tensor]
Layer = Callable[[torch.Tensor], torch.Tensor]


class Plain:
    """Layers by key."""

    def __init__(self, state: State, epsilon: float) -> None:
        self.state, self.epsilon = state, epsilon

    def conv(self, key: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        weight = self.state[f"{key}.weight"]
        bias = self.state.get(f"{key}.bias")
        return F.conv2d(x, weight, bias, stride=stride, padding=weight.shape[-1] // 2)

    def norm(self, key: str, x: torch.Tensor) -> torch.Tensor:
        scale, shift, mean, variance = (
            self.state[f"{key}.{name}"].view(1, -1, 1, 1) for name in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / (variance + self.epsilon).sqrt() * scale + shift

    def deform(self, key: str, x: torch.Tensor) -> torch.Tensor:
        guided = self.conv(f"{key}.conv_offset_mask", x)
        first, second, mask = guided.chunk(3, dim=1)
        return deform_conv2d(
            x,
            torch.cat([first, second], dim=1),
            self.state[f"{key}.weight"],
            self.state[f"{key}.bias"],
            padding=1,
            mask=mask.sigmoid(),
        )

    def has(self, start: str) -> bool:
        return any(key.startswith(start) for key in self.state)


def residual_block(net: Plain, key: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
    """Basic block or bottleneck, whichever the keys are of; the stride is that of the first 3x3 convolution."""
    is_bottleneck = f"{key}.conv3.weight" in net.state
    strides = (1, stride, 1) if is_bottleneck else (stride, 1)
    y = x
    for number, step in enumerate(strides, start=1):
        y = net.norm(f"{key}.bn{number}", net.conv(f"{key}.conv{number}", y, step))
        y = F.relu(y) if number < len(strides) else y
    if net.has(f"{key}.downsample."):
        x = net.norm(f"{key}.downsample.1", net.conv(f"{key}.downsample.0", x, stride))
    return F.relu(x + y)


def row_of_blocks(net: Plain, key: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
    number = 0
    while net.has(f"{key}.{number}."):
        x = residual_block(net, f"{key}.{number}", x, stride if number == 0 else 1)
        number += 1
    return x


def resnet(net: Plain, x: torch.Tensor) -> list[torch.Tensor]:
    x = F.relu(net.norm("bn1", net.conv("conv1", x, 2)))
    x = F.max_pool2d(x, 3, 2, 1)
    maps = []
    for stage in (1, 2, 3, 4):
        x = row_of_blocks(net, f"layer{stage}", x, 1 if stage == 1 else 2)
        maps.append(x)
    return maps


def enlarged(net: Plain, keys: tuple[str, str, str, str], x: torch.Tensor) -> torch.Tensor:
    deform, norm, up, norm_after = keys
    x = F.relu(net.norm(norm, net.deform(deform, x)))
    x = F.conv_transpose2d(x, net.state[f"{up}.weight"], stride=2, padding=1)
    return F.relu(net.norm(norm_after, x))


def resdcn(net: Plain, x: torch.Tensor) -> torch.Tensor:
    x = resnet(net, x)[-1]
    for start in (0, 6, 12):
        x = enlarged(net, tuple(f"deconv_layers.{start + offset}" for offset in (0, 1, 3, 4)), x)
    return x


def resfpndcn(net: Plain, x: torch.Tensor) -> torch.Tensor:
    c1, c2, c3, p = resnet(net, x)
    for number, c in enumerate((c3, c2, c1), start=1):
        up = enlarged(net, tuple(f"deconv_layer{number}.{offset}" for offset in (0, 1, 3, 4)), p)
        lateral, smooth = f"project_layer{number}", f"smooth_layer{number}"
        p = up + F.relu(net.norm(f"{lateral}.actf.0", net.deform(f"{lateral}.conv", c)))
        p = F.relu(net.norm(f"{smooth}.actf.0", net.deform(f"{smooth}.conv", p)))
    return p


def fused(net: Plain, key: str, branches: list[torch.Tensor]) -> list[torch.Tensor]:
    """Each resolution gets the sum of all: coarser ones by nearest neighbours, finer ones by strided convolutions."""
    results = []
    for i in range(len(branches)):
        total = torch.zeros_like(branches[i])
        for j, y in enumerate(branches):
            path = f"{key}.{i}.{j}"
            if j > i:
                y = net.norm(f"{path}.1", net.conv(f"{path}.0", y))
                y = y.repeat_interleave(2 ** (j - i), dim=2).repeat_interleave(2 ** (j - i), dim=3)
            for step in range(i - j):
                y = net.norm(f"{path}.{step}.1", net.conv(f"{path}.{step}.0", y, 2))
                y = F.relu(y) if step < i - j - 1 else y
            total = total + y
        results.append(F.relu(total))
    return results


def hrnet(net: Plain, x: torch.Tensor) -> torch.Tensor:
    for number in (1, 2):
        x = F.relu(net.norm(f"bn{number}", net.conv(f"conv{number}", x, 2)))
    x = row_of_blocks(net, "layer1", x)
    branches = [
        F.relu(net.norm("transition1.0.1", net.conv("transition1.0.0", x))),
        F.relu(net.norm("transition1.1.0.1", net.conv("transition1.1.0.0", x, 2))),
    ]
    for stage in (2, 3, 4):
        if stage > 2:
            new = f"transition{stage - 1}.{stage - 1}.0"
            branches.append(F.relu(net.norm(f"{new}.1", net.conv(f"{new}.0", branches[-1], 2))))
        number = 0
        while net.has(f"stage{stage}.{number}."):
            key = f"stage{stage}.{number}"
            branches = [row_of_blocks(net, f"{key}.branches.{i}", y) for i, y in enumerate(branches)]
            branches = fused(net, f"{key}.fuse_layers", branches)
            number += 1
    size = branches[0].shape[2:]
    return torch.cat([F.interpolate(y, size=size, mode="bilinear") for y in branches], dim=1)


def cbs(net: Plain, key: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
    x = net.norm(f"{key}.bn", net.conv(f"{key}.conv", x, stride))
    return x * torch.sigmoid(x)


def c3(net: Plain, key: str, x: torch.Tensor, *, shortcut: bool) -> torch.Tensor:
    y, number = cbs(net, f"{key}.cv1", x), 0
    while net.has(f"{key}.m.{number}."):
        z = cbs(net, f"{key}.m.{number}.cv2", cbs(net, f"{key}.m.{number}.cv1", y))
        y, number = (y + z if shortcut else z), number + 1
    return cbs(net, f"{key}.cv3", torch.cat([y, cbs(net, f"{key}.cv2", x)], dim=1))


def yolo(net: Plain, x: torch.Tensor) -> torch.Tensor:
    layer = "backbone.model.{}".format
    x = torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], dim=1)
    x = cbs(net, f"{layer(0)}.conv", x)
    kept = {}
    for down in (1, 3, 5):
        x = cbs(net, layer(down), x, 2)
        x = kept[down + 1] = c3(net, layer(down + 1), x, shortcut=True)
    x = cbs(net, layer(7), x, 2)
    x = cbs(net, f"{layer(8)}.cv1", x)
    pooled = [x, *(F.max_pool2d(x, kernel, 1, kernel // 2) for kernel in (5, 9, 13))]
    x = cbs(net, f"{layer(8)}.cv2", torch.cat(pooled, dim=1))
    x = c3(net, layer(9), x, shortcut=False)
    for narrow, finer in ((10, 6), (14, 4), (18, 2)):
        x = cbs(net, layer(narrow), x)
        x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        x = c3(net, layer(narrow + 3), torch.cat([x, kept[finer]], dim=1), shortcut=False)
    return x


def silu(x: torch.Tensor) -> torch.Tensor:
    return x * torch.sigmoid(x)


BODIES: Mapping[str, tuple[Callable[[Plain, torch.Tensor], torch.Tensor], float, Layer]] = {
    "resdcn": (resdcn, 1e-5, F.relu),
    "resfpndcn": (resfpndcn, 1e-5, F.relu),
    "hrnet": (hrnet, 1e-5, F.relu),
    "yolov5s": (yolo, 1e-3, silu),
}


def forward(arch: str, state: State, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Head outputs `hm`, `wh`, `id`, `reg` of a reference state dict."""
    body, epsilon, activation = BODIES[arch.partition("_")[0]]
    net = Plain(state, epsilon)
    with torch.no_grad():
        features = body(net, images)
        head = partial(net.conv, x=features)
        return {name: net.conv(f"{name}.2", activation(head(f"{name}.0"))) for name in ("hm", "wh", "id", "reg")}
