"""What each node of a configuration may hold.

What can be told without torch is looked at first; the classes that need it are loaded by the function that asks them.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from fairmot_pl.config.check import ConfigError, check_call, check_keys
from fairmot_pl.config.entry import plain
from fairmot_pl.data.sources import OWN_KEYS, find_reader
from fairmot_pl.data.splits import check_split
from fairmot_pl.data.synthetic import OF_THE_SET
from fairmot_pl.data.synthetic_config import SyntheticConfig
from fairmot_pl.tracking.refine import Refinement
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.training.dashboard.settings import LoggerSettings

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
        *("pretrained", "init_from", "channels_last", "compile", "score_threshold", "max_detections"),
    },
    "loss": {"heatmap_weight", "size_weight", "offset_weight", "box_loss", "weighting", "identity"},
    "optimizer": {"learning_rate", "lr_drop_epochs", "lr_drop_factor", "warmup_steps", "ema_decay"},
}
"""Which node holds which keys of `FairMOTModule`; some are for the run and not for the module."""

NAMED_PARTS = ("weighting", "identity")
"""Nodes within the loss node that hold the name of a part and its options."""

NOT_OF_MODULE = ("init_from", *NAMED_PARTS, "ema_decay")
OWN_TRAINER_KEYS = ("logger", "callbacks", "default_root_dir", "enable_checkpointing", "use_distributed_sampler")


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

    from fairmot_pl.codec.sampling import check_sampling
    from fairmot_pl.losses.box import check_box_loss
    from fairmot_pl.losses.identity import build_identity_loss
    from fairmot_pl.losses.weighting import build_weighting
    from fairmot_pl.training.module import FairMOTModule

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
    for side in ("train", "val"):
        for name, source in (data.get(side) or {}).items():
            options = {key: value for key, value in source.items() if key not in OWN_KEYS}
            check_call(options, find_reader(source, f"data.{side}.{name}"), f"data.{side}.{name}")
            if "split" in options:
                with _keys_below(f"data.{side}.{name}"):
                    check_split(options["split"])
    if data.get("synthetic") is not None:
        fields = inspect.signature(SyntheticConfig).parameters
        check_keys(data["synthetic"], {*OF_THE_SET, *fields}, "data.synthetic")

    from fairmot_pl.data.augment import Augmentation
    from fairmot_pl.training.datamodule import FairMOTDataModule

    check_call(data, FairMOTDataModule, "data")
    check_call(data["augmentation"], Augmentation, "data.augmentation")


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
    check_call(plain(config.logger), LoggerSettings, "logger")
    LoggerSettings(**plain(config.logger))

    import pytorch_lightning as pl

    if trainer.get("precision") == "auto":
        trainer.pop("precision")
    check_call(trainer, pl.Trainer, "trainer")
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


def check_refinement(config: DictConfig) -> None:
    """Check what is to be done to results after the fact.

    Raises:
        ConfigError: an unknown key, a wrong type or a value out of range.
    """
    check_call(plain(config.refine), Refinement, "refine")
    with _keys_below("refine"):
        Refinement(**plain(config.refine))


@contextmanager
def _keys_below(node: str) -> Iterator[None]:
    """Name keys in full where a message starts with the last part of one."""
    try:
        yield
    except ValueError as error:
        raise ConfigError(f"{node}.{error}") from error


def check_output_cache(config: DictConfig) -> None:
    """Check where network outputs are to be kept.

    Raises:
        ConfigError: neither auto, off nor a folder.
    """
    where = config.outputs_cache
    if where is True or not isinstance(where, str | bool):
        raise ConfigError(f"outputs_cache is {where!r}; allowed: auto, off, or the path of a folder")
