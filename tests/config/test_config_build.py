"""From configuration nodes to the objects they describe."""

from __future__ import annotations

import pytest

from fairmot_pl.config import build
from fairmot_pl.config.overrides import compose_checked


@pytest.mark.parametrize(
    ("epochs", "every", "meant"), [(1, 5, 1), (3, 5, 3), (5, 5, 5), (30, 5, 5), (3, 1, 1), (-1, 5, 5)]
)
def test_a_run_shorter_than_the_interval_is_validated_at_its_end(tmp_path, monkeypatch, epochs, every, meant):
    monkeypatch.setattr(build, "sweep_folder", lambda: None)
    overrides = [f"trainer.max_epochs={epochs}", f"trainer.check_val_every_n_epoch={every}", "trainer=cpu"]
    config = compose_checked("train", ["+experiment=synthetic", *overrides])
    trainer = build.build_trainer(config, tmp_path, loggers=[], callbacks=[])
    assert trainer.check_val_every_n_epoch == meant
