"""`python -m fairmot_pl.tune`: search tracker settings on recorded network outputs, and say what of the gain holds."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from fairmot_pl.config.check import ConfigError, check_keys, check_values
from fairmot_pl.config.entry import Outcome, plain, run_command
from fairmot_pl.config.jobs import RESUMES_WITH
from fairmot_pl.config.nodes import check_data, check_output_cache, check_run, check_tracker
from fairmot_pl.config.resume import expand_resume
from fairmot_pl.tracking.association import RECIPES
from fairmot_pl.tuning.objective import Objective
from fairmot_pl.tuning.space import COMMON, SearchSpace, complete, settable

KEYS = {
    "name": str,
    "checkpoint": str,
    "seed": int,
    "resume": str | None,
    "outputs_cache": str | bool,
    "trials": int,
    "folds": int | None,
    "objective": str | dict[str, float],
    "workers": int | None,
}
NODES = ("data", "tracker", "trainer", "callbacks", "logger", "space")
RESUMABLE = ("resume", "trials", "workers", "trainer.", "data.num_workers", "data.root")


def main() -> None:
    """Console entry."""
    run_command("tune", tune, check, expand)


def expand(arguments: list[str]) -> list[str]:
    """`resume=FOLDER` also makes that folder the output folder."""
    return expand_resume(arguments, needed=RESUMES_WITH["tune"], what="search")


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be meant.

    Raises:
        ConfigError: naming the key and what is allowed; ValueError where a range or an objective is wrong.
    """
    if OmegaConf.is_missing(config, "checkpoint"):
        if config.resume:  # the stopped search knows it
            return
        raise ConfigError("checkpoint is missing; add checkpoint=FILE_OR_RUN_FOLDER")
    check_values(plain(config), KEYS, nodes=NODES)
    check_output_cache(config)
    for key, least in (("trials", 1), ("folds", 2), ("workers", 1)):
        if config[key] is not None and config[key] < least:
            raise ConfigError(f"{key} is {config[key]}; it must be {least} or more")
    if not config.outputs_cache or config.outputs_cache == "off":
        raise ConfigError("outputs_cache is off, but a search replays recorded outputs: use auto, or a folder")
    Objective.of(plain(config.objective))
    space = plain(config.space)
    check_keys(space, (COMMON, *RECIPES), "space")
    for association, ranges in space.items():
        check_keys(ranges or {}, settable(), f"space.{association}")
    check_tracker(config)
    SearchSpace.of(space, complete(plain(config.tracker)))
    check_data(config)
    check_run(config)


def tune(config: DictConfig) -> Outcome:
    """Record what the network says, search on it fold by fold, conclude, report."""
    from fairmot_pl.runs.search import run_search

    return run_search(config, check, may_change=RESUMABLE)


if __name__ == "__main__":
    main()
