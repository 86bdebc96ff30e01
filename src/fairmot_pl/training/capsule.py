"""The capsule of a run, `capsule.json`: what code, weights and first batch were, and the losses of the first steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from fairmot_pl.codec.maps import Targets
from fairmot_pl.files import write_text
from fairmot_pl.reporting.code_history import source_hashes
from fairmot_pl.reporting.run_records import CAPSULE_NAME, read_record
from fairmot_pl.training.datamodule import FairMOTDataModule


def begin_capsule(folder: Path, config: Mapping[str, Any], module: nn.Module, *, resumed: bool) -> None:
    """Write what is known before the first step; a resumed run keeps how it began, and notes its configuration.

    Args:
        folder: of the run.
        config: resolved, as plain values.
        module: with its initial weights.
        resumed: whether the run goes on in its folder.
    """
    if resumed:
        if (folder / CAPSULE_NAME).is_file():
            update_capsule(folder, config=config)
        return
    content = {"config": config, "code": source_hashes(), "weights": weights_record(module)}
    write_text(folder / CAPSULE_NAME, json.dumps(content, indent=1) + "\n")


def update_capsule(folder: Path, **entries: Any) -> None:
    """Set entries of a capsule that is there."""
    content = read_record(folder, CAPSULE_NAME)
    write_text(folder / CAPSULE_NAME, json.dumps({**content, **entries}, indent=1) + "\n")


def weights_record(module: nn.Module) -> dict[str, str]:
    """Of each parameter and buffer its type, shape and a hash of its values, such as `float32 [8, 3] 0123456789ab`."""
    return {name: tensor_record(tensor) for name, tensor in module.state_dict().items()}


def batch_record(datamodule: FairMOTDataModule, images: Tensor, targets: Targets) -> dict[str, list[str]]:
    """What the first training batch is made of, step by step, one entry an image.

    Returns:
        `files`: image files that are due, named from the data's root; `pixels`: hashes of what was read from them;
        `draws`: what the augmentation drew for them; `image` and each field of `Targets`: hashes of what the network
        was given.
    """
    keys = islice(datamodule.order(), len(images))
    sources = [datamodule.samples.source(key) for key in keys]
    return {
        "files": [_named(path, datamodule.root) for path, _, _ in sources],
        "pixels": ["unreadable" if picture is None else array_hash(picture.pixels) for _, _, picture in sources],
        "draws": [repr(draw) for _, draw, _ in sources],
        "image": [tensor_record(image) for image in images],
        **{name: [tensor_record(target) for target in values] for name, values in targets._asdict().items()},
    }


def tensor_record(tensor: Tensor) -> str:
    """Type, shape and hash of a tensor, wherever it lies."""
    values = tensor.detach().cpu()
    if values.dtype.is_floating_point and values.element_size() < 4:
        values = values.float()  # NumPy has no bfloat16; widening loses nothing
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)} {array_hash(values.numpy())}"


def array_hash(array: np.ndarray) -> str:
    """12 hexadecimal digits of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:12]


def _named(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
