"""From configuration nodes to the objects they describe."""

from __future__ import annotations

import copy
import inspect
import json
import logging
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
from hydra.utils import get_class, instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf

from fairmot_pl import __version__
from fairmot_pl.codec.sampling import check_sampling
from fairmot_pl.config.check import ConfigError, check_call, check_keys, check_values
from fairmot_pl.config.entry import plain, sweep_folder, task_overrides
from fairmot_pl.config.folders import conf_dir
from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.sources import OWN_KEYS, find_reader
from fairmot_pl.data.synthetic import OF_THE_SET
from fairmot_pl.data.synthetic_config import SyntheticConfig
from fairmot_pl.inference.cache import FOLDER, OutputCache
from fairmot_pl.losses.box import check_box_loss
from fairmot_pl.losses.identity import build_identity_loss
from fairmot_pl.losses.weighting import build_weighting
from fairmot_pl.mot_format import write_text
from fairmot_pl.tracking.refine import Refinement
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.training.checkpoint import trained_input_size
from fairmot_pl.training.datamodule import FairMOTDataModule
from fairmot_pl.training.loggers import build_loggers
from fairmot_pl.training.module import FairMOTModule
from fairmot_pl.training.recordings import network_key

log = logging.getLogger(__name__)

MODULE_NODES = {
    "model": {
        *(
            "backbone",
            "neck",
            "reid_dim",
            "box_encoding",
            "deformable",
            "num_classes",
            "head_channels",
            "reid_sampling",
        ),
        *("pretrained", "init_from", "channels_last", "score_threshold", "max_detections"),
    },
    "loss": {"heatmap_weight", "size_weight", "offset_weight", "box_loss", "weighting", "identity"},
    "optimizer": {"learning_rate", "lr_drop_epochs", "lr_drop_factor", "warmup_steps", "ema_decay"},
}
"""Which node holds which keys of `FairMOTModule`; some are for the run and not for the module."""

NAMED_PARTS = ("weighting", "identity")
"""Nodes within the loss node that hold the name of a part and its options."""

NOT_OF_MODULE = ("init_from", *NAMED_PARTS, "ema_decay")
OWN_TRAINER_KEYS = ("logger", "callbacks", "default_root_dir", "enable_checkpointing", "use_distributed_sampler")
LOGGER_KEYS = {"mode": Literal["auto", "online", "offline", "disabled"], "project": str, "tags": list[str]}


def module_arguments(config: DictConfig) -> tuple[dict[str, Any], dict[str, str]]:
    """Keywords of `FairMOTModule` (without `num_identities`), and the dotted key each one comes from."""
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    for node in MODULE_NODES:
        for key, value in plain(config[node]).items():
            if key not in NOT_OF_MODULE:
                values[key], names[key] = value, f"{node}.{key}"
    for part in NAMED_PARTS:
        options = dict(plain(config.loss[part]))
        values[part] = options.pop("name", None)
        values[f"{part}_options"] = options
        names |= {part: f"loss.{part}.name", f"{part}_options": f"loss.{part}"}
    return values, names


def check_module(config: DictConfig) -> None:
    """Check the nodes that make the module.

    Raises:
        ConfigError: an unknown key, a wrong type, an unknown weighting.
    """
    for node, keys in MODULE_NODES.items():
        check_keys(plain(config[node]), keys, node)
    values, names = module_arguments(config)
    check_call({"num_identities": 0, **values}, FairMOTModule, "", names=names)
    build_weighting(values["weighting"], values["weighting_options"])
    build_identity_loss(values["identity"], values["identity_options"], reid_dim=1, num_identities=0)
    check_box_loss(values["box_loss"])
    check_sampling(values["reid_sampling"])
    ema, start = config.optimizer.ema_decay, config.model.init_from
    if ema is not None and not (isinstance(ema, float) and 0 < ema < 1):
        raise ConfigError(f"optimizer.ema_decay is {ema!r}; expected a number between 0 and 1, or null for none")
    if start is not None and not isinstance(start, str):
        raise ConfigError(f"model.init_from is {start!r}; expected the path of a checkpoint, or null")


