"""FairMOT experiments that can be repeated: one network that detects people and embeds their identity.

The public names below load on first use, so that `import fairmot_pl` pulls in neither torch nor any framework.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Threads that wait for one another must not spin for long: where another process shares the cores, a training step took
# ten times as long. GNU's OpenMP reads this when torch is loaded, so it counts where this package is imported first.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "7000")

_HOMES = {
    "build_fairmot": "models.fairmot",
    "FairMOT": "models.fairmot",
    "load_fairmot": "models.weights",
    "HeadMaps": "codec.maps",
    "Targets": "codec.maps",
    "encode_targets": "codec.targets",
    "decode_detections": "codec.decode",
    "Detections": "structures",
    "Tracks": "structures",
    "Detector": "inference.detector",
    "OnlineTracker": "tracking.tracker",
    "evaluate_tracking": "evaluation.tracking",
    "Summary": "evaluation.summary",
}

if TYPE_CHECKING:
    from fairmot_pl.codec.decode import decode_detections
    from fairmot_pl.codec.maps import HeadMaps, Targets
    from fairmot_pl.codec.targets import encode_targets
    from fairmot_pl.evaluation.summary import Summary
    from fairmot_pl.evaluation.tracking import evaluate_tracking
    from fairmot_pl.inference.detector import Detector
    from fairmot_pl.models.fairmot import FairMOT, build_fairmot
    from fairmot_pl.models.weights import load_fairmot
    from fairmot_pl.structures import Detections, Tracks
    from fairmot_pl.tracking.tracker import OnlineTracker

__all__ = [
    "Detections",
    "Detector",
    "FairMOT",
    "HeadMaps",
    "OnlineTracker",
    "Summary",
    "Targets",
    "Tracks",
    "build_fairmot",
    "decode_detections",
    "encode_targets",
    "evaluate_tracking",
    "load_fairmot",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fairmot_pl' has no attribute {name!r}")
    return getattr(import_module(f"fairmot_pl.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
