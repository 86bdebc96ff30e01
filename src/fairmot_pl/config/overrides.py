"""Read a command line before Hydra does, so that a misspelt override fails at once and says what was meant."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fairmot_pl.config.check import ConfigError, nearest
from fairmot_pl.config.folders import conf_dir, register_resolvers

ANSWERED_BY_HYDRA = {
    *("--help", "-h", "--hydra-help", "--version", "--info", "-i", "--cfg", "-c", "--shell-completion", "-sc"),
    *("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn"),  # other configurations than ours
}
"""Switches with which there is nothing of ours to check beforehand."""

WITH_VALUE = {"--cfg", "-c", "--package", "-p", "--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn"}

MAY_HAVE_VALUE = {"--info", "-i"}

ADDED = ("ablation", "experiment")
"""Groups that no command has from the start."""


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Hydra's switches (with their values) and the overrides, which may stand in any order."""
    switches: list[str] = []
    overrides: list[str] = []
    for position, argument in enumerate(arguments):
        before = arguments[position - 1] if position else ""
        belongs = before in WITH_VALUE or (before in MAY_HAVE_VALUE and "=" not in argument)
        (switches if argument.startswith("-") or belongs else overrides).append(argument)
    return switches, overrides


def check_switches(switches: Sequence[str]) -> None:
    """Refuse switches that Hydra does not have.

    Raises:
        ConfigError: naming the first one, and the nearest that there is.
    """
    parser = get_args_parser()
    _, unknown = parser.parse_known_args(list(switches))
    if unknown:
        known = [name for action in parser._actions for name in action.option_strings if name.startswith("--")]
        raise ConfigError(f"unknown switch {unknown[0]!r}.{nearest(unknown[0], known)} Allowed: {', '.join(known)}")


def check_command_line(config_name: str, overrides: Sequence[str], check: Callable[[DictConfig], None]) -> None:
    """Compose each override of a command line and check the result, before any job starts.

    Sweeps are checked value by value, not in every combination: each value on its own must compose.

    Args:
        config_name: root configuration, such as `"train"`.
        overrides: the overrides of the command line.
        check: checks a composed configuration.

    Raises:
        ConfigError: the first thing that is wrong, with the nearest valid name.
    """
    parsed = [_parse(override) for override in overrides]
    choices = [_values(override) for override in parsed]
    if not all(choices):  # a sweep over nothing enumerable: left to Hydra
        return
    first = [options[0] for options in choices]
    for slot, options in enumerate(choices):
        for option in options if slot == 0 else options[1:]:
            check(compose_checked(config_name, [*first[:slot], option, *first[slot + 1 :]]))
    if not choices:
        check(compose_checked(config_name, []))
    for override in overrides:
        if override.lstrip("+").startswith("ablation="):
            _check_axes(config_name, override, compose_checked(config_name, first))


def _check_axes(config_name: str, ablation: str, config: DictConfig) -> None:
    """Refuse an ablation over what this command does not have.

    Args:
        config_name: root configuration.
        ablation: the override that chooses it.
        config: composed with it.

    Raises:
        ConfigError: naming the axis, and where to see which command it is for.
    """
    file = conf_dir() / "ablation" / f"{ablation.partition('=')[2]}.yaml"
    axes = OmegaConf.select(OmegaConf.load(file), "hydra.sweeper.params") if file.is_file() else None
    for key in map(str, axes or ()):
        if key[0] not in "+~" and re.split(r"[./]", key)[0] not in config:
            raise ConfigError(
                f"{ablation} varies {key}, which {config_name} does not have: it is for another command, named in the "
                f"first lines of {file.relative_to(file.parents[2])}"
            )


def name_jobs_by_what_varies(overrides: Sequence[str]) -> list[str]:
    """Overrides with one more, so that sweep jobs are named by the swept keys alone."""
    parsed = [_parse(override) for override in overrides]
    swept = {override.key_or_group for override in parsed if override.is_sweep_override()}
    fixed = sorted({override.key_or_group for override in parsed} - swept)
    return [*overrides, f"hydra.job.config.override_dirname.exclude_keys=[{','.join(map(repr, fixed))}]"]


