"""Growth: panels, their picture, and processes that share gradients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from fairmot_pl.benchmarking import growth
from fairmot_pl.benchmarking.growth import Panning, frames_panels, growth_documents, identities_panels
from fairmot_pl.benchmarking.pictures import Curve, Panel
from fairmot_pl.benchmarking.profiling import kind_of
from fairmot_pl.benchmarking.scaling import Job, step_seconds
from fairmot_pl.benchmarking.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        device=torch.device("cpu"), precisions=("float32",), input_size=(64, 96), backbone="mobilenetv3_small_050",
        deformable=False, laps=1, batch_size=1, identities=10, seed=0, quick=True, compile=False, scratch=tmp_path,
    )  # fmt: skip


def test_a_video_is_tracked_to_its_end_and_measured_at_each_tenth(settings):
    time, memory = frames_panels(settings)
    for panel in (time, memory):
        assert [curve.x for curve in panel.curves] == [[10.0 * tenth for tenth in range(1, 11)]] * 2
        assert all(value > 0 for curve in panel.curves for value in curve.y)
    rows = (settings.scratch / "panning.txt").read_text().splitlines()
    assert 50 < max(int(row.split(",")[0]) for row in rows) <= 100
    assert (settings.scratch / "panning.mp4").stat().st_size > 0


def test_memory_of_the_identity_classifier_is_beyond_weights_and_gradients(settings):
    time, memory = identities_panels(settings)
    assert time.curves[0].x == [100.0, 1000.0, 10_000.0]
    assert memory.curves[1].y[2] == pytest.approx(300 * 10_000 * 4 / 2**20)


def test_documents_grow_with_every_panel(settings, tmp_path, monkeypatch):
    panel = Panel(title="a", across="x", up="y", curves=[Curve(label="c", x=[1, 10], y=[1, 100])], log=True)
    monkeypatch.setattr(growth, "measured_panels", lambda settings: iter([[panel], [panel]]))
    (picture,) = growth_documents(tmp_path, settings)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert len(json.loads((tmp_path / "growth.json").read_text())) == 2


def test_frames_of_the_panning_video_differ():
    first, second = list(Panning(2, (32, 64)))
    assert (first.number, second.time) == (1, pytest.approx(1 / 30))
    assert (first.image != second.image).any()


@pytest.mark.slow
def test_two_processes_exchange_gradients(tmp_path):
    found = step_seconds(Job(2, 50, 1, False, str(tmp_path)))
    assert found["step"] > 0
    assert found["gradient_mb"] > 5


@pytest.mark.parametrize(
    ("operator", "kind"),
    [
        ("aten::mkldnn_convolution", "convolution"),
        ("torchvision::_deform_conv2d_backward", "deformable convolution"),
        ("aten::_embedding_bag", "deformable convolution"),
        ("aten::addmm", "matrix product"),
        ("aten::add_", "arithmetic"),
        ("aten::native_batch_norm", "norm and activation"),
        ("aten::copy_", "copies"),
        ("aten::max_pool2d_with_indices", "pooling"),
        ("aten::topk", "other operators"),
    ],
)
def test_operators_have_kinds(operator, kind):
    assert kind_of(operator) == kind
