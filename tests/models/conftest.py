"""Reference weights by a rule, so that no file of weights is needed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from fairmot_pl.models.fairmot import build_fairmot
from fairmot_pl.models.weights import to_reference_state_dict

RULES = {  # gain, lowest and highest scale of a norm, spread of offsets, factor on a block's last norm
    "dla": (3.0, 0.5, 1.0, 0.03, 0.5),
    "resdcn": (2.0, 0.5, 1.5, 0.02, 0.3),
    "resfpndcn": (2.0, 0.5, 1.5, 0.02, 0.3),
    "hrnet": (2.0, 0.4, 0.9, 0.02, 0.3),
    "yolov5s": (3.0, 0.5, 1.0, 0.03, 1.0),
}
ARCHITECTURES: dict[str, dict[str, Any]] = {  # the reference's name to what builds it here
    "dla_34": {},
    "dlaconv_34": {"deformable": False},
    "resdcn_18": {"backbone": "resnet18", "neck": "deconv"},
    "resdcn_34": {"backbone": "resnet34", "neck": "deconv"},
    "resdcn_50": {"backbone": "resnet50", "neck": "deconv"},
    "resfpndcn_34": {"backbone": "resnet34", "neck": "deconv_fpn"},
    "hrnet_18": {"backbone": "hrnet_w18", "neck": "concat", "deformable": False},
    "hrnet_32": {"backbone": "hrnet_w32", "neck": "concat", "deformable": False},
    "yolov5s": {"backbone": "yolov5s", "neck": "csp", "deformable": False, "head_channels": 64},
}
DEAD_PROJECTIONS = {"base.level3.project": (128, 64), "base.level4.project": (256, 128)}


def _value_by_rule(key: str, shape: tuple[int, ...], arch: str) -> torch.Tensor:
    """The rule by which the golden files' weights were drawn: the key seeds, its kind decides."""
    gain, low, high, spread, last_norm = RULES[arch.partition("_")[0]]
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    last = key.rpartition(".")[2]
    if last == "num_batches_tracked":
        return torch.zeros(shape, dtype=torch.int64)
    if last == "running_mean":
        value = rng.normal(0, 0.1, shape)
    elif last == "running_var":
        value = rng.uniform(0.5, 1.5, shape)
    elif "conv_offset_mask" in key:
        value = rng.normal(0, spread, shape)
    elif len(shape) >= 2:
        is_upsampling = len(shape) == 4 and shape[1] == 1
        value = rng.normal(0, 0.5 if is_upsampling else np.sqrt(gain / np.prod(shape[1:])), shape)
    elif last == "weight":
        value = rng.uniform(low, high, shape) * (last_norm if key.endswith(("bn2.weight", "bn3.weight")) else 1.0)
    else:
        value = rng.normal(0, 0.1, shape)
    return torch.from_numpy(np.asarray(value, np.float32))


@pytest.fixture(scope="session")
def weights_by_rule() -> Callable[..., dict[str, torch.Tensor]]:
    """State dict of given keys and shapes, filled by the rule for an architecture of the reference."""
    return lambda shapes, arch="dla_34": {key: _value_by_rule(key, tuple(shape), arch) for key, shape in shapes.items()}


def shapes_of(arch: str, **options: Any) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of an architecture in the reference's layout, as far as we build it."""
    model = build_fairmot(**ARCHITECTURES[arch], **options)
    return {key: tuple(value.shape) for key, value in to_reference_state_dict(model).items()}


@pytest.fixture(scope="session")
def reference_shapes() -> dict[str, tuple[int, ...]]:
    """Keys and shapes of a reference DLA-34 state dict, with the projections that it never uses."""
    shapes = shapes_of("dla_34")
    for name, (wide, narrow) in DEAD_PROJECTIONS.items():
        shapes[f"{name}.0.weight"] = (wide, narrow, 1, 1)
        shapes |= {f"{name}.1.{entry}": (wide,) for entry in ("weight", "bias", "running_mean", "running_var")}
        shapes[f"{name}.1.num_batches_tracked"] = ()
    return shapes


@pytest.fixture
def hollow() -> Callable[[Mapping[str, tuple[int, ...]]], dict[str, torch.Tensor]]:
    """State dict of given keys and shapes that takes next to no room in a file."""
    return lambda shapes: {key: torch.zeros(()).expand(shape) for key, shape in shapes.items()}
