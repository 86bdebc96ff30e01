"""Where configurations come from and where a run's files go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf

UNNAMED_KEYS = (
    "experiment",
    "ablation",
    "trainer.",
    "data.root",
    "data.num_workers",
    "logger",
    "callbacks.",
    "hydra",
)
"""Overrides that say how or where to run, not what is compared; they do not name a folder."""


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


def job_folder(overrides: Sequence[str]) -> str:
    """A readable folder name from a job's overrides, such as `reid_dim=16,weighting=fixed`."""
    parts = []
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        if not key.startswith(UNNAMED_KEYS):
            short = key.replace("/", ".").rsplit(".", 1)[-1]
            parts.append(f"{short}={value}".replace("/", "-"))
    return ",".join(parts) or "default"


def register_resolvers() -> None:
    """Make `${job_folder:...}` known to the configuration files."""
    OmegaConf.register_new_resolver("job_folder", job_folder, replace=True)
