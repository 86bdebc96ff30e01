"""Parts of the loss by name."""

from __future__ import annotations

import re

import pytest

from fairmot_pl.losses.choosing import chosen


class Plain:
    """Takes no option."""


class Tuned:
    """Takes a size that every kind is given, and an option."""

    def __init__(self, size: int, *, margin: float = 0.1) -> None:
        self.size, self.margin = size, margin


KINDS: dict[str, type[object]] = {"plain": Plain, "tuned": Tuned}


@pytest.mark.parametrize(("name", "options"), [("plain", []), ("tuned", []), ("tuned", ["margin"])])
def test_a_kind_by_its_name(name: str, options: list[str]) -> None:
    assert chosen("balance", name, KINDS, options, given=["size"]) is KINDS[name]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("tune", [], "balance is 'tune'; allowed: plain, tuned"),
        ("plain", ["margin"], "balance 'plain' has no option margin; allowed: none"),
        ("tuned", ["size", "slope"], "balance 'tuned' has no option size, slope; allowed: margin"),
    ],
)
def test_what_is_not_there_is_named(name: str, options: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        chosen("balance", name, KINDS, options, given=["size"])
