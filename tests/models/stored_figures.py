"""Outputs of the reference at a few cells, for a machine without the golden files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fairmot_pl.codec.maps import HeadMaps
from fairmot_pl.models.fairmot import FairMOT

HEADS = {"hm": "heatmap", "wh": "size", "reg": "offset", "id": "embedding"}
FIGURES = Path(__file__).resolve().parents[1] / "golden"


def look(model: FairMOT, images: np.ndarray) -> HeadMaps:
    with torch.no_grad():
        return model(torch.from_numpy(images))


def images_by_rule(seed: int, batch: int, height: int, width: int) -> np.ndarray:
    """The images of the golden files."""
    noise = np.random.default_rng(seed).random((batch, 3, height, width))
    number, channel, row, column = np.ogrid[:batch, :3, :height, :width]
    waves = np.sin(0.11 * (channel + 1) * column + 0.07 * row + 1.3 * number)
    return (0.5 + 0.3 * waves + 0.2 * (noise - 0.5)).astype(np.float32)


def check_stored_figures(model: FairMOT, file: Path) -> None:
    figures = json.loads(file.read_text())
    maps = look(model, images_by_rule(figures["seed"], 1, figures["height"], figures["width"]))
    for theirs, ours in HEADS.items():
        for (y, x), wanted in zip(figures["cells"], figures[theirs], strict=True):
            values = getattr(maps, ours)[0, : len(wanted), y, x].tolist()
            assert values == pytest.approx(wanted, abs=1e-4), (theirs, y, x)
