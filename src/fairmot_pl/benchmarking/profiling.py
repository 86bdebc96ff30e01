"""Where the time goes in inference and in a training step: a trace for a viewer, and a picture of shares."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function

from fairmot_pl.benchmarking.laps import wait_for
from fairmot_pl.benchmarking.networks import a_detector, noise_image, training_step_parts
from fairmot_pl.benchmarking.pictures import shares_figure
from fairmot_pl.benchmarking.settings import Settings
from fairmot_pl.files import write_text
from fairmot_pl.models.fairmot import FairMOT
from fairmot_pl.reporting.figures import to_png

KINDS = {
    "deformable convolution": ("deform", "embedding_bag", "gathered"),
    "convolution": ("conv", "mkldnn", "cudnn"),
    "gather and scatter": ("index", "gather", "scatter"),
    "matrix product": ("addmm", "mm", "matmul", "linear", "bmm"),
    "norm and activation": ("norm", "relu", "silu", "hardswish", "hardtanh", "sigmoid", "clamp", "threshold"),
    "pooling": ("pool",),
    "optimiser": ("adam", "addcdiv", "addcmul", "lerp", "foreach"),
    "copies": ("copy", "contiguous", "cat", "clone", "pad", "fill", "zero", "stack"),
    "arithmetic": ("add", "sub", "mul", "div", "sqrt", "floor", "round", "pow", "exp", "log", "sum", "mean"),
}
"""Kinds of operators, and what their names hold; the first kind that fits counts."""

OTHER = "other operators"


class Stages:
    """Seconds by stage of one call; a stage is also a span of the trace, and a GPU is waited for at its end."""

    def __init__(self, device: torch.device) -> None:
        self.seconds: dict[str, float] = {}
        self.device = device

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block as part of a stage."""
        start = time.perf_counter()
        with record_function(name):
            yield
            wait_for(self.device)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def profile_documents(folder: Path, settings: Settings) -> list[Path]:
    """Write `trace_inference.json`, `trace_training.json` (chrome://tracing, Perfetto), `profile.json`, `profile.png`.

    Returns:
        The picture.
    """
    bars: dict[str, dict[str, float]] = {}
    for precision in settings.precisions:
        for name, (call, stages) in {
            f"inference, {precision}": _inference(settings, precision),
            f"training step, {precision}": _training(settings, precision),
        }.items():
            trace = folder / f"trace_{name.replace(', ', '_').replace(' ', '_')}.json"
            kinds = traced(call, trace, settings.device)
            stages.seconds.clear()
            call()  # the profiler slows down what it looks at
            bars |= {f"{name}, stages": dict(stages.seconds), f"{name}, operators": kinds}
    write_text(folder / "profile.json", json.dumps(bars, indent=2) + "\n")
    picture = folder / "profile.png"
    height, width = settings.input_size
    title = f"Where the time goes, {settings.backbone}, {height} x {width}, on {settings.device.type}"
    picture.write_bytes(to_png(shares_figure(bars, title), dpi=110))
    return [picture]


def traced(call: Callable[[], object], trace: Path, device: torch.device) -> dict[str, float]:
    """Run a call twice, the second time under the profiler; write its trace.

    Returns:
        Seconds by kind of operator, on the device.
    """
    call()
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device.type == "cuda" else [])
    with profile(activities=activities) as profiler:
        call()
        wait_for(device)
    profiler.export_chrome_trace(str(trace))
    seconds: dict[str, float] = {}
    for event in profiler.key_averages():
        own = event.self_device_time_total if device.type == "cuda" else event.self_cpu_time_total
        # on a GPU kernels are listed beside the operators that launched them, with the same seconds
        if event.key.startswith(("aten::", "torchvision::", "autograd::", "fairmot_pl::")):
            kind = kind_of(event.key)
            seconds[kind] = seconds.get(kind, 0.0) + own / 1e6
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def kind_of(operator: str) -> str:
    """What kind of work an operator does, by its name."""
    name = operator.lower().rpartition("::")[2]
    return next((kind for kind, parts in KINDS.items() if any(part in name for part in parts)), OTHER)


def _inference(settings: Settings, precision: str) -> tuple[Callable[[], object], Stages]:
    detector, stages = a_detector(settings, precision), Stages(settings.device)
    image = noise_image(settings.input_size)
    model = detector.model
    assert isinstance(model, FairMOT)
    _watch(stages, model.backbone, "trunk")
    _watch(stages, model.neck, "neck")
    _watch(stages, model.detection_head, "heatmap head", method="centres")

    def call() -> None:
        with stages.stage("prepare"):
            prepared = detector.prepare([image])
        sight = detector.network(prepared)
        with stages.stage("other heads at peaks, decode"):
            detector.decode(sight, prepared.letterboxes)

    return call, stages


def _training(settings: Settings, precision: str) -> tuple[Callable[[], object], Stages]:
    stages = Stages(settings.device)
    module, steps = training_step_parts(settings, precision)
    model = module.model
    _watch(stages, model.backbone, "trunk")
    _watch(stages, model.neck, "neck")
    _watch(stages, model.detection_head, "heads")
    _watch(stages, model.reid_head, "heads")

    def call() -> None:
        for name, step in steps.items():
            before = sum(stages.seconds.values())
            start = time.perf_counter()
            with record_function(name):
                step()
                wait_for(settings.device)
            inner = sum(stages.seconds.values()) - before
            own = time.perf_counter() - start - inner
            stages.seconds[name] = stages.seconds.get(name, 0.0) + own

    return call, stages


def _watch(stages: Stages, module: nn.Module, name: str, *, method: str = "forward") -> None:
    """Make what a method of a module does a stage."""
    plain = getattr(module, method)

    def timed(*args: Any, **kwargs: Any) -> Any:
        with stages.stage(name):
            return plain(*args, **kwargs)

    setattr(module, method, timed)
