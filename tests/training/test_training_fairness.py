"""The callbacks that look on: what they log, that they change nothing, and what stops a run."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor
from torch.utils.data import DataLoader

from fairmot_pl.codec.maps import Targets
from fairmot_pl.losses.weighting import WEIGHTINGS
from fairmot_pl.reporting.metrics_log import read_metrics
from fairmot_pl.training.callbacks.fairness import FairnessTelemetry
from fairmot_pl.training.callbacks.finite import StopOnNonFiniteLoss
from fairmot_pl.training.module import FairMOTModule
from training.test_training_choices import SETTINGS

SIZE, CELLS = (32, 64), (8, 16)
STEPS = 4


def batch(seed: int) -> tuple[Tensor, Targets]:
    """Two images of noise with three people each."""
    rng = torch.Generator().manual_seed(seed)
    index = torch.randint(CELLS[0] * CELLS[1], (2, 3), generator=rng)
    heatmap = torch.rand(2, 1, *CELLS, generator=rng) * 0.5
    heatmap.view(2, -1).scatter_(1, index, 1)
    pixels = torch.randint(256, (2, 3, *SIZE), generator=rng).float() / 255
    return pixels, Targets(
        heatmap=heatmap,
        size=torch.rand(2, 3, 4, generator=rng),
        offset=torch.rand(2, 3, 2, generator=rng),
        index=index,
        mask=torch.ones(2, 3, dtype=torch.uint8),
        identity=torch.randint(5, (2, 3), generator=rng),
    )


class Data(pl.LightningDataModule):
    """The same few batches, with names."""

    def __init__(self, batches: list[Any]) -> None:
        super().__init__()
        self.batches = batches

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.batches, batch_size=None)

    def training_images(self, number: int) -> list[Path]:
        return [Path(f"img{number}/{place}.jpg") for place in (1, 2)]


def fit(folder: Path, *callbacks: pl.Callback, batches: list[Any] | None = None, **options: Any) -> SimpleNamespace:
    """Train a few steps; the weights afterwards and the log."""
    trainer_options = {
        key: options.pop(key) for key in list(options) if key in {"precision", "accumulate_grad_batches"}
    }
    pl.seed_everything(3, verbose=False)
    module = FairMOTModule(num_identities=5, **{**SETTINGS, "reid_dim": 4, "head_channels": 4, **options})
    trainer = pl.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        max_epochs=1,
        log_every_n_steps=1,
        logger=CSVLogger(folder, name="", version=""),
        callbacks=list(callbacks),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **trainer_options,
    )
    trainer.fit(module, datamodule=Data(batches or [batch(seed) for seed in range(STEPS)]))
    state = {key: value.clone() for key, value in module.state_dict().items()}
    return SimpleNamespace(state=state, log=read_metrics(folder / "metrics.csv"), module=module)


OPTIONS = [
    *({"weighting": name} for name in sorted(WEIGHTINGS)),
    *({"weighting": name, "accumulate_grad_batches": 2} for name in ("gradnorm", "pcgrad")),
    *({"weighting": name, "precision": "bf16-mixed"} for name in ("uncertainty", "mgda_ub")),
]


@pytest.mark.parametrize("settings", OPTIONS, ids=lambda settings: "-".join(map(str, settings.values())))
def test_training_is_bit_equal_with_and_without(tmp_path, settings):
    alone = fit(tmp_path / "alone", **settings)
    watched = fit(tmp_path / "watched", FairnessTelemetry(every_n_steps=1), **settings)
    assert all(torch.equal(alone.state[key], value) for key, value in watched.state.items())
    for task in ("total", "detection", "reid"):
        np.testing.assert_array_equal(*(ran.log.series(f"train/loss/{task}")[1] for ran in (alone, watched)))
    steps = STEPS // settings.get("accumulate_grad_batches", 1)
    for figure in ("grad_norm_det", "grad_norm_reid", "grad_cosine", "grad_share_reid", "identity_chance"):
        assert f"train/{figure}" not in alone.log
        assert len(watched.log.series(f"train/{figure}")[1]) == steps


def test_it_logs_what_the_shared_parameters_feel(tmp_path):
    seen = fit(tmp_path / "run", FairnessTelemetry(every_n_steps=2), weighting="fixed")
    assert seen.log.series("train/grad_norm_det")[0].tolist() == [0, 2]
    assert seen.log.last("train/identity_chance") == pytest.approx(0.2)
    pl.seed_everything(3, verbose=False)
    module = FairMOTModule(num_identities=5, **{**SETTINGS, "reid_dim": 4, "head_channels": 4, "weighting": "fixed"})
    images, targets = batch(0)
    losses = module.loss(module(images), targets)
    found = []
    for task in ("detection", "reid"):
        parts = torch.autograd.grad(
            losses[task], module.model.shared_parameters(), retain_graph=True, allow_unused=True, materialize_grads=True
        )
        found.append(torch.cat([part.flatten() for part in parts]).double())
    norms = [float(part.norm()) for part in found]
    row = {
        name: seen.log.series(f"train/{name}")[1][0]
        for name in ("grad_norm_det", "grad_norm_reid", "grad_cosine", "grad_share_reid")
    }
    assert [row["grad_norm_det"], row["grad_norm_reid"]] == pytest.approx(norms, rel=1e-4)
    assert row["grad_cosine"] == pytest.approx(float(found[0] @ found[1]) / norms[0] / norms[1], abs=1e-4)
    assert row["grad_share_reid"] == pytest.approx(0.1 * norms[1] / (norms[0] + 0.1 * norms[1]), rel=1e-4)


def test_without_identities_re_id_is_silent(tmp_path):
    images, targets = batch(0)
    unknown = (images, targets._replace(identity=torch.full_like(targets.identity, -1)))
    seen = fit(tmp_path, FairnessTelemetry(every_n_steps=1), batches=[unknown])
    assert seen.log.last("train/grad_norm_reid") == 0
    assert "train/grad_cosine" not in seen.log


@pytest.mark.parametrize("identity", ["cross_entropy", "focal", "margin_softmax", "triplet"])
def test_chance_is_logged_where_identities_are_classes(tmp_path, identity):
    seen = fit(tmp_path, FairnessTelemetry(every_n_steps=3), identity=identity)
    assert ("train/identity_chance" in seen.log) == (identity != "triplet")
    assert len(seen.log.series("train/grad_norm_reid")[1]) == 2


def test_no_hook_is_left_behind(tmp_path):
    module = fit(tmp_path, FairnessTelemetry(every_n_steps=1), StopOnNonFiniteLoss(folder=str(tmp_path))).module
    for part in (module.loss, module.model.neck, module.model.detection_head, module.model.reid_head):
        assert not part._forward_hooks
        assert not part._forward_pre_hooks


def test_a_frozen_shared_part_has_no_gradients_to_compare(tmp_path):
    class Freeze(pl.Callback):
        def setup(self, trainer, pl_module, stage):
            for part in (pl_module.model.backbone, pl_module.model.neck):
                part.requires_grad_(False)

    seen = fit(tmp_path, Freeze(), FairnessTelemetry(every_n_steps=1))
    assert "train/grad_norm_det" not in seen.log


def test_the_interval_must_be_one_or_more():
    with pytest.raises(ValueError, match="every_n_steps is 0"):
        FairnessTelemetry(every_n_steps=0)


def test_a_batch_that_gives_nan_stops_the_run_and_is_kept(tmp_path):
    batches = [batch(seed) for seed in range(3)]
    batches[1][1].size[0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"no finite number at step 1: size nan.*arises in the loss") as stop:
        fit(tmp_path, StopOnNonFiniteLoss(folder=str(tmp_path)), batches=batches)
    facts = json.loads((tmp_path / "nonfinite_batch.json").read_text())
    assert str(tmp_path / "nonfinite_batch.npz") in str(stop.value)
    assert (facts["step"], facts["batch"], facts["epoch"]) == (1, 1, 0)
    assert facts["images"] == ["img1/1.jpg", "img1/2.jpg"]
    assert facts["losses"]["size"] == "nan"
    assert isinstance(facts["losses"]["heatmap"], float)
    assert facts["parameters not finite"] == facts["network outputs not finite"] == []
    with np.load(tmp_path / "nonfinite_batch.npz", allow_pickle=False) as arrays:
        assert arrays["images"].dtype == np.uint8
        np.testing.assert_array_equal(arrays["images"].astype(np.float32) / 255, batches[1][0])
        np.testing.assert_array_equal(arrays["size"], batches[1][1].size)


def _spoil_weights(module: FairMOTModule) -> None:
    module.model.neck.last_weight.data.fill_(torch.nan)


def _spoil_output(module: FairMOTModule) -> None:
    module.model.reid_head.register_forward_hook(lambda head, inputs, output: output * torch.inf)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_spoil_weights, "parameters are not finite, such as model.neck"),
        (_spoil_output, r"output \(embedding\) is not"),
    ],
)
def test_it_says_where_it_began(tmp_path, spoil, said):
    class Spoil(pl.Callback):
        def on_train_start(self, trainer, pl_module):
            spoil(pl_module)

    with pytest.raises(ValueError, match=said):
        fit(tmp_path, Spoil(), StopOnNonFiniteLoss(folder=str(tmp_path)), weighting="fixed")
    assert (tmp_path / "nonfinite_batch.npz").is_file()
