"""Let torch.compile fuse what a network computes densely."""

from __future__ import annotations

import os
import shutil

import torch
import torch._functorch.config as functorch

from fairmot_pl.models.fairmot import FairMOT

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
    model.backbone.forward = torch.compile(model.backbone.forward, dynamic=False)  # type: ignore[method-assign]
    model.neck.forward = torch.compile(model.neck.forward, dynamic=False)  # type: ignore[method-assign]
    model.detection_head.centres = torch.compile(model.detection_head.centres, dynamic=False)  # type: ignore[method-assign]
