"""The main job from end to end: train, evaluate, track, on a tiny world."""

from __future__ import annotations

import csv
import json

import pytest
import yaml

from entries.conftest import SHORT, SMALL_NET, TINY
from entries.wandb_run import read_wandb_runs
from fairmot_pl.mot_format import read_mot
from fairmot_pl.report import main as report
from fairmot_pl.reporting.evidence import read_evidence


def test_train_evaluate_track(train_tiny, run, world_root):
    trained = train_tiny()
    assert {path.name for path in trained.folder.iterdir()} >= {
        *("config.yaml", "metrics.json", "metrics.csv", "provenance.json", "report.html"),
        *("validation.mp4", "checkpoints", "tracks", "wandb", "train.log", "split.json"),
    }
    assert {path.name for path in (trained.folder / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert {"val/HOTA", "val/MOTA", "val/IDF1", "val/IDSW", "train/loss/total"} <= trained.metrics.keys()
    split = json.loads((trained.folder / "split.json").read_text())
    assert split["train"] == {"synthetic": {"SYN-01": {"frames": 6, "ranges": [[1, 6]]}}}
    assert list(split["val"]["synthetic"]) == ["SYN-101", "SYN-102"]
    assert split["shared_identities"] == 0
    assert json.loads((trained.folder / "provenance.json").read_text())["data"]["shared identities"] == 0
    assert "training and validation share 0 identities" in (trained.folder / "train.log").read_text()
    config = yaml.safe_load((trained.folder / "config.yaml").read_text())
    assert config["model"]["reid_dim"] == 8
    assert config["data"]["seed"] == config["seed"]
    columns = next(csv.reader((trained.folder / "metrics.csv").open()))
    assert {"train/loss/heatmap", "train/loss/reid", "train/weight/reid", "lr/network", "val/HOTA"} <= set(columns)
    assert "next: " in trained.out

    evaluated = run("evaluate", f"checkpoint={trained.folder}", "data=synthetic", f"data.root={world_root}", *TINY)
    for name, value in evaluated.metrics.items():
        assert value == pytest.approx(trained.metrics[name], abs=1e-9), name
    assert {"val/AP", "val/AP50", "val/TPR@FAR=0.1", "val/rank1", "val/mAP"} <= evaluated.metrics.keys()
    assert evaluated.metrics.keys() <= trained.metrics.keys()
    for title in ("Tracking (", "OVERALL", "Detection (", "Re-identification (", "Mean cosine similarity"):
        assert title in evaluated.out
    tables = {path.name for path in (evaluated.folder / "tables").iterdir()}
    assert tables >= {f"{name}.{kind}" for name in ("tracking", "detection", "reid") for kind in ("csv", "md")}
    assert "Re-identification" in (evaluated.folder / "report.html").read_text()
    check_evidence(trained.folder, {"training", "validation"})
    check_evidence(evaluated.folder, {"validation"})
    for name in ("SYN-101", "SYN-102"):
        read_mot(evaluated.folder / f"{name}.txt")

    source = next(path for path in world_root.rglob("SYN-101") if len(list((path / "img1").iterdir())) == 6)
    tracked = run("track", f"source={source}", f"checkpoint={trained.folder}", "tracker.score_threshold=0.05")
    written = {path.name for path in tracked.folder.iterdir()}
    assert written >= {"SYN-101.txt", "SYN-101.mp4", "config.yaml", "metrics.json"}
    assert tracked.metrics["speed/frames"] == 6
    assert tracked.metrics["boxes"] == len(read_mot(tracked.folder / "SYN-101.txt"))


def check_evidence(folder, phases):
    """Curves, pictures and times are there, and the report is the same when it is made again."""
    evidence = read_evidence(folder)
    assert set(evidence.hota) == {"OVERALL", "SYN-101", "SYN-102"}
    assert evidence.looks.names == ("SYN-101", "SYN-102")
    assert [picture.caption.split(":")[0] for picture in evidence.pictures] == [
        "SYN-101, frame 2",
        "SYN-101, frame 5",
        "SYN-102, frame 2",
        "SYN-102, frame 5",
    ]
    assert all(picture.heatmap for picture in evidence.pictures)
    assert set(evidence.stages) == phases
    assert evidence.stages["validation"].seconds["network"] > 0
    if "training" in phases:
        times = evidence.stages["training"]
        assert times.count == 6, "two epochs of three steps"
        assert {"waiting for data", "network and losses", "backward", "optimiser"} <= times.seconds.keys()
    before = (folder / "report.html").read_text()
    report([str(folder)])
    assert (folder / "report.html").read_text() == before


def test_the_run_is_in_wandb_offline(train_tiny):
    trained = train_tiny("trainer.max_epochs=1", "logger.tags=[mine]")
    (run,) = read_wandb_runs(trained.folder)
    assert run.project == "fairmot_pl"
    assert set(run.tags) == {"synthetic", "reid_dim=8", "weighting=uncertainty", "mine"}
    assert {"val/HOTA", "train/loss/total", "train/weight/detection"} <= run.keys
    assert run.config["config"]["model"]["reid_dim"] == 8
    assert run.config["environment"]["packages"]["torch"]
    assert run.config["data"]["fingerprint"]
    assert {"val/sequences/_type", "val/clip/_type"} <= run.keys


def test_one_seed_one_result_whatever_the_workers(train_tiny):
    first, second = train_tiny(), train_tiny("data.num_workers=2")
    other = train_tiny("seed=3")
    assert first.metrics == second.metrics
    assert first.metrics["train/loss/total"] != other.metrics["train/loss/total"]


def test_detection_alone_without_validation(train_tiny):
    trained = train_tiny("data.val=null", "trainer.max_epochs=1")
    assert "val/HOTA" not in trained.metrics
    assert {path.name for path in (trained.folder / "checkpoints").iterdir()} == {"last.ckpt"}


@pytest.mark.parametrize(
    ("profiler", "of"), [("simple", "training_step"), pytest.param("pytorch", "conv2d", marks=pytest.mark.slow)]
)
def test_a_profiler_of_lightnings_comes_beside_the_times_of_the_report(train_tiny, profiler, of):
    folder = train_tiny("data.val=null", "trainer.max_epochs=1", f"+trainer.profiler={profiler}").folder
    assert read_evidence(folder).stages["training"].count == 3
    assert "milliseconds a step" in (folder / "report.html").read_text()
    (written,) = folder.glob("fit-profile*.txt")
    assert of in written.read_text()


@pytest.mark.slow
def test_figures_of_the_reference_stand_beside_the_others(train_tiny, run, world_root):
    trained = train_tiny("trainer.max_epochs=1")
    evaluated = run(
        *("evaluate", f"checkpoint={trained.folder}", f"data.root={world_root}", *TINY, "protocol=reference")
    )
    assert evaluated.metrics["val/HOTA"] == pytest.approx(trained.metrics["val/HOTA"])
    assert {"val/reference/MOTA", "val/reference/IDF1", "val/reference/IDSW"} <= evaluated.metrics.keys()
    assert "counted as FairMOT's scripts do" in evaluated.out
    rows = json.loads((evaluated.folder / "sequences.json").read_text())
    assert rows["OVERALL"]["reference/MOTA"] == evaluated.metrics["val/reference/MOTA"]
    assert (evaluated.folder / "tables" / "tracking_reference.csv").is_file()


def test_weight_averaging_is_what_is_validated_and_kept(train_tiny, run, world_root):
    trained = train_tiny("optimizer.ema_decay=0.5")
    evaluated = run("evaluate", f"checkpoint={trained.folder}", f"data.root={world_root}", *TINY)
    assert evaluated.metrics["val/FN"] == trained.metrics["val/FN"]


def test_a_start_from_other_weights(train_tiny, refused, world_root):
    trained = train_tiny("trainer.max_epochs=1")
    train_tiny("trainer.max_epochs=1", f"model.init_from={trained.folder}")
    said = refused(
        *("train", "+experiment=synthetic", f"data.root={world_root}", *TINY, *SMALL_NET, *SHORT),
        *(f"model.init_from={trained.folder}", "model.reid_dim=16"),
    )
    assert "has reid_dim=8, this run has model.reid_dim=16" in said


@pytest.mark.slow
def test_a_finished_run_can_be_finished_again(train_tiny, run):
    trained = train_tiny()
    again = run("train", f"resume={trained.folder}")
    assert again.metrics == trained.metrics
    assert "OVERALL" in again.out


def test_other_boxes_and_classes_are_set_in_one_place(train_tiny):
    trained = train_tiny("model.box_encoding=wh", "model.num_classes=2", "trainer.max_epochs=1")
    assert trained.metrics["train/loss/size"] > 0


def test_a_limit_on_validation_is_not_counted_as_misses(train_tiny):
    trained = train_tiny("trainer.max_epochs=1", "trainer.limit_val_batches=1", "data.val_batch_size=4")
    whole = train_tiny("trainer.max_epochs=1")
    assert 0 < trained.metrics["val/GT_Dets"] < whole.metrics["val/GT_Dets"]
    assert "not all validation frames were tracked" in (trained.folder / "report.html").read_text()


@pytest.mark.slow
def test_evaluate_takes_the_runs_own_tracker_unless_told(train_tiny, run, world_root):
    trained = train_tiny("tracker.score_threshold=0.05", "tracker.new_track_threshold=0.06", "trainer.max_epochs=1")
    given = ["evaluate", f"checkpoint={trained.folder}", f"data.root={world_root}", *TINY]
    assert yaml.safe_load((run(*given).folder / "config.yaml").read_text())["tracker"]["new_track_threshold"] == 0.06
    other = yaml.safe_load((run(*given, "tracker=byte", "name=other").folder / "config.yaml").read_text())
    assert other["tracker"]["new_track_threshold"] is None


def test_the_best_checkpoint_survives_a_moved_folder(train_tiny, run, tmp_path):
    trained = train_tiny()
    moved = tmp_path / "moved here"
    trained.folder.rename(moved)
    before = (moved / "checkpoints" / "best.ckpt").read_bytes()
    resumed = run("train", f"resume='{moved}'")
    assert resumed.metrics == json.loads((moved / "metrics.json").read_text())
    assert (moved / "checkpoints" / "best.ckpt").read_bytes() == before
