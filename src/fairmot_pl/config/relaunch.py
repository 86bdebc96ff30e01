"""`resume=FOLDER` where the folder is that of a sweep: launch it again as it was, into its own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.folders import quoted
from fairmot_pl.config.jobs import RESUMES_WITH
from fairmot_pl.reporting.run_records import SWEEP_MARK

MAY_CHANGE = (
    *("hydra.", "hydra/", "logger.", "data.num_workers", "data.root", "data.cache", "outputs_cache"),
    *("trainer.accelerator", "trainer.devices"),
)
"""Keys in which the second launch of a sweep may differ from the first: where and how jobs run, not what they find."""

OURS = ("hydra.mode", "hydra.sweep.dir", "hydra.job.config.override_dirname.exclude_keys")
"""Keys that are set anew at each launch."""


def relaunched(entry: str, arguments: list[str]) -> list[str]:
    """The arguments of the sweep that `resume=FOLDER` names, into its own folder; all others as they are.

    What else is given comes on top: how to run (see `MAY_CHANGE`), or other values of a key that was swept.

    Raises:
        ConfigError: the sweep is one of another command, or would become another sweep.
    """
    given = [argument for argument in arguments if argument.startswith("resume=")]
    folder = Path(given[-1].partition("=")[2].strip("'\"")) if given else None
    if folder is None or not (folder / SWEEP_MARK).is_file():
        if folder is not None and entry not in RESUMES_WITH:
            raise ConfigError(f"{given[-1]}: {folder / SWEEP_MARK} is not there; name the folder of a sweep")
        return arguments
    hydra = read_sweep(folder)
    if hydra["job"]["name"] != entry:
        name = hydra["job"]["name"]
        raise ConfigError(f"{given[-1]} is a sweep of {name}: python -m fairmot_pl.{name} {given[-1]}")
    extra = [argument for argument in arguments if not argument.startswith("resume=")]
    overrides = [argument for argument in extra if not argument.startswith("-")]
    axes = swept_keys(hydra)
    for override in overrides:
        key = key_of(override)
        if not key.startswith(MAY_CHANGE) and key not in axes:
            raise ConfigError(
                f"{override} cannot go with {given[-1]}: it would be another sweep; what may change: "
                f"{', '.join(MAY_CHANGE)} and the values of {', '.join(axes)}"
            )
    anew = {*OURS, *map(key_of, overrides)}
    before = [line for line in (*hydra["overrides"]["hydra"], *hydra["overrides"]["task"]) if key_of(line) not in anew]
    switches = [argument for argument in extra if argument.startswith("-") and argument not in ("-m", "--multirun")]
    return [*switches, "--multirun", *before, *overrides, f"hydra.sweep.dir='{folder}'"]


def read_sweep(folder: Path) -> dict[str, Any]:
    """What Hydra has written down of the sweep in a folder: its own node.

    Raises:
        ConfigError: the record is broken.
    """
    try:
        record = yaml.safe_load((folder / SWEEP_MARK).read_text(encoding="utf-8"))
        hydra: dict[str, Any] = record["hydra"]
        return hydra | {"overrides": {part: list(hydra["overrides"][part]) for part in ("hydra", "task")}}
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder / SWEEP_MARK} is broken ({' '.join(str(error).split())})") from error


def key_of(override: str) -> str:
    """The key or group of an override, without `+` and `~`."""
    return override.lstrip("+~").partition("=")[0]


def swept_keys(hydra: dict[str, Any]) -> list[str]:
    """The axes of a sweep: those of its command line, and those of an ablation that this does not fix."""
    parser = OverridesParser.create()
    typed = {key_of(line): parser.parse_override(line).is_sweep_override() for line in hydra["overrides"]["task"]}
    brought = [key for key in map(key_of, hydra["sweeper"].get("params") or {}) if key not in typed]
    return [*brought, *(key for key, swept in typed.items() if swept)]


def check_same_sweep(folder: Path, hydra: dict[str, Any]) -> None:
    """Refuse to launch another sweep into the folder of one.

    Args:
        folder: of the sweep to launch.
        hydra: Hydra's node of it.

    Raises:
        ConfigError: there is another sweep, with what differs.
    """
    if not (folder / SWEEP_MARK).is_file():
        return
    before, now = read_sweep(folder), hydra
    differing = set(_fixed(before)) ^ set(_fixed(now)) | set(swept_keys(before)) ^ set(swept_keys(now))
    if differing:
        raise ConfigError(
            f"{folder} is the folder of another sweep, which differs in {', '.join(sorted(differing))}; choose another "
            "hydra.sweep.dir, or go on with that one: "
            f"python -m fairmot_pl.{before['job']['name']} resume={quoted(folder)}"
        )


def _fixed(hydra: dict[str, Any]) -> list[str]:
    axes = swept_keys(hydra)
    keys = [(override, key_of(override)) for override in hydra["overrides"]["task"]]
    return [override for override, key in keys if key not in axes and not key.startswith(MAY_CHANGE)]
