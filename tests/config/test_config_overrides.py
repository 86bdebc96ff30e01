"""Command lines, taken apart."""

from __future__ import annotations

import pytest

from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.overrides import check_switches, split_arguments


@pytest.mark.parametrize(
    ("arguments", "switches"),
    [
        (["seed=1", "-m"], ["-m"]),
        (["--cfg", "job", "seed=1"], ["--cfg", "job"]),
        (["seed=1", "-p", "model", "--cfg=job"], ["-p", "model", "--cfg=job"]),
        (["--info", "searchpath", "seed=1"], ["--info", "searchpath"]),
        (["--info", "seed=1"], ["--info"]),
        (["seed=1"], []),
    ],
)
def test_switches_take_their_values_along(arguments, switches):
    found, overrides = split_arguments(arguments)
    assert found == switches
    assert overrides == [each for each in arguments if each == "seed=1"]
    check_switches(found)


def test_an_unknown_switch_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown switch '--multirum'. Did you mean '--multirun'\?"):
        check_switches(["--multirum"])