def check_data(config: DictConfig) -> None:
    """Check the data node, its augmentation and its synthetic world.

    Raises:
        ConfigError: an unknown key or a wrong type.
    """
    if OmegaConf.is_missing(config.data, "root"):
        raise ConfigError("data.root is missing; add data.root=FOLDER, the folder that the data set lies in")
    data = plain(config.data)
    check_call(data, FairMOTDataModule, "data")
    check_call(data["augmentation"], Augmentation, "data.augmentation")
    for side in ("train", "val"):
        for name, source in (data.get(side) or {}).items():
            options = {key: value for key, value in source.items() if key not in OWN_KEYS}
            check_call(options, find_reader(source, f"data.{side}.{name}"), f"data.{side}.{name}")
    if data.get("synthetic") is not None:
        fields = inspect.signature(SyntheticConfig).parameters
        check_keys(data["synthetic"], {*OF_THE_SET, *fields}, "data.synthetic")


def check_run(config: DictConfig) -> None:
    """Check tracker, trainer and callbacks.

    Raises:
        ConfigError: an unknown key or a wrong type.
    """
    check_tracker(config)
    trainer = plain(config.trainer)
    for key in OWN_TRAINER_KEYS:
        if key in trainer:
            raise ConfigError(f"trainer.{key} is set by this package; use the nodes logger and callbacks instead")
    check_call(trainer, pl.Trainer, "trainer")
    check_values(plain(config.logger), LOGGER_KEYS, where="logger")
    for name, node in plain(config.callbacks).items():
        if node is not None:
            if not isinstance(node, dict) or "_target_" not in node:
                raise ConfigError(
                    f"callbacks.{name} needs _target_, the full name of a Lightning callback; null turns it off"
                )
            target = get_class(node["_target_"])
            check_call({key: value for key, value in node.items() if key != "_target_"}, target, f"callbacks.{name}")


def check_tracker(config: DictConfig) -> None:
    """Check the tracker node, ranges included.

    Raises:
        ConfigError: an unknown key or a wrong type; ValueError from the tracker where a value is out of range.
    """
    tracker = plain(config.tracker)
    if "frame_rate" in tracker:
        raise ConfigError("tracker.frame_rate comes from each sequence; for a video of yours say frame_rate=...")
    check_call(tracker, OnlineTracker, "tracker")
    OnlineTracker(**tracker)


def as_trained(config: DictConfig, checkpoint: Path) -> DictConfig:
    """The configuration with tracker and input size of the checkpoint's run, unless the command line says otherwise.

    `tracker=...` asks for another tracker; `tracker.key=...` and `+tracker/without=...` change one thing of the run's.
    """
    saved = checkpoint.parent.parent / "config.yaml"
    overrides = [override.lstrip("+~").partition("=") for override in task_overrides()]
    config = copy.deepcopy(config)
    OmegaConf.set_struct(config, False)
    if saved.is_file() and not any(key == "tracker" for key, _, _ in overrides):
        run = OmegaConf.load(saved)
        if isinstance(run, DictConfig) and "tracker" in run and config.tracker != run.tracker:
            log.info("tracker as in the checkpoint's run (%s); tracker=... changes it", saved)
            changed = OmegaConf.create({"tracker": run.tracker})
            for key, _, value in overrides:
                if key.startswith("tracker."):
                    OmegaConf.update(changed, key, OmegaConf.select(config, key))
                elif key.startswith("tracker/"):
                    changed.tracker.merge_with(OmegaConf.load(conf_dir() / key / f"{value}.yaml"))
            config.tracker = changed.tracker
    size = trained_input_size(checkpoint)
    sized = any(key == "data.input_size" for key, _, _ in overrides)
    if "data" in config and size and not sized and tuple(config.data.input_size) != size:
        log.info("input size %d x %d as in training; data.input_size=... changes it", *size)
        config.data.input_size = list(size)
    return config


def build_datamodule(config: DictConfig) -> FairMOTDataModule:
    """The data module of the data node; where there is a network too, its targets are what that predicts."""
    data = plain(config.data)
    if "model" in config:
        data |= {key: config.model[key] for key in ("box_encoding", "num_classes")}
    return FairMOTDataModule(**data)


def check_refinement(config: DictConfig) -> None:
    """Check what is to be done to results after the fact.

    Raises:
        ConfigError: an unknown key or a wrong type; ValueError where a value is out of range.
    """
    check_call(plain(config.refine), Refinement, "refine")
    Refinement(**plain(config.refine))


