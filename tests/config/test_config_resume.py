"""Configurations that runs recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from fairmot_pl.config.check import ConfigError, check_keys
from fairmot_pl.config.resume import check_recorded


def check(config) -> None:
    check_keys(config, ["images"], "callbacks.pictures")


def test_a_key_of_an_earlier_version_is_said_to_be_the_files():
    said = r"unknown key 'callbacks.pictures.sequences'. Allowed here: images\. That is what run/config.yaml says; if"
    with pytest.raises(ConfigError, match=said):
        check_recorded(OmegaConf.create({"sequences": 3}), check, Path("run/config.yaml"))


def test_a_choice_of_an_earlier_version_too():
    def refuse(config) -> None:
        raise ValueError("unknown association 'old'; choose from byte")

    with pytest.raises(ConfigError, match=r"unknown association 'old'; choose from byte. That is what run/config.yaml"):
        check_recorded(OmegaConf.create({}), refuse, Path("run/config.yaml"))


def test_what_can_be_meant_passes():
    check_recorded(OmegaConf.create({"images": 3}), check, Path("run/config.yaml"))
