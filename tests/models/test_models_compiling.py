"""torch.compile for the parts of a network: its gradients can be looked at as those of a plain network."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
import torch
import torch._functorch.config as functorch
from torch import nn

from fairmot_pl.losses.task_gradients import task_gradients
from fairmot_pl.models.compiling import compile_parts
from fairmot_pl.models.fairmot import build_fairmot


def test_gradients_are_measured_also_after_a_backward_pass_that_freed_its_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a run that goes on between two looks of the telemetry."""
    monkeypatch.setattr(functorch, "donated_buffer", True)  # and back again
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))  # no C++ compiler, same graphs
    trunk, neck = (nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Sigmoid()) for _ in range(2))
    model = SimpleNamespace(backbone=trunk, neck=neck, detection_head=SimpleNamespace(centres=nn.Conv2d(3, 1, 1)))
    compile_parts(model, keeps_graph=True)  # type: ignore[arg-type]
    shared = [*trunk.parameters(), *neck.parameters()]
    for look in (False, True):
        features = neck(trunk(torch.rand(1, 3, 8, 8)))
        losses = model.detection_head.centres(features).sum(), features.square().sum()
        if look:
            found = task_gradients(losses, (features, features), features, shared)
            assert found.detection > 0 and found.reid > 0
        torch.stack(losses).sum().backward()


def test_a_machine_without_a_compiler_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CC", "missing-cc")
    monkeypatch.delenv("CXX", raising=False)
    model = build_fairmot(backbone="mobilenetv3_small_050", deformable=False, head_channels=8)
    with pytest.raises(ValueError, match=r"needs a C and C\+\+ compiler, and none is there"):
        compile_parts(model)
