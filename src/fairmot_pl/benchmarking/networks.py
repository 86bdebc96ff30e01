"""The network's cases: image to detections, maps to detections, a training step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from fairmot_pl.benchmarking.laps import Case
from fairmot_pl.benchmarking.plain import PlainFairMOT, plain_losses
from fairmot_pl.benchmarking.settings import Settings
from fairmot_pl.codec.decode import decode_sight
from fairmot_pl.codec.heatmap import with_heatmap
from fairmot_pl.codec.maps import STRIDE, ObjectTargets, Targets
from fairmot_pl.codec.targets import collate_objects, encode_objects
from fairmot_pl.inference.detector import Detector, Prepared
from fairmot_pl.inference.precision import AUTOCAST
from fairmot_pl.models.deform_conv import DeformConv
from fairmot_pl.models.fairmot import FairMOT, build_fairmot
from fairmot_pl.training.module import FairMOTModule

PEOPLE = 20
"""In each training image."""


def network_cases(settings: Settings) -> list[Case]:
    """Images to detections, in every precision, one by one and by the batch."""
    cases = []
    image = noise_image(settings.input_size)
    sizes = dict.fromkeys((1, settings.batch_size))
    detectors = {precision: a_detector(settings, precision) for precision in settings.precisions}
    if settings.device.type == "cuda":
        detectors["plain float32"] = a_detector(settings, "float32", plain=True)
    if settings.compile:
        detectors[f"{settings.precisions[-1]}, compiled"] = a_detector(settings, settings.precisions[-1], compile=True)
    for kind, detector in detectors.items():
        for size in sizes:
            end = f", {kind}" + (f", batch of {size}" if size > 1 else "")
            calls = {"image to detections": partial(_detect, detector, [image] * size)}
            if settings.device.type == "cuda":  # which is kept waiting by whoever prepares images
                calls["prepared image to detections"] = partial(_look, detector, detector.prepare([image] * size))
            cases += [Case(part="network", name=name + end, call=call, count=size) for name, call in calls.items()]
    return cases


def decode_cases(settings: Settings) -> list[Case]:
    """The heatmap to 500 detections: peaks, the other heads at the peaks, boxes."""
    detector = a_detector(settings, "float32")
    prepared = detector.prepare([noise_image(settings.input_size)])
    sight = detector.network(prepared)

    def decode(_: Any) -> None:
        with torch.inference_mode():
            decode_sight(sight, k=500)

    return [Case(part="decode", name="heatmap to 500 detections, other heads at the peaks alone", call=decode)]


def training_cases(settings: Settings) -> list[Case]:
    """A step of the optimiser on a batch that is on the device: forward, loss, backward, Adam."""
    steps = {precision: training_step(settings, precision) for precision in settings.precisions}
    if settings.device.type == "cuda":
        steps["plain float32"] = training_step(settings, "float32", plain=True)
    if settings.compile:
        steps[f"{settings.precisions[-1]}, compiled"] = training_step(settings, settings.precisions[-1], compile=True)
    return [
        Case(part="training", name=f"training step, batch of {settings.batch_size}, {kind}", call=step, unit="step")
        for kind, step in steps.items()
    ]


def a_model(settings: Settings) -> FairMOT:
    """The network with weights by chance, offsets of some cells included."""
    torch.manual_seed(settings.seed)
    model = build_fairmot(backbone=settings.backbone, deformable=settings.deformable)
    spread_offsets(model)
    return model


def spread_offsets(model: nn.Module) -> None:
    """Give deformable convolutions offsets as trained ones have; fresh ones sample the regular grid."""
    for module in model.modules():
        if isinstance(module, DeformConv):
            nn.init.normal_(module.offset_mask.weight, std=0.02)


def a_detector(settings: Settings, precision: str, *, plain: bool = False, compile: bool = False) -> Detector:
    """A detector that keeps the 500 best cells of any image; a plain one runs the network as the reference does."""
    model = a_model(settings)
    return Detector(
        PlainFairMOT(model) if plain else model,
        compile=compile,
        input_size=settings.input_size,
        score_threshold=0.0,
        device=settings.device,
        precision=precision,
    )


def noise_image(size: tuple[int, int]) -> np.ndarray:
    """An image of the network's size: nothing is to be shrunk."""
    return np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)


