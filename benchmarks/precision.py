"""Do tracks change in another precision than float32?

    python benchmarks/precision.py CHECKPOINT $FAIRMOT_DATA/MOT17-09/train/MOT17-09-FRCNN/img1 --frames 100

Tracks the images of a folder twice and prints how many boxes of the first run have a box of the second at an IoU of 0.9
or more in the same frame, and how many of those keep their partner's id from frame to frame. Says nothing of speed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from fairmot_pl import Detections, Detector, OnlineTracker, Tracks, load_fairmot
from fairmot_pl.boxes import pairwise_iou
from fairmot_pl.data.progress import progress

IOU = 0.9


def tracked(checkpoint: Path, images: list[Path], precision: str, given: argparse.Namespace) -> list[Tracks]:
    detector = Detector(
        load_fairmot(checkpoint),
        input_size=tuple(given.size),
        score_threshold=given.threshold / 2,
        device=given.device,
        precision=precision,
    )
    tracker = OnlineTracker(score_threshold=given.threshold)

    def look(path: Path) -> Detections:
        return detector(np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1]))

    return [tracker.update(look(path)) for path in progress(images, precision, len(images))]


def agreement(first: list[Tracks], second: list[Tracks]) -> tuple[int, int, int]:
    """Boxes of the first; those with a near box in the second; those whose near box has the id it had before."""
    boxes = near = same = 0
    partner: dict[int, int] = {}
    for wanted, got in zip(first, second, strict=True):
        boxes += len(wanted)
        if not len(wanted) or not len(got):
            continue
        overlaps = pairwise_iou(wanted.boxes, got.boxes)
        best = overlaps.argmax(axis=1)
        for row in np.flatnonzero(overlaps.max(axis=1) >= IOU):
            near += 1
            same += partner.setdefault(int(wanted.ids[row]), int(got.ids[best[row]])) == int(got.ids[best[row]])
    return boxes, near, same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("images", type=Path, help="a folder of frames")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--size", type=int, nargs=2, default=(608, 1088), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--threshold", type=float, default=0.4)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    images = sorted(path for path in given.images.iterdir() if path.suffix in (".jpg", ".png"))[: given.frames]
    runs = [tracked(given.checkpoint, images, precision, given) for precision in ("float32", given.precision)]
    boxes, near, same = agreement(*runs)
    others = sum(map(len, runs[1]))
    print(f"{len(images)} frames: {boxes} boxes in float32, {others} in {given.precision}")
    print(f"at an IoU of {IOU}: {near} ({100 * near / max(boxes, 1):.2f} %), with the same track {same}")


if __name__ == "__main__":
    main()
