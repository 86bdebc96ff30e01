"""`reproduce` says that an untouched run repeats, and names what was changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import yaml
from omegaconf import OmegaConf

import fairmot_pl
from fairmot_pl.data import augment
from fairmot_pl.training.callbacks.throughput import Throughput
from fairmot_pl.training.rendering import world_folder

_KEPT: dict[str, Path] = {}


@pytest.fixture
def trained(train_tiny, tmp_path, tmp_path_factory) -> Path:
    """A copy of a training run that is there to be spoilt."""
    if "run" not in _KEPT:
        _KEPT["run"] = shutil.copytree(train_tiny().folder, tmp_path_factory.mktemp("kept") / "run")
    return shutil.copytree(_KEPT["run"], tmp_path / "original")


@pytest.fixture
def reproduced(run, capfd, tmp_path):
    """`reproduced(folder, ...)` is the exit status, what was printed and `reproduction.json`."""

    def command(*arguments):
        status = 0
        try:
            out = run("reproduce", *map(str, arguments)).out
        except SystemExit as stop:
            status, out = stop.code, capfd.readouterr().out
        folder = Path(tmp_path, out.strip().splitlines()[-1].removeprefix("results: "))
        return status, out, json.loads((folder / "reproduction.json").read_text())

    return command


def contents(folder):
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in sorted(folder.rglob("*")) if path.is_file()}


def edit(path, change):
    path.write_text(change(path.read_text()))


def test_an_untouched_run_repeats_and_stays_as_it_is(trained, reproduced):
    before = contents(trained)
    status, out, found = reproduced(trained, "data.num_workers=2")
    assert (status, found["identical"], found["changed_since"], found["not_recorded"]) == (0, True, [], [])
    assert "identical: configuration; data (18 images of 3 sequences); initial weights" in out
    assert "losses of the first 6 steps" in out
    assert contents(trained) == before


def test_the_whole_run_repeats_with_its_metrics(trained, reproduced):
    status, _, found = reproduced(f"run={trained}", "steps=all")
    assert (status, found["identical"]) == (0, True)
    assert any(part.startswith("metrics") for part in found["compared"])


@pytest.mark.slow
def test_another_package_is_told_though_nothing_comes_of_it(trained, reproduced):
    edit(trained / "packages.txt", lambda text: text.replace("albumentations==", "albumentations==0.1+"))
    status, out, found = reproduced(trained, "steps=1")
    assert status == 0
    assert [text.split(" -> ")[0].split("+")[0] for text in found["changed_since"]] == ["albumentations: 0.1"]
    assert "changed since, without effect on these figures:" in out


def test_another_package_that_changes_the_augmentation_is_the_suspect(trained, reproduced, monkeypatch):
    for package in ("albumentations", "wandb"):
        edit(trained / "packages.txt", lambda text, name=package: text.replace(f"{name}==", f"{name}==0.1+"))
    darker = augment.scale_saturation_value
    monkeypatch.setattr(augment, "scale_saturation_value", lambda *given, **more: darker(*given, **more) // 2)
    status, out, found = reproduced(trained)
    assert (status, found["first_difference"]) == (1, "the first batch: augmented images")
    assert "Files, order, pixels and random draws are the same" in found["differences"][0]["lines"][0]
    assert found["differences"][0]["lines"][-1] == "targets: all the same"
    assert [text.split(":")[0] for text in found["suspects"]] == ["albumentations"]
    assert "the loss of step 0 (epoch 0, batch 0)" in [each["part"] for each in found["differences"]]
    assert out.index("what may have caused it") < out.index("albumentations") < out.index("also changed") < len(out)


def test_edited_source_is_named(trained, tmp_path, world_root):
    source = tmp_path / "elsewhere" / "src"
    package = Path(fairmot_pl.__file__).parent
    shutil.copytree(package, source / "fairmot_pl", ignore=shutil.ignore_patterns("__pycache__"))
    if not (package / "conf").is_dir():
        shutil.copytree(package.parents[1] / "conf", source.parent / "conf")
    edit(source / "fairmot_pl" / "data" / "augment.py", lambda text: text.replace("< self.flip", "> self.flip"))
    ran = subprocess.run(
        [sys.executable, "-m", "fairmot_pl.reproduce", str(trained), "steps=1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1, ran.stderr
    assert "first difference: the first batch: random draws of the augmentation" in ran.stdout
    assert (
        "what may have caused it, as it changed since:\n  src/fairmot_pl/data/augment.py has other content"
        in ran.stdout
    )


def recompress(image):
    cv2.imwrite(str(image), cv2.imread(str(image)), [cv2.IMWRITE_JPEG_QUALITY, 30])


def move_boxes(labels):
    rows = [row.split(",") for row in labels.read_text().splitlines()]
    labels.write_text("".join(",".join([*row[:2], str(float(row[2]) + 3), *row[3:]]) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("pattern", "spoil", "said", "then"),
    [
        pytest.param("{first}", recompress, "{first} has other content", "pixels as they are read", id="image"),
        pytest.param("train/*/gt/gt.txt", move_boxes, "gt/gt.txt has other content", "targets", id="annotation"),
        pytest.param(
            *("val/*/img1/*5.jpg", recompress, "5.jpg has other content", None),
            id="image of validation",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_changed_file_of_the_data_is_named(trained, reproduced, tmp_path, world_root, pattern, spoil, said, then):
    shutil.copytree(world_root, tmp_path / "world")
    first = json.loads((trained / "capsule.json").read_text())["first_batch"]["files"][0]
    # the shared folder holds the worlds of other tests too
    settings = OmegaConf.to_container(OmegaConf.load(trained / "config.yaml").data.synthetic)
    world = world_folder(tmp_path / "world", settings)
    spoil(next(world.glob(pattern.format(first=first))))
    status, _, found = reproduced(trained, "steps=2", f"data.root={tmp_path / 'world'}")
    assert (status, found["first_difference"]) == (1, "the data")
    assert said.format(first=first) in found["differences"][0]["lines"][0]
    assert found["suspects"] == []
    after = [each["part"] for each in found["differences"]][1:2]
    assert after == ([f"the first batch: {then}"] if then else [])


@pytest.mark.slow
def test_a_configuration_changed_by_hand_is_named(trained, reproduced):
    edit(trained / "config.yaml", lambda text: text.replace("learning_rate: 0.002", "learning_rate: 0.001"))
    status, _, found = reproduced(trained)
    assert (status, found["first_difference"]) == (1, "the configuration")
    line = "optimizer.learning_rate is 0.001 in config.yaml, the run was made with 0.002"
    assert found["differences"][0]["lines"] == [line]
    assert found["differences"][1]["part"] == "the loss of step 1 (epoch 0, batch 1)"


def test_other_initial_weights_are_named(trained, reproduced, monkeypatch):
    original = fairmot_pl.runs.training.build_module

    def other(*given):
        module = original(*given)
        next(module.model.reid_head.parameters()).data += 1
        return module

    monkeypatch.setattr(fairmot_pl.runs.training, "build_module", other)
    status, _, found = reproduced(trained, "steps=1")
    assert (status, found["first_difference"]) == (1, "the initial weights")
    assert found["differences"][0]["lines"][0].startswith("1 of ")
    assert "model.reid_head" in found["differences"][0]["lines"][1]


def test_of_several_runs_the_one_that_differs_is_named_at_the_end(trained, run, capfd, tmp_path):
    other = shutil.copytree(trained, tmp_path / "other")
    edit(other / "config.yaml", lambda text: text.replace("learning_rate: 0.002", "learning_rate: 0.001"))
    with pytest.raises(SystemExit) as stop:
        run("reproduce", str(other), str(trained), "steps=1")
    *_, failed, last = capfd.readouterr().out.strip().splitlines()
    assert stop.value.code == 1
    assert failed.endswith(f"-other: failed ({other} does not repeat; first difference: the configuration)")
    assert last.startswith("results: outputs/sweeps/reproduce/")
    found = {
        path.parent.name: json.loads(path.read_text()) for path in Path(tmp_path, "outputs").rglob("reproduction.json")
    }
    assert {name.rsplit("-", 1)[-1]: of["identical"] for name, of in found.items()} == {
        "other": False,
        "original": True,
    }


@pytest.mark.slow
def test_a_run_that_was_stopped_and_resumed_repeats(train_tiny, run, reproduced, monkeypatch, tmp_path):
    def stop(self, trainer, *rest):
        if trainer.global_step == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Throughput, "on_train_batch_end", stop)
        with pytest.raises(SystemExit):
            train_tiny("name=stopped")
    (folder,) = (tmp_path / "outputs" / "stopped").iterdir()
    assert len(json.loads((folder / "capsule.json").read_text())["steps"]) == 4
    run("train", f"resume={folder}")
    status, out, found = reproduced(folder, "steps=all")
    assert (status, found["identical"]) == (0, True), out
    kept = json.loads((folder / "provenance.json").read_text())
    assert "resume=" not in kept["command"]["line"]
    assert [f"resume={folder}" in each["command"]["line"] for each in kept["resumed"]] == [True]
    assert kept["resumed"][0]["environment"] == {}
    assert [step["step"] for step in json.loads((folder / "capsule.json").read_text())["steps"]] == list(range(6))


def test_what_each_run_keeps(trained):
    kept = json.loads((trained / "provenance.json").read_text())
    assert kept["command"]["line"].startswith("python -m fairmot_pl.train +experiment=synthetic data.root=")
    assert kept["seeds"] == {"seed": 317, "data.seed": 317, "data.synthetic.seed": 1}
    assert {"processor", "memory", "device", "git_commit"} <= kept["environment"].keys()
    lines = (trained / "packages.txt").read_text().splitlines()
    assert any(line.startswith("torch==") for line in lines)
    assert yaml.safe_load((trained / "config.yaml").read_text())["resume"] is None
    capsule = json.loads((trained / "capsule.json").read_text())
    assert float.fromhex(capsule["steps"][0]["total"]) > 0
    assert {len(values) for values in capsule["first_batch"].values()} == {2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "run is missing; name the folder of a training run: python -m fairmot_pl.reproduce RUN"),
        (["nowhere"], "nowhere: no such folder; name the folder of a training run"),
        (["{empty}"], "cannot be reproduced, it lacks config.yaml, capsule.json"),
        (["{run}", "steps=0"], "steps is 0; allowed: the number of steps to run again, or all"),
        (["{run}", "steps=some"], "steps is 'some'; allowed"),
        (["{run}", "step=3"], "unknown key 'step'. Did you mean 'steps'?"),
    ],
)
def test_what_cannot_be_reproduced(trained, refused, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    given = [argument.format(run=trained, empty=tmp_path / "empty") for argument in arguments]
    assert message in refused("reproduce", *given)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: edit(folder / "capsule.json", lambda text: text[:-9]), "capsule.json: damaged"),
        (lambda folder: edit(folder / "capsule.json", lambda text: '{"weights": {"a": "b"}}'), "it lacks first_batch"),
        (lambda folder: edit(folder / "config.yaml", lambda text: "name: x\n"), "is no configuration of a training"),
    ],
)
def test_a_damaged_run_is_one_line(trained, refused, spoil, message):
    spoil(trained)
    assert message in refused("reproduce", str(trained))
