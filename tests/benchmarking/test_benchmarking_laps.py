"""Timing in turns."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
import torch

from fairmot_pl.benchmarking.laps import Case, Laps, in_turns, peak_memory, resident_mb

CPU = torch.device("cpu")


def test_cases_take_turns_and_each_has_its_own_feed():
    calls = []
    cases = [
        Case(part="a", name="a", call=lambda item: calls.append(("a", item)), feed=count()),
        Case(part="b", name="b", call=lambda item: calls.append(("b", item))),
    ]
    measured = in_turns(cases, laps=2, warm_up=1)
    assert calls == [("a", 0), ("b", None), ("a", 1), ("b", None), ("a", 2), ("b", None)]
    assert [len(laps.seconds) for laps in measured] == [2, 2]


def test_the_clock_is_read_around_each_call():
    now = 0.0

    def work(seconds):
        nonlocal now
        now += seconds

    cases = [
        Case(part="a", name="slow", call=work, feed=iter([9.0, 4.0, 2.0, 6.0]), count=2),
        Case(part="a", name="quick", call=work, feed=iter([9.0, 1.0, 1.0, 1.0])),
    ]
    slow, quick = in_turns(cases, laps=3, warm_up=1, clock=lambda: now)
    assert slow.seconds == (4.0, 2.0, 6.0)
    assert slow.quantile(0.5) == 2.0  # of one of two frames
    assert quick.quantile(0.5) == 1.0


@pytest.mark.parametrize(("share", "wanted"), [(0.0, 1.0), (0.5, 2.0), (1.0, 3.0)])
def test_quantiles(share, wanted):
    laps = Laps(case=Case(part="a", name="a", call=print), seconds=(2.0, 1.0, 3.0))
    assert laps.quantile(share) == wanted


@pytest.mark.skipif(resident_mb() is None, reason="this system does not tell resident memory")
def test_memory_at_its_highest_is_told_also_where_it_is_freed_again():
    def call():
        np.ones(64 * 2**20, np.uint8).sum()

    peak = peak_memory(call, CPU)
    assert peak is not None
    assert 60 < peak < 80


def test_a_system_that_does_not_tell_memory_gives_none(monkeypatch):
    monkeypatch.setattr("fairmot_pl.benchmarking.laps.resident_mb", lambda kind="VmRSS": None)
    assert peak_memory(lambda: None, CPU) is None
