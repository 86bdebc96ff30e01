import inspect
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from fairmot_pl.data import synthetic
from fairmot_pl.data.mot import read_mot_folder
from fairmot_pl.data.synthetic import (
    MARKER,
    dataset_folder,
    render_dataset,
    render_sequence,
    sequence_config,
)
from fairmot_pl.data.synthetic_config import SyntheticConfig
from fairmot_pl.data.synthetic_frames import SyntheticScene
from fairmot_pl.mot_format import read_mot
from fairmot_pl.seqinfo import read_seqinfo

TINY = SyntheticConfig(frames=6, image_size=(96, 160), people=3, occluders=1, seed=21)
SCENE = {"frames": 6, "image_size": [96, 160], "people": 3, "occluders": 1}


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def forbid_rendering(monkeypatch):
    def refuse(_):
        raise AssertionError("rendered again")

    monkeypatch.setattr(synthetic, "SyntheticScene", refuse)


def test_a_sequence_is_a_motchallenge_folder(tmp_path):
    folder = render_sequence(tmp_path, "SYN-01", TINY)
    assert folder == tmp_path / "SYN-01"
    images = [f"img1/{number:06d}.jpg" for number in range(1, 7)]
    assert sorted(contents(folder)) == sorted([*images, "gt/gt.txt", "seqinfo.ini", MARKER])
    info = read_seqinfo(folder / "seqinfo.ini")
    assert (info.name, info.frame_rate, info.length, info.image_size) == ("SYN-01", 30, 6, (96, 160))
    assert cv2.imread(str(folder / images[0])).shape == (96, 160, 3)
    table = read_mot(folder / "gt" / "gt.txt")
    assert set(table.frames.tolist()) == set(range(1, 7))
    assert (table.scores == 1).all()
    assert (table.classes == 1).all()
    assert len({*zip(table.frames.tolist(), table.ids.tolist(), strict=True)}) == len(table)
    frame = SyntheticScene(TINY).frame(3)
    rows = table.select(table.frames == 4)
    assert rows.ids.tolist() == frame.ids.tolist()
    assert np.allclose(rows.boxes, frame.boxes, atol=0.0051)
    assert np.allclose(rows.visibility, frame.visibility, atol=0.000051)


def test_images_hold_the_frames(tmp_path):
    folder = render_sequence(tmp_path, "SYN-01", replace(TINY, noise=0.0))
    image = cv2.imread(str(folder / "img1" / "000003.jpg")).astype(int)
    drawn = SyntheticScene(replace(TINY, noise=0.0)).frame(2).image
    assert np.abs(image - drawn).mean() < 4


def test_the_annotation_reader_reads_it(tmp_path):
    folders = render_dataset(tmp_path, train=2, val=1, seed=3, **SCENE)
    sequences = [*read_mot_folder(tmp_path), *read_mot_folder(tmp_path / "val")]
    assert [sequence.name for sequence in sequences] == ["SYN-01", "SYN-02", "SYN-101"]
    rows = [len(read_mot(folder / "gt" / "gt.txt")) for folder in folders]
    assert [sum(map(len, sequence.frames)) for sequence in sequences] == rows


def test_an_empty_street_can_be_rendered(tmp_path):
    folder = render_sequence(tmp_path, "SYN-01", replace(TINY, people=0))
    assert len(read_mot(folder / "gt" / "gt.txt")) == 0


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    one, other, third = (
        contents(render_sequence(tmp_path / place, "SYN-01", replace(TINY, seed=seed)))
        for place, seed in (("a", 21), ("b", 21), ("c", 22))
    )
    assert one == other
    assert one["gt/gt.txt"] != third["gt/gt.txt"]
    assert one["img1/000001.jpg"] != third["img1/000001.jpg"]


