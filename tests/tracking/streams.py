"""Recorded detections as a stream."""

import numpy as np

from fairmot_pl import Detections


def golden_stream(stored):
    """Frame after frame of a golden tracker file."""
    cuts = np.cumsum(stored["dets_per_frame"])[:-1]
    parts = [np.split(stored[name], cuts) for name in ("dets", "embeddings")]
    for rows, embeddings in zip(*parts, strict=True):
        yield Detections(boxes=rows[:, :4], scores=rows[:, 4], embeddings=embeddings, classes=np.zeros(len(rows)))
