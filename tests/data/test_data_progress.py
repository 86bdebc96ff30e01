from __future__ import annotations

import pytest

from fairmot_pl.data import progress as module
from fairmot_pl.data.progress import progress


def test_quick_work_shows_nothing(capfd):
    assert list(progress(range(5), "reading", 5)) == list(range(5))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("rank", "shown"), [("0", True), ("1", False)])
def test_long_work_shows_a_bar_once(monkeypatch, capfd, rank, shown):
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    monkeypatch.setenv("LOCAL_RANK", rank)
    assert list(progress(range(5), "reading sizes", 5)) == list(range(5))
    out, err = capfd.readouterr()
    assert out == ""
    assert ("reading sizes" in err) == shown


def test_stopping_in_the_midst_ends_the_bar(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    work = progress(range(5), "reading", 5)
    next(work)
    next(work)
    work.close()
    with pytest.raises(StopIteration):
        next(work)
