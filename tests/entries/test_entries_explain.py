"""`evaluate explain=true` says of every ID switch why it happened."""

from __future__ import annotations

import json

import pytest

from entries.conftest import LOOSE, TINY


def test_explain_writes_a_page_and_data(run, world_root, checkpoint):
    given = [f"checkpoint={checkpoint}", f"data.root={world_root}", *TINY, *LOOSE]
    ran = run("evaluate", *given, "explain=true", "explain_cards=2")
    data = json.loads((ran.folder / "explain.json").read_text())
    assert len(data["switches"]) == ran.metrics["val/IDSW"]
    assert sum(map(len, data["fragments"].values())) == ran.metrics["val/Frag"]
    assert data["AssA"] == pytest.approx(ran.metrics["val/AssA"], abs=1e-9)
    page = (ran.folder / "explain.html").read_text()
    assert page.count('<section class="switch">') == min(2, len(data["switches"]))
    assert page.count("Identities of ") >= 2
    assert "explain.html in a browser" in ran.out


def test_what_cannot_be_explained_is_said(refused):
    given = ["evaluate", "checkpoint=x", "data.root=x"]
    assert "needs outputs_cache" in refused(*given, "explain=true", "outputs_cache=off")
    assert "explain_cards is -1" in refused(*given, "explain_cards=-1")
