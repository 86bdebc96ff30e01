"""`tune` from end to end on a tiny world, and what is refused."""

from __future__ import annotations

import csv
import re
import shlex

import pytest
import yaml

from entries.conftest import LOOSE, TINY
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.tuning.search import FoldSearch

SPACE = ["space.all.score_threshold=[0.01,0.2]", "~space.fairmot.motion_weight"]


@pytest.fixture
def tune(run, checkpoint, world_root):
    def command(*arguments):
        given = [f"checkpoint={checkpoint}", f"data.root={world_root}", *TINY, *LOOSE, *SPACE]
        return run("tune", *given, "trials=5", "workers=1", *arguments)

    return command


def test_search_use_stop_and_resume(tune, run, checkpoint, world_root, monkeypatch, tmp_path, capfd):
    tuned = tune()
    rows = list(csv.DictReader((tuned.folder / "trials.csv").open()))
    assert [(row["fold"], row["trial"]) for row in rows] == [(f, t) for f in "12" for t in "01234"]
    assert {float(row["score_threshold"]) for row in rows[::5]} == {0.02}
    assert "motion_weight" not in rows[0]
    assert "held-out" in tuned.out
    page = (tuned.folder / "report.html").read_text()
    assert page.count("<svg") == 3
    for figure in ("gain/held_out", "start/HOTA", "held_out/HOTA", "tuned/HOTA"):
        assert figure in tuned.metrics

    # the tracker that it names gives the figures that it promises, from the same recorded outputs
    text = (tuned.folder / "tracker.yaml").read_text()
    command = shlex.split(next(line for line in text.splitlines() if line.startswith("# python"))[2:])
    assert command[:3] == ["python", "-m", "fairmot_pl.evaluate"]
    used = run("evaluate", *command[3:], *(each for each in [*TINY[:2], *LOOSE] if "tracker." not in each))
    assert "2 sequences replayed from" in used.out
    promised = {name: value for name, value in tuned.metrics.items() if name.startswith("tuned/")}
    assert {name: used.metrics[name.replace("tuned/", "val/")] for name in promised} == promised
    OnlineTracker(**yaml.safe_load(text))

    # stopped and resumed, it is the same search
    finish, finished = FoldSearch.finish, []

    def stops(self):
        if len(finished) == 3:
            raise KeyboardInterrupt
        finished.append(self)
        return finish(self)

    with monkeypatch.context() as patch:
        patch.setattr(FoldSearch, "finish", stops)
        with pytest.raises(SystemExit) as stop:
            tune("name=stopped")
    assert stop.value.code == 130
    said = capfd.readouterr().err
    assert "stopped after 3 trials; to go on: python -m fairmot_pl.tune resume=" in said
    (stopped,) = (tmp_path / "outputs" / "stopped").iterdir()
    resumed = run("tune", f"resume={stopped.relative_to(tmp_path)}")
    assert (resumed.folder / "trials.csv").read_text() == (tuned.folder / "trials.csv").read_text()
    assert resumed.metrics == tuned.metrics


def test_a_single_sequence_is_halved_and_said_so(tune, tmp_path):
    ran = tune(
        "data.synthetic.val=1", "trials=2", "folds=5", f"data.root={tmp_path / 'one'}", "objective={HOTA:1,IDF1:1}"
    )
    assert "is the only sequence: its halves in time" in ran.out
    assert "is the only sequence" in (ran.folder / "report.html").read_text()
    assert "folds is 5, but there are 2 sequences: 2 folds, each of which holds out one" in ran.out + ran.err
    assert "mean of HOTA, IDF1" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["+space.fairmot.iou_limt=[0.1,0.2]"], r"unknown key 'space.fairmot.iou_limt'. Did you mean 'iou_limit'\?"),
        (["space.fairmot.iou_limit=[0.8,0.9]"], "the search starts at tracker.iou_limit=0.5"),
        (["+space.bite.iou_limit=[0.1,0.9]"], r"unknown key 'space.bite'. Did you mean 'byte'\?"),
        (["objective=HOTTA"], "objective names 'HOTTA'; allowed: HOTA"),
        (["trials=0"], "trials is 0; it must be 1 or more"),
        (["folds=1"], "folds is 1; it must be 2 or more"),
        (["outputs_cache=off"], "a search replays recorded outputs"),
        (["resume=nowhere"], "name the folder of a stopped search"),
    ],
)
def test_what_cannot_be_meant_is_refused(refused, arguments, message):
    assert re.search(message, refused("tune", "checkpoint=x", "data.root=x", *arguments))


def test_it_needs_a_checkpoint(refused):
    assert "checkpoint is missing" in refused("tune")
