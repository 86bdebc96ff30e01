"""`trainer.precision=auto`."""

from __future__ import annotations

import pytest

from fairmot_pl import evaluate, train
from fairmot_pl.config.build import trainer_precision
from fairmot_pl.config.overrides import compose_checked
from fairmot_pl.inference import precision


@pytest.mark.parametrize(
    ("capabilities", "chosen"), [({"amx_bf16": True}, "bf16-mixed"), ({"avx2": True}, "32-true"), ({}, "32-true")]
)
def test_auto_is_mixed_where_the_processor_multiplies_bfloat16(monkeypatch, capabilities, chosen):
    monkeypatch.setattr(precision, "cpu_capabilities", lambda: capabilities)
    assert trainer_precision("cpu") == chosen


def test_auto_is_a_precision_of_every_command_with_a_trainer():
    train.check(compose_checked("train", ["+experiment=synthetic", "trainer.precision=auto"]))
    config = compose_checked("evaluate", ["checkpoint=x", "trainer.precision=auto"])
    evaluate.check(config)
    assert config.trainer.precision == "auto"


def test_by_default_runs_are_exact():
    assert compose_checked("evaluate", ["checkpoint=x"]).trainer.precision == "32-true"
