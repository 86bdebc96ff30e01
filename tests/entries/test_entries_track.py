"""`track` from a command line to files: one text for a video and its frames, many sources, counts, what survives."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
import yaml

from entries.conftest import SMALL_NET
from fairmot_pl.config.nodes import module_arguments
from fairmot_pl.config.overrides import compose_checked
from fairmot_pl.data.video_frames import decode_frames, upright_pixels
from fairmot_pl.inference.video_writer import VideoWriter
from fairmot_pl.mot_format import read_mot
from fairmot_pl.training.checkpoint import write_checkpoint
from fairmot_pl.training.module import FairMOTModule

FRAMES = 300
EASY = ["input_size=[96,160]", "tracker.association=byte"]
"""By overlap alone: an untrained network knows nobody again."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """An untrained tiny network that sees people of one size wherever its random weights are strong."""
    torch.manual_seed(3)
    arguments, _ = module_arguments(compose_checked("train", ["+experiment=synthetic", *SMALL_NET]))
    module = FairMOTModule(num_identities=4, **arguments)
    head = module.model.detection_head
    with torch.no_grad():
        head.size[-1].bias += torch.tensor([2.0, 4.0, 2.0, 4.0])
        head.heatmap[-1].weight *= 300
        head.heatmap[-1].bias.fill_(1.4)
    path = tmp_path_factory.mktemp("run") / "tiny.ckpt"
    write_checkpoint(module, path)
    return path


@pytest.fixture(scope="module")
def street(tmp_path_factory) -> Path:
    """A folder with a video of 300 frames and a folder of these frames as PNG files."""
    root = tmp_path_factory.mktemp("street")
    scenery = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (96, 400, 3)).astype(np.uint8), (0, 0), 2)
    with VideoWriter(root / "street.mp4", frame_rate=30000 / 1001, quality=12) as writer:
        for index in range(FRAMES):
            image = scenery[:, index // 2 : index // 2 + 160].copy()
            cv2.rectangle(image, (index % 150, 20), (index % 150 + 14, 70), (250, 240, 10), -1)
            writer.write(image)
    (root / "frames" / "street").mkdir(parents=True)
    for number, frame in enumerate(decode_frames(root / "street.mp4"), start=1):
        cv2.imwrite(str(root / "frames" / "street" / f"{number}.png"), upright_pixels(frame)[:, :, ::-1])
    return root


@pytest.fixture
def track(run, checkpoint):
    """`track(source, ...)` with the tiny network."""

    def command(source, *more):
        return run("track", f"source={source}", f"checkpoint={checkpoint}", *EASY, *more)

    return command


def frames_in(path: Path) -> int:
    """Frames that play, up to a last one that may be cut."""
    count = 0
    with av.open(str(path)) as container, suppress(av.error.InvalidDataError):
        for _ in container.decode(video=0):
            count += 1
    return count


def test_a_video_and_a_folder_of_its_frames_give_the_same_text(track, street):
    video = track(street / "street.mp4", "video=false", "name=video")
    folder = track(street / "frames" / "street", f"frame_rate={30000 / 1001}", "video=false", "name=folder")
    for suffix in ("txt", "csv", "jsonl"):
        text = (video.folder / f"street.{suffix}").read_text()
        assert text == (folder.folder / f"street.{suffix}").read_text()
    table = read_mot(video.folder / "street.txt")
    assert len(set(table.frames.tolist())) > 250
    assert len(set(table.ids.tolist())) > 3
    assert video.metrics["boxes"] == len(table) == len(list(csv.DictReader((video.folder / "street.csv").open())))
    assert video.metrics["speed/frames"] == FRAMES
    assert len((video.folder / "street.jsonl").read_text().splitlines()) == FRAMES


def test_many_sources_are_tracked_apart(track, street, tmp_path):
    (tmp_path / "clips").mkdir()
    for name in ("b", "a"):
        (tmp_path / "clips" / f"{name}.mp4").symlink_to(street / "street.mp4")
    alone = track(street / "street.mp4", "max_frames=20", "name=alone")
    ran = track(f"[clips/*.mp4,{street / 'frames' / 'street'}]", "max_frames=20", "name=many")
    written = {path.name for path in ran.folder.iterdir()}
    assert written >= {f"{name}.{kind}" for name in ("a", "b", "street") for kind in ("txt", "csv", "jsonl", "mp4")}
    expected = (alone.folder / "street.txt").read_text()
    assert expected.count("\n") > 20
    assert (ran.folder / "a.txt").read_text() == (ran.folder / "b.txt").read_text() == expected
    assert ran.metrics["speed/frames"] == 60
    assert ran.metrics["a/tracks"] == ran.metrics["b/tracks"] == alone.metrics["tracks"]
    assert ran.metrics["boxes"] == sum(ran.metrics[f"{name}/boxes"] for name in ("a", "b", "street"))
    assert frames_in(ran.folder / "a.mp4") == 20


def test_a_glob_is_many_sources(track, street):
    ran = track(f"{street}/*.mp4", "max_frames=2", "video=false")
    assert (ran.folder / "street.txt").exists()


def test_counts_are_drawn_written_and_told(track, street):
    count = "count={gate:[0.5,0,0.5,1],floor:[[0,40],[160,40],[160,96],[0,96]]}"
    ran = track(street / "street.mp4", "max_frames=60", count)
    events = list(csv.DictReader((ran.folder / "street.counts.csv").open()))
    counts = json.loads((ran.folder / "counts.json").read_text())["street"]
    for area, kinds in (("gate", ("in", "out")), ("floor", ("entered", "left"))):
        for kind in kinds:
            count = sum((event["area"], event["event"]) == (area, kind) for event in events)
            assert counts[area][kind] == ran.metrics[f"count/{area}/{kind}"] == count
    assert f"gate: {counts['gate']['in']} in, {counts['gate']['out']} out" in ran.out
    rows = read_mot(ran.folder / "street.txt")
    last = rows.select(rows.frames == 60)
    assert counts["floor"]["inside"] <= len(last)


def test_every_output_can_be_switched_off(track, street):
    quiet = ["mot=false", "csv=false", "jsonl=false", "video=false"]
    ran = track(street / "street.mp4", "max_frames=2", *quiet)
    kept = {path for path in ran.folder.iterdir() if path.name not in {"packages.txt", "code.diff"}}  # of every run
    assert {path.suffix for path in kept} <= {".json", ".yaml", ".log"}


def test_stage_timings_are_a_table_and_figures(track, street):
    ran = track(street / "street.mp4", "max_frames=5", "blur=head")
    for stage in ("read", "prepare", "network", "decode", "associate", "draw", "write"):
        assert ran.metrics[f"speed/{stage}_ms"] > 0
        assert f"\n{stage} " in ran.out
    assert 0 < ran.metrics["speed/network_share"] <= 1


def when_lines(path: Path, count: int, act) -> threading.Thread:
    """Do something as soon as a file has so many lines."""

    def wait():
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and not (path.exists() and path.read_text().count("\n") >= count):
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ctrl_c_and_sigterm_close_the_files(track, street, tmp_path, number):
    """The frames come at the pace of a camera, so that the end is far away when the signal comes."""
    folder = tmp_path / "run"
    when_lines(folder / "street.jsonl", 5, lambda: os.kill(os.getpid(), number))
    source = street / "frames" / "street"
    ran = track(source, "frame_rate=10", "policy=latest", f"hydra.run.dir={folder}")
    assert ran.metrics["interrupted"] == 1
    assert "stopped by Ctrl-C" in ran.out
    count = int(ran.metrics["frames"])
    assert 5 <= count < FRAMES
    assert frames_in(folder / "street.mp4") == count
    assert len((folder / "street.jsonl").read_text().splitlines()) == count
    assert b"moof" not in (folder / "street.mp4").read_bytes(), "finished as an ordinary mp4"


def test_a_killed_run_leaves_whole_rows_and_a_video_that_plays(checkpoint, street, tmp_path):
    arguments = [f"source={street / 'frames' / 'street'}", f"checkpoint={checkpoint}", "frame_rate=20", "policy=latest"]
    process = subprocess.Popen(
        [sys.executable, "-m", "fairmot_pl.track", *arguments, *EASY, f"hydra.run.dir={tmp_path / 'run'}"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    when_lines(tmp_path / "run" / "street.jsonl", 20, process.kill)
    said, _ = process.communicate(timeout=250)
    assert process.returncode == -signal.SIGKILL, said
    lines = (tmp_path / "run" / "street.jsonl").read_text()
    frames = [json.loads(line) for line in lines.splitlines()]
    assert 20 <= len(frames) < FRAMES
    assert lines.endswith("}\n")
    rows = (tmp_path / "run" / "street.txt").read_text()
    assert rows.endswith("\n")
    assert all(row.count(",") == 9 for row in rows.splitlines())
    assert rows.count("\n") >= sum(len(frame["tracks"]) for frame in frames)
    assert len(frames) - 2 <= frames_in(tmp_path / "run" / "street.mp4") <= len(frames)


def test_passwords_are_not_stored(checkpoint, tmp_path, monkeypatch):
    from fairmot_pl import track

    config = compose_checked("track", ["source='rtsp://me:secret@host/x?key=secret'", f"checkpoint={checkpoint}"])
    assert track.without_passwords(config).source == "rtsp://host/x"
    config = compose_checked("track", ["source=[0,'rtsp://me:secret@host/x']", f"checkpoint={checkpoint}"])
    stored = yaml.safe_dump([str(each) for each in track.without_passwords(config).source])
    assert "secret" not in stored
    assert "host" in stored


def test_addresses_need_no_quotes():
    from fairmot_pl import track

    given = ["source=rtsp://host/x?channel=1&sub=0", "source='rtsp://host/y'", "source=a.mp4", "name=rtsp://x"]
    quoted = track.addresses_quoted(given)
    assert quoted == ["source='rtsp://host/x?channel=1&sub=0'", *given[1:]]
    assert compose_checked("track", [quoted[0]]).source == "rtsp://host/x?channel=1&sub=0"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["source=nowhere.mp4"], ["nowhere.mp4", "no such file or folder"]),
        (["source=nowhere/*.mp4"], ["nowhere/*.mp4", "nothing matches"]),
        (["source=[]"], ["source is an empty list"]),
        (["source=97"], ["camera 97", "no such camera"]),
        (["source=http://127.0.0.1:9/x"], ["http://127.0.0.1:9/x", "cannot be opened"]),
        (["source={folder}"], ["no image in this folder"]),
        (["source={video}", "count={{door:[1,2,3]}}"], ["count.door", "[1, 2, 3]", "polygon"]),
        (["source={video}", "count={{door:[900,0,900,50]}}"], ["count.door", "outside of the image", "160x96"]),
        (["source={video}", "blur=face"], ["blur is 'face'", "head"]),
        (["source={video}", "policy=newest"], ["policy is 'newest'", "latest"]),
        (["source={video}", "max_frames=0"], ["max_frames is 0"]),
        (["source={video}", "reconnect_second=3"], ["reconnect_second", "reconnect_seconds"]),
        (["source={video}", "detection_threshold=2"], ["detection_threshold is 2", "0 to 1"]),
        (["source={video}", "frame_rate=-1"], ["frame_rate is -1"]),
    ],
)
def test_what_cannot_be_meant_is_one_line(refused, checkpoint, street, tmp_path, arguments, words):
    (tmp_path / "empty").mkdir()
    given = [each.format(video=street / "street.mp4", folder=tmp_path / "empty") for each in arguments]
    said = refused("track", *given, f"checkpoint={checkpoint}", *EASY)
    assert all(word in said for word in words), said


def test_a_broken_source_keeps_the_others(refused, checkpoint, street, tmp_path):
    (tmp_path / "broken").mkdir()
    for number in (1, 2, 3):
        (tmp_path / "broken" / f"{number}.png").write_bytes((street / "frames" / "street" / "1.png").read_bytes())
    (tmp_path / "broken" / "3.png").write_text("no image")
    given = [f"source=[{tmp_path / 'broken'},{street / 'street.mp4'}]", f"checkpoint={checkpoint}", "max_frames=8"]
    said = refused("track", *given, *EASY, f"hydra.run.dir={tmp_path / 'run'}")
    assert "3.png: not a readable image" in said
    assert "what was tracked until then is in" in said
    frames = [len((tmp_path / "run" / f"{name}.jsonl").read_text().splitlines()) for name in ("broken", "street")]
    assert frames == [2, 8]
