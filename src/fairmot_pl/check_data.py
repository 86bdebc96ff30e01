"""`python -m fairmot_pl.check_data`: find what is wrong with a data set, and draw what it holds."""

from __future__ import annotations

from typing import Literal

from omegaconf import DictConfig

from fairmot_pl.config import nodes
from fairmot_pl.config.check import ConfigError, check_values
from fairmot_pl.config.entry import Outcome, plain, run_command

KEYS = {
    "seed": int,
    "show": int,
    "json": bool,
    "fail_on": Literal["error", "warning"],
    "workers": int | None,
    "thorough": bool,
}


def main() -> None:
    """Console entry."""
    run_command("check_data", check_data, check, expand=as_overrides)


def as_overrides(arguments: list[str]) -> list[str]:
    """`--json`, `--show N` and `--show=N` as the overrides that they stand for."""
    given: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--json":
            given.append("json=true")
        elif argument == "--show":
            given.append(f"show={next(rest, '')}")
        elif argument.startswith("--show="):
            given.append(argument.removeprefix("--"))
        else:
            given.append(argument)
    return given


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be meant.

    Raises:
        ConfigError: naming the key and what is allowed.
    """
    check_values(plain(config), KEYS, nodes=("data",))
    if config.show < 0:
        raise ConfigError(f"show is {config.show}; give the number of samples to draw, 0 for none")
    if config.workers is not None and config.workers < 1:
        raise ConfigError(f"workers is {config.workers}; at least 1 is needed, or null for as many as there are cores")
    nodes.check_data(config)


def check_data(config: DictConfig) -> Outcome:
    """Audit the data of the data node, draw its sheet and some samples."""
    from fairmot_pl.runs.auditing import run_check

    return run_check(config)


if __name__ == "__main__":
    main()
