"""Streams of detections: recorded ones, and a made-up crowd."""

import numpy as np

from fairmot_pl import Detections

LOOKS = np.eye(16, dtype=np.float32)


def golden_stream(stored):
    """Frame after frame of a golden tracker file."""
    cuts = np.cumsum(stored["dets_per_frame"])[:-1]
    parts = [np.split(stored[name], cuts) for name in ("dets", "embeddings")]
    for rows, embeddings in zip(*parts, strict=True):
        yield Detections(boxes=rows[:, :4], scores=rows[:, 4], embeddings=embeddings, classes=np.zeros(len(rows)))


def recorded_frames(path):
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


def crowd(seed, frames, people=12, blink=0.15):
    """People who walk and blink, with noise, and a false detection a frame."""
    rng = np.random.default_rng(seed)
    centre, speed = rng.uniform(0, 900, (people, 2)), rng.normal(0, 3, (people, 2))
    height = rng.uniform(60, 150, people)
    for _ in range(frames):
        centre = (centre + speed) % 900
        who = np.flatnonzero(rng.random(people) > blink)
        at = np.concatenate([centre[who] + rng.normal(0, 1, (len(who), 2)), rng.uniform(0, 900, (1, 2))])
        half = np.append(height[who], 100)[:, None] * [0.2, 0.5]
        looks = LOOKS[np.append(who % 16, rng.integers(16))] + rng.normal(0, 0.05, (len(at), 16))
        yield Detections(
            boxes=np.concatenate([at - half, at + half], axis=1),
            scores=rng.uniform(0.1, 1, len(at)),
            embeddings=looks,
            classes=np.zeros(len(at)),
        )
