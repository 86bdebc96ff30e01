from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fairmot_pl.data.frames import SequenceFrames, collate_frames
from fairmot_pl.data.images import letterbox_pixels, read_image, to_planes
from fairmot_pl.data.sources import read_sources
from fairmot_pl.letterbox import Letterbox

INPUT = (64, 96)


def sequences_of(tmp_path, **more):
    return read_sources({"people": {"format": "mot", "path": "set", **more}}, tmp_path)[0].sequences


def test_a_size_that_the_network_cannot_take_is_refused(make_sequence, tmp_path):
    make_sequence()
    with pytest.raises(ValueError, match=r"input_size is \(64, 0\)"):
        SequenceFrames(sequences_of(tmp_path), input_size=(64, 0))


def test_frames_come_in_order_and_collate(make_sequence, tmp_path):
    make_sequence(frames=2)
    make_sequence("MOT17-04-SDP", frames=3)
    sequences = sequences_of(tmp_path, split="second_half")
    frames = SequenceFrames(sequences, input_size=INPUT)
    (batch,) = DataLoader(frames, batch_size=5, collate_fn=collate_frames)
    assert batch.sequence.tolist() == [0, 1, 1]
    assert batch.frame.tolist() == [2, 2, 3]
    assert batch.image_size.tolist() == [[48, 80]] * 3
    assert batch.image.shape == (3, 3, *INPUT)
    expected = letterbox_pixels(read_image(sequences[1].frames[1].image_path), Letterbox((48, 80), INPUT))
    torch.testing.assert_close(batch.image[2], to_planes(expected))
    assert list(batch.broken) == [""] * 3
    shown = [sequences[0].frames[0], *sequences[1].frames]
    assert batch.people.tolist() == [len(frame) for frame in shown]
    assert batch.boxes.tolist() == np.concatenate([frame.boxes for frame in shown]).tolist()
    assert batch.identities.tolist() == np.concatenate([frame.identities for frame in shown]).tolist()
