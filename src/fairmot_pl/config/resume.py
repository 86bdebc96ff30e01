"""`resume=FOLDER`: go on with a stopped run in its own folder, as it was configured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.entry import sweep_folder, task_overrides


def expand_resume(arguments: list[str], *, needed: Sequence[str], what: str) -> list[str]:
    """Arguments with one more, so that `resume=FOLDER` also makes that folder the output folder.

    Args:
        arguments: of the command line.
        needed: files that a run has which can be resumed, relative to its folder.
        what: such a run is, for messages.

    Raises:
        ConfigError: the folder is not a run that can be resumed.
    """
    for argument in arguments:
        if argument.startswith("resume=") and argument != "resume=null":
            folder = Path(argument.partition("=")[2].strip("'\""))
            for file in (folder / name for name in needed):
                if not file.is_file():
                    raise ConfigError(f"resume={folder}: {file} is not there; name the folder of a stopped {what}")
            return [*arguments, f"hydra.run.dir='{folder}'"]
    return arguments


def resumed_config(
    config: DictConfig, check: Callable[[DictConfig], None], *, may_change: tuple[str, ...]
) -> DictConfig:
    """The stopped run's configuration with this command line's overrides on top, as far as they may change.

    Args:
        config: of this command line.
        check: refuses configurations that cannot be meant.
        may_change: keys that leave it the same run; with a dot at the end, a whole node.

    Raises:
        ConfigError: an override would make it another run.
    """
    if not config.resume or sweep_folder() is not None:  # a sweep composes its jobs as they were
        return config
    saved = OmegaConf.load(Path(config.resume) / "config.yaml")
    assert isinstance(saved, DictConfig)
    for override in task_overrides():
        key = override.lstrip("+~").partition("=")[0]
        if override.startswith(("+", "~")) or not key.startswith(may_change):
            raise ConfigError(
                f"{override} cannot go with resume={config.resume}: the checkpoint would not fit, or it would be "
                f"another run; what may change: {', '.join(may_change)}"
            )
        OmegaConf.update(saved, key, OmegaConf.select(config, key))
    saved.resume = config.resume
    check_recorded(saved, check, Path(config.resume) / "config.yaml")
    return saved


def check_recorded(saved: DictConfig, check: Callable[[DictConfig], None], file: Path) -> None:
    """Check the configuration that a run recorded, which may be of an earlier version of this package.

    Args:
        saved: what the file says, with what this command changes.
        check: refuses configurations that cannot be meant.
        file: where it was recorded.

    Raises:
        ConfigError: also naming the file, and what to do if keys have changed since.
    """
    try:
        check(saved)
    except ValueError as error:
        raise ConfigError(
            f"{str(error).rstrip('.')}. That is what {file} says; if an earlier version wrote it "
            "(provenance.json names the commit), change it there as CHANGELOG.md says, or go on with that version"
        ) from error
