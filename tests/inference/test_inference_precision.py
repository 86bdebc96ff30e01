"""Which precision a device runs in."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from torch import nn

from fairmot_pl import Detector, build_fairmot
from fairmot_pl.inference import precision
from fairmot_pl.inference.precision import bfloat16_support, resolve_precision
from fairmot_pl.models.deform_conv import DeformConv

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "chosen", "said"),
    [
        ({}, "float32", "precision float32: this cpu device has no bfloat16 arithmetic"),
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False}, "float32", "no bfloat16"),
        ({"avx512_bf16": True}, "bfloat16", "precision bfloat16: the processor has avx512_bf16"),
        ({"amx_bf16": True, "avx512_bf16": True}, "bfloat16", "the processor has amx_bf16 and avx512_bf16"),
    ],
)
def test_auto_is_what_the_processor_multiplies_and_says_so(monkeypatch, caplog, capabilities, chosen, said):
    monkeypatch.setattr(precision, "cpu_capabilities", lambda: capabilities)
    with caplog.at_level(logging.INFO):
        assert resolve_precision("auto", CPU) == chosen
    (record,) = caplog.records
    assert said in record.message


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_what_is_named_is_taken(name, caplog):
    with caplog.at_level(logging.INFO):
        assert resolve_precision(name, CPU) == name
    assert not caplog.records


def test_a_device_that_nothing_is_known_of_has_no_bfloat16():
    assert bfloat16_support(torch.device("meta")) == ""


def test_a_torch_that_cannot_tell_means_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert resolve_precision("auto", CPU) == "float32"


def test_a_deformable_network_says_nearly_the_same_in_bfloat16():
    torch.manual_seed(0)
    model = build_fairmot(backbone="mobilenetv3_small_050", head_channels=32).eval()
    for module in model.modules():
        if isinstance(module, DeformConv):
            nn.init.normal_(module.offset_mask.weight, std=0.05)
    image = np.random.default_rng(0).integers(0, 256, (96, 160, 3), dtype=np.uint8)
    maps = {}
    for name in ("float32", "bfloat16"):
        detector = Detector(model, input_size=(96, 160), device="cpu", precision=name)
        with torch.inference_mode():
            sight = detector.network(detector.prepare([image]))
            index = torch.arange(sight.heatmap[0, 0].numel())
            objects = sight.objects(torch.zeros_like(index), index)
            maps[name] = (sight.heatmap, objects.size, objects.offset, sight.embed(objects))
    for exact, rough in zip(*maps.values(), strict=True):
        assert rough.dtype == torch.float32
        assert 0 < (rough - exact).abs().max() < 0.03 * exact.abs().max()
