"""`python -m fairmot_pl.evaluate`: track the validation sequences with a checkpoint and score them."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from fairmot_pl.config.check import ConfigError, check_values
from fairmot_pl.config.entry import Outcome, plain, run_command
from fairmot_pl.config.nodes import check_data, check_output_cache, check_refinement, check_run
from fairmot_pl.evaluation.tracking import check_protocol

KEYS = {
    **{"name": str, "checkpoint": str, "seed": int, "protocol": str, "outputs_cache": str | bool},
    **{"explain": bool, "explain_cards": int},
}


def main() -> None:
    """Console entry."""
    run_command("evaluate", evaluate, check)


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be meant.

    Raises:
        ConfigError: naming the key and what is allowed.
    """
    if OmegaConf.is_missing(config, "checkpoint"):
        raise ConfigError("checkpoint is missing; add checkpoint=FILE_OR_RUN_FOLDER")
    check_values(plain(config), KEYS, nodes=("data", "tracker", "trainer", "callbacks", "logger", "refine"))
    check_protocol(config.protocol)
    check_output_cache(config)
    check_refinement(config)
    if config.explain and config.outputs_cache in (False, "off"):
        raise ConfigError(
            "explain=true replays what the network says, so it needs outputs_cache; leave it at auto or name a folder"
        )
    if config.explain_cards < 0:
        raise ConfigError(f"explain_cards is {config.explain_cards}; allowed: 0 or more")
    check_data(config)
    check_run(config)


def evaluate(config: DictConfig) -> Outcome:
    """Score a checkpoint on the validation sequences of the data node."""
    from fairmot_pl.runs.evaluation import run_evaluation

    return run_evaluation(config)


if __name__ == "__main__":
    main()
