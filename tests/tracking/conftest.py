import numpy as np
import pytest


@pytest.fixture(scope="session")
def rows_of():
    """A function that runs a tracker over a stream."""

    def rows(tracker, stream):
        """`(R, 7)` frame, id, x, y, w, h, score: what a tracker reports of a stream, by frame and id."""
        blocks = [np.zeros((0, 7))]
        for number, detections in enumerate(stream, 1):
            tracks = tracker.update(detections)
            corner, size = tracks.boxes[:, :2], tracks.boxes[:, 2:] - tracks.boxes[:, :2]
            blocks.append(np.column_stack([np.full(len(tracks), number), tracks.ids, corner, size, tracks.scores]))
        return np.concatenate(blocks)

    return rows
