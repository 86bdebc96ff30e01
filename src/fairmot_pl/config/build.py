"""From configuration nodes to the objects they describe."""

from __future__ import annotations

import copy
import inspect
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.utils import get_class, instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger

from fairmot_pl import __version__
from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.entry import job_tags, plain, sweep_folder, task_overrides
from fairmot_pl.config.folders import conf_dir
from fairmot_pl.files import write_text
from fairmot_pl.inference.cache import FOLDER, OutputCache
from fairmot_pl.inference.precision import resolve_precision
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.training.attached import profiler_of
from fairmot_pl.training.checkpoint import trained_input_size
from fairmot_pl.training.dashboard.card import RunCard
from fairmot_pl.training.dashboard.settings import LoggerSettings
from fairmot_pl.training.datamodule import FairMOTDataModule
from fairmot_pl.training.loggers import build_loggers
from fairmot_pl.training.module import FairMOTModule
from fairmot_pl.training.recordings import network_key
from fairmot_pl.training.stage_profiler import StageProfiler

log = logging.getLogger(__name__)


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
    warn_of_ignored(config)
    return config


def warn_of_ignored(config: DictConfig) -> None:
    """Say which tracker keys of the command line have no effect; what a run hands down is no wish of the user's."""
    tracker = OnlineTracker(**plain(config.tracker))
    keys = [override.lstrip("+~").partition("=")[0] for override in task_overrides()]
    ignored = [key for key in keys if key.startswith("tracker.") and key.removeprefix("tracker.") in tracker.ignored]
    if ignored:
        log.warning("no effect: %s, which association %s does not heed", ", ".join(ignored), tracker.association)


def build_datamodule(config: DictConfig) -> FairMOTDataModule:
    """The data module of the data node; where there is a network too, its targets are what that predicts."""
    data = plain(config.data)
    if "model" in config:
        data |= {key: config.model[key] for key in ("box_encoding", "num_classes")}
    return FairMOTDataModule(**data)


def read_validation(config: DictConfig, purpose: str) -> FairMOTDataModule:
    """The data module with its validation sequences read.

    Args:
        config: of an entry.
        purpose: what they are for, for the message.

    Raises:
        ConfigError: there are none.
    """
    datamodule = build_datamodule(config)
    datamodule.prepare_data()
    datamodule.setup("validate")
    if not datamodule.val_sequences:
        raise ConfigError(
            f"data.val is empty: there is no sequence to {purpose} on; choose data=... with validation sequences"
        )
    return datamodule


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
    *,
    loggers: Sequence[Logger],
    callbacks: list[pl.Callback],
    steps: int = 1,
) -> pl.Trainer:
    """The Lightning trainer of a run folder, with the configured callbacks and `callbacks`.

    Args:
        config: holds the nodes trainer and callbacks.
        folder: the run's folder.
        loggers: of the run; see `open_loggers`.
        callbacks: further callbacks, which come first.
        steps: training steps an epoch; a run shorter than the logging interval still logs.
    """
    sweep = sweep_folder()
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
        "logger": list(loggers),
        "enable_checkpointing": any(isinstance(found, pl.callbacks.ModelCheckpoint) for found in callbacks),
        "use_distributed_sampler": False,  # the data module deals samples and whole sequences itself
    }
    trainer = _trainer(**settings, **own)
    beside = profiler_of(trainer)
    if settings.get("profiler"):
        beside.dirpath, beside.filename = str(folder), "profile"
        log.info("trainer.profiler=%s writes %s", settings["profiler"], folder / "*-profile*.txt")
    trainer.profiler = StageProfiler(beside)  # type: ignore[attr-defined]  # as in `profiler_of`
    if sweep and trainer.world_size > 1:
        raise ConfigError(
            f"a job of a sweep runs in one process, but trainer.devices={config.trainer.devices} gives "
            f"{trainer.world_size}: use trainer.devices=1, or run the jobs one by one"
        )
    return trainer


def open_loggers(
    config: DictConfig, folder: Path, record: dict[str, Any], *, job_type: str, tags: list[str], csv_file: bool = True
) -> Iterator[Logger]:
    """The loggers of the logger node, for the job that Hydra runs; `closed_loggers` opens them.

    Args:
        config: holds the logger node.
        folder: the run's folder.
        record: configuration and provenance.
        job_type: `"train"`, `"evaluate"` or `"tune"`.
        tags: besides those of every job (`job_tags`) and the configured ones.
        csv_file: see `build_loggers`.
    """
    sweep = sweep_folder()
    settings = LoggerSettings(**plain(config.logger))
    card = RunCard.of(
        folder,
        name=folder.name if sweep else f"{config.name}/{folder.name}",
        job_type=job_type,
        group=sweep.name if sweep else None,
        tags=[config.name, *job_tags(), *tags, *settings.tags],
        store=sweep or folder,
    )
    return build_loggers(folder, settings, card, config=record, csv_file=csv_file)


def check_devices(config: DictConfig) -> None:
    """Refuse devices and a precision that this machine has not, before anything large is read.

    Raises:
        ConfigError: in Lightning's words.
    """
    keys = ("accelerator", "devices", "num_nodes", "strategy", "precision")
    wanted = {key: value for key, value in plain(config.trainer).items() if key in keys}
    if wanted.get("precision") == "auto":  # fits any machine, and is said once, by the trainer that runs
        wanted.pop("precision")
    lightning = logging.getLogger("pytorch_lightning")
    level = lightning.level
    lightning.setLevel(logging.ERROR)  # what it says of devices it says again when it trains
    try:
        _trainer(**wanted, logger=False, enable_checkpointing=False, enable_model_summary=False)
    finally:
        lightning.setLevel(level)


def _trainer(**settings: Any) -> pl.Trainer:
    if settings.get("precision") == "auto":
        settings["precision"] = trainer_precision(settings.get("accelerator", "auto"))
    try:
        return pl.Trainer(**settings)
    except (TypeError, ValueError, RuntimeError, MisconfigurationException) as error:
        raise ConfigError(f"the trainer node cannot be meant: {' '.join(str(error).split())}") from error


def trainer_precision(accelerator: str) -> str:
    """Lightning's name of the precision that `"auto"` is with an accelerator: bfloat16 where that has it."""
    on_cuda = accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    chosen = resolve_precision("auto", torch.device("cuda" if on_cuda else "cpu"))
    return "bf16-mixed" if chosen == "bfloat16" else "32-true"


def build_callbacks(config: DictConfig, folder: Path) -> list[pl.Callback]:
    """The callbacks of the callbacks node; those that take a `folder` get the run's."""
    callbacks = []
    for node in config.callbacks.values():
        if node is not None:
            signature = inspect.signature(get_class(node["_target_"]))
            extra = {"folder": str(folder)} if "folder" in signature.parameters and "folder" not in node else {}
            callbacks.append(instantiate(node, _convert_="all", **extra))
    return callbacks
