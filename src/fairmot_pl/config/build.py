"""From configuration nodes to the objects they describe."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig

from fairmot_pl.config.check import ConfigError, check_call, check_keys
from fairmot_pl.config.entry import plain, sweep_folder
from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.synthetic_config import SyntheticConfig
from fairmot_pl.losses.weighting import build_weighting
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.training.datamodule import FairMOTDataModule
from fairmot_pl.training.loggers import build_loggers
from fairmot_pl.training.module import FairMOTModule

MODULE_NODES = ("model", "loss", "optimizer")
OUTSIDE_MODULE = {"model": {"init_from"}, "loss": {"weighting"}, "optimizer": {"ema_decay"}}


def module_arguments(config: DictConfig) -> tuple[dict[str, Any], dict[str, str]]:
    """Keywords of `FairMOTModule` (without `num_identities`), and the dotted key each one comes from."""
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    for node in MODULE_NODES:
        for key, value in plain(config[node]).items():
            if key not in OUTSIDE_MODULE[node]:
                values[key], names[key] = value, f"{node}.{key}"
    weighting = dict(plain(config.loss.weighting))
    values["weighting"] = weighting.pop("name", None)
    values["weighting_options"] = weighting
    names |= {"weighting": "loss.weighting.name", "weighting_options": "loss.weighting"}
    return values, names


def check_module(config: DictConfig) -> None:
    """Check the nodes that make the module.

    Raises:
        ConfigError: an unknown key, a wrong type, an unknown weighting.
    """
    values, names = module_arguments(config)
    for key, dotted in names.items():
        if key not in FairMOTModule.__init__.__annotations__:
            node = dotted.split(".")[0]
            here = {k for k, d in names.items() if d.startswith(f"{node}.") and k != key} | OUTSIDE_MODULE[node]
            check_keys([key], here, node)
    check_call({"num_identities": 0, **values}, FairMOTModule, "", names=names)
    build_weighting(values["weighting"], values["weighting_options"])
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
    data = plain(config.data)
    check_call(data, FairMOTDataModule, "data")
    check_call(data["augmentation"], Augmentation, "data.augmentation")
    if data.get("synthetic") is not None:
        fields = inspect.signature(SyntheticConfig).parameters
        check_keys(data["synthetic"], {"train", "val", "val_frames", *fields}, "data.synthetic")


def check_run(config: DictConfig) -> None:
    """Check tracker, trainer and callbacks.

    Raises:
        ConfigError: an unknown key or a wrong type.
    """
    check_call(plain(config.tracker), OnlineTracker, "tracker")
    OnlineTracker(**plain(config.tracker))  # its own checks: ranges and names
    check_call(plain(config.trainer), pl.Trainer, "trainer")
    for name, node in plain(config.callbacks).items():
        if node is not None:
            target = get_class(node["_target_"])
            check_call({key: value for key, value in node.items() if key != "_target_"}, target, f"callbacks.{name}")


def build_datamodule(config: DictConfig) -> FairMOTDataModule:
    """The data module of the data node."""
    return FairMOTDataModule(**plain(config.data))


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
    limits = [settings["log_every_n_steps"], steps, settings["max_steps"], settings["limit_train_batches"]]
    settings["log_every_n_steps"] = min(limit for limit in limits if isinstance(limit, int) and limit > 0)
    return pl.Trainer(
        **settings,
        default_root_dir=folder,
        # weight averaging comes first: a resume point holds the step that it is written after
        callbacks=[*callbacks, *build_callbacks(config, folder)],
        logger=loggers,
        enable_checkpointing=any(isinstance(found, pl.callbacks.ModelCheckpoint) for found in callbacks),
        use_distributed_sampler=False,  # the data module deals samples and whole sequences itself
    )


def build_callbacks(config: DictConfig, folder: Path) -> list[pl.Callback]:
    """The callbacks of the callbacks node; those that take a `folder` get the run's."""
    callbacks = []
    for node in config.callbacks.values():
        if node is not None:
            signature = inspect.signature(get_class(node["_target_"]))
            extra = {"folder": str(folder)} if "folder" in signature.parameters and "folder" not in node else {}
            callbacks.append(instantiate(node, _convert_="all", **extra))
    return callbacks
