"""What `association="fusion"` assumes about people, detectors and embeddings; the other associations ignore it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_LONG = 10**6

FUSION_RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "person_score": (0, 1),
        "score_softness": (1e-6, 1),
        "birth_belief": (0, 1),
        "report_belief": (0, 1),
        "walking_speed": (1e-6, 100),
        "first_speed": (1e-6, 100),
        "speed_memory": (1e-3, _LONG),
        "growth_speed": (1e-6, 100),
        "growth_memory": (1e-3, _LONG),
        "edge_noise": (1e-3, 1),
        "tail": (1, _LONG),
        "hidden_edge": (0, 0.25),
        "jump_chance": (0, 0.5),
        "jump_size": (1e-3, 10),
        "camera_jolt": (0, 1),
        "look_doubt": (0, 1),
        "look_ceiling": (0, math.inf),
        "look_momentum": (0, 1),
        "detection_rate": (1e-3, 0.999),
        "stay_seconds": (1e-3, _LONG),
        "memory_seconds": (0, _LONG),
    }
)


@dataclass(frozen=True, kw_only=True, eq=False)
class FusionSettings:
    """Lengths are in heights of the person's box, times in seconds, so that they hold for any footage.

    Args:
        person_score: score of a detection that is as likely a person as not.
        score_softness: how far above or below that score the odds change by a factor of e.
        birth_belief: probability of being a person above which an unclaimed detection starts a track.
        report_belief: probability of being there, where expected, above which a track is reported.
        report_unseen: whether people are reported where they are expected while they are not seen; else only those
            with a detection in the frame are.
        walking_speed: standard deviation of a person's speed in the image, in heights a second; half of it upwards.
        first_speed: the same for a track seen once, which the camera's motion may carry.
        speed_memory: seconds after which a speed is forgotten.
        growth_speed: standard deviation of the change of width and height, in heights a second.
        growth_memory: seconds after which that change is forgotten.
        edge_noise: standard deviation of the error of a detection's edge, in heights.
        tail: degrees of freedom of Student's distribution of errors; the fewer, the more an outlier is forgiven.
        hidden_edge: probability that one of two opposite edges is anywhere, as when legs are hidden.
        jump_chance: probability that a person jumps (a jolt of the camera, a missed turn).
        jump_size: standard deviation of such a jump, in heights.
        camera_jolt: expected motion of the image against its prediction from frame to frame, in heights; learned on
            the way. 0 estimates no motion of the camera from the tracks.
        look_doubt: probability that an embedding shows something else than the person of its box.
        look_ceiling: most that one look can say for a pair, in natural log units.
        look_momentum: share of the past in a track's embedding.
        detection_rate: probability that a visible person is detected, before it is learned on the way.
        stay_seconds: mean time for which a person who is not seen stays.
        memory_seconds: time for which a lost track is remembered; below the interval of frames, nobody lost is.
    """

    person_score: float = 0.52
    score_softness: float = 0.1
    birth_belief: float = 0.6
    report_belief: float = 0.5
    report_unseen: bool = True
    walking_speed: float = 0.6
    first_speed: float = 1.0
    speed_memory: float = 1.5
    growth_speed: float = 0.25
    growth_memory: float = 1.0
    edge_noise: float = 0.055
    tail: float = 6.0
    hidden_edge: float = 0.02
    jump_chance: float = 0.02
    jump_size: float = 0.3
    camera_jolt: float = 0.02
    look_doubt: float = 0.1
    look_ceiling: float = 4.0
    look_momentum: float = 0.9
    detection_rate: float = 0.8
    stay_seconds: float = 3.0
    memory_seconds: float = 3.0
