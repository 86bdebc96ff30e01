"""`convert` from the command line."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

from fairmot_pl import convert as entry
from fairmot_pl.config.check import ConfigError
from fairmot_pl.config.overrides import compose_checked
from fairmot_pl.convert import check
from fairmot_pl.data.images import read_image
from fairmot_pl.data.mot import read_mot_folder
from fairmot_pl.data.synthetic import render_dataset
from fairmot_pl.inference.video_writer import VideoWriter


@pytest.fixture
def yolo(tmp_path):
    """Three frames of a video, one person labelled in each."""
    (folder,) = render_dataset(tmp_path / "set", train=1, val=0, frames=3, people=2, image_size=(96, 160))
    export = tmp_path / "export"
    (export / "labels").mkdir(parents=True)
    (folder / "img1").rename(export / "images")
    for number in (1, 2, 3):
        (export / "labels" / f"{number:06d}.txt").write_text(f"0 0.{number + 2} 0.5 0.1 0.4 1\n")
    return export


def test_yolo_and_again(run, yolo, tmp_path):
    given = [f"source={yolo}", "format=yolo", f"output={tmp_path / 'out'}", "frame_rate=25"]
    ran = run("convert", *given)
    assert "3 frames, 3 boxes, 1 identities" in ran.out
    assert f"next: python -m fairmot_pl.check_data data=mot_folder data.root={tmp_path / 'out'} --show 8" in ran.out
    assert ran.metrics["boxes"] == 3
    assert "is there already" in run("convert", *given).out
    (sequence,) = read_mot_folder(tmp_path / "out")
    assert (sequence.name, sequence.frame_rate, len(sequence)) == ("export", 25, 3)
    assert (
        "no fault was found"
        in run(*("check_data", "data=mot_folder", f"data.root={tmp_path / 'out'}", "data.val=null")).out
    )


def test_a_name_of_ones_own(run, yolo, tmp_path):
    given = [f"source={yolo}", "format=yolo", f"output={tmp_path / 'out'}", "frame_rate=25"]
    run("convert", *given, "name=street")
    assert [sequence.name for sequence in read_mot_folder(tmp_path / "out")] == ["street"]


@pytest.mark.parametrize("name", ["a/b", "..", "''"])
def test_names_that_no_folder_can_have(name):
    given = ["source=a", "format=yolo", "output=b", f"name={name}"]
    with pytest.raises(ConfigError, match="name is"):
        check(compose_checked("convert", given))


def test_one_name_for_several_sequences(refused, yolo, tmp_path):
    for kind in ("images", "labels"):
        shutil.copytree(yolo / kind, tmp_path / "two" / kind / "a")
        shutil.copytree(yolo / kind, tmp_path / "two" / kind / "b")
    given = [f"source={tmp_path / 'two'}", "format=yolo", f"output={tmp_path / 'out'}", "frame_rate=25"]
    assert "only a single sequence can be renamed" in refused("convert", *given, "name=street")


def test_a_video_is_taken_apart(run, tmp_path):
    (folder,) = render_dataset(tmp_path / "set", train=1, val=0, frames=4, people=2, image_size=(96, 160))
    with VideoWriter(tmp_path / "street.mp4", frame_rate=12) as writer:
        for path in sorted((folder / "img1").iterdir()):
            writer.write(read_image(path))
    boxes = "".join(
        f'<box frame="{number}" outside="0" xtl="{10 + number}" ytl="5" xbr="{30 + number}" ybr="60"/>'
        for number in range(4)
    )
    (tmp_path / "street.xml").write_text(f'<annotations><track id="0" label="person">{boxes}</track></annotations>')
    run(
        "convert",
        f"source={tmp_path / 'street.xml'}",
        "format=cvat",
        f"images={tmp_path / 'street.mp4'}",
        f"output={tmp_path / 'out'}",
    )
    (sequence,) = read_mot_folder(tmp_path / "out")
    assert (sequence.name, sequence.frame_rate, len(sequence)) == ("street", 12, 4)
    assert sequence.frames[2].boxes.tolist() == [[12, 5, 32, 60]]
    assert sequence.frames[2].identities.tolist() == [1]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["train"]


def test_faults_stop_it_unless_they_are_to_be_dropped(run, refused, yolo, tmp_path, capfd):
    label = yolo / "labels" / "000002.txt"
    label.write_text(label.read_text() + "0 0.5 0.5 0 0.4 2\n")
    given = [f"source={yolo}", "format=yolo", f"output={tmp_path / 'out'}", "frame_rate=25"]
    with pytest.raises(SystemExit) as stop:
        run("convert", *given)
    assert stop.value.code == 1
    printed = capfd.readouterr().out
    assert "labels/000002.txt:2" in printed
    assert "nothing was converted" in printed
    assert not (tmp_path / "out").exists()
    assert "3 frames, 3 boxes" in run("convert", *given, "drop_faulty=true").out


COCO = {
    "images": [{"id": number, "file_name": f"{number:06d}.jpg", "width": 160, "height": 96} for number in (1, 2, 3)],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "track_id": 1, "bbox": [5, 5, 20, 50]}],
    "categories": [{"id": 1, "name": "person"}],
}


@pytest.mark.parametrize(
    ("given", "found", "remedy"),
    [
        (["format=coco", "source=a.xml"], "a.xml:1 .*is no JSON", "check format=...: coco is a JSON file, cvat an XML"),
        (["format=cvat", "source=a.json", "images=export/images"], "is no XML", "check format=...: coco is a JSON"),
        (["format=coco", "source=empty"], "no such annotation file", "name the annotation file with source=..."),
        (["format=yolo", "source=empty"], "no image in this folder", "name the folder of the images with images=..."),
        (["format=coco", "source=a.json", "images=empty"], "empty .*is empty", "images with images=..."),
        (["format=coco", "source=a.json", "images=other"], "none of the 3 images is there", "images with images=..."),
        (["format=coco", "source=a.json", "images=gap", "drop_faulty=true"], "gap/000002.jpg", "restore the image"),
        (["format=coco", "source=a.json", "images=export/images", "classes=[bicycle]"], "none of them", "classes=["),
    ],
)
def test_an_export_that_is_none_says_what_to_change(run, yolo, tmp_path, capfd, given, found, remedy):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.xml").write_text("<annotations/>")
    (tmp_path / "a.json").write_text(json.dumps(COCO))
    shutil.copytree(yolo, tmp_path / "other")
    shutil.copytree(yolo / "images", tmp_path / "gap")
    (tmp_path / "gap" / "000002.jpg").unlink()
    with pytest.raises(SystemExit) as stop:
        run("convert", *given, "output=out", "frame_rate=25")
    assert stop.value.code == 1
    said = capfd.readouterr().out
    table, _, rest = said.partition("how to mend:")
    assert len(table.strip().splitlines()) == 2  # one fault below the header
    assert re.search(found, table)
    assert remedy in rest
    assert "drop_faulty" not in said
    assert not (tmp_path / "out").exists()


def test_a_video_with_a_broken_image_is_not_left_out_unsaid(run, yolo, tmp_path, capfd):
    next(iter(sorted(yolo.rglob("*.jpg")))).write_bytes(b"no image")
    given = [f"source={yolo}", "format=yolo", f"output={tmp_path / 'p' / 'out'}", "frame_rate=25", "drop_faulty=true"]
    with pytest.raises(SystemExit) as stop:
        run("convert", *given)
    assert stop.value.code == 1
    assert "nothing was converted" in capfd.readouterr().out
    assert not (tmp_path / "p").exists()


def test_no_empty_folder_of_a_video_stays(run, tmp_path, capfd):
    with VideoWriter(tmp_path / "street.mp4", frame_rate=12) as writer:
        writer.write(np.zeros((96, 160, 3), np.uint8))
    (tmp_path / "a.xml").write_text("<annotations/>")
    with pytest.raises(SystemExit):
        run("convert", "source=a.xml", "format=cvat", "images=street.mp4", "output=out")
    assert "holds no track" in capfd.readouterr().out
    assert not (tmp_path / "out").exists()


def test_ctrl_c_is_one_line(run, yolo, tmp_path, monkeypatch, capfd):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "read_export", stop)
    with pytest.raises(SystemExit) as stopped:
        run("convert", f"source={yolo}", "format=yolo", f"output={tmp_path / 'out'}", "frame_rate=25")
    assert stopped.value.code == 130
    said = capfd.readouterr().err
    assert "stopped by Ctrl-C" in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_what_is_missing(refused, yolo, tmp_path):
    given = ["format=yolo", f"output={tmp_path / 'out'}"]
    assert "source is missing" in refused("convert", *given)
    assert "nowhere: no such file or folder" in refused("convert", "source=nowhere", *given)
    assert "add frame_rate=..." in refused("convert", f"source={yolo}", *given)
    assert "nowhere.mp4: no such folder or video" in refused("convert", f"source={yolo}", *given, "images=nowhere.mp4")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("format=voc", "format is 'voc'; expected one of 'coco', 'cvat', 'yolo'"),
        ("frame_rate=0", "frame_rate is 0"),
        ("classes=[person]", "YOLO numbers its classes"),
        ("images_as=move", "images_as is 'move'"),
    ],
)
def test_settings_that_cannot_be_meant(override, message):
    with pytest.raises(ConfigError, match=message):
        check(compose_checked("convert", ["source=a", "format=yolo", "output=b", override]))
