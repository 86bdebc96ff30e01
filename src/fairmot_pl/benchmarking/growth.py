"""How time and memory grow: with objects, frames, image area, identities and processes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fairmot_pl.benchmarking.crowd import walkers
from fairmot_pl.benchmarking.laps import MB, Case, Laps, in_turns, resident_mb
from fairmot_pl.benchmarking.networks import network_cases
from fairmot_pl.benchmarking.pictures import Curve, Panel, growth_figure
from fairmot_pl.benchmarking.processor import ASSOCIATIONS, WARM_UP
from fairmot_pl.benchmarking.scaling import BATCH, PROCESSES, Job, step_seconds
from fairmot_pl.benchmarking.settings import Settings
from fairmot_pl.benchmarking.yardsticks import case_r, case_u
from fairmot_pl.files import write_text
from fairmot_pl.inference.detector import Detector
from fairmot_pl.inference.pipeline.follower import Follower, Outputs
from fairmot_pl.inference.pipeline.lanes import Lane
from fairmot_pl.inference.pipeline.run import run_lanes
from fairmot_pl.inference.pipeline.timings import StageClock
from fairmot_pl.inference.sources.frame import Frame, FrameSource
from fairmot_pl.losses.identity import build_identity_loss
from fairmot_pl.losses.identity.base import IdentityLoss
from fairmot_pl.models.fairmot import build_fairmot
from fairmot_pl.reporting.figures import to_png
from fairmot_pl.tracking.tracker import OnlineTracker

OBJECTS_IN_A_BATCH = 300
"""People in twelve images of MOT17, whose identities one step learns."""


def growth_documents(folder: Path, settings: Settings) -> list[Path]:
    """Measure all panels; write `growth.json` and, after each panel anew, `growth.png`.

    Returns:
        The picture.
    """
    panels: list[Panel] = []
    picture = folder / "growth.png"
    for some in measured_panels(settings):
        panels += some
        write_text(folder / "growth.json", json.dumps([asdict(panel) for panel in panels], indent=2) + "\n")
        picture.write_bytes(to_png(growth_figure(panels), dpi=110))
    return [picture]


def measured_panels(settings: Settings) -> Iterator[list[Panel]]:
    """One after the other; memory over a video comes first, while the process holds little else."""
    yield frames_panels(settings)
    yield [objects_panel(settings)]
    yield identities_panels(settings)
    yield [area_panel(settings)]
    yield [process_panel(settings)]


def objects_panel(settings: Settings) -> Panel:
    """An update of the tracker against people in the scene, in U."""
    crowds = (10, 50, 200) if settings.quick else (10, 20, 50, 100, 200, 500, 1000)
    times: dict[str, list[float]] = {association: [] for association in ASSOCIATIONS}
    for people in crowds:
        scene = list(walkers(people, settings.many_laps + WARM_UP, seed=settings.seed))
        cases = [
            Case(part="tracker", name=name, call=OnlineTracker(association=name).update, feed=iter(scene))
            for name in ASSOCIATIONS
        ]
        measured = in_turns(
            [case_u(), *cases],
            laps=settings.many_laps,
            warm_up=WARM_UP,
            clock=time.thread_time,
            description=f"{people} people",
        )
        for laps in measured[1:]:
            times[laps.case.name].append(laps.quantile(0.5) / measured[0].quantile(0.5))
    curves = [Curve(label=name, x=list(map(float, crowds)), y=values) for name, values in times.items()]
    return Panel(title="Tracker", across="people in the scene", up="an update, U", curves=curves, log=True)


class Panning(FrameSource):
    """Frames of noise that pans: made as they are asked for, so that nothing but the tracker's memory can grow."""

    name = address = "panning"
    frame_rate = 30.0

    def __init__(self, frames: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.frame_count = frames
        self._base = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)

    def __iter__(self) -> Iterator[Frame]:
        for number in range(1, (self.frame_count or 0) + 1):
            image = np.ascontiguousarray(np.roll(self._base, number % self._base.shape[1], axis=1))
            yield Frame(number, image, (number - 1) / self.frame_rate)


def frames_panels(settings: Settings) -> list[Panel]:
    """Time and memory at each tenth of a long video: all of tracking with a tiny network, and the tracker alone."""
    frames, alone = (100, 1000) if settings.quick else (5000, 100_000)
    marks = {"track, all outputs": _pipeline(frames, settings), f"tracker alone, {alone} frames": _tracker(alone)}
    share = [10.0 * tenth for tenth in range(1, 11)]
    return [
        Panel(
            title=f"A video of {frames} frames",
            across="of the video, percent",
            up="ms a frame",
            curves=[
                Curve(label=label, x=share, y=[1e3 * seconds for seconds, _ in found]) for label, found in marks.items()
            ],
        ),
        Panel(
            title="Memory over a video",
            across="of the video, percent",
            up="resident memory, MB",
            curves=[Curve(label=label, x=share, y=[memory for _, memory in found]) for label, found in marks.items()],
        ),
    ]


class _Tenths:
    """Seconds a frame and resident memory at each tenth of a known number of frames."""

    def __init__(self, frames: int) -> None:
        self.marks: list[tuple[float, float]] = []
        self._every, self._done, self._last = frames // 10, 0, time.perf_counter()

    def frame(self) -> None:
        self._done += 1
        if self._done % self._every == 0:
            now = time.perf_counter()
            self.marks.append(((now - self._last) / self._every, resident_mb() or float("nan")))
            self._last = now