def _detect(detector: Detector, images: list[np.ndarray], _: Any) -> None:
    detector.batch(images)


def _look(detector: Detector, prepared: Prepared, _: Any) -> None:
    detector.decode(detector.network(prepared), prepared.letterboxes)


def noise_objects(
    size: tuple[int, int], images: int, identities: int, *, seed: int = 0, people: int = PEOPLE
) -> ObjectTargets:
    """People anywhere, an eighth to a half of the image high: what a loader says of them."""
    random = np.random.default_rng(seed)
    height = random.uniform(1 / 8, 1 / 2, (images, people)) * size[0]
    extent = np.stack([0.4 * height, height], axis=2)
    centre = random.uniform(0, (size[1], size[0]), (images, people, 2))
    boxes = np.concatenate([centre - extent / 2, centre + extent / 2], axis=2)
    who = random.integers(identities, size=(images, people))
    map_size = (size[0] // STRIDE, size[1] // STRIDE)
    return collate_objects(
        [encode_objects(*image, map_size=map_size, max_objects=people) for image in zip(boxes, who, strict=True)]
    )


def noise_batch(size: tuple[int, int], images: int, identities: int, *, seed: int = 0) -> tuple[torch.Tensor, Targets]:
    """Noise `(images, 3, *size)` with people anywhere: what a training step is given, without loading it."""
    random = torch.Generator().manual_seed(seed)
    objects = noise_objects(size, images, identities, seed=seed)
    targets = with_heatmap(objects, map_size=(size[0] // STRIDE, size[1] // STRIDE))
    return torch.rand(images, 3, *size, generator=random), targets


def a_module(identities: int, *, seed: int = 0, **model: Any) -> FairMOTModule:
    """The network with the losses of the paper.

    Args:
        identities: classes of the identity classifier.
        seed: of its weights.
        model: keywords of `FairMOTModule` that the paper's are not to hold for.
    """
    torch.manual_seed(seed)
    paper: dict[str, Any] = {
        **{"backbone": "dla34", "reid_dim": 128, "box_encoding": "ltrb", "deformable": True, "num_classes": 1},
        **{"head_channels": 256, "pretrained": False, "heatmap_weight": 1.0, "size_weight": 0.1, "offset_weight": 1.0},
        **{"weighting": "uncertainty", "weighting_options": {}, "learning_rate": 1e-4},
        **{"lr_drop_epochs": [], "lr_drop_factor": 0.1},
    }
    module = FairMOTModule(num_identities=identities, **(paper | model))
    spread_offsets(module)
    return module


def training_step(settings: Settings, precision: str, **options: bool) -> Callable[[Any], None]:
    """A call that is one step; for the options see `training_step_parts`."""
    _, parts = training_step_parts(settings, precision, **options)

    def step(_: Any = None) -> None:
        for part in parts.values():
            part()

    return step


def training_step_parts(
    settings: Settings, precision: str, *, plain: bool = False, compile: bool = False
) -> tuple[FairMOTModule, dict[str, Callable[[], None]]]:
    """The module that learns, and what a step is made of, in order, by name.

    Channels-last where the precision is not float32, as one would train there. A plain step computes what the reference
    does, the way it does.
    """
    device = settings.device
    module = a_module(
        settings.identities,
        seed=settings.seed,
        backbone=settings.backbone,
        deformable=settings.deformable,
        channels_last=precision != "float32",
    ).to(device)
    losses_of = module.losses
    if plain:
        PlainFairMOT(module.model)
        losses_of = partial(plain_losses, module)
    if compile:
        module.fuse()
    images, targets = noise_batch(settings.input_size, settings.batch_size, settings.identities, seed=settings.seed)
    images, targets = images.to(device), Targets(*(field.to(device) for field in targets))
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-4)
    dtype = AUTOCAST[precision]
    total: list[torch.Tensor] = []

    def forward() -> None:
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            total[:] = [losses_of(images, targets)["total"]]

    def backward() -> None:
        optimizer.zero_grad()
        total.pop().backward()

    def update() -> None:
        module.loss.weighting.before_step()
        optimizer.step()

    return module, {"losses": forward, "backward": backward, "Adam": update}
