"""Several runs in one process: none leaks into the next, and they are compared."""

from __future__ import annotations

from entries.wandb_run import read_wandb_runs


def test_four_runs_of_a_multirun(train_tiny):
    axes = ["model.reid_dim=4,8", "loss/weighting=uncertainty,fixed"]
    swept = train_tiny("-m", *axes, "trainer.max_epochs=1", "callbacks.media.frames=0")
    runs = {path.parent.name for path in swept.folder.rglob("metrics.json")}
    assert runs == {f"weighting-{name}_reid_dim-{dim}" for dim in (4, 8) for name in ("uncertainty", "fixed")}
    table = (swept.folder / "comparison.md").read_text()
    assert all(name in swept.out and name in table for name in runs)
    recorded = read_wandb_runs(swept.folder)
    assert len(recorded) == 4
    assert {run.group for run in recorded} == {swept.folder.name}
    assert {tag for run in recorded for tag in run.tags} >= {"reid_dim=4", "reid_dim=8", "weighting=fixed"}


def test_a_second_job_equals_a_first_one(train_tiny):
    swept = train_tiny("-m", "seed=5,5", "trainer.max_epochs=1", "callbacks.media.frames=0", "model.reid_dim=8")
    # both jobs have the same overrides and so the same folder: the second overwrites the first with equal figures
    alone = train_tiny("seed=5", "trainer.max_epochs=1", "callbacks.media.frames=0")
    job = next(path for path in swept.folder.rglob("metrics.json"))
    assert job.read_text() == (alone.folder / "metrics.json").read_text()


def test_a_failed_job_does_not_stop_the_others(train_tiny, capfd):
    import pytest

    with pytest.raises(SystemExit):
        train_tiny("-m", "data.val.synthetic.path=nowhere,val", "trainer.max_epochs=1", "callbacks.media.frames=0")
    printed = capfd.readouterr()
    assert "nowhere: no such folder" in printed.err
    assert "failed" in printed.out
