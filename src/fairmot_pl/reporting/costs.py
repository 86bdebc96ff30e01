"""What a network costs, as far as its run has recorded it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from fairmot_pl.reporting.metrics_log import MetricsLog
from fairmot_pl.reporting.run_records import RunRecord

FRAME_RATE = "val/frames_per_second"


class Cost(NamedTuple):
    """How a cost is shown."""

    title: str
    axis: str
    scale: float


COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "parameters": Cost("Size of the network", "parameters, millions", 1e6),
        "frames_per_second": Cost("Speed in validation", "frames a second, network and tracker", 1),
        "embedding_bytes": Cost("Memory of an identity", "embedding, bytes", 1),
    }
)


def costs_of(runs: Sequence[RunRecord], logs: Sequence[MetricsLog]) -> dict[str, float]:
    """Costs of a setting by name, the mean over its runs; those that no run has recorded are left out."""
    found = {
        name: [float(value) for run in runs if isinstance(value := run.recorded("model", name), (int, float))]
        for name in ("parameters", "embedding_bytes")
    }
    speeds = [float(np.median(log.series(FRAME_RATE)[1])) for log in logs if FRAME_RATE in log]
    found["frames_per_second"] = [speed for speed in speeds if math.isfinite(speed)]
    return {name: float(np.mean(values)) for name, values in found.items() if values}