def _pipeline(frames: int, settings: Settings) -> list[tuple[float, float]]:
    size = (96, 160)
    torch.manual_seed(settings.seed)
    model = build_fairmot(backbone="mobilenetv3_small_050", reid_dim=16, deformable=False, head_channels=8)
    detector = Detector(model, input_size=size, score_threshold=0.0, device=settings.device, precision="float32", k=20)
    source, clock = Panning(frames, size), StageClock()
    tracker = OnlineTracker(frame_rate=source.frame_rate, score_threshold=0.01, new_track_threshold=0.01)
    outputs = Outputs(
        folder=settings.scratch, formats=["mot", "csv", "jsonl"], video=True, video_max_side=None, min_area=0.0
    )
    follower = Follower(source.name, tracker, frame_rate=source.frame_rate, outputs=outputs, clock=clock)
    tenths, lane = _Tenths(frames), Lane(source, follower)
    seen = 0

    def progress(lane: Lane) -> None:
        nonlocal seen
        if lane.taken > seen:  # it is also called when a lane ends
            seen = lane.taken
            tenths.frame()

    run_lanes(detector, [lane], clock, progress=progress)
    return tenths.marks


def _tracker(frames: int, people: int = 6) -> list[tuple[float, float]]:
    tracker, tenths = OnlineTracker(), _Tenths(frames)
    for detections in walkers(people, frames):
        tracker.update(detections)
        tenths.frame()
    return tenths.marks


def area_panel(settings: Settings) -> Panel:
    """Image to detections, and R, against the network's input; both in seconds of the same run."""
    sizes = ((96, 160), (160, 288)) if settings.quick else ((160, 288), (320, 576), (448, 800), (608, 1088))
    times: dict[str, list[float]] = {}
    for size in sizes:
        measured = in_turns(
            [case_r(size, settings.device), *network_cases(replace(settings, input_size=size))],
            laps=min(settings.laps, 3),
            warm_up=1,
            device=settings.device,
            description=f"{size[0]} x {size[1]}",
        )
        for laps in measured:
            times.setdefault(_area_label(laps), []).append(laps.quantile(0.5))
    pixels = [height * width / 1e6 for height, width in sizes]
    curves = [Curve(label=name, x=pixels, y=values) for name, values in times.items()]
    return Panel(title="Network", across="input, megapixels", up="seconds an image", curves=curves)


def _area_label(laps: Laps) -> str:
    return "R, the reference's network" if laps.case.name == "R" else laps.case.name


def identities_panels(settings: Settings) -> list[Panel]:
    """Forward and backward of the identity classifier against its classes: seconds, and memory beyond its weights."""
    counts = (100, 1000, 10_000) if settings.quick else (1000, 10_000, 100_000, 1_000_000)
    dim = 128
    random = torch.Generator().manual_seed(settings.seed)
    vectors = torch.randn(OBJECTS_IN_A_BATCH, dim, generator=random).to(settings.device)
    seconds: list[float] = []
    memory: list[float] = []
    for count in counts:
        loss = build_identity_loss("cross_entropy", reid_dim=dim, num_identities=count).to(settings.device)
        who = torch.randint(count, (len(vectors),), generator=random).to(settings.device)

        def step(_: object, loss: IdentityLoss = loss, who: Tensor = who) -> None:
            loss.zero_grad(set_to_none=True)
            loss.criterion(vectors.clone().requires_grad_(), who).loss.backward()

        case = Case(part="identities", name=str(count), call=step)
        (laps,) = in_turns(
            [case], laps=settings.laps, warm_up=1, device=settings.device, description=f"{count} identities"
        )
        seconds.append(laps.quantile(0.5))
        gradients = sum(parameter.numel() * parameter.element_size() for parameter in loss.parameters()) / MB
        memory.append(float("nan") if laps.peak_mb is None else max(laps.peak_mb - gradients, 0.0))
    x = list(map(float, counts))
    across = f"identities ({OBJECTS_IN_A_BATCH} people a batch)"
    mine = [Curve(label=f"{dim} dimensions", x=x, y=seconds)]
    return [
        Panel(title="Identity classifier", across=across, up="forward and backward, s", curves=mine, log=True),
        Panel(
            title="Memory of its step, beyond weights and gradients",
            across=across,
            up="MB",
            curves=[
                Curve(label="in parts, as here", x=x, y=memory),
                Curve(label="all logits at once", x=x, y=[4 * OBJECTS_IN_A_BATCH * count / MB for count in x]),
            ],
            log=True,
        ),
    ]


def process_panel(settings: Settings) -> Panel:
    """Images a second of data-parallel training against processes, of small and large identity classifiers."""
    curves = []
    available = torch.cuda.device_count() if settings.device.type == "cuda" else max(PROCESSES)
    worlds = [world for world in PROCESSES if world <= available]
    for identities in (500, 5000) if settings.quick else (500, 100_000):
        jobs = [
            Job(world, identities, settings.laps, settings.device.type == "cuda", str(settings.scratch))
            for world in worlds
        ]
        found = [step_seconds(job) for job in jobs]
        for kind, label in (("step", "exchanged"), ("alone", "not exchanged")):
            rates = [job.world * BATCH / figures[kind] for job, figures in zip(jobs, found, strict=True)]
            name = f"{found[0]['gradient_mb']:.0f} MB of gradients, {label}"
            curves.append(Curve(label=name, x=list(map(float, worlds)), y=rates))
    return Panel(title="Data-parallel training", across="processes", up="images a second", curves=curves)
