from __future__ import annotations

import time

import pytest

from fairmot_pl.data.many_files import ask_many


def test_answers_come_in_order():
    def slow_at_first(number: int) -> int:
        time.sleep(0.01 if number < 3 else 0)
        return number * number

    assert ask_many(slow_at_first, range(50), "test") == [number * number for number in range(50)]
    assert ask_many(slow_at_first, [], "test") == []


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_what_has_not_begun_is_left_undone(stop):
    asked = []

    def question(number: int) -> int:
        asked.append(number)
        time.sleep(0.002)
        if number == 20:
            raise stop
        return number

    with pytest.raises(stop):
        ask_many(question, range(20_000), "test")
    assert len(asked) < 2_000
