"""`python -m fairmot_pl.track`: put a checkpoint on videos, folders of images, cameras and streams."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf
from rich.progress import Progress, TaskID

from fairmot_pl.config.build import as_trained
from fairmot_pl.config.check import ConfigError, check_given, check_values
from fairmot_pl.config.entry import Outcome, output_folder, plain, run_command
from fairmot_pl.config.nodes import check_refinement, check_tracker
from fairmot_pl.data.progress import counting_bar
from fairmot_pl.files import write_text
from fairmot_pl.inference.camera_motion import CameraMotion
from fairmot_pl.inference.detector import Detector, check_detector
from fairmot_pl.inference.pipeline.follower import Follower, Outputs
from fairmot_pl.inference.pipeline.lane_figures import figures_of, said_of
from fairmot_pl.inference.pipeline.lanes import Lane
from fairmot_pl.inference.pipeline.run import run_lanes
from fairmot_pl.inference.pipeline.timings import StageClock
from fairmot_pl.inference.sources.frame import FrameSource
from fairmot_pl.inference.sources.live import is_address, without_password
from fairmot_pl.inference.sources.opening import open_sources
from fairmot_pl.inference.writers.rows import TRACK_FORMATS
from fairmot_pl.models.weights import load_fairmot
from fairmot_pl.tracking.refine import Refinement, refine_file
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.training.checkpoint import find_checkpoint, trained_input_size
from fairmot_pl.training.provenance import environment, write_provenance

KEYS = {
    "name": str,
    "source": int | str | list[int | str],
    "checkpoint": str,
    "input_size": list[int] | None,
    "device": str,
    "precision": str,
    "compile": bool,
    "detection_threshold": float,
    "frame_rate": float | None,
    "max_frames": int | None,
    "min_box_area": float,
    "max_aspect_ratio": float,
    "mot": bool,
    "csv": bool,
    "jsonl": bool,
    "video": bool,
    "video_max_side": int | None,
    "count": dict[str, list[Any]] | None,
    "blur": Literal["none", "head", "person"],
    "policy": Literal["auto", "all", "latest"],
    "reconnect_seconds": float,
}

DEFAULT_SIZE = (608, 1088)
"""Of the network's input, where neither the command nor the checkpoint says it."""


def main() -> None:
    """Console entry."""
    run_command("track", track, check, addresses_quoted)