def test_what_is_finished_is_not_rendered_again(tmp_path, monkeypatch):
    folders = render_dataset(tmp_path, train=2, val=1, seed=3, **SCENE)
    assert folders == [tmp_path / name for name in ("train/SYN-01", "train/SYN-02", "val/SYN-101")]
    before = contents(tmp_path)
    forbid_rendering(monkeypatch)
    assert render_dataset(tmp_path, train=2, val=1, seed=3, **SCENE) == folders
    assert render_dataset(tmp_path, train=1, val=1, seed=3, **SCENE) == [folders[0], folders[2]]
    assert contents(tmp_path) == before


def test_sequences_differ_and_more_can_be_added(tmp_path):
    (first,) = render_dataset(tmp_path, train=1, val=0, seed=3, **SCENE)
    before = contents(first)
    first, second = render_dataset(tmp_path, train=1, val=1, seed=3, **SCENE)
    assert contents(first) == before
    assert contents(second)["gt/gt.txt"] != before["gt/gt.txt"]
    seeds = {sequence_config(SyntheticConfig(seed=seed), number).seed for seed in range(9) for number in range(1, 9)}
    assert len(seeds) == 72


def test_validation_sequences_may_be_longer_and_seen_more_often(tmp_path):
    train, val = render_dataset(tmp_path, train=1, val=1, val_frames=3, val_frame_rate=25, **SCENE)
    rendered = [json.loads((folder / MARKER).read_text())["config"] for folder in (train, val)]
    assert [(each["frames"], each["frame_rate"]) for each in rendered] == [(SCENE["frames"], 30.0), (3, 25.0)]
    assert "frameRate=25" in (val / "seqinfo.ini").read_text()


def test_an_interrupted_rendering_leaves_nothing_and_is_redone(tmp_path):
    def interrupt(done, total):
        # what is under way never looks like a sequence to whoever lists the folder
        assert not any((entry / "img1").exists() for entry in tmp_path.iterdir())
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_sequence(tmp_path, "SYN-01", TINY, interrupt)
    assert list(tmp_path.iterdir()) == []
    reports = []
    render_sequence(tmp_path, "SYN-01", TINY, lambda *report: reports.append(report))
    assert reports == [(number, 6) for number in range(1, 7)]


@pytest.mark.parametrize("lost", ["img1/000002.jpg", "gt/gt.txt", "seqinfo.ini", MARKER])
def test_a_broken_sequence_is_redone(tmp_path, lost):
    folder = render_sequence(tmp_path, "SYN-01", TINY)
    before = contents(folder)
    (folder / lost).unlink()
    render_sequence(tmp_path, "SYN-01", TINY)
    assert contents(folder) == before
    assert list(tmp_path.iterdir()) == [folder]


def test_somebody_elses_folder_is_left_alone(tmp_path):
    foreign = tmp_path / "MOT17-02"
    (foreign / "img1").mkdir(parents=True)
    with pytest.raises(FileExistsError, match=r"MOT17-02 exists without synthetic\.json"):
        render_sequence(tmp_path, "MOT17-02", TINY)
    assert foreign.is_dir()


def test_other_settings_in_the_same_folder_are_refused(tmp_path, monkeypatch):
    render_sequence(tmp_path, "SYN-01", TINY)
    before = contents(tmp_path)
    other = replace(TINY, people=4, lookalikes=0.5)
    with pytest.raises(ValueError, match=r"people 3 there, 4 now; lookalikes 0\.2 there, 0\.5 now.*dataset_folder"):
        render_sequence(tmp_path, "SYN-01", other)
    assert contents(tmp_path) == before
    assert dataset_folder(tmp_path, TINY) == dataset_folder(tmp_path, replace(TINY))
    assert dataset_folder(tmp_path, TINY) != dataset_folder(tmp_path, other)
    monkeypatch.setattr(synthetic, "RENDERER", synthetic.RENDERER + 1)
    with pytest.raises(ValueError, match="renderer 1 there, 2 now"):
        render_sequence(tmp_path, "SYN-01", TINY)


def test_several_may_render_the_same_at_once(tmp_path):
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: render_sequence(tmp_path, "SYN-01", TINY), range(3)))
    assert set(found) == {tmp_path / "SYN-01"}
    assert list(tmp_path.iterdir()) == [tmp_path / "SYN-01"]
    assert contents(found[0]) == contents(render_sequence(tmp_path / "alone", "SYN-01", TINY))


