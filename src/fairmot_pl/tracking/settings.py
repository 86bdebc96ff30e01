"""Every number that steers a tracker, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Real

from fairmot_pl.tracking.fusion.settings import FUSION_RANGES, FusionSettings

_MOST = 10**6
"""An upper bound for what has none."""

_SWITCHES = ("use_iou", "use_reid", "use_kalman", "use_reupdate", "use_camera_motion", "report_unseen")

_HEEDED = {"association", "frame_rate", "use_reid", "use_camera_motion"}
"""Settings that every association heeds."""

_RANGES: dict[str, tuple[float, float]] = {
    "score_threshold": (0, 1),
    "low_score_threshold": (0, 1),
    "new_track_threshold": (0, 1),
    "appearance_limit": (0, 2),
    "iou_limit": (0, 1),
    "first_iou_limit": (0, 1),
    "low_iou_limit": (0, 1),
    "tentative_iou_limit": (0, 1),
    "motion_gate": (0, math.inf),
    "motion_weight": (0, 1),
    "embedding_momentum": (0, 1),
    "duplicate_distance": (0, 1),
    "track_buffer": (0, _MOST),
    **FUSION_RANGES,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackerSettings(FusionSettings):
    """The defaults are the reference's. Limits on costs are exclusive: a match costs less than its limit.

    Args:
        association: `"fairmot"` (appearance with motion, then IoU; FairMOT), `"byte"` (IoU in two bands
            of score; ByteTrack, algorithm 1), `"byte_reid"` (the first with the low band of the second) or `"fusion"`
            (all evidence weighed at once; it heeds `use_reid`, `frame_rate` and the settings of `FusionSettings`,
            which the others ignore).
        use_iou: whether overlap of boxes associates. Without it the stages by IoU go, the low band with them, and
            appearance confirms new tracks, at `appearance_limit`. Duplicates are still told by IoU.
        use_reid: whether embeddings associate (they never do in "byte"). Without them the stage by appearance
            goes, and that at `iou_limit` takes lost tracks too, or none could return.
        use_kalman: whether boxes are filtered and predicted, and motion gates appearance and adds to its cost.
            Without it a track stays at its last detection.
        use_reupdate: whether the filter of a lost track that is found again is run anew along the straight path
            since its last detection (OC-SORT). It needs `use_kalman`.
        use_camera_motion: whether those who feed the tracker frame by frame are to estimate the motion of the camera
            and give it to `update`, which heeds it in any case (BoT-SORT).
        frame_rate: frames per second of the video; it scales the buffer, and the timestamps into frames.
        score_threshold: detections above it may start and continue tracks.
        low_score_threshold: those above it but below `score_threshold` may only continue a confirmed track
            ("byte" and "byte_reid"); the band is empty when this is not the lower one.
        new_track_threshold: score from which on a detection starts a track; None = `score_threshold`, and 0.1
            more for "byte" and "byte_reid".
        appearance_limit: largest cost of appearance with motion.
        iou_limit: largest IoU distance of what appearance left over.
        first_iou_limit: largest IoU distance in the first stage of "byte".
        low_iou_limit: largest IoU distance to detections of the low band.
        tentative_iou_limit: largest IoU distance that confirms a track in its second frame.
        motion_gate: largest squared Mahalanobis distance; 9.4877 is chi-square's 95 % quantile for 4 degrees
            of freedom.
        motion_weight: share of the motion in the cost.
        embedding_momentum: share of the past in a track's embedding.
        duplicate_distance: IoU distance under which a seen and a lost track are one.
        track_buffer: thirtieths of a second for which a lost track is remembered.

    Raises:
        ValueError: a value lies outside its range, neither overlap nor embeddings are to associate, or a filter
            that is not there is to be run anew.
    """

    association: str = "fairmot"
    use_iou: bool = True
    use_reid: bool = True
    use_kalman: bool = True
    use_reupdate: bool = False
    use_camera_motion: bool = False
    frame_rate: float = 30.0
    score_threshold: float = 0.4
    low_score_threshold: float = 0.2
    new_track_threshold: float | None = None
    appearance_limit: float = 0.4
    iou_limit: float = 0.5
    first_iou_limit: float = 0.8
    low_iou_limit: float = 0.4
    tentative_iou_limit: float = 0.7
    motion_gate: float = 9.4877
    motion_weight: float = 0.02
    embedding_momentum: float = 0.9
    duplicate_distance: float = 0.15
    track_buffer: float = 30

    def __post_init__(self) -> None:
        if not _within(self.frame_rate, 0, _MOST) or self.frame_rate == 0:
            raise ValueError(f"frame_rate is {self.frame_rate!r}; expected frames per second above 0, such as 25")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if name == "new_track_threshold" and value is None:
                continue
            if not _within(value, low, high):
                raise ValueError(f"{name} is {value!r}; expected a number from {low} to {high}")
            # A NumPy number would make the comparison with float32 scores one in float64.
            object.__setattr__(self, name, float(value))
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected True or False")
        if not (self.use_iou or self.use_reid):
            raise ValueError("use_iou and use_reid are both False, which leaves nothing to associate by; keep one")
        if self.use_reupdate and not self.use_kalman:
            raise ValueError("use_reupdate runs the filter anew, but use_kalman is False; switch one of them")

    @property
    def buffer(self) -> int:
        """Frames of this video, at its nominal rate, for which a lost track is remembered."""
        return int(self.frame_rate / 30.0 * self.track_buffer)

    @property
    def weighs_evidence(self) -> bool:
        """Whether `FusionSettings` hold, and not the thresholds of the stages."""
        return self.association == "fusion"

    @property
    def ignored(self) -> frozenset[str]:
        """Settings of the other kind of association, which this one does not heed."""
        of_fusion = frozenset(each.name for each in fields(FusionSettings))
        if not self.weighs_evidence:
            return of_fusion
        return frozenset(each.name for each in fields(TrackerSettings)) - of_fusion - _HEEDED

    @property
    def longest_unseen(self) -> int:
        """Frames for which somebody may be reported without a detection."""
        return math.ceil(self.frame_rate * self.memory_seconds) if self.weighs_evidence and self.report_unseen else 0


def _within(value: object, low: float, high: float) -> bool:
    return isinstance(value, Real) and low <= float(value) <= high
