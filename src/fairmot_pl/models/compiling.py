"""Let torch.compile fuse what a network computes densely."""

from __future__ import annotations

import copy
import os
import shutil
from functools import partial

import torch
import torch._functorch.config as functorch
from torch import nn

from fairmot_pl.models.fairmot import FairMOT

PARTS = ("backbone.forward", "neck.forward", "detection_head.centres")
"""What is compiled."""

COMPILERS = ("c++", "g++", "clang++", "cc", "gcc", "clang", "cl")


def compile_parts(model: FairMOT, *, keeps_graph: bool = False) -> None:
    """Compile trunk, neck and heatmap branch in place; each is done when it first meets a shape, which takes a while.

    Parameters, state dict and hooks stay as they are. Needs a C++ compiler for a CPU, a C compiler for a GPU.

    Args:
        model: it.
        keeps_graph: whether gradients may be followed through the network more than once; all that this process
            compiles can then. Otherwise a backward pass writes over what its forward pass has saved.

    Raises:
        ValueError: there is no compiler.
    """
    named = (os.environ[name] for name in ("CXX", "CC") if os.environ.get(name))
    if not any(map(shutil.which, (*named, *COMPILERS))):
        raise ValueError(
            f"compile=true needs a C and C++ compiler, and none is there ({', '.join(COMPILERS)}, or what CC and CXX "
            "name): install one, or leave compile=false"
        )
    if keeps_graph:
        functorch.donated_buffer = False
    for part, method in map(partial(_part_of, model), PARTS):
        setattr(part, method, torch.compile(getattr(part, method), dynamic=False))


def plain_copy(model: FairMOT) -> FairMOT:
    """A copy that is not compiled: what was compiled belongs to `model` and would go on with the weights of that."""
    twin = copy.deepcopy(model)
    for part, method in map(partial(_part_of, twin), PARTS):
        vars(part).pop(method, None)
    return twin


def _part_of(model: FairMOT, name: str) -> tuple[nn.Module, str]:
    part, _, method = name.partition(".")
    return model.get_submodule(part), method
