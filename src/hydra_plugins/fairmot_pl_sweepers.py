"""The sweepers of fairmot_pl, where Hydra looks for plugins.

Every Hydra application of the environment imports this file at its start, so the work is done elsewhere.
"""

from __future__ import annotations

from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper


class GridSweeper(BasicSweeper):
    """All combinations of what is swept (`conf/hydra/sweeper/grid.yaml`); what is finished is not run again."""

    def sweep(self, arguments: list[str]) -> Any:
        """Run what is left of the grid."""
        from fairmot_pl.config.sweep import run_grid

        return run_grid(self, arguments)


class OptunaSearch(BasicSweeper):
    """Proposals of Optuna in the ranges of what is swept (`conf/hydra/sweeper/optuna_search.yaml`).

    Args:
        params: swept keys, as on the command line.
        direction: `"maximize"` or `"minimize"` what the jobs return.
        trials: how many, finished and failed ones alike.
        jobs: trials at a time.
        startup: trials at random before proposals are drawn from what was good so far.
        seed: of the proposals.
    """

    def __init__(
        self, *, params: dict[str, str] | None, direction: str, trials: int, jobs: int, startup: int, seed: int
    ) -> None:
        super().__init__(None, params)
        self.direction, self.trials, self.jobs, self.startup, self.seed = direction, trials, jobs, startup, seed

    def sweep(self, arguments: list[str]) -> Any:
        """Run the trials that are left."""
        from fairmot_pl.config.search import run_search

        return run_search(self, arguments)
