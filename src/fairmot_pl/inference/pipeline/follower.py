"""What is done with one source's detections: associate, count, cover, draw, write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.inference.blur import REGIONS, Blur
from fairmot_pl.inference.counting.areas import areas_in, check_areas
from fairmot_pl.inference.counting.counter import Counter, Event
from fairmot_pl.inference.counting.drawing import draw_counts
from fairmot_pl.inference.drawing import Trails, draw_tracks
from fairmot_pl.inference.pipeline.timings import StageClock
from fairmot_pl.inference.sources.frame import Frame, Image
from fairmot_pl.inference.tracking import MAX_ASPECT, MIN_AREA, keep_for_output
from fairmot_pl.inference.writers.growing_video import GrowingVideoWriter
from fairmot_pl.inference.writers.rows import TRACK_FORMATS, LineFile, TrackFile, csv_line, open_track_file
from fairmot_pl.structures import Detections, Tracks

EVENT_COLUMNS = ("frame", "time", "area", "event", "id", "x", "y")


class FrameTracker(Protocol):
    """Anything that follows objects from frame to frame, such as `OnlineTracker`."""

    def update(
        self, detections: Detections, *, timestamp: float | None = None, camera: NDArray[np.float64] | None = None
    ) -> Tracks:
        """Take in the next frame; the tracks confirmed in it."""


class FrameMotion(Protocol):
    """Anything that tells how the camera moved, such as `CameraMotion`."""

    def step(self, image: Image) -> NDArray[np.float64]:
        """`(2, 3)` affine map from the last image's pixels to this one's."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is written of a source, and how.

    Args:
        folder: where to.
        formats: of the files of tracks, keys of `TRACK_FORMATS`.
        video: whether to write an annotated mp4.
        video_max_side: shrink it so that its longer side has at most so many pixels.
        count: lines and areas, as `areas_in` takes them.
        blur: what to make unrecognisable in the video, one of `REGIONS`.
        min_area: as in `keep_for_output`; the filter holds for everything that is written.
        max_aspect: as in `keep_for_output`.

    Raises:
        ValueError: a format, a region or an area that there is not.
    """

    folder: Path
    formats: Sequence[str] = tuple(TRACK_FORMATS)
    video: bool = True
    video_max_side: int | None = None
    count: Mapping[str, Any] = field(default_factory=dict)
    blur: str = "none"
    min_area: float | None = MIN_AREA
    max_aspect: float | None = MAX_ASPECT

    def __post_init__(self) -> None:
        for each in self.formats:
            if each not in TRACK_FORMATS:
                raise ValueError(f"format {each!r} is unknown; allowed: {', '.join(TRACK_FORMATS)}")
        if self.blur not in REGIONS:
            raise ValueError(f"blur is {self.blur!r}; allowed: {', '.join(REGIONS)}")
        check_areas(self.count)


class DistinctIds:
    """How many different ids there were; a bit each, so that months of them fit."""

    def __init__(self) -> None:
        self._seen = bytearray()
        self.count = 0

    def add(self, ids: Sequence[int]) -> None:
        """Take note of ids from 0 on."""
        for identity in ids:
            place, bit = identity >> 3, 1 << (identity & 7)
            if place >= len(self._seen):
                self._seen.extend(bytes(place + 1 - len(self._seen)))
            if not self._seen[place] & bit:
                self._seen[place] |= bit
                self.count += 1


class Follower:
    """Follows the people of one source and writes what it finds, frame by frame; files begin with the first frame.

    Args:
        name: files are called after it.
        tracker: fresh or reset; it keeps its state afterwards.
        frame_rate: frames per second, for the video.
        outputs: what to write.
        clock: stages are timed with it.
        camera_motion: tells the tracker how the camera moved; None where it does not ask.

    Attributes:
        frames: how many frames were followed.
        boxes: how many boxes were written.
        ids: how many different tracks.
    """

    def __init__(
        self,
        name: str,
        tracker: FrameTracker,
        *,
        frame_rate: float,
        outputs: Outputs,
        clock: StageClock,
        camera_motion: FrameMotion | None = None,
    ) -> None:
        self.name, self.outputs, self.clock = name, outputs, clock
        self.frames = self.boxes = 0
        self.ids = DistinctIds()
        self.counter: Counter | None = None
        self._tracker, self._frame_rate, self._camera_motion = tracker, frame_rate, camera_motion
        self._trails, self._blur = Trails(), Blur(outputs.blur)
        self._track_files: list[TrackFile] = []
        self._event_file: LineFile | None = None
        self._video: GrowingVideoWriter | None = None
        self._first_time = 0.0

    def follow(self, frame: Frame, detections: Detections) -> None:
        """Take the next frame and what was found in it, boxes in its pixels.

        Raises:
            OSError: a file cannot be written; the message names it.
            ValueError: a line or an area does not fit into the frame.
        """
        if not self.frames:
            self._begin(frame)
        with self.clock.time("associate"):
            camera = self._camera_motion.step(frame.image) if self._camera_motion else None
            found = self._tracker.update(detections, timestamp=frame.time, camera=camera)
            tracks = keep_for_output(found, min_area=self.outputs.min_area, max_aspect=self.outputs.max_aspect)
            events = self.counter.update(tracks) if self.counter else []
        picture = None
        if self._video is not None:
            with self.clock.time("draw"):
                picture = self._picture(frame.image, tracks, np.concatenate([detections.boxes, found.boxes]))
        with self.clock.time("write"):
            self._write(frame, tracks, events, picture)
        self.frames += 1
        self.boxes += len(tracks)
        self.ids.add(tracks.ids.tolist())
        self.clock.frame_done()

    def close(self) -> None:
        """Finish every file.

        Raises:
            OSError: one cannot be finished; the others are.
        """
        with ExitStack() as stack:
            for file in self._track_files:
                stack.callback(file.close)
            if self._event_file is not None:
                stack.callback(self._event_file.close)
            if self._video is not None:
                stack.callback(self._video.close)

    def figures(self) -> dict[str, float]:
        """Numbers of tracks and boxes, and the counts, flat."""
        counts = self.counter.counts if self.counter else {}
        flat = {f"count/{area}/{kind}": float(n) for area, kinds in counts.items() for kind, n in kinds.items()}
        return {"tracks": float(self.ids.count), "boxes": float(self.boxes), **flat}

    def _begin(self, frame: Frame) -> None:
        folder = self.outputs.folder
        areas = areas_in(self.outputs.count, frame.image.shape[:2])
        self._first_time = frame.time
        if areas:
            self.counter = Counter(areas)
            self._event_file = LineFile(folder / f"{self.name}.counts.csv", csv_line(EVENT_COLUMNS))
        self._track_files = [open_track_file(kind, folder, self.name) for kind in self.outputs.formats]
        if self.outputs.video:
            self._video = GrowingVideoWriter(
                folder / f"{self.name}.mp4", frame_rate=self._frame_rate, max_side=self.outputs.video_max_side
            )

    def _picture(self, image: Image, tracks: Tracks, people: NDArray[np.float64]) -> Image:
        self._trails.update(tracks)
        canvas = draw_tracks(self._blur(image, people), tracks, trails=self._trails)
        if self.counter is not None:
            draw_counts(canvas, self.counter.areas, self.counter.counts)
        return canvas

    def _write(self, frame: Frame, tracks: Tracks, events: Sequence[Event], picture: Image | None) -> None:
        for file in self._track_files:
            file.write(frame.number, frame.time, tracks)
        if self._event_file is not None and events:
            rows = ((frame.number, frame.time, each.area, each.kind, each.identity, *each.point) for each in events)
            self._event_file.append("".join(map(csv_line, rows)))
        if self._video is not None and picture is not None:
            self._video.write(picture, seconds=frame.time - self._first_time)
