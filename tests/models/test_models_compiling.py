"""torch.compile for the parts of a network: its gradients can be looked at as those of a plain network."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch._functorch.config as functorch
from torch import nn

from fairmot_pl.losses.task_gradients import task_gradients
from fairmot_pl.models.compiling import compile_parts, plain_copy
from fairmot_pl.models.fairmot import build_fairmot


def test_gradients_are_measured_also_after_a_backward_pass_that_freed_its_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a run that goes on between two looks of the telemetry."""
    monkeypatch.setattr(functorch, "donated_buffer", True)  # and back again
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))  # no C++ compiler, same graphs
    model = build_fairmot(backbone="mobilenetv3_small_050", deformable=False, head_channels=8)
    for part in ("backbone", "neck"):  # small ones, which are compiled in seconds
        setattr(model, part, nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Sigmoid()))
    model.detection_head.heatmap = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sigmoid(), nn.Conv2d(3, 1, 1))
    compile_parts(model, keeps_graph=True)
    shared = model.shared_parameters()
    for look in (False, True):
        features = model.neck(model.backbone(torch.rand(1, 3, 8, 8)))
        losses = model.detection_head.centres(features).sum(), features.square().sum()
        if look:
            found = task_gradients(losses, (features, features), features, shared)
            assert min(found.detection, found.reid) > 0
        torch.stack(losses).sum().backward()


def test_a_machine_without_a_compiler_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CC", "missing-cc")
    monkeypatch.delenv("CXX", raising=False)
    model = build_fairmot(backbone="mobilenetv3_small_050", deformable=False, head_channels=8)
    with pytest.raises(ValueError, match=r"needs a C and C\+\+ compiler, and none is there"):
        compile_parts(model)


def test_a_copy_of_a_compiled_network_runs_its_own_weights() -> None:
    model = build_fairmot(backbone="mobilenetv3_small_050", deformable=False, head_channels=8).eval()
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        wanted = model(images).heatmap
        compile_parts(model)  # nothing is compiled before it is called
        twin = plain_copy(model)
        for parameter in model.parameters():
            parameter.zero_()
        torch.testing.assert_close(twin(images).heatmap, wanted)
