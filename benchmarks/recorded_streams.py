"""Streams of real videos: what a detector and a re-ID network said of every frame, in `$FAIRMOT_DATA/streams`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fairmot_pl import Detections


def recorded_frames(path: Path) -> tuple[list[Detections], float]:
    """Every frame of a stream, empty ones too, with embeddings of unit length; and the frame rate."""
    with np.load(path) as stored:
        parts = {name: stored[name] for name in stored.files}
    looks = parts["embeddings"].astype(np.float32)
    looks /= np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-12)
    frames = []
    for number in range(1, int(parts["n_frames"]) + 1):
        rows = parts["frame"] == number
        frames.append(
            Detections(
                boxes=parts["boxes_xyxy"][rows],
                scores=parts["scores"][rows],
                embeddings=looks[rows],
                classes=np.zeros(rows.sum()),
            )
        )
    return frames, float(parts["frame_rate"])
