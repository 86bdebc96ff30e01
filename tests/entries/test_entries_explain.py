"""`evaluate explain=true` says of every ID switch why it happened."""

from __future__ import annotations

import json

import numpy as np
import pytest

from entries.conftest import LOOSE, TINY
from fairmot_pl.inference import camera_record
from fairmot_pl.structures import Detections, FrameOutput
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.training.module import FairMOTModule


def sees_everybody_but(self, batch, batch_idx):
    """Outputs of a perfect network that sees nobody in frames 3 and 4, and strangers afterwards."""
    people = batch.people.tolist()
    split = zip(batch.boxes.split(people), batch.identities.split(people), batch.frame.tolist(), strict=True)
    outputs = []
    for boxes, identities, frame in split:
        looks = np.eye(8)[(identities.numpy() + 4 * (frame > 4)) % 8]
        found = Detections(
            boxes=boxes.numpy(), scores=np.full(len(boxes), 0.9), embeddings=looks, classes=np.zeros(len(boxes))
        )
        outputs.append(
            FrameOutput(
                detections=found.select(np.full(len(boxes), frame not in (3, 4))),
                truth_embeddings=looks,
                truth_identities=identities.numpy(),
            )
        )
    return outputs


FORGETFUL = ["tracker=fusion", "tracker.memory_seconds=0.05"]


@pytest.mark.parametrize("tracker", [LOOSE[:2], FORGETFUL])
def test_explain_writes_a_page_and_data(run, world_root, checkpoint, monkeypatch, tracker):
    monkeypatch.setattr(FairMOTModule, "validation_step", sees_everybody_but)
    given = [f"checkpoint={checkpoint}", f"data.root={world_root}", *TINY, *LOOSE[2:], *tracker]
    ran = run("evaluate", *given, "explain=true", "explain_cards=2")
    data = json.loads((ran.folder / "explain.json").read_text())
    assert len(data["switches"]) == ran.metrics["val/IDSW"] > 2
    assert sum(map(len, data["fragments"].values())) == ran.metrics["val/Frag"]
    assert data["AssA"] == pytest.approx(ran.metrics["val/AssA"], abs=1e-9)
    assert "missed detection" in {entry["cause"] for entry in data["switches"]}
    page = (ran.folder / "explain.html").read_text()
    assert page.count('<section class="switch">') == 2
    assert page.count("data:image/jpeg") >= 4
    assert page.count("Identities of ") >= 2
    assert ("natural logarithm" in page) == (tracker is FORGETFUL)
    assert "no effect" not in ran.out + ran.err
    assert "explain.html in a browser" in ran.out


@pytest.mark.parametrize("association", ["fairmot", "fusion"])
def test_the_replay_is_moved_by_the_camera_as_the_validation_was(
    run, world_root, checkpoint, monkeypatch, tmp_path, association
):
    given = []

    def shaken(sequence):
        """A camera that is knocked to and fro; unlike for each sequence."""
        affines = np.tile(np.eye(2, 3), (len(sequence), 1, 1))
        affines[1:, 0, 2] = (
            np.resize([40.0, -40.0], len(sequence) - 1) + sequence.frames[0].image_path.stat().st_size % 7
        )
        return affines

    update = OnlineTracker.update

    def watched(self, detections, *, timestamp=None, camera=None):
        given.append((len(detections), camera))
        return update(self, detections, timestamp=timestamp, camera=camera)

    monkeypatch.setattr(FairMOTModule, "validation_step", sees_everybody_but)
    monkeypatch.setattr(camera_record, "estimate_camera", shaken)
    monkeypatch.setattr(OnlineTracker, "update", watched)
    options = [f"tracker={association}", "tracker.use_camera_motion=true", f"outputs_cache={tmp_path / 'outputs'}"]
    ran = run(
        "evaluate", f"checkpoint={checkpoint}", f"data.root={world_root}", *TINY, *LOOSE[2:], *options, "explain=true"
    )
    live, again = given[: len(given) // 2], given[len(given) // 2 :]
    assert len(live) == 12
    for (count, camera), (replayed, moved) in zip(live, again, strict=True):
        assert count == replayed
        np.testing.assert_array_equal(camera, moved)
    assert {abs(camera[0, 2]) > 30 for _, camera in live} == {True, False}  # the first frame of each has no motion
    assert len(list((tmp_path / "outputs").rglob("camera-1/*.npy"))) == 2
    data = json.loads((ran.folder / "explain.json").read_text())
    assert len(data["switches"]) == ran.metrics["val/IDSW"]


def test_what_cannot_be_explained_is_said(refused):
    given = ["evaluate", "checkpoint=x", "data.root=x"]
    assert "needs outputs_cache" in refused(*given, "explain=true", "outputs_cache=off")
    assert "explain_cards is -1" in refused(*given, "explain_cards=-1")


def test_an_unknown_protocol_is_refused_in_one_line(refused):
    said = refused("evaluate", "checkpoint=x", "data.root=x", "protocol=motchallenge")
    assert "protocol is 'motchallenge'; allowed: 'trackeval', 'reference'" in said
    assert "callbacks" not in said
