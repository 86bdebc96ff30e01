"""The online loop: read a frame, detect, associate, draw; and how long each of them took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.boxes import xyxy_to_tlwh
from fairmot_pl.inference.drawing import Trails, draw_tracks
from fairmot_pl.inference.video import FrameSource
from fairmot_pl.inference.video_writer import VideoWriter
from fairmot_pl.mot_format import track_rows
from fairmot_pl.structures import Detections, Tracks

MIN_AREA = 100.0
MAX_ASPECT = 1.6
"""The reference's output filter: people are not smaller than 10 x 10 pixels, nor much wider than high."""

STAGES = ("read", "detect", "associate", "draw")


class FrameDetector(Protocol):
    """Anything that finds objects in one image, such as `Detector`."""

    def __call__(self, image: NDArray[np.uint8]) -> Detections:
        """Detections in pixels of the `(H, W, 3)` RGB image."""


class FrameTracker(Protocol):
    """Anything that follows objects from frame to frame, such as `OnlineTracker`."""

    def update(self, detections: Detections) -> Tracks:
        """Take in the next frame; the tracks confirmed in it."""


@dataclass(frozen=True, kw_only=True)
class StageTimings:
    """How long the stages of the online loop took.

    Args:
        frames: how many frames were measured.
        read: median milliseconds to read and decode a frame.
        detect: median milliseconds from image to detections: resize, network, decode.
        associate: median milliseconds of the tracker.
        draw: median milliseconds to draw and encode; 0 where no video was written.
        fps: frames per second of all stages together, over the whole run.
        tracking_fps: the same without reading and drawing, as papers report it.
    """

    frames: int
    read: float
    detect: float
    associate: float
    draw: float
    fps: float
    tracking_fps: float

    def flat(self, prefix: str = "speed/") -> dict[str, float]:
        """One flat mapping for `metrics.json`; stages in milliseconds."""
        figures = {f"{stage}_ms": float(getattr(self, stage)) for stage in STAGES}
        figures |= {"fps": self.fps, "tracking_fps": self.tracking_fps, "frames": float(self.frames)}
        return {prefix + name: value for name, value in figures.items()}

    def __str__(self) -> str:
        stages = ", ".join(f"{stage} {getattr(self, stage):.1f} ms" for stage in STAGES)
        alone = f"{self.tracking_fps:.1f} without reading and drawing"
        return f"{self.frames} frames at {self.fps:.1f} fps ({alone}); medians: {stages}"


@dataclass(frozen=True, kw_only=True)
class TrackedVideo:
    """Results of one source.

    Args:
        rows: `(R, 10)` MOTChallenge rows, ready for `write_mot`.
        timings: how long it took.
        interrupted: whether Ctrl-C ended it before its last frame.
        problem: why the source could not be read to its end; empty if it could.
    """

    rows: NDArray[np.float64]
    timings: StageTimings
    interrupted: bool = False
    problem: str = ""


@dataclass
class _Stopwatch:
    """Seconds of each stage, one number a frame."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage].append(now - self._last)
        self._last = now

    def restart(self) -> None:
        self._last = time.perf_counter()

    def timings(self) -> StageTimings:
        frames = len(self.seconds["associate"])
        median = {stage: 1e3 * float(np.median(laps)) if laps else 0.0 for stage, laps in self.seconds.items()}
        tracking = sum(self.seconds["detect"]) + sum(self.seconds["associate"])
        total = sum(map(sum, self.seconds.values()))
        return StageTimings(
            frames=frames,
            **median,
            fps=frames / total if total else 0.0,
            tracking_fps=frames / tracking if tracking else 0.0,
        )


class _Frames:
    """The frames of a source up to the first that cannot be read; `problem` then says why.

    Raises:
        OSError, ValueError: as the source did, if it is the very first frame.
    """

    def __init__(self, source: FrameSource, limit: int | None) -> None:
        self._source, self._limit = source, limit
        self.problem = ""

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        number = 0
        try:
            for number, image in islice(self._source, self._limit):
                yield number, image
        except (OSError, ValueError) as error:
            if not number:
                raise
            self.problem = str(error)


def keep_for_output(
    tracks: Tracks, *, min_area: float | None = MIN_AREA, max_aspect: float | None = MAX_ASPECT
) -> Tracks:
    """The tracks worth writing down: box area above `min_area` and width / height at most `max_aspect`.

    Args:
        tracks: of one frame, boxes in image pixels.
        min_area: square pixels; None keeps all.
        max_aspect: width over height; None keeps all.
    """
    width, height = xyxy_to_tlwh(tracks.boxes)[:, 2:].T
    keep = np.ones(len(tracks), bool)
    if min_area is not None:
        keep &= width * height > min_area
    if max_aspect is not None:
        keep &= width <= max_aspect * height
    return tracks.select(keep)


def track_source(
    detector: FrameDetector,
    tracker: FrameTracker,
    source: FrameSource,
    *,
    writer: VideoWriter | None = None,
    trails: Trails | None = None,
    min_area: float | None = MIN_AREA,
    max_aspect: float | None = MAX_ASPECT,
    max_frames: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> TrackedVideo:
    """Track one source from its first to its last frame.

    Ctrl-C, or a frame that cannot be read, ends it early: what was tracked by then is returned, and the video
    holds the same frames once the caller closes it. With nothing tracked yet, either is raised instead.

    Args:
        detector: finds objects in one image.
        tracker: fresh or reset; it keeps its state afterwards.
        source: the frames.
        writer: gets each frame with its tracks drawn; the caller closes it.
        trails: drawn behind the tracks; updated here.
        min_area: as in `keep_for_output`; the filter holds for rows and drawings.
        max_aspect: as in `keep_for_output`.
        max_frames: stop after so many frames; None for all.
        progress: called after each frame with its number and the number of frames, if known.

    Raises:
        ValueError: `max_frames` is not positive, or the first frame cannot be read.
        OSError: the first image is not there, or the video cannot be written.
        KeyboardInterrupt: Ctrl-C before the first frame was done.
    """
    if max_frames is not None and max_frames < 1:
        raise ValueError(f"max_frames is {max_frames}; give at least 1, or None for all frames")
    total = source.frame_count if max_frames is None else min(max_frames, source.frame_count or max_frames)
    frames = _Frames(source, max_frames)
    rows: list[NDArray[np.float64]] = []
    watch = _Stopwatch()
    interrupted = False
    try:
        for number, image in frames:
            watch.lap("read")
            detections = detector(image)
            watch.lap("detect")
            tracks = keep_for_output(tracker.update(detections), min_area=min_area, max_aspect=max_aspect)
            watch.lap("associate")
            if trails is not None:
                trails.update(tracks)
            if writer is not None:
                writer.write(draw_tracks(image, tracks, trails=trails))
                watch.lap("draw")
            rows.append(track_rows(number, tracks))
            if progress is not None:
                progress(number, total)
            watch.restart()
    except KeyboardInterrupt:
        if not rows:
            raise
        interrupted = True
    found = np.concatenate([np.zeros((0, 10)), *rows])
    return TrackedVideo(rows=found, timings=watch.timings(), interrupted=interrupted, problem=frames.problem)
