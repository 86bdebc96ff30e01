"""The parts of the benchmark, each measured in turns with its yardstick."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fairmot_pl.benchmarking.laps import Case, Yardstick, in_turns
from fairmot_pl.benchmarking.networks import decode_cases, network_cases, training_cases
from fairmot_pl.benchmarking.objectives import loss_cases
from fairmot_pl.benchmarking.processor import WARM_UP, data_cases, evaluation_cases, tracker_cases
from fairmot_pl.benchmarking.results import Row, rows_of
from fairmot_pl.benchmarking.settings import Settings
from fairmot_pl.benchmarking.yardsticks import case_r, case_u


@dataclass(frozen=True)
class Part:
    """A part: its yardstick, and what makes its cases."""

    yardstick: Yardstick
    cases: Callable[[Settings], list[Case]]


PARTS = {
    "network": Part("R", network_cases),
    "decode": Part("R", decode_cases),
    "losses": Part("R", loss_cases),
    "training": Part("R", training_cases),
    "tracker": Part("U", tracker_cases),
    "data": Part("U", data_cases),
    "evaluation": Part("U", evaluation_cases),
}


def measure(parts: Sequence[str], settings: Settings) -> Iterator[list[Row]]:
    """Measure parts; rows come as soon as a yardstick is through.

    Args:
        parts: keys of `PARTS`.
        settings: how.
    """
    chosen = [PARTS[name] for name in PARTS if name in parts]
    on_wall = [case for part in chosen if part.yardstick == "R" for case in part.cases(settings)]
    if on_wall:
        yield rows_of(
            in_turns(
                [case_r(settings.input_size, settings.device), *on_wall],
                laps=settings.laps,
                warm_up=2,  # the second tells the memory
                device=settings.device,
                description="network",
            )
        )
    on_thread = [case for part in chosen if part.yardstick == "U" for case in part.cases(settings)]
    if on_thread:
        yield rows_of(
            in_turns(
                [case_u(), *on_thread],
                laps=settings.many_laps,
                warm_up=WARM_UP,
                clock=time.thread_time,
                description="tracker, data, evaluation",
            )
        )
