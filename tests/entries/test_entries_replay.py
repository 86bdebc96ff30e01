"""`evaluate` keeps what the network says and runs any tracker on it again, with the same outcome as live."""

from __future__ import annotations

import shutil

import cv2
import pytest

from entries.conftest import LOOSE, TINY
from fairmot_pl.training.module import FairMOTModule


@pytest.fixture
def evaluate(run, world_root, checkpoint):
    def command(*arguments, root=world_root):  # the pictures of a report look at frames of their own
        told = [f"checkpoint={checkpoint}", f"data.root={root}", "callbacks.pictures.images=0"]
        return run("evaluate", *told, *TINY, *LOOSE, *arguments)

    return command


@pytest.fixture
def network(monkeypatch):
    """How many frames the network has looked at."""
    seen = []
    look = FairMOTModule.look

    def counted(self, images):
        seen.append(len(images))
        return look(self, images)

    monkeypatch.setattr(FairMOTModule, "look", counted)
    return lambda: sum(seen)


def left_by(ran):
    """Every file that must be the same, byte for byte."""
    names = ("*.txt", "metrics.json", "sequences.json")
    return {path.name: path.read_bytes() for name in names for path in ran.folder.glob(name)}


@pytest.mark.parametrize(
    "trackers",
    [
        ["tracker=fairmot", "tracker.use_camera_motion=true"],
        pytest.param(["tracker=byte", "tracker=byte_reid"], marks=pytest.mark.slow),
    ],
)
def test_a_replay_equals_live_tracking_for_every_tracker(evaluate, network, trackers):
    filled = evaluate("name=filled")
    assert "0 sequences replayed from, 2 written to" in filled.out
    looked = network()
    assert looked == 12
    for tracker in trackers:
        replayed = evaluate(tracker, "name=replayed")
        assert "2 sequences replayed from, 0 written to" in replayed.out
        assert network() == looked
        live = evaluate(tracker, "outputs_cache=off", "name=live")
        assert network() == looked + 12
        looked = network()
        assert "network outputs" not in live.out
        assert left_by(replayed) == left_by(live)
        assert replayed.metrics["val/Dets"] > 0


def test_keys_of_another_association_are_named(run, world_root, checkpoint):
    given = ["evaluate", f"checkpoint={checkpoint}", f"data.root={world_root}", *TINY, *LOOSE[2:], "tracker=fusion"]
    ran = run(*given, "+tracker.iou_limit=0.4", "+tracker.track_buffer=9", "tracker.tail=5")
    said = ran.out + ran.err
    assert said.count("no effect: tracker.iou_limit, tracker.track_buffer, which association fusion does not heed") == 1


def test_a_multirun_of_trackers_runs_the_network_once(evaluate, network):
    swept = evaluate("-m", "tracker=fairmot,byte", "name=swept")
    assert network() == 12
    assert len(list(swept.folder.rglob("metrics.json"))) == 2


@pytest.mark.slow
def test_what_changes_is_computed_again(evaluate, network, tmp_path):
    root, copy = tmp_path / "world", tmp_path / "copy"  # of its own: the shared one holds the worlds of other tests too
    evaluate(root=root)
    shutil.copytree(root, copy)
    evaluate(root=copy)
    assert network() == 12
    image = sorted(root.rglob("val/*/img1/*"))[-1]
    cv2.imwrite(str(image), 255 - cv2.imread(str(image)))
    changed = evaluate(root=root)
    assert "1 sequences replayed from, 1 written to" in changed.out
    assert network() == 18
    evaluate("data.input_size=[128,192]", root=root)
    assert network() == 30


def test_a_damaged_entry_is_named_and_made_again(evaluate, network, tmp_path):
    before = evaluate("outputs_cache=kept")
    entry = sorted((tmp_path / "kept").rglob("*.npz"))[0]
    sound = entry.read_bytes()
    entry.write_bytes(sound[: len(sound) // 2])
    again = evaluate("outputs_cache=kept")
    assert f"{entry.relative_to(tmp_path)} is damaged" in again.out + again.err
    assert "1 sequences replayed from, 1 written to" in again.out
    assert left_by(again) == left_by(before)
    assert len(entry.read_bytes()) == len(sound)


def test_an_interrupted_run_keeps_the_sequences_that_were_through(evaluate, network, monkeypatch, tmp_path):
    look = FairMOTModule.look

    def stops(self, images):
        if network() >= 6:
            raise KeyboardInterrupt
        return look(self, images)

    with monkeypatch.context() as patch:
        patch.setattr(FairMOTModule, "look", stops)
        with pytest.raises(SystemExit):
            evaluate()
    assert len(list((tmp_path / "outputs" / ".network_outputs").rglob("*.npz"))) == 1
    resumed = evaluate()
    assert "1 sequences replayed from, 1 written to" in resumed.out
    assert network() == 12


def test_what_cannot_be_meant_is_refused(refused):
    given = ["evaluate", "checkpoint=x", "data.root=x"]
    assert "outputs_cache is True; allowed: auto, off" in refused(*given, "outputs_cache=true")
