"""Lightning's exceptions where it is loaded, and where it is not."""

from __future__ import annotations

import sys

from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.exceptions import SIGTERMException

from fairmot_pl.config.lightning_errors import misconfiguration, terminated


def test_they_are_lightnings_where_it_is_loaded():
    assert misconfiguration() == (MisconfigurationException,)
    assert terminated() == (SIGTERMException,)


def test_there_are_none_where_it_is_not(monkeypatch):
    for name in ("lightning_fabric.utilities.exceptions", "pytorch_lightning.utilities.exceptions"):
        monkeypatch.delitem(sys.modules, name)
    assert misconfiguration() == terminated() == ()