def check_output_cache(config: DictConfig) -> None:
    """Check where network outputs are to be kept.

    Raises:
        ConfigError: neither auto, off nor a folder.
    """
    where = config.outputs_cache
    if where is True or not isinstance(where, str | bool):
        raise ConfigError(f"outputs_cache is {where!r}; allowed: auto, off, or the path of a folder")


def build_output_cache(
    config: DictConfig, module: FairMOTModule, trainer: pl.Trainer, datamodule: FairMOTDataModule
) -> OutputCache | None:
    """The cache of what this network says at this size and precision; None where it is off.

    Raises:
        OSError: the folder cannot be written to.
    """
    where = config.outputs_cache or "off"  # YAML reads off as false
    if where == "off":
        return None
    folder = Path("outputs") / FOLDER if where == "auto" else Path(where).expanduser()
    size, precision = datamodule.input_size, str(trainer.precision)
    cache = OutputCache(folder, network_key(module, input_size=size, precision=precision))
    if trainer.is_global_zero:
        made_of = {"checkpoint": config.checkpoint, "input_size": size, "precision": precision, "version": __version__}
        write_text(cache.entries / "made_of.json", json.dumps(made_of, indent=2) + "\n")
    return cache


def build_trainer(
    config: DictConfig,
    folder: Path,
    record: dict[str, Any],
    *,
    job_type: str,
    tags: list[str],
    callbacks: list[pl.Callback],
    steps: int = 1,
) -> pl.Trainer:
    """The Lightning trainer of a run folder, with the configured callbacks and `callbacks`, CSV and wandb.

    Args:
        config: holds the nodes trainer, callbacks and logger.
        folder: the run's folder.
        record: configuration and provenance, for wandb.
        job_type: `"train"` or `"evaluate"`.
        tags: wandb tags, to which the configured ones are added.
        callbacks: further callbacks, which come first.
        steps: training steps an epoch; a run shorter than the logging interval still logs.
    """
    sweep = sweep_folder()
    loggers = build_loggers(
        folder,
        mode=config.logger.mode,
        project=config.logger.project,
        group=sweep.name if sweep else None,
        job_type=job_type,
        name=folder.name if sweep else f"{config.name}/{folder.name}",
        tags=[config.name, *tags, *plain(config.logger.tags)],
        config=record,
        wandb_folder=sweep or folder,
    )
    settings = plain(config.trainer)
    limits = [
        settings.get("log_every_n_steps") or 50,
        steps,
        settings.get("max_steps"),
        settings.get("limit_train_batches"),
    ]
    settings["log_every_n_steps"] = min(limit for limit in limits if isinstance(limit, int) and limit > 0)
    epochs, validated_every = settings.get("max_epochs"), settings.get("check_val_every_n_epoch")
    if epochs and validated_every and 0 < epochs < validated_every:
        settings["check_val_every_n_epoch"] = epochs  # else a short run would end without a figure
    own: dict[str, Any] = {
        "default_root_dir": folder,
        # weight averaging comes first: a resume point holds the step that it is written after
        "callbacks": [*callbacks, *build_callbacks(config, folder)],
        "logger": loggers,
        "enable_checkpointing": any(isinstance(found, pl.callbacks.ModelCheckpoint) for found in callbacks),
        "use_distributed_sampler": False,  # the data module deals samples and whole sequences itself
    }
    try:
        trainer = pl.Trainer(**settings, **own)
    except (TypeError, ValueError, RuntimeError, MisconfigurationException) as error:
        raise ConfigError(f"the trainer node cannot be meant: {' '.join(str(error).split())}") from error
    if sweep and trainer.world_size > 1:
        raise ConfigError(
            f"a job of a sweep runs in one process, but trainer.devices={config.trainer.devices} gives "
            f"{trainer.world_size}: use trainer.devices=1, or run the jobs one by one"
        )
    return trainer


def build_callbacks(config: DictConfig, folder: Path) -> list[pl.Callback]:
    """The callbacks of the callbacks node; those that take a `folder` get the run's."""
    callbacks = []
    for node in config.callbacks.values():
        if node is not None:
            signature = inspect.signature(get_class(node["_target_"]))
            extra = {"folder": str(folder)} if "folder" in signature.parameters and "folder" not in node else {}
            callbacks.append(instantiate(node, _convert_="all", **extra))
    return callbacks
