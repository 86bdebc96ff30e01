"""The parts of a run one by one: what was compared, and what is said of the first thing that differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmot_pl.reporting.repetition_parts import (
    compare_batch,
    compare_configuration,
    compare_metrics,
    compare_steps,
    compare_weights,
)
from fairmot_pl.reporting.run_records import RunRecord


def run(**more) -> RunRecord:
    return RunRecord(**{"name": "a", "folder": Path("a"), **more})


def batch(*files: str, **more: list[str]) -> dict[str, list[str]]:
    same = {stage: [f"{stage} of {file}" for file in files] for stage in ("pixels", "draws", "image", "heatmap")}
    return {"files": list(files), **same, **more}


def steps(*losses: object) -> list[dict[str, object]]:
    named = [loss.hex() if isinstance(loss, float) else loss for loss in losses]
    return [{"step": n, "epoch": 0, "batch": n, "total": loss} for n, loss in enumerate(named)]


@pytest.mark.parametrize(
    ("then", "now", "lines"),
    [
        ({"seed": 1, "model": {"dim": 2}}, {"seed": 1, "model.dim": 2}, ()),
        ({"seed": 1}, {"seed": 1, "b": 2}, ("b is 2 in config.yaml, the run was made with None",)),
    ],
)
def test_the_configuration(then, now, lines):
    _, found = compare_configuration({"config": then}, run(config=now))
    assert [difference.lines for difference in found] == ([lines] if lines else [])


def test_weights_are_counted_and_named():
    said, (found,) = compare_weights({"a": "x", "b": "y"}, {"a": "x", "c": "z"})
    assert said == "initial weights (2 tensors)"
    assert found.lines == ("2 of 2 tensors differ", "b: y -> not there", "c: not there -> z")


@pytest.mark.parametrize(
    ("then", "now", "part", "line"),
    [
        (batch("1", "2"), batch("1"), "its size", "2 images -> 1 images"),
        (
            batch("1", "2"),
            batch("2", "1"),
            "image files or their order",
            "The same files come in another order",
        ),
        (batch("1"), batch("2"), "image files or their order", "The order of samples is another one (1 of 1)"),
        (batch("1"), batch("1", heatmap=["x"]), "targets", "The images are the same, what the network should say"),
    ],
)
def test_a_batch_parts_at_its_first_stage(then, now, part, line):
    _, (found,) = compare_batch(then, now)
    assert found.part == f"the first batch: {part}"
    assert found.lines[0].startswith(line)
    assert compare_batch(then, then)[1] == []


@pytest.mark.parametrize(
    ("then", "now", "said", "line"),
    [
        (steps(1.0, 2.0, 3.0), steps(1.0, 2.0), "losses of the first 2 steps", ""),
        (steps(1.0), steps(1.0), "losses of the first step", ""),
        (steps(1.0, 2.0), steps(1.0, 2.5), "losses of the first 2 steps", "total: 2.0 -> 2.5 (by 0.2 of it)"),
        (steps(0.0), steps(0.5), "losses of the first step", "total: 0.0 -> 0.5"),
        (steps(1.0), steps(None), "losses of the first step", "total: 0x1.0000000000000p+0 -> None"),
    ],
)
def test_losses_of_steps(then, now, said, line):
    told, found = compare_steps(then, now)
    assert told == said
    assert [difference.lines[0] for difference in found] == ([line] if line else [])


@pytest.mark.parametrize(
    ("then", "now", "lines"),
    [
        ({"val/AP": float("nan")}, {"val/AP": float("nan")}, []),
        ({"val/frames_per_second": 1.0}, {"val/frames_per_second": 2.0}, []),
        ({"train/grad_norm": 1.0}, {}, []),  # a resumed run may lack it
        ({"b": 1.0, "val/HOTA": 0.5}, {"val/HOTA": 0.25}, ["val/HOTA: 0.5 -> 0.25", "b: 1.0 -> 'not there'"]),
    ],
)
def test_metrics(then, now, lines):
    _, found = compare_metrics(run(metrics=then), run(metrics=now))
    assert [line for difference in found for line in difference.lines] == lines
