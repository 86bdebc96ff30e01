"""Fold batch norms into the convolutions before them: the same function with fewer passes over memory."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from fairmot_pl.models.compiling import plain_copy
from fairmot_pl.models.deform_conv import DeformConv
from fairmot_pl.models.fairmot import FairMOT

PROBE_SIDE = 64
"""Pixels a side of the image that is sent through to see which norm follows which convolution."""


def folded(model: FairMOT) -> FairMOT:
    """A copy for inference, whose batch norms are part of the convolutions they follow.

    Later changes of `model` do not reach the copy, which lies on the same device; its state dict has other entries. A
    network in which folding would change the outputs (a convolution read by its norm and by something else) is copied
    as it is. That is tried on a CPU: a GPU rounds to 10 bits (TF32), and what comes of rounding other weights looks
    like an error there.
    """
    plain = plain_copy(model).cpu().eval().requires_grad_(False)
    probe = torch.rand(1, 3, PROBE_SIDE, PROBE_SIDE, generator=torch.Generator().manual_seed(0)).to(plain.mean)
    with torch.no_grad():
        wanted, pairs = _watch(plain, probe)
        twin = copy.deepcopy(plain)
        for convolution, norm in pairs.items():
            _fold(twin.get_submodule(convolution), twin.get_submodule(norm))
            parent, _, name = norm.rpartition(".")
            setattr(twin.get_submodule(parent), name, nn.Identity())
        got = twin.shared_map(probe)
    alike = torch.allclose(got, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))
    return (twin if alike else plain).to(model.mean.device)


def _watch(model: FairMOT, images: Tensor) -> tuple[Tensor, dict[str, str]]:
    """The shared map of `images`, and the names of convolutions with the name of the one norm that reads each."""
    made: dict[int, tuple[str, Tensor]] = {}  # tensors are kept, or ids would be used again
    pairs: dict[str, str] = {}
    calls: dict[str, int] = {}
    handles = []

    def note_output(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            calls[name] = calls.get(name, 0) + 1
            made[id(output)] = (name, output)

        return hook

    def note_input(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            calls[name] = calls.get(name, 0) + 1
            if id(inputs[0]) in made:
                pairs[made[id(inputs[0])][0]] = name

        return hook

    for name, module in model.named_modules():
        if isinstance(module, (nn.Conv2d, DeformConv)):
            handles.append(module.register_forward_hook(note_output(name)))
        elif type(module) is nn.BatchNorm2d and module.track_running_stats:
            handles.append(module.register_forward_pre_hook(note_input(name)))
    try:
        shared = model.shared_map(images)
    finally:
        for handle in handles:
            handle.remove()
    once = {convolution: norm for convolution, norm in pairs.items() if calls[convolution] == 1 and calls[norm] == 1}
    return shared, once


def _fold(convolution: Any, norm: Any) -> None:
    weight, bias = fuse_conv_bn_weights(
        convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    convolution.weight = nn.Parameter(weight.detach(), requires_grad=False)
    convolution.bias = nn.Parameter(bias.detach(), requires_grad=False)
