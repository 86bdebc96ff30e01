"""Two made-up runs that differ in one thing: it is named, with what can have caused it."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import yaml

from fairmot_pl.reporting.reproduction import compare_repetition
from reporting.made_up_runs import write_run

PARTS = ("files", "pixels", "draws", "image", "heatmap", "mask")


@pytest.fixture
def repeated(tmp_path):
    """`repeated(change)` compares a run with a copy of it in which `change(folder)` was made."""

    def make(*changes, spoilt=None, whole=False):
        first = write_run(tmp_path / "run")
        config = yaml.safe_load((first / "config.yaml").read_text())
        batch = {part: [f"{part} {place}" for place in range(3)] for part in PARTS}
        steps = [{"step": n, "epoch": 0, "batch": n, "total": (1.5 + n).hex(), "reid": (0.25).hex()} for n in range(4)]
        capsule = {"config": config, "code": {"data/augment.py": "a", "models/heads.py": "b"}, "steps": steps}
        capsule |= {"weights": {"model.a": "float32 [2] 00", "loss.b": "float32 [3] 11"}, "first_batch": batch}
        sequence = {"folder": "train/A/img1", "frame_rate": 25, "files": {"gt/gt.txt": "g"}}
        sequence["frames"] = {f"{n}.jpg": f"i{n} a{n}" for n in range(8)}
        files = {"hashed": "all", "sequences": {"train/set/A": sequence, "val/set/B": {**sequence, "folder": "val/B"}}}
        (first / "capsule.json").write_text(json.dumps(capsule))
        (first / "data_files.json").write_text(json.dumps(files))
        (first / "packages.txt").write_text("torch==2.14\nalbumentations==2.0\nNVIDIA-cuda==12\nwandb==1\n")
        second = shutil.copytree(first, tmp_path / "again")
        for change in changes:
            change(second)
        if spoilt:
            spoilt(first)
        return compare_repetition(first, second, whole=whole)

    return make


def record(name, *place, value=None):
    """A change of one entry of a JSON file; without a value the entry is gone."""

    def change(folder):
        content = json.loads((folder / name).read_text())
        node = content
        for key in place[:-1]:
            node = node[key]
        if value is None:
            del node[place[-1]]
        else:
            node[place[-1]] = value
        (folder / name).write_text(json.dumps(content))

    return change


def text(name, old, new):
    return lambda folder: (folder / name).write_text((folder / name).read_text().replace(old, new))


def capsule(*place, value=None):
    return record("capsule.json", *place, value=value)


def frames(name, *place, value=None):
    return record("data_files.json", "sequences", name, *place, value=value)


def test_nothing_differs(repeated):
    found = repeated(whole=True)
    assert found.identical
    assert (found.changes, found.unknown) == ((), ())
    assert found.compared == (
        "configuration",
        "data (16 images of 2 sequences)",
        "initial weights (2 tensors)",
        "first batch (3 images and their targets)",
        "losses of the first 4 steps",
        "logged losses up to step 79",
        "metrics (5 figures)",
    )


@pytest.mark.parametrize(
    ("change", "part", "line"),
    [
        (frames("train/set/A", "frames", "3.jpg", value="x a3"), "the data", "train/A/img1/3.jpg has other content"),
        (frames("train/set/A", "frames", "3.jpg", value="missing a3"), "the data", "train/A/img1/3.jpg is missing"),
        (frames("train/set/A", "frames", "3.jpg"), "the data", "train/A/img1/3.jpg is missing"),
        (frames("train/set/A", "frames", "9.jpg", value="i a"), "the data", "train/A/img1/9.jpg is new"),
        (frames("val/set/B", "files", "gt/gt.txt", value="x"), "the data", "val/set/B: gt/gt.txt has other content"),
        (frames("val/set/B", "frame_rate", value=30), "the data", "val/set/B: 25 frames per second -> 30"),
        (frames("val/set/B"), "the data", "val/set/B: the sequence is not there any more"),
        (frames("train/set/A", "frames", "2.jpg", value="i2 x"), "the data", "the annotation of 2.jpg reads otherwise"),
        (capsule("weights", "loss.b", value="float32 [4] 11"), "the initial weights", "1 of 2 tensors differ"),
        (capsule("weights", "loss.b"), "the initial weights", "1 of 2 tensors differ"),
        (
            capsule("first_batch", "files", value=["files 1", "files 0", "files 2"]),
            "the first batch: .*",
            "another order",
        ),
        (capsule("first_batch", "files", 1, value="x"), "the first batch: .*order", "The order of samples"),
        (capsule("first_batch", "pixels", 1, value="x"), "the first batch: pixels", "file or its decoding changed"),
        (capsule("first_batch", "draws", 1, value="x"), "the first batch: random draws", "draws otherwise"),
        (capsule("first_batch", "image", 1, value="x"), "the first batch: augmented", "makes something else of them"),
        (capsule("first_batch", "mask", 2, value="x"), "the first batch: targets", "The images are the same"),
        (capsule("steps", 0, "total", value=(2.0).hex()), "the loss of step 0", r"total: 1.5 -> 2.0 \(by 0.3 of it\)"),
        (
            capsule("steps", 2, "reid", value=(0.5).hex()),
            r"the loss of step 2 \(epoch 0, batch 2\)",
            "reid: 0.25 -> 0.5",
        ),
        (text("metrics.csv", "\n9,0,", "\n9,0,7"), "the logged loss of step 9", "train/loss/detection: "),
        (record("metrics.json", "val/IDSW", value=64), "the metrics", "val/IDSW: 63.0 -> 64.0"),
        (record("metrics.json", "val/IDSW"), "the metrics", "val/IDSW: 63.0 -> 'not there'"),
    ],
)
def test_the_first_difference_is_named(repeated, change, part, line):
    found = repeated(change, whole=True)
    assert len(found.differences) == 1
    (difference,) = found.differences
    assert re.match(part, difference.part), difference.part
    assert re.search(line, difference.lines[0]), difference.lines
    assert f"first difference: {difference.part}" in found.text()


def test_a_configuration_changed_by_hand_is_named(repeated):
    (difference,) = repeated(spoilt=text("config.yaml", "seed: 1", "seed: 2")).differences
    assert difference.part == "the configuration"
    assert difference.lines == ("seed is 2 in config.yaml, the run was made with 1",)


def test_speed_and_memory_are_no_difference(repeated):
    changes = [record("metrics.json", name, value=1) for name in ("train/images_per_second", "train/peak_memory_gb")]
    assert repeated(*changes, whole=True).identical


def test_differences_come_in_the_order_of_a_run(repeated):
    found = repeated(
        capsule("steps", 0, "total", value=(2.0).hex()),
        capsule("first_batch", "image", 0, value="x"),
        capsule("first_batch", "mask", 0, value="x"),
        frames("train/set/A", "frames", "3.jpg", value="x a3"),
    )
    parts = [difference.part for difference in found.differences]
    assert parts == ["the data", "the first batch: augmented images", "the loss of step 0 (epoch 0, batch 0)"]
    assert found.differences[1].lines[-1] == "targets: mask differ, too"
    assert "after that differ:\n  the first batch: augmented images" in found.text()


@pytest.mark.parametrize(
    ("difference", "suspected"),
    [
        (capsule("first_batch", "image", 0, value="x"), ["src/fairmot_pl/data/augment.py", "albumentations"]),
        (capsule("weights", "model.a", value="x"), ["src/fairmot_pl/models/heads.py", "torch"]),
        (
            capsule("steps", 1, "total", value=(9.0).hex()),
            ["src/fairmot_pl/data/augment.py", "src/fairmot_pl/models/heads.py", "python", "torch", "nvidia-cuda"],
        ),
        (frames("val/set/B"), []),
    ],
)
def test_what_can_have_caused_it_comes_first(repeated, difference, suspected):
    found = repeated(
        difference,
        capsule("code", value={"data/augment.py": "x", "models/heads.py": "x"}),
        text("packages.txt", "==", "==9."),
        record("provenance.json", "environment", "python", value="3.12"),
    )
    assert {text.split(":")[0].split(" has")[0] for text in found.as_dict()["suspects"]} == set(suspected)
    assert "wandb: 1 -> 9.1" in found.text().split("also changed:")[1]


def test_changes_without_effect_are_told_as_such(repeated):
    found = repeated(text("packages.txt", "wandb==1", "wandb==2"))
    assert found.identical
    assert found.text().endswith("changed since, without effect on these figures:\n  wandb: 1 -> 2")


def test_what_a_run_does_not_record_is_said(repeated):
    found = repeated(lambda folder: (folder / "data_files.json").unlink(), capsule("steps"))
    assert found.unknown == ("data", "losses of steps")
    assert "not compared, since not recorded: data, losses of steps" in found.text()


def test_many_things_are_cut(repeated):
    changes = [frames("train/set/A", "frames", f"{n}.jpg", value="x y") for n in range(8)]
    lines = repeated(*changes).differences[0].lines
    assert len(lines) == 6
    assert lines[-1] == "and 4 more"
