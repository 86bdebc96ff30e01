"""Configurations against signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
from omegaconf import OmegaConf

from fairmot_pl.config.check import (
    ConfigError,
    check_call,
    check_given,
    check_keys,
    check_values,
    describe,
    fits,
    nearest,
)


@pytest.mark.parametrize(
    ("value", "hint", "good"),
    [
        (3, int, True),
        (True, int, False),  # a switch is no number
        (3.0, int, False),
        (3, float, True),
        ("3", float, False),
        ("x", str, True),
        (1, str, False),
        (None, int | None, True),
        ("a", int | None, False),
        ([1, 2], Sequence[int], True),
        ([1, "b"], Sequence[int], False),
        ("ab", Sequence[str], False),  # text is no list
        ({"a": 1.0}, Mapping[str, float], True),
        ({"a": "b"}, dict[str, float], False),
        ("x", Literal["x", "y"], True),
        ("z", Literal["x", "y"], False),
        (object(), Any, True),
        (True, bool, True),
        (1, bool, False),
    ],
)
def test_fits(value, hint, good):
    assert fits(value, hint) is good


def test_nearest_word():
    assert nearest("backbon", ["backbone", "reid_dim"]) == " Did you mean 'backbone'?"
    assert nearest("zzz", ["backbone"]) == ""


def target(*, width: int, rate: float = 0.1, name: str | None = None) -> None:
    """Something to be called."""


def test_a_sound_call_passes():
    check_call({"width": 3, "rate": 1}, target, "node")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widht": 3}, r"unknown key 'node.widht'. Did you mean 'width'\? Allowed here: name, rate, width"),
        ({"width": "abc"}, r"node.width is 'abc'; expected a whole number"),
        ({"width": 3, "name": 7}, r"node.name is 7; expected text or null"),
    ],
)
def test_a_wrong_call_is_named(values, message):
    with pytest.raises(ConfigError, match=message):
        check_call(values, target, "node")


def test_keys_of_a_root():
    check_values({"a": 1, "node": {}}, {"a": int}, nodes=("node",))
    with pytest.raises(ConfigError, match="a is 'x'; expected a whole number"):
        check_values({"a": "x"}, {"a": int})
    with pytest.raises(ConfigError, match=r"a is 'x'; expected a list of text or null, such as a=\[x\]$"):
        check_values({"a": "x"}, {"a": list[str] | None})
    with pytest.raises(ConfigError, match=r"unknown key 'seeed'. Did you mean 'seed'\?"):
        check_keys(["seeed"], ["seed"], "")


def test_annotations_in_words():
    assert describe(int | float) == "a whole number or a number"
    assert describe(Sequence[int]) == "a list of a whole number"


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"source": "???", "data": {"root": "???"}}, "source"),
        ({"source": 0, "data": {"root": "???"}}, "data.root"),
        ({"source": None, "data": {"root": ""}}, ""),
    ],
)
def test_what_a_command_cannot_do_without(values: dict[str, Any], missing: str) -> None:
    config = OmegaConf.create(values)
    if not missing:
        check_given(config, ("source", "data.root"), "track")
        return
    with pytest.raises(ConfigError) as raised:
        check_given(config, ("source", "data.root"), "track")
    example = "python -m fairmot_pl.track --help shows an example"
    assert str(raised.value) == f"{missing} is missing; add {missing}=... ({example})"