def compose_checked(config_name: str, overrides: Sequence[str], config_dir: Path | None = None) -> DictConfig:
    """Compose a configuration outside of Hydra's main.

    Raises:
        ConfigError: unknown key, group or choice, with the nearest valid name.
    """
    register_resolvers()
    GlobalHydra.instance().clear()
    folder = config_dir or conf_dir()
    try:
        with initialize_config_dir(str(folder), version_base="1.3"):
            return compose(config_name, list(overrides))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(str(error), config_name, overrides, folder)) from error


def explain(message: str, config_name: str, overrides: Sequence[str], folder: Path) -> str:
    """Hydra's complaint in one line, with the nearest valid name of the override it is about."""
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        group = folder / key
        if group.is_dir() and value:
            choices = sorted(path.stem for path in group.glob("*.yaml"))
            if key.startswith("hydra/"):  # Hydra's own and those of its plugins
                choices += sorted(name.removesuffix(".yaml") for name in ConfigStore.instance().list(key))
            if value not in choices and value != "null":
                return f"{key}={value}: no such choice.{nearest(value, choices)} Allowed: {', '.join(choices)}"
    choices_made = [override for override in overrides if (folder / override.lstrip("+").partition("=")[0]).is_dir()]
    try:
        known = known_keys(config_name, choices_made, folder)
    except HydraException:  # a choice of a group that this command does not have
        known = known_keys(config_name, [], folder)
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        if not override.startswith("+") and key not in known and not key.startswith("hydra."):
            return f"unknown key {key!r}.{nearest(key, known)} (python -m fairmot_pl.{config_name} --help lists all)"
    if foreign := re.search(r"In '([^']+)': Could not override '([^']+)'", message):
        return f"{foreign[1]} sets {foreign[2]}, which {config_name} does not have: it is for another command"
    return " ".join(message.split())


def known_keys(config_name: str, choices: Sequence[str], folder: Path) -> list[str]:
    """Every dotted key and group that a root configuration has with the groups chosen, and what is added with `+`."""
    with initialize_config_dir(str(folder), version_base="1.3"):
        config = compose(config_name, list(choices))
    keys: list[str] = []

    def walk(node: Any, prefix: str) -> None:
        for key, value in node.items():
            keys.append(f"{prefix}{key}")
            if isinstance(value, dict):
                walk(value, f"{prefix}{key}.")

    walk(OmegaConf.to_container(config, resolve=False), "")
    groups = sorted({str(path.parent.relative_to(folder)) for path in folder.rglob("*.yaml")} - {"."})
    return [
        *keys,
        *(group for group in groups if group.split("/")[0] in (*config, "hydra")),
        *(f"+{group}" for group in ADDED),
    ]


def _parse(override: str) -> Override:
    try:
        return OverridesParser.create().parse_override(override)
    except HydraException as error:
        key, equals, value = override.partition("=")
        if equals and not value.startswith(("[", "{", "'", '"')) and _parses(quoted := f"{key}={quote(value)}"):
            raise ConfigError(
                f"{override!r}: {value!r} holds a character that means something to Hydra; quote it twice, once for "
                f"the shell: {shlex.quote(quoted)}"
            ) from error
        raise ConfigError(
            f"{override!r} is no override: write key=value, +group=choice or a sweep such as key=1,2"
        ) from error


def quote(value: str) -> str:
    """A value as Hydra takes it letter by letter."""
    # a backslash stands for itself unless it is before a quote
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', value)
    return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'


def _parses(override: str) -> bool:
    try:
        OverridesParser.create().parse_override(override)
    except HydraException:
        return False
    return True


def _values(override: Override) -> list[str]:
    """The plain overrides that one override stands for: several for a sweep over choices, the ends of an interval."""
    if not override.is_sweep_override():
        return [override.input_line or ""]
    prefix = (override.input_line or "").partition("=")[0]
    if not override.is_discrete_sweep():
        interval = override.value()
        ends = (interval.start, interval.end) if isinstance(interval, IntervalSweep) else ()
        return [f"{prefix}={end}" for end in ends]
    return [f"{prefix}={value}" for value in override.sweep_string_iterator()]
