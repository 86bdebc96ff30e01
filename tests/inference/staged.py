"""What pipeline tests run: sources that make their frames, a detector without a network, a tracker that knows."""

from __future__ import annotations

import threading
import time

import numpy as np
import torch

from fairmot_pl.inference.detector import Prepared
from fairmot_pl.inference.pipeline.follower import Follower, Outputs
from fairmot_pl.inference.pipeline.lanes import Lane
from fairmot_pl.inference.pipeline.timings import StageClock
from fairmot_pl.inference.sources.frame import Frame, FrameSource
from fairmot_pl.structures import Detections, Tracks


class Frames(FrameSource):
    """Black frames with their number in the first pixel.

    Args:
        broken_at: a frame that cannot be read.
        pace: seconds between frames, as a camera has them.
    """

    def __init__(self, count=5, *, name="black", known=True, broken_at=None, pace=0.0, live=False, error=OSError):
        super().__init__()
        self.name, self.address, self.frame_rate, self.live = name, name, 10.0, live
        self.count, self.broken_at, self.pace, self.error = count, broken_at, pace, error
        self.frame_count = count if known else None
        self.read = 0

    def __iter__(self):
        for number in range(1, self.count + 1):
            if self.pace and self.closed.wait(self.pace):
                return
            if number == self.broken_at:
                raise self.error(f"frame {number} cannot be read")
            self.read = number
            image = np.zeros((64, 96, 3), np.uint8)
            image[0, 0, 0] = number % 256
            yield Frame(number, image, (number - 1) / self.frame_rate)


class Numbers:
    """A detector that sees one object, whose score says which frame it is in."""

    def __init__(self, *, seconds=0.0, fail_at=None, error=None):
        self.seconds, self.fail_at, self.error = seconds, fail_at, error
        self.threads, self.seen, self.looked = set(), [], 0

    def prepare(self, images):
        self.threads.add(threading.current_thread().name)
        return Prepared(torch.tensor([int(image[0, 0, 0]) for image in images]), [None] * len(images))

    def network(self, prepared):
        self.looked += 1
        if self.looked == self.fail_at:
            raise self.error
        time.sleep(self.seconds)
        return prepared.planes

    def decode(self, maps, letterboxes):
        self.seen += maps.tolist()
        return [
            Detections(boxes=[[10, 10, 30, 60]], scores=[number / 256], embeddings=np.zeros((1, 0)), classes=[0])
            for number in maps.tolist()
        ]

    def wait(self):
        pass


class OneWalker:
    """A box that walks to the right with the frame it was seen in, and a speck that the output filter drops."""

    def __init__(self, *, fail_at=None, error=None, seconds=0.0):
        self.frame, self.fail_at, self.error, self.seconds = 0, fail_at, error, seconds
        self.scores, self.timestamps, self.cameras = [], [], []

    def update(self, detections, *, timestamp=None, camera=None):
        self.frame += 1
        if self.frame == self.fail_at:
            raise self.error
        time.sleep(self.seconds)
        self.scores += detections.scores.tolist()
        self.timestamps.append(timestamp)
        self.cameras.append(camera)
        return Tracks(
            ids=[4, 5],
            boxes=[[5 * self.frame, 10, 5 * self.frame + 20, 60], [0, 0, 3, 3]],
            scores=[0.5, 0.5],
            classes=[0, 0],
        )


def lane_of(source, folder, clock=None, *, tracker=None, latest=False, max_frames=None, camera_motion=None, **outputs):
    """A lane that writes a text file, and what else it is told to."""
    wanted = {"formats": ["mot"], "video": False} | outputs
    follower = Follower(
        source.name,
        tracker or OneWalker(),
        frame_rate=source.frame_rate,
        outputs=Outputs(folder=folder, **wanted),
        clock=clock or StageClock(),
        camera_motion=camera_motion,
    )
    return Lane(source, follower, latest=latest, max_frames=max_frames)
