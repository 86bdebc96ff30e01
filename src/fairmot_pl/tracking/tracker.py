"""The online tracker: frame by frame, detections in, confirmed tracks out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fairmot_pl.structures import Detections, Tracks
from fairmot_pl.tracking.association import Band, Matches, associate, bands, compose
from fairmot_pl.tracking.camera import checked_camera
from fairmot_pl.tracking.costs import unit_length
from fairmot_pl.tracking.fusion.engine import FusionEngine
from fairmot_pl.tracking.fusion.table import Beliefs
from fairmot_pl.tracking.reupdate import RetracedTable
from fairmot_pl.tracking.settings import TrackerSettings
from fairmot_pl.tracking.trace import FrameTrace
from fairmot_pl.tracking.track import TrackState, TrackTable

_LATEST = 1e12
"""Seconds; the largest timestamp."""


class OnlineTracker(TrackerSettings):
    """Tracks objects through one video. Its keywords are `TrackerSettings`; they cannot change afterwards.

    `update` must be called for every frame, also for one without detections; where frames are dropped or come at
    an uneven pace, with their timestamps. Tracks that start in the first frame are confirmed at once, later ones when
    the next frame sees them again ("fusion": when they are next seen). New ids go by descending score, whatever the
    order of a frame's detections; of equal scores the one given first comes first. A track never changes class.

    Attributes:
        frame: frames seen so far.
        clock: the time of the last frame, counted in frames of `frame_rate` from 1 for the first one.
        trace: takes down what the next `update` sees, if there is one (`trace.traced` sets it).

    Raises:
        ValueError: an unknown association, a setting outside its range, or parts that do not go together.

    Examples:
        >>> import numpy as np
        >>> from fairmot_pl import Detections, OnlineTracker
        >>> tracker = OnlineTracker(association="byte", frame_rate=25)  # independent of every other tracker
        >>> for step in range(3):  # somebody walks to the right, 4 pixels a frame
        ...     seen = Detections(
        ...         boxes=[[100 + 4 * step, 50, 140 + 4 * step, 150]],
        ...         scores=[0.9],
        ...         embeddings=np.zeros((1, 0)),
        ...         classes=[0],
        ...     )
        ...     tracks = tracker.update(seen)
        >>> tracks.ids.tolist(), tracks.boxes.shape
        ([1], (1, 4))
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.trace: FrameTrace | None = None
        self._association = compose(self)
        born_at = self.score_threshold + self._association.birth_margin
        self._birth_threshold = born_at if self.new_track_threshold is None else self.new_track_threshold
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first of a video, and ids start at 1 again."""
        self._fusion = FusionEngine(self, 1 / self.frame_rate) if self._association.weighs_evidence else None
        table = RetracedTable if self.use_reupdate else TrackTable
        self._table = table.born(Detections.empty(), first_id=1, frame=0, state=TrackState.TENTATIVE)
        self.frame, self.clock = 0, 0.0
        self._timestamp = 0.0
        self._next_id = 1

    @property
    def tracks(self) -> TrackTable | Beliefs:
        """Every living track, whatever its state; "fusion" has a table of its own."""
        return self._table if self._fusion is None else self._fusion.tracks

    def update(
        self, detections: Detections, *, timestamp: float | None = None, camera: ArrayLike | None = None
    ) -> Tracks:
        """Take the next frame.

        Args:
            detections: all of the frame, low scores too; boxes in image pixels, those without extent are
                ignored.
            timestamp: seconds, later than that of the last frame; None is `1 / frame_rate` after it. What lies
                between the two counts as so many frames: tracks move on, grow unsure and are forgotten by time.
            camera: `(2, 3)` affine map from the last frame's pixels to this one's, by which all tracks are moved;
                None for a camera at rest.

        Returns:
            The confirmed tracks of this frame by ascending id; boxes are the filtered state (without
            `use_kalman` the detection), not clipped. "fusion" also reports who is not seen but probably there.

        Raises:
            ValueError: values that are not finite, embeddings that fit neither association nor tracks, a timestamp
                that is not later than the last, or a map that is none.
        """
        seen = self._prepare(detections)
        affine = None if camera is None else checked_camera(camera, self.frame + 1)
        passed, self._timestamp = self._pass(timestamp)
        self.frame += 1
        self.clock += passed
        if self.trace is not None:
            self.trace.clock = self.clock
        if self._fusion is not None:
            return self._fusion.step(seen, passed / self.frame_rate, affine, self.trace)
        if passed > 1:
            self._table = self._table.keep(self._table.within(self.buffer, frame=self.clock))
        if self.use_kalman:
            self._table.predict(passed)
        if affine is not None:
            self._table = self._table.keep(self._table.move_camera(affine))
        banded = bands(seen.scores, self)
        matches = associate(self._table, seen, self._association.stages, banded, self.trace)
        survivors = self._continue(seen, matches)

        unclaimed = matches.free & banded[Band.HIGH] & (seen.scores >= self._birth_threshold)
        if self.trace is not None:
            self.trace.births(np.flatnonzero(unclaimed), self._next_id + np.arange(unclaimed.sum()))
        tracks = survivors.join(self._start(seen.select(unclaimed))) if np.count_nonzero(unclaimed) else survivors
        boxes = tracks.boxes
        distinct = tracks.distinct(boxes, self.duplicate_distance)
        self._table = tracks.keep(distinct)
        return tracks.report(boxes, distinct)

    def _pass(self, timestamp: float | None) -> tuple[float, float]:
        """How many frames go by up to a frame, and when it is; exactly 1 if frames come at their nominal rate."""
        if timestamp is None:
            return 1.0, self._timestamp + 1 / self.frame_rate
        seconds = float(timestamp)
        if not abs(seconds) <= _LATEST:
            raise ValueError(f"timestamp of frame {self.frame + 1} is {timestamp!r}; expected seconds")
        if self.frame == 0:
            return 1.0, seconds
        if seconds <= self._timestamp:
            raise ValueError(
                f"timestamp of frame {self.frame + 1} is {seconds} s, not later than the {self._timestamp} s of the "
                "frame before; give each frame a later one, or call reset() before another video"
            )
        # A millionth of a frame is beyond what timestamps mean; what is left is free of their rounding.
        return max(round((seconds - self._timestamp) * self.frame_rate, 6), 1e-6), seconds

    def _continue(self, seen: Detections, matches: Matches) -> TrackTable:
        """Go on with who was matched and let go of who was missed for too long."""
        lives = self._table.miss(matches.missed, frame=self.clock, buffer=self.buffer)
        if len(matches.pairs):
            self._table.see(
                matches.pairs,
                seen,
                frame=self.clock,
                momentum=self.embedding_momentum,
                keeps_score=self._association.keeps_score,
                filtered=self.use_kalman,
            )
        return self._table.keep(lives)

    def _start(self, detections: Detections) -> TrackTable:
        """New tracks, best score first."""
        state = TrackState.CONFIRMED if self.frame == 1 else TrackState.TENTATIVE
        born = self._table.born(detections, first_id=self._next_id, frame=self.clock, state=state)
        self._next_id += len(born)
        return born

    def _prepare(self, detections: Detections) -> Detections:
        """The detections that can matter, best first, with embeddings of unit length (or none)."""
        self._check(detections)
        floor = -np.inf if self._fusion is not None else min(self.score_threshold, self.low_score_threshold)
        left, top, right, bottom = detections.boxes.T
        usable = (right > left) & (bottom > top) & (detections.scores > floor)
        order = (-detections.scores).argsort(kind="stable")
        kept = order[usable[order]]
        looks = detections.embeddings if self._association.needs_embeddings else detections.embeddings[:, :0]
        return Detections.trusted(
            boxes=detections.boxes.take(kept, axis=0),
            scores=detections.scores.take(kept),
            embeddings=unit_length(looks.take(kept, axis=0)),
            classes=detections.classes.take(kept),
        )

    def _check(self, detections: Detections) -> None:
        for name in ("boxes", "scores", "embeddings"):
            values = getattr(detections, name)
            if np.count_nonzero(np.isfinite(values)) < values.size:
                raise ValueError(f"Detections.{name} of frame {self.frame + 1} hold NaN or infinite values")
        if not (self._association.needs_embeddings and len(detections)):
            return
        dim = detections.embeddings.shape[1]
        if dim == 0:
            raise ValueError(
                f"association {self.association!r} compares embeddings, but the detections have none "
                "(D = 0): give embeddings, or choose association 'byte' or use_reid=False"
            )
        if len(self.tracks) and dim != self.tracks.embeddings.shape[1]:
            raise ValueError(
                f"embeddings have {dim} dimensions, those of the tracks {self.tracks.embeddings.shape[1]}; "
                "call reset() before changing the network"
            )
