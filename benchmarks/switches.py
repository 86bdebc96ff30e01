"""What associations and switches are worth on real streams: `FAIRMOT_DATA=... python benchmarks/switches.py`.

Reads `$FAIRMOT_DATA/streams` (cached outputs of a detector and of a re-ID network on real videos, with ground truth)
and, for the motion of the camera, the images of those videos. Prints HOTA / IDF1 / IDSW per association and switch; the
mean over the streams.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from recorded_streams import recorded_frames

from fairmot_pl import Detections, OnlineTracker, evaluate_tracking
from fairmot_pl.inference.camera_motion import CameraMotion
from fairmot_pl.inference.tracking import keep_for_output
from fairmot_pl.mot_format import track_rows

IMAGES = {
    "TUD-Campus": "MOT15/train/TUD-Campus",
    "ETH-Sunnyday": "MOT15/train/ETH-Sunnyday",
    "MOT17-09": "MOT17-09/train/MOT17-09-FRCNN",
}
ASSOCIATIONS = ("fairmot", "byte", "byte_reid", "fusion")
SWITCHES: dict[str, dict[str, bool]] = {
    "": {},
    "re-update": {"use_reupdate": True},
    "camera": {"use_camera_motion": True},
    "both": {"use_reupdate": True, "use_camera_motion": True},
}


def cameras(folder: Path, detections: list[Detections]) -> list[NDArray[np.float64]]:
    motion = CameraMotion()
    images = [np.asarray(Image.open(folder / "img1" / f"{number + 1:06}.jpg")) for number in range(len(detections))]
    return [motion.step(image, found.boxes) for image, found in zip(images, detections, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=("detector", "oracle"), default="detector")
    kind = parser.parse_args().kind
    data = Path(os.environ["FAIRMOT_DATA"])
    print(f"| {kind} streams | " + " | ".join(IMAGES) + " | mean |\n" + "|---" * (len(IMAGES) + 2) + "|")
    streams = {}
    for name, folder in IMAGES.items():
        detections, rate = recorded_frames(data / "streams" / f"{name}{'_oracle' if kind == 'oracle' else ''}.npz")
        truth = np.loadtxt(data / "streams" / "gt" / f"{name}.txt", delimiter=",")
        streams[name] = detections, cameras(data / folder, detections), truth, rate
    for association in ASSOCIATIONS:
        for label, switches in SWITCHES.items():
            if association == "fusion" and "use_reupdate" in switches:
                continue  # its filter follows who is lost by itself
            cells = []
            for name, (detections, affines, truth, rate) in streams.items():
                tracker = OnlineTracker(association=association, frame_rate=rate, **switches)
                rows = [np.zeros((0, 10))]
                for number, (found, affine) in enumerate(zip(detections, affines, strict=True), 1):
                    tracks = tracker.update(found, camera=affine if tracker.use_camera_motion else None)
                    rows.append(track_rows(number, keep_for_output(tracks)))
                benchmark = "MOT17" if name.startswith("MOT17") else "MOT15"
                overall = evaluate_tracking({name: truth}, {name: np.concatenate(rows)}, benchmark=benchmark).overall
                cells.append([100 * overall["HOTA"], 100 * overall["IDF1"], overall["IDSW"]])
            shown = [f"{hota:.1f}/{idf1:.1f}/{switched:.0f}" for hota, idf1, switched in [*cells, np.mean(cells, 0)]]
            print(f"| {association}{' + ' + label if label else ''} | " + " | ".join(shown) + " |", flush=True)


if __name__ == "__main__":
    main()
