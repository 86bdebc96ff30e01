"""Where configurations come from and where a run's files go."""

from __future__ import annotations

import re
from pathlib import Path

from omegaconf import OmegaConf


def conf_dir() -> Path:
    """The folder of configurations: inside an installed package, else at the top of the source tree.

    Raises:
        FileNotFoundError: neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "conf", package.parents[1] / "conf"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no conf/ folder in {package} or {package.parents[1]}: the installation is incomplete")


def quoted(path: Path) -> str:
    """A path as it can be pasted behind `key=` on a command line."""
    text = str(path)
    return text if re.fullmatch(r"[\w./+-]+", text) else f"\"'{text}'\""


def job_folder(overrides: str) -> str:
    """A readable folder name from a sweep job's own overrides, such as `reid_dim-16_weighting-fixed`.

    Only letters, digits and `.+-_` are left, so that the folder can be named in an override.

    Args:
        overrides: Hydra's `override_dirname` with `|` between overrides, the ones that do not vary left out.
    """
    parts = [re.sub(r"[^\w.+]+", "-", tag.replace("=", "-", 1)).strip("-") for tag in axis_tags(overrides)]
    return "_".join(parts) or "default"


def axis_tags(overrides: str) -> list[str]:
    """A sweep job's own overrides as short words, such as `reid_dim=16`.

    Args:
        overrides: see `job_folder`.
    """
    pairs = [override.lstrip("+~").partition("=") for override in filter(None, overrides.split("|"))]
    return [f"{key.replace('/', '.').rsplit('.', 1)[-1]}={value}" for key, _, value in pairs]


def register_resolvers() -> None:
    """Make `${job_folder:...}` known to the configuration files."""
    OmegaConf.register_new_resolver("job_folder", job_folder, replace=True)
