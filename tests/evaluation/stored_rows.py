"""Ground truth and results whose figures by other tools are stored in `metrics.json`, by sequence name."""

from __future__ import annotations

from importlib.resources import files

import numpy as np


def streams_of_trackers(golden, names):
    """What trackers have made of golden streams; a name is `STREAM_TRACKER`."""
    truth, results = {}, {}
    for name in names:
        stream, tracker = name.split("_", 1)
        with np.load(golden(f"tracker_{stream}.npz")) as arrays:
            truth[name], results[name] = arrays["gt"], arrays[f"{tracker}__tracks"]
    return truth, results


def sample_of_motmetrics(names):
    """The sequences that come with motmetrics."""
    sample = files("motmetrics") / "data"
    return tuple(
        {name: np.loadtxt(str(sample / name / file), delimiter=",") for name in names}
        for file in ("gt.txt", "test.txt")
    )
