"""Every weighting, identity loss and sampling learns: all tasks' losses fall on a few rendered images."""

from __future__ import annotations

from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from fairmot_pl.codec.heatmap import with_heatmap
from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.dataset import TrainingSamples
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.images import to_unit
from fairmot_pl.data.sources import read_sources
from fairmot_pl.data.synthetic import render_dataset
from fairmot_pl.training.callbacks.averaging import MovingAverage
from fairmot_pl.training.module import FairMOTModule

SETTINGS: dict[str, Any] = {
    "backbone": "mobilenetv3_small_050",
    "reid_dim": 16,
    "box_encoding": "ltrb",
    "deformable": False,
    "num_classes": 1,
    "head_channels": 16,
    "pretrained": False,
    "heatmap_weight": 1.0,
    "size_weight": 0.5,
    "offset_weight": 1.0,
    "weighting": "uncertainty",
    "weighting_options": {},
    "learning_rate": 1e-2,
    "lr_drop_epochs": [],
    "lr_drop_factor": 0.1,
}
CHOICES = [
    *({"weighting": name} for name in ("fixed", "uncertainty", "mgda_ub", "pcgrad")),
    *({"identity": name} for name in ("triplet", "margin_softmax")),
    {"identity": "cross_entropy", "identity_options": {"label_smoothing": 0.1}},
    {"reid_sampling": "roi_align"},
    {"box_loss": "smooth_l1", "box_encoding": "wh"},
]
SLOW_CHOICES = [
    pytest.param(choice, marks=pytest.mark.slow)
    for choice in (
        *({"weighting": name} for name in ("gradnorm", "dwa")),
        {"identity": "focal"},
        *({"reid_sampling": name} for name in ("center_bilinear", "pos_anchor")),
    )
]
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("gradnorm", "mgda_ub", "dwa")]
TASKS = ("heatmap", "size", "offset", "reid")


class Losses(pl.Callback):
    """Keeps the losses of every step."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer, *rest) -> None:
        self.steps.append({key: value.item() for key, value in trainer.callback_metrics.items()})

    def mean(self, task: str, steps: slice) -> float:
        values = [step[f"train/loss/{task}"] for step in self.steps[steps]]
        return sum(values) / len(values)


@pytest.fixture(autouse=True)
def _no_denormals():
    """As the commands do: small networks that learn few images by heart drown in denormal numbers otherwise."""
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Four frames of one rendered video, augmentation off, and how many people are in them."""
    root = tmp_path_factory.mktemp("world")
    render_dataset(root, train=1, val=0, frames=4, people=4, occluders=0, image_size=(96, 160))
    sources = read_sources({"world": {"format": "synthetic", "path": "train"}}, root)
    identities = IdentityIndex.build([(found.name, list(found.sequences)) for found in sources])

    def make(**encoding: str) -> tuple[list[Any], int]:
        samples = TrainingSamples(sources, identities, augmentation=Augmentation.none((64, 96)), **encoding)
        pairs = [
            (to_unit(sample.image), with_heatmap(sample.targets, map_size=(16, 24)))
            for sample in map(samples.__getitem__, range(len(samples)))
        ]
        return pairs, identities.num_identities

    return make


def fit(
    frames,
    *,
    epochs: int = 14,
    accumulate: int = 1,
    precision: str = "32-true",
    callbacks: tuple[pl.Callback, ...] = (),
    **choice: Any,
):
    pl.seed_everything(0, verbose=False)
    settings = {**SETTINGS, **choice}
    data, num_identities = frames(box_encoding=settings["box_encoding"])
    module = FairMOTModule(num_identities=num_identities, **settings)
    losses = Losses()
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        accumulate_grad_batches=accumulate,
        precision=precision,
        callbacks=[*callbacks, losses],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, DataLoader(data, batch_size=4 // accumulate))
    return module, losses


@pytest.mark.parametrize("choice", [*CHOICES, *SLOW_CHOICES], ids=lambda choice: "-".join(map(str, choice.values())))
def test_every_task_learns(frames, choice):
    module, losses = fit(frames, **choice)
    for task in TASKS:
        first, last = losses.mean(task, slice(0, 3)), losses.mean(task, slice(-3, None))
        assert last < 0.9 * first, task
    assert all(parameter.isfinite().all() for parameter in module.parameters())


@pytest.mark.parametrize("weighting", ["pcgrad", *SLOW])
def test_with_accumulated_gradients_and_averaged_weights(frames, weighting):
    module, losses = fit(frames, epochs=6, accumulate=2, weighting=weighting, callbacks=(MovingAverage(0.9),))
    assert losses.mean("heatmap", slice(-2, None)) < losses.mean("heatmap", slice(0, 2))
    assert module.loss.weighting.weights.isfinite().all()


@pytest.mark.parametrize("weighting", ["uncertainty", "pcgrad", *SLOW])
def test_in_mixed_precision(frames, weighting):
    _, losses = fit(frames, epochs=8, weighting=weighting, precision="bf16-mixed")
    assert losses.mean("heatmap", slice(-2, None)) < losses.mean("heatmap", slice(0, 2))
    assert losses.mean("reid", slice(-2, None)) < losses.mean("reid", slice(0, 2))
