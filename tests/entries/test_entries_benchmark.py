"""The benchmark entry on networks and crowds that take seconds."""

from __future__ import annotations

import json
import math

import pytest
import torch

from fairmot_pl.benchmarking.suite import PARTS
from fairmot_pl.config.overrides import compose_checked

TINY = ["input_size=[64,96]", "backbone=mobilenetv3_small_050", "laps=1", "device=cpu", "quick=true"]


@pytest.fixture(autouse=True)
def _threads():
    yield
    torch.set_flush_denormal(False)


def test_parts_are_measured_beside_their_yardsticks(run):
    ran = run("benchmark", *TINY, "parts=[network,decode,losses,training,evaluation]")
    document = json.loads((ran.folder / "benchmark.json").read_text())
    rows = {(row["part"], row["name"]): row for row in document["rows"]}
    parts = [part for part, _ in rows]
    assert parts == ["yardstick", "network", "decode", "losses", "losses", "training", "yardstick", "evaluation"]
    assert [row["yardstick"] for row in rows.values()] == ["R"] * 6 + ["U"] * 2
    unit = rows["yardstick", "R"]["seconds"]
    for row in rows.values():
        assert 0 < row["low"] <= row["seconds"] <= row["high"]
        assert row["yardstick"] == "U" or row["ratio"] == pytest.approx(row["seconds"] / unit)
    assert document["command"].startswith("python -m fairmot_pl.benchmark 'input_size=[64,96]'")
    assert ran.metrics["yardstick/U/ratio"] == 1
    page = (ran.folder / "benchmark.md").read_text()
    assert "| network | image to detections, float32 |" in page
    assert "- **U**: scipy.optimize" in page
    assert "training step, batch of 1, float32" in ran.out


def test_one_part_asks_for_one_yardstick(run):
    ran = run("benchmark", *TINY, "parts=[evaluation]")
    assert {name.split("/")[0] for name in ran.metrics} == {"yardstick", "evaluation"}
    assert all(math.isfinite(value) for value in ran.metrics.values())


def test_a_precision_is_measured_beside_float32(run):
    ran = run("benchmark", *TINY, "parts=[network]", "precision=bfloat16")
    names = [row["name"] for row in json.loads((ran.folder / "benchmark.json").read_text())["rows"]]
    assert names == ["R", "image to detections, float32", "image to detections, bfloat16"]


def test_profile_writes_traces_that_hold_the_stages(run):
    ran = run("benchmark", *TINY, "parts=[]", "profile=true")
    assert (ran.folder / "profile.png").read_bytes().startswith(b"\x89PNG")
    bars = json.loads((ran.folder / "profile.json").read_text())
    stages = bars["training step, float32, stages"]
    assert {"trunk", "neck", "heads", "backward", "Adam"} <= set(stages)
    assert all(seconds > 0 for bar in bars.values() for seconds in bar.values())
    trace = json.loads((ran.folder / "trace_inference_float32.json").read_text())
    names = {event.get("name") for event in trace["traceEvents"]}
    assert {"prepare", "trunk", "neck", "heatmap head", "aten::embedding_bag"} <= names
    assert "next: open" in ran.out


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["parts=[netwrok]"], "'netwrok' is no part; allowed: network, decode"),
        (["precision=half"], "precision is 'half'; allowed: 'auto'"),
        (["input_size=[600,1088]"], "multiples of 32"),
        (["laps=0"], "laps is 0; it must be 1 or more"),
        (["device=gpu"], "device is 'gpu'; allowed"),
        (["quick=yes_please"], "quick is 'yes_please'; expected true or false"),
    ],
)
def test_what_cannot_be_measured_is_refused(refused, overrides, message):
    assert message in refused("benchmark", *overrides)


def test_the_defaults_are_the_whole_benchmark():
    config = compose_checked("benchmark", [])
    assert set(config.parts) == set(PARTS)
    assert [config.quick, config.growth, config.profile] == [False] * 3
