"""Train, validate by tracking, report."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from fairmot_pl.config.build import build_datamodule, build_trainer, open_loggers
from fairmot_pl.config.entry import command, is_main_process, plain
from fairmot_pl.config.nodes import module_arguments
from fairmot_pl.data.file_record import file_record_text, fingerprint, record_files
from fairmot_pl.data.split_record import record_split
from fairmot_pl.files import write_text
from fairmot_pl.reporting.metrics_log import merge_csv
from fairmot_pl.reporting.run_records import FILES_NAME
from fairmot_pl.training.callbacks.averaging import MovingAverage
from fairmot_pl.training.callbacks.best import BestCheckpoint
from fairmot_pl.training.callbacks.broken_images import CountBrokenImages
from fairmot_pl.training.callbacks.first_steps import RecordFirstSteps
from fairmot_pl.training.callbacks.seeding import SeedEveryBatch
from fairmot_pl.training.capsule import begin_capsule
from fairmot_pl.training.checkpoint import find_checkpoint, start_from
from fairmot_pl.training.datamodule import FairMOTDataModule
from fairmot_pl.training.finish import finish_training
from fairmot_pl.training.loggers import closed_loggers
from fairmot_pl.training.module import FairMOTModule
from fairmot_pl.training.provenance import continued, environment, model_facts, seeds, write_provenance

log = logging.getLogger(__name__)


def run_training(config: DictConfig, folder: Path, *, finish: bool = True) -> dict[str, float]:
    """One training run.

    Args:
        config: a checked configuration.
        folder: of the run.
        finish: score the best weights and write figures and report; without it the folder tells how the run began.

    Returns:
        The figures of `metrics.json`; none without `finish`.
    """
    start = find_checkpoint(config.model.init_from) if config.model.init_from and not config.resume else None
    pl.seed_everything(config.seed, workers=True, verbose=False)
    torch.set_flush_denormal(True)  # on a CPU, numbers that small cost several times the rest of a step
    datamodule = build_datamodule(config)
    datamodule.prepare_data()
    datamodule.setup("fit")
    module = build_module(config, datamodule.identities.num_identities, start)
    files = record_files({"train": datamodule.train_sets, "val": datamodule.val_sets}, datamodule.root)
    record = describe(config, datamodule, module, fingerprint(files))
    split = record_split(datamodule.train_sets, datamodule.val_sets)
    record["data"]["shared identities"] = split["shared_identities"]
    if config.resume:
        record = continued(folder, record)
    if is_main_process():
        write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
        write_provenance(folder, record)
        write_text(folder / "split.json", json.dumps(split, indent=2) + "\n")
        if not (config.resume and (folder / FILES_NAME).is_file()):  # like the capsule, it tells of the start
            write_text(folder / FILES_NAME, file_record_text(files))
        begin_capsule(folder, record["config"], module, resumed=bool(config.resume))
        log.info("training on %(images)d images with %(identities)d identities", record["data"])
        log.info("identities of each data set: %s", datamodule.identities.per_dataset())
        log.info("training and validation share %(shared identities)d identities (split.json)", record["data"])
        if datamodule.samples.cached:
            log.info("image cache: %(image cache)s", record["data"])
    tags = [f"reid_dim={config.model.reid_dim}", f"weighting={config.loss.weighting.name}"]
    with closed_loggers(open_loggers(config, folder, record, job_type="train", tags=tags)) as loggers:
        trainer = build_trainer(
            config,
            folder,
            loggers=loggers,
            steps=datamodule.steps_per_epoch(),
            callbacks=own_callbacks(config, folder, validates=bool(datamodule.val_sequences)),
        )
        last = str(folder / "checkpoints" / "last.ckpt")
        trainer.fit(module, datamodule, ckpt_path=last if config.resume else None, weights_only=True)
        if finish:
            return finish_training(trainer, folder, record)
    if trainer.is_global_zero:
        merge_csv(folder)
    return {}


def build_module(config: DictConfig, num_identities: int, start: Path | None) -> FairMOTModule:
    """The module with its starting weights, those of the checkpoint `start` if there is one.

    A resumed run gets them from its own checkpoint; neither needs ImageNet's.
    """
    values, _ = module_arguments(config)
    if config.resume or config.model.init_from:
        values["pretrained"] = False
    module = FairMOTModule(num_identities=num_identities, **values)
    if start is not None:
        start_from(module, start)
    return module


def describe(
    config: DictConfig, datamodule: FairMOTDataModule, module: FairMOTModule, data_fingerprint: str
) -> dict[str, Any]:
    """Everything that a run can be traced back by."""
    notes = []
    starts_otherwise = config.resume or config.model.init_from
    if config.model.pretrained and not starts_otherwise and not module.model.mean.any():
        notes.append(
            "model.pretrained is on, but the ImageNet weights could not be had: the backbone started at random"
        )
    if overlap(datamodule):
        notes.append(
            "validation frames are training frames too: val/* measures the fit, not what to expect of new videos"
        )
        log.warning(notes[-1])
    return {
        "config": plain(config),
        "command": command(),
        "seeds": seeds(plain(config)),
        "environment": environment(),
        "data": {
            "fingerprint": data_fingerprint,
            "images": sum(map(len, datamodule.train_sequences)),
            "identities": datamodule.identities.num_identities,
            "image cache": datamodule.cache.use(datamodule.samples),
            "validation frames": sum(map(len, datamodule.val_sequences)),
        },
        "model": model_facts(module.model),
        "notes": notes,
    }


def overlap(datamodule: FairMOTDataModule) -> bool:
    """Whether an image serves training and validation at once."""
    folders: dict[Path, Path] = {}  # resolving asks the disk, so each folder is asked about once

    def place(path: Path) -> Path:
        if path.is_symlink():
            return path.resolve()
        if path.parent not in folders:
            folders[path.parent] = path.parent.resolve()
        return folders[path.parent] / path.name

    seen = {place(frame.image_path) for sequence in datamodule.train_sequences for frame in sequence.frames}
    return any(place(frame.image_path) in seen for sequence in datamodule.val_sequences for frame in sequence.frames)


def own_callbacks(config: DictConfig, folder: Path, *, validates: bool) -> list[pl.Callback]:
    """What every run has: weight averaging only if asked for, the best checkpoint if a validation can tell it."""
    callbacks: list[pl.Callback] = [SeedEveryBatch(config.seed), RecordFirstSteps(folder)]
    if config.optimizer.ema_decay is not None:
        callbacks.append(MovingAverage(config.optimizer.ema_decay))
    callbacks.append(CountBrokenImages())
    if validates:
        callbacks.append(BestCheckpoint(folder))
    return callbacks