def addresses_quoted(arguments: list[str]) -> list[str]:
    """Arguments with quotes around a network address, whose `?channel=1&sub=0` Hydra's grammar would not take."""

    def quote(argument: str) -> str:
        key, _, value = argument.partition("=")
        plain_address = key == "source" and is_address(value) and not set(value) & set("'\"")
        return f"{key}='{value}'" if plain_address else argument

    return [quote(argument) for argument in arguments]


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be meant.

    Raises:
        ConfigError: naming the key and what is allowed.
    """
    check_given(config, ("source", "checkpoint"), "track")
    check_values(plain(config), KEYS, nodes=("tracker", "refine"))
    check_tracker(config)
    check_refinement(config)
    if Refinement(**plain(config.refine)) and not config.mot:
        raise ConfigError("refine works on the MOT text, but mot is false; set mot=true")
    if not 0 <= config.detection_threshold <= 1:
        raise ConfigError(f"detection_threshold is {config.detection_threshold}; allowed: 0 to 1")
    if config.max_frames is not None and config.max_frames < 1:
        raise ConfigError(f"max_frames is {config.max_frames}; give at least 1, or null for all frames")
    outputs_of(config, Path())


def outputs_of(config: DictConfig, folder: Path) -> Outputs:
    """What the configuration asks to be written.

    Raises:
        ValueError: a line or an area that is none.
    """
    return Outputs(
        folder=folder,
        formats=[kind for kind in TRACK_FORMATS if config[kind]],
        video=config.video,
        video_max_side=config.video_max_side,
        count=plain(config.count) or {},
        blur=config.blur,
        min_area=config.min_box_area,
        max_aspect=config.max_aspect_ratio,
    )


def track(config: DictConfig) -> Outcome:
    """Track every source; write rows, counts, videos and figures."""
    folder = output_folder()
    check_detector(plain(config.input_size) or DEFAULT_SIZE, config.device, config.precision)
    sources = open_sources(
        plain(config.source), frame_rate=config.frame_rate, reconnect_seconds=config.reconnect_seconds
    )
    checkpoint = find_checkpoint(config.checkpoint)
    config = as_trained(config, checkpoint)
    input_size = plain(config.input_size) or trained_input_size(checkpoint) or DEFAULT_SIZE
    detector = Detector(
        load_fairmot(checkpoint),
        input_size=tuple(input_size),
        score_threshold=config.detection_threshold,
        device=config.device,
        precision=config.precision,
        compile=config.compile,
    )
    write_text(folder / "config.yaml", OmegaConf.to_yaml(without_passwords(config), resolve=True))
    addresses = [source.address for source in sources]
    write_provenance(
        folder, {"environment": environment(), "data": {"source": addresses, "checkpoint": str(checkpoint)}}
    )
    clock = StageClock()
    lanes = [lane_of(config, source, outputs_of(config, folder), clock) for source in sources]
    with stopped_by_signals() as stop, progress_bars() as bars:

        def progress(lane: Lane) -> None:
            bars(lane)
            if stop.is_set():
                raise KeyboardInterrupt

        interrupted = run_lanes(detector, lanes, clock, progress=progress)
    return concluded(lanes, clock, folder, config, interrupted=interrupted)


def lane_of(config: DictConfig, source: FrameSource, outputs: Outputs, clock: StageClock) -> Lane:
    """A source with a tracker of its own."""
    tracker = OnlineTracker(frame_rate=source.frame_rate, **plain(config.tracker))
    follower = Follower(
        source.name,
        tracker,
        frame_rate=source.frame_rate,
        outputs=outputs,
        clock=clock,
        camera_motion=CameraMotion() if tracker.use_camera_motion else None,
    )
    latest = config.policy == "latest" or (config.policy == "auto" and source.live)
    return Lane(source, follower, latest=latest, max_frames=config.max_frames)


def concluded(
    lanes: Sequence[Lane], clock: StageClock, folder: Path, config: DictConfig, *, interrupted: bool
) -> Outcome:
    """Write the figures, and say how it went.

    Raises:
        OSError: a source could not be read to its end.
    """
    timings = clock.timings()
    followers = [lane.follower for lane in lanes]
    figures = {**timings.flat(), "interrupted": float(interrupted), **figures_of(lanes)}
    write_text(folder / "metrics.json", json.dumps(figures, indent=2) + "\n")
    counts = {each.name: each.counter.counts for each in followers if each.counter}
    if counts:
        write_text(folder / "counts.json", json.dumps(counts, indent=2) + "\n")
    print("\n".join([*map(said_of, lanes), timings.table()]))
    refinement = Refinement(**plain(config.refine))
    if refinement:
        refined = [refine_file(folder / f"{lane.name}.txt", refinement) for lane in lanes if lane.follower.frames]
        print("\n".join(f"{refinement.label}: {path}" for path in refined))
    if interrupted:
        print("stopped by Ctrl-C: the files hold what was tracked until then")
    problems = [str(lane.problem) for lane in lanes if lane.problem]
    if problems:
        kept = f"; what was tracked until then is in {folder}" if timings.frames else ""
        raise OSError("; ".join(problems) + kept)
    return Outcome(folder, next_steps=next_steps(lanes, folder, config))


def next_steps(lanes: Sequence[Lane], folder: Path, config: DictConfig) -> list[str]:
    """What to look at, of the first source."""
    name = lanes[0].name
    steps = [f"open {folder / f'{name}.mp4'}"] if config.video else []
    if config.mot:
        steps.append(f"read {folder / f'{name}.txt'} (frame,id,left,top,width,height,score)")
    return steps or [f"read {folder / 'metrics.json'}"]


def without_passwords(config: DictConfig) -> DictConfig:
    """The configuration as it may be stored."""
    stored = config.copy()
    source = plain(config.source)
    shown = [
        without_password(each) if isinstance(each, str) and is_address(each) else each
        for each in (source if isinstance(source, list) else [source])
    ]
    stored.source = shown if isinstance(source, list) else shown[0]
    return stored


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Let SIGTERM, which service managers send, close the files as Ctrl-C does.

    Yields:
        Whether either came. Python drops an exception that a signal raises within a destructor or a callback of a
        library; who looks here after every frame hears it all the same.
    """
    stop = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        stop.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # the system allows no handlers there
        yield stop
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ProgressBars:
    """A bar for each source that runs."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._jobs: dict[str, TaskID] = {}

    def __call__(self, lane: Lane) -> None:
        """Show how far a lane is."""
        if lane.name not in self._jobs:
            self._jobs[lane.name] = self._bars.add_task(lane.name, total=lane.total)
        self._bars.update(self._jobs[lane.name], completed=lane.taken)


@contextmanager
def progress_bars() -> Iterator[ProgressBars]:
    """Bars that go when the block ends."""
    with counting_bar(stderr=False) as bars:
        yield ProgressBars(bars)


if __name__ == "__main__":
    main()
