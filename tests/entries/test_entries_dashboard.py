"""What boards are really told, read back from tiny runs: docs/dashboard.md and the workspace name all of it."""

from __future__ import annotations

import importlib.util
import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from entries.conftest import LOOSE, TINY
from entries.wandb_run import read_wandb_runs
from fairmot_pl.reporting.evidence import read_evidence

REPO = Path(__file__).resolve().parents[2]
PAGE = (REPO / "docs/dashboard.md").read_text(encoding="utf-8")
QUICK = [
    *LOOSE,
    "model.score_threshold=0.01",
    "callbacks.media.frames=3",
    "callbacks.throughput.every_n_steps=2",
    "callbacks.fairness.every_n_steps=1",
]


def documented(heading: str) -> list[str]:
    """Keys, some with `*`, in the first column of the table under a heading of the page."""
    part = PAGE.split(f"### {heading}", 1)[1].split("\n#", 1)[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return [key for row in rows for key in re.findall(r"`([^`]+)`", row)]


def differences(logged: set[str], keys: list[str]) -> tuple[set[str], set[str]]:
    """What is logged and not documented, and the other way round."""
    unknown = {name for name in logged if not any(fnmatchcase(name, key) for key in keys)}
    missing = {key for key in keys if not any(fnmatchcase(name, key) for name in logged)}
    return unknown, missing


@pytest.fixture
def workspace():
    spec = importlib.util.spec_from_file_location("workspace", REPO / "scripts/workspace.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(workspace, *without: str) -> set[str]:
    """Keys of the panels of the workspace; those of summaries by the figure they are of."""
    panels = [panel for name, panels in workspace.SECTIONS.items() if name not in without for panel in panels]
    axes = {panel.over[0] for panel in panels if panel.kind == "line"}
    return axes | {key.removesuffix(".max") for panel in panels for key in panel.keys}


def test_a_training_and_an_evaluation_in_wandb(train_tiny, run, world_root, workspace):
    trained = train_tiny(*QUICK, "callbacks.media.images=3")
    (recorded,) = read_wandb_runs(trained.folder)
    assert recorded.job_type == "train"
    check_media(recorded, trained.folder, images=3)
    keys = documented("Training") + documented("Validation")
    logged = recorded.names | {name for name in recorded.summary if name.startswith("result/")}
    assert differences(logged, keys) == (set(), set())
    assert shown(workspace, "Tuning") <= logged
    assert set(workspace.PINNED) <= logged

    best = json.loads((trained.folder / "metrics.json").read_text())
    validations = [row for row in recorded.history if "val/HOTA" in row]
    assert len(validations) == 2
    for name, pick in (("val/HOTA", max), ("val/IDSW", min), ("val/AP50", max)):
        kept = {"max": "max", "min": "min"}[pick.__name__]
        assert recorded.summary[name] == {kept: pick(row[name] for row in validations), "last": validations[-1][name]}
        assert recorded.summary[name.replace("val/", "result/")] == pytest.approx(best[name])
    assert recorded.summary["train/loss/total"]["min"] <= recorded.summary["train/loss/total"]["last"]
    assert recorded.steps["val/HOTA"] == recorded.steps["val/frames"] == "epoch"
    assert recorded.steps["train/loss/reid"] == "trainer/global_step"

    weighted = [row for row in recorded.history if "train/weighted/reid" in row]
    for row in weighted:
        for task in ("detection", "reid"):
            product = row[f"train/weight/{task}"] * row[f"train/loss/{task}"]
            assert row[f"train/weighted/{task}"] == pytest.approx(product, rel=1e-4)
        parts = sum(row[f"train/weighted/{task}"] for task in ("heatmap", "size", "offset"))
        assert parts == pytest.approx(row["train/weighted/detection"], rel=1e-4)
    assert weighted
    assert "model" not in recorded.artifacts

    evaluated = run("evaluate", f"checkpoint={trained.folder}", f"data.root={world_root}", *TINY, *LOOSE)
    (recorded,) = read_wandb_runs(evaluated.folder)
    assert recorded.job_type == "evaluate"
    assert "val/sequences" in recorded.names
    unknown, _ = differences(recorded.names, keys)
    assert unknown == set()
    assert recorded.summary["result/HOTA"] == evaluated.metrics["val/HOTA"]


def check_media(recorded, folder, *, images):
    """Media are whole."""
    media = recorded.files / "media"
    pictures = list(media.rglob("*.jpg"))
    assert len(pictures) == images  # of the last validation: the first was no full one
    assert len(list(media.rglob("*.mp4"))) == 1
    boxes = [json.loads(path.read_text())["box_data"] for path in media.rglob("*.boxes2D.json")]
    assert boxes
    texts = {box["box_caption"].split()[0] for of_layer in boxes for box in of_layer}
    assert texts == {"track", "person"}
    for box in (box for of_layer in boxes for box in of_layer):
        assert int(box["box_caption"].split()[1]) == box["class_id"]
        place = box["position"]
        assert 0 <= place["minX"] <= place["maxX"] <= 160
        assert 0 <= place["minY"] <= place["maxY"] <= 96
    (table,) = [path for path in media.rglob("sequences*.json") if "TPR@FAR=0.1" in path.read_text()]
    content = json.loads(table.read_text())
    assert [row[0] for row in content["data"]] == ["SYN-101", "SYN-102", "OVERALL"]
    assert {"HOTA", "IDSW", "AP", "TPR@FAR=0.1"} <= set(content["columns"])
    staged = {path.parent for paths in recorded.artifacts.values() for path in paths}
    assert staged == {(folder / "wandb/artifacts/staging").resolve()}


def test_media_stay_within_their_bytes(train_tiny):
    scarce = train_tiny(*QUICK, "trainer.max_epochs=1", "callbacks.media.max_megabytes=0.006")
    (recorded,) = read_wandb_runs(scarce.folder)
    handed = [path for kind in ("*.jpg", "*.mp4") for path in (recorded.files / "media").rglob(kind)]
    assert 0 < sum(path.stat().st_size for path in handed) <= 6000
    assert (scarce.folder / "validation.mp4").is_file()
    assert "larger than callbacks.media.max_megabytes leaves it" in (scarce.folder / "train.log").read_text()


def test_a_search_in_wandb(checkpoint, run, world_root, workspace):
    space = ["space.all.score_threshold=[0.01,0.2]", "outputs_cache=kept"]
    arguments = [f"data.root={world_root}", *TINY, *LOOSE, *space, "trials=3", "workers=1"]
    tuned = run("tune", f"checkpoint={checkpoint}", *arguments)
    (recorded,) = read_wandb_runs(tuned.folder)
    assert recorded.job_type == "tune"
    logged = recorded.names | {name for name in recorded.summary if not name.startswith("_")}
    logged -= {"trainer/global_step"}
    assert differences(logged, documented("Search of tracker settings")) == (set(), set())
    panels = {key for panel in workspace.SECTIONS["Tuning"] for key in panel.keys}
    assert panels <= logged
    rows = [row["tune/fold_1/objective"] for row in recorded.history if "tune/fold_1/objective" in row]
    assert len(rows) == 3
    assert recorded.summary["tune/fold_1/best"]["max"] == max(rows)
    assert recorded.summary["gain/held_out"] == tuned.metrics["gain/held_out"]
    assert recorded.steps["tune/fold_1/best"] == "tune/trial"
    (table,) = (recorded.files / "media").rglob("trials*.json")
    assert len(json.loads(table.read_text())["data"]) == 6  # two folds


def test_tensorboard_and_mlflow_beside_wandb(train_tiny):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    tracking = pytest.importorskip("mlflow.tracking")
    kinds = "logger.kinds=[wandb,tensorboard,mlflow]"
    trained = train_tiny(*QUICK, "trainer.max_epochs=2", kinds, "logger.checkpoints=true", "logger.tags=[mine]")
    (recorded,) = read_wandb_runs(trained.folder)
    best = trained.folder.resolve() / "checkpoints" / "best.ckpt"
    assert recorded.artifacts["model"] == [best]
    figures = {
        name for name in recorded.names if all(isinstance(row.get(name, 0), int | float) for row in recorded.history)
    }
    figures -= {"trainer/global_step", "val/frames", "val/clip", "val/sequences"}
    figures = {name for name in figures if not name.endswith("_table") and not name.startswith("val/similarity/")}

    tags: dict[str, set[str]] = {}
    for path in (trained.folder / "tensorboard").glob("events*"):
        found = events.EventAccumulator(str(path)).Reload().Tags()
        for kind in ("scalars", "images", "histograms", "tensors"):
            tags[kind] = tags.get(kind, set()) | set(found[kind])
    assert figures <= tags["scalars"]
    assert "result/HOTA" in tags["scalars"]
    drawn = {"val/hota_over_alpha", "val/precision_recall", "val/sequences", *(f"val/frames/{n}" for n in range(4))}
    assert drawn - {"val/precision_recall"} <= tags["images"]
    assert {"val/similarity/same@1", "val/similarity/different@1"} <= tags["histograms"]
    assert any(tag.startswith("train/doctor") for tag in tags["tensors"])

    client = tracking.MlflowClient(f"sqlite:///{trained.folder / 'mlflow/mlflow.db'}")
    (kept,) = client.search_runs([client.get_experiment_by_name("fairmot_pl").experiment_id])
    assert kept.info.status == "FINISHED"
    assert {name.replace("@", "_at_").replace("=", "_") for name in figures} <= set(kept.data.metrics)
    assert kept.data.metrics["result/HOTA"] == trained.metrics["val/HOTA"]
    assert kept.data.params["model/reid_dim"] == "8"
    assert kept.data.tags["job_type"] == "train"
    assert "mine" in kept.data.tags["tags"]
    (step,) = [of.path for of in client.list_artifacts(kept.info.run_id, "val")][-1:]
    names = {Path(of.path).name for of in client.list_artifacts(kept.info.run_id, step)}
    assert {"sequences.csv", "hota_over_alpha.png", "validation.mp4"} <= names
    captions = [picture.caption.split(":")[0] for picture in read_evidence(trained.folder).pictures]
    in_report = {f"{name}-{int(frame):06d}.jpg" for name, frame in (of.split(", frame ") for of in captions)}
    assert in_report == {name for name in names if name.endswith(".jpg")}, "the same frames on boards and in the report"
    assert client.list_artifacts(kept.info.run_id, "checkpoints")[0].file_size == best.stat().st_size


def test_a_run_whose_report_fails_is_a_failed_one(train_tiny, monkeypatch, tmp_path):
    tracking = pytest.importorskip("mlflow.tracking")

    def full(folder):
        raise OSError(f"{folder}: the disk is full")

    monkeypatch.setattr("fairmot_pl.training.finish.report_of", full)
    with pytest.raises(SystemExit):
        train_tiny("trainer.max_epochs=1", "callbacks.media.frames=0", "logger.kinds=[mlflow]")
    (store,) = tmp_path.glob("outputs/*/*/mlflow/mlflow.db")
    client = tracking.MlflowClient(f"sqlite:///{store}")
    (kept,) = client.search_runs([client.get_experiment_by_name("fairmot_pl").experiment_id])
    assert kept.info.status == "FAILED"


@pytest.mark.slow
def test_a_sweep_is_one_group_one_store_and_every_axis_is_a_tag(train_tiny, run):
    tracking = pytest.importorskip("mlflow.tracking")
    axes = ["model.reid_dim=4,8", "optimizer.learning_rate=0.01"]
    swept = train_tiny("-m", *axes, "trainer.max_epochs=1", "callbacks.media.frames=0", "logger.kinds=[wandb,mlflow]")
    recorded = read_wandb_runs(swept.folder)
    assert {run.group for run in recorded} == {swept.folder.name}
    assert sorted(next(tag for tag in run.tags if tag.startswith("reid_dim")) for run in recorded) == [
        "reid_dim=4",
        "reid_dim=8",
    ]
    assert not any(tag.startswith("learning_rate") for run in recorded for tag in run.tags)
    client = tracking.MlflowClient(f"sqlite:///{swept.folder / 'mlflow/mlflow.db'}")
    experiment = client.get_experiment_by_name("fairmot_pl").experiment_id
    assert {kept.data.tags["sweep"] for kept in client.search_runs([experiment])} == {swept.folder.name}

    job = swept.folder / "reid_dim-4"
    run("train", f"resume={job}")  # it had ended, so it is only finished again
    again = [of for of in read_wandb_runs(swept.folder) if of.name == "reid_dim-4"]
    assert {(of.group, "reid_dim=4" in of.tags) for of in again} == {(swept.folder.name, True)}
    assert len(client.search_runs([experiment])) == 2
    card = json.loads((job / "logger.json").read_text())
    assert card["store"] == ".."


def test_the_page_names_every_panel_of_the_workspace(workspace):
    for panels in workspace.SECTIONS.values():
        for panel in panels:
            assert panel.title in PAGE
            assert all(f"`{key}`" in PAGE for key in panel.keys)


def test_the_workspace_can_be_built_without_an_account(workspace):
    pytest.importorskip("wandb_workspaces")
    made = workspace.build("somebody", "fairmot_pl")
    assert [section.name for section in made.sections] == list(workspace.SECTIONS)
    for section in made.sections:
        assert len(section.panels) == len(workspace.SECTIONS[section.name])


def test_a_board_that_is_not_installed_is_one_line(refused, monkeypatch):
    monkeypatch.setattr("fairmot_pl.training.dashboard.settings.find_spec", lambda name: None)
    said = refused("train", "+experiment=synthetic", "logger=tensorboard")
    assert "tensorboard, which is not installed: pip install 'fairmot_pl[loggers]'" in said


@pytest.mark.parametrize("kind", ["default", "tensorboard", "mlflow"])
def test_a_choice_differs_from_the_default_in_its_board_alone(kind):
    content = yaml.safe_load((REPO / f"conf/logger/{kind}.yaml").read_text())
    assert content["kinds"] == [{"default": "wandb"}.get(kind, kind)]
    assert set(content) - {"defaults"} <= {"kinds", "mode", "project", "tags", "checkpoints", "tracking_uri"}