def test_whoever_comes_second_keeps_the_first_ones_sequence(tmp_path):
    def overtake(done, total):
        if done == total:
            render_sequence(tmp_path, "SYN-01", TINY)
            (tmp_path / "SYN-01" / "first").touch()

    render_sequence(tmp_path, "SYN-01", TINY, overtake)
    assert (tmp_path / "SYN-01" / "first").exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "SYN-01"]


@pytest.mark.parametrize(("age", "left"), [(7200, False), (60, True)])
def test_what_a_killed_rendering_left_is_swept_up_later(tmp_path, age, left):
    images = tmp_path / ".SYN-01.abc.partial" / "SYN-01" / "img1"
    images.mkdir(parents=True)
    for path in (images, images.parents[1]):
        stamp = path.stat().st_mtime - age
        os.utime(path, (stamp, stamp))
    render_sequence(tmp_path, "SYN-01", TINY)
    assert images.exists() == left


def test_the_marker_tells_settings_and_lookalikes(tmp_path):
    config = replace(TINY, people=8, lookalikes=0.6)
    facts = json.loads((render_sequence(tmp_path, "SYN-01", config) / MARKER).read_text())
    assert facts["config"] == config.as_dict()
    assert facts["twins"]
    assert all(int(identity) > model for identity, model in facts["twins"].items())


def test_the_data_set_takes_every_setting_with_its_default():
    parameters = inspect.signature(render_dataset).parameters
    assert {field.name: field.default for field in fields(SyntheticConfig)} == {
        name: parameters[name].default for name in (field.name for field in fields(SyntheticConfig))
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frames": 0}, "frames is 0; it must be a whole number from 1 to 100000"),
        ({"frames": 2.5}, "frames is 2.5; it must be a whole number"),
        ({"frames": True}, "frames is True"),
        ({"people": -1}, "people is -1; it must be a whole number from 0 to 500"),
        ({"lookalikes": 1.1}, "lookalikes is 1.1; it must be a number from 0 to 1"),
        ({"lookalikes": float("nan")}, "lookalikes is nan"),
        ({"camera_motion": "0.5"}, "camera_motion is '0.5'"),
        ({"walking_speed": 0}, "walking_speed is 0; it must be a number from 0.1 to 5"),
        ({"frame_rate": None}, "frame_rate is None"),
        ({"image_size": 360}, r"image_size is 360; give \(height, width\)"),
        ({"image_size": "ab"}, "image_size is 'ab'"),
        ({"image_size": (20, 640)}, "image_size is 20; it must be a whole number from 48 to 4096"),
        ({"seed": -3}, "seed is -3"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        SyntheticConfig(**settings)


def test_settings_of_other_number_types_are_the_same_settings():
    one = SyntheticConfig(frames=np.int64(6), image_size=[96, 160], noise=2, frame_rate=np.float32(30))
    assert one == SyntheticConfig(frames=6, image_size=(96, 160))
    assert one.fingerprint() == SyntheticConfig(frames=6, image_size=(96, 160)).fingerprint()


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"train": 0, "val": 0}, "both 0"),
        ({"train": -1, "val": 1}, "train is -1; it must be a whole number of sequences"),
        ({"train": 1, "val": 0.5}, "val is 0.5"),
        ({"train": 101, "val": 1}, "train is 101; at most 100 sequences"),
    ],
)
def test_counts_are_checked(tmp_path, counts, message):
    with pytest.raises(ValueError, match=message):
        render_dataset(tmp_path / "set", **counts)
    assert not (tmp_path / "set").exists()


@pytest.mark.slow
def test_two_hundred_frames_take_less_than_ten_seconds(tmp_path):
    import time

    begin = time.process_time()
    render_sequence(tmp_path, "SYN-01", SyntheticConfig())
    assert time.process_time() - begin < 10
