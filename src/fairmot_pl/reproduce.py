"""`python -m fairmot_pl.reproduce RUN`: run a training again, and name the first thing that differs."""

from __future__ import annotations

import os
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from fairmot_pl import train
from fairmot_pl.config.check import ConfigError, check_values
from fairmot_pl.config.entry import Outcome, is_main_process, output_folder, plain, run_command
from fairmot_pl.config.folders import quoted
from fairmot_pl.config.overrides import quote, split_arguments
from fairmot_pl.config.resume import check_recorded
from fairmot_pl.reporting.reproduction import compare_repetition
from fairmot_pl.reporting.run_records import CAPSULE_NAME, CONFIG_NAME, PROVENANCE_NAME, read_record

KEYS = {"run": str, "steps": int | str}
DATA_KEYS = {"root": str | None, "num_workers": int | None}

ALL = "all"

NEEDED = ("first_batch", "steps", "weights")
"""Entries of a capsule without which there is nothing to hold a repetition against."""


def main() -> None:
    """Console entry."""
    run_command("reproduce", reproduce, check, expand)


def expand(arguments: list[str]) -> list[str]:
    """Folders alone, as `compare` takes them, are runs; several are repeated one after the other."""
    switches, given = split_arguments(arguments)
    folders = [argument for argument in given if "=" not in argument and not argument.startswith(("+", "~"))]
    others = [argument for argument in given if argument not in folders]
    runs = [f"run={','.join(map(quote, folders))}"] if folders else []
    return [*switches, *(["--multirun"] if len(folders) > 1 else []), *runs, *others]


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be meant.

    Raises:
        ConfigError: naming the key and what is allowed.
    """
    if OmegaConf.is_missing(config, "run"):
        raise ConfigError("run is missing; name the folder of a training run: python -m fairmot_pl.reproduce RUN")
    check_values(plain(config), KEYS, nodes=("data",))
    check_values(plain(config.data), DATA_KEYS, where="data")
    if config.steps != ALL and (isinstance(config.steps, str) or config.steps < 1):
        raise ConfigError(f"steps is {config.steps!r}; allowed: the number of steps to run again, or {ALL}")


def check_run_folder(folder: Path) -> None:
    """Refuse a folder from which nothing can be run again.

    Raises:
        ConfigError: naming what it lacks.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; name the folder of a training run")
    capsule = read_record(folder, CAPSULE_NAME)
    lacking = [name for name in (CONFIG_NAME, CAPSULE_NAME) if not (folder / name).is_file()]
    lacking += [f"{name} in {CAPSULE_NAME}" for name in NEEDED if capsule and not capsule.get(name)]
    if lacking:
        raise ConfigError(
            f"{folder} cannot be reproduced, it lacks {', '.join(lacking)}: it is no training run, it was stopped "
            "before its first step was over, or an earlier version of this package made it"
        )


def reproduce(config: DictConfig) -> Outcome:
    """Repeat the run and compare."""
    from fairmot_pl.runs.training import run_training

    original, folder, whole = Path(config.run), output_folder(), config.steps == ALL
    check_run_folder(original)
    repeated = repeated_config(config, original)
    check_recorded(repeated, train.check, original / CONFIG_NAME)
    run_training(repeated, folder, finish=whole)
    if not is_main_process():
        return Outcome(folder, silent=True)
    found = compare_repetition(original, folder, whole=whole)
    found.write(folder)
    print(f"\n{found.text()}\n")
    next_steps = []
    if not whole and found.identical:
        next_steps.append(f"python -m fairmot_pl.reproduce {quoted(original)} steps=all compares the whole run")
    elif whole and not found.identical:
        next_steps.append(f"python -m fairmot_pl.compare {quoted(original)} {quoted(folder)} tells what it comes to")
    problem = "" if found.identical else f"{original} does not repeat; first difference: {found.differences[0].part}"
    return Outcome(folder, next_steps=next_steps, status=int(not found.identical), problem=problem)


def repeated_config(config: DictConfig, original: Path) -> DictConfig:
    """The run's configuration, with what its repetition does otherwise.

    It starts from the beginning, also where the run was resumed, and is shown on no board. Without the whole run it
    does not validate, which changes no weight, and leaves no checkpoint.

    Raises:
        ConfigError: the file is no configuration of a training.
    """
    saved = OmegaConf.load(original / CONFIG_NAME)
    missing = [node for node in train.NODES if node not in saved]
    if missing:
        raise ConfigError(f"{original / CONFIG_NAME} is no configuration of a training: it lacks {', '.join(missing)}")
    assert isinstance(saved, DictConfig)
    saved.resume = None
    saved.logger = {"kinds": []}
    saved.data.root = config.data.root or _where_it_lay(saved.data.root, original)
    if saved.model.get("init_from"):
        saved.model.init_from = _where_it_lay(saved.model.init_from, original)
    if config.data.num_workers is not None:
        saved.data.num_workers = config.data.num_workers
    if config.steps != ALL:
        limit = saved.trainer.get("max_steps", -1)
        saved.trainer.max_steps = min(config.steps, limit) if limit >= 0 else config.steps
        saved.trainer.limit_val_batches = 0
        saved.callbacks.resume_point = None
    return saved


def _where_it_lay(path: str, original: Path) -> str:
    """A relative path is meant from where the run was started, if it is there."""
    command = read_record(original, PROVENANCE_NAME).get("command") or {}
    there = os.path.join(command.get("folder", ""), Path(path).expanduser())
    return there if not Path(path).expanduser().exists() and os.path.exists(there) else path


if __name__ == "__main__":
    main()
