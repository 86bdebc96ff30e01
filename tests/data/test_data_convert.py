"""Exports to MOTChallenge folders: the same boxes within half a pixel, whole or not at all, once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fairmot_pl.data.audit.audit import audit
from fairmot_pl.data.audit.findings import Findings, findings_text
from fairmot_pl.data.convert import mot_writer
from fairmot_pl.data.convert.conversion import read_export
from fairmot_pl.data.convert.mot_writer import write_mot_sequence
from fairmot_pl.data.convert.whole_folder import whole_folder
from fairmot_pl.data.convert.yolo_scan import people_classes
from fairmot_pl.data.mot import read_mot_folder
from fairmot_pl.data.synthetic import render_dataset
from fairmot_pl.folder_lock import is_locked
from fairmot_pl.mot_format import read_mot
from fairmot_pl.structures import AnnotatedSequence

HEIGHT, WIDTH = 96, 160


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> list[AnnotatedSequence]:
    """Two rendered videos, the truth that exports are made of."""
    root = tmp_path_factory.mktemp("world")
    render_dataset(root, train=2, val=0, frames=5, people=4, image_size=(HEIGHT, WIDTH), seed=3)
    return read_mot_folder(root)


def to_coco(sequences: list[AnnotatedSequence], folder: Path) -> tuple[Path, Path]:
    images, annotations = [], []
    for video, sequence in enumerate(sequences):
        for frame in sequence.frames:
            name = f"{sequence.name}/{frame.frame}.jpg"
            place(frame.image_path, folder / name)
            image = {"id": len(images) + 1, "file_name": name, "height": HEIGHT, "width": WIDTH}
            images.append({**image, "video_id": video, "frame_id": frame.frame - 1})
            for box, identity in zip(frame.boxes.tolist(), frame.identities.tolist(), strict=True):
                tlwh = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
                about = {"id": len(annotations) + 1, "image_id": len(images), "category_id": 1}
                annotations.append({**about, "track_id": identity, "bbox": tlwh})
    videos = [{"id": video, "name": sequence.name, "fps": 30} for video, sequence in enumerate(sequences)]
    categories = [{"id": 1, "name": "pedestrian"}]
    content = {"videos": videos, "images": images, "annotations": annotations, "categories": categories}
    (folder / "all.json").write_text(json.dumps(content))
    return folder / "all.json", folder


def to_cvat(sequences: list[AnnotatedSequence], folder: Path, start: int = 20, step: int = 2) -> tuple[Path, Path]:
    (sequence,) = sequences
    boxes: dict[int, list[str]] = {}
    for frame in sequence.frames:
        place(frame.image_path, folder / "frames" / f"frame_{frame.frame}.jpg")
        number = start + step * (frame.frame - 1)
        for box, identity in zip(frame.boxes.tolist(), frame.identities.tolist(), strict=True):
            corners = " ".join(
                f'{key}="{value:.2f}"' for key, value in zip(("xtl", "ytl", "xbr", "ybr"), box, strict=True)
            )
            boxes.setdefault(identity, []).append(
                f'<box frame="{number}" outside="0" occluded="0" keyframe="1" {corners} z_order="0"></box>'
            )
    gone = '<box frame="24" outside="1" occluded="0" keyframe="1" xtl="1" ytl="1" xbr="9" ybr="9"></box>'
    tracks = "".join(
        f'<track id="{identity}" label="person" source="manual">{"".join(found)}{gone if number == 0 else ""}</track>'
        for number, (identity, found) in enumerate(boxes.items())
    )
    meta = (
        f"<meta><task><size>{len(sequence)}</size><start_frame>{start}</start_frame><frame_filter>step={step}</frame_filter><original_size><width>{WIDTH}</width><height>{HEIGHT}</height>"
        "</original_size></task></meta>"
    )
    path = folder / f"{sequence.name}.xml"
    other = '<track id="99" label="car"><box frame="20" outside="0" xtl="1" ytl="1" xbr="9" ybr="9"></box></track>'
    path.write_text(f"<annotations><version>1.1</version>{meta}{tracks}{other}</annotations>")
    return path, folder / "frames"


def to_yolo(sequences: list[AnnotatedSequence], folder: Path) -> tuple[Path, Path]:
    for sequence in sequences:
        for frame in sequence.frames:
            place(frame.image_path, folder / "images" / sequence.name / f"{sequence.name}_{frame.frame}.jpg")
            label = folder / "labels" / sequence.name / f"{sequence.name}_{frame.frame}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            scale = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
            lines = ["2 0.5 0.5 0.1 0.1 77"]  # a car
            for box, identity in zip(frame.boxes.astype(float) / scale, frame.identities.tolist(), strict=True):
                centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
                lines.append(f"0 {centre[0]:.6f} {centre[1]:.6f} {size[0]:.6f} {size[1]:.6f} {identity}")
            label.write_text("\n".join(lines) + "\n")
    return folder, folder / "images"


def place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def convert(kind: str, source: Path, images: Path, output: Path, **options) -> Findings:
    findings = Findings()
    for each in read_export(kind, source, images, findings):
        write_mot_sequence(each.sequence, output / "train", image_size=each.image_size, frame_rate=30.0, **options)
    return findings


def is_equal(first: AnnotatedSequence, second: AnnotatedSequence) -> bool:
    """The same people in every frame, boxes within half a pixel."""
    assert len(first) == len(second)
    assert first.frame_rate == second.frame_rate
    for one, two in zip(first.frames, second.frames, strict=True):
        assert one.image_path.read_bytes() == two.image_path.read_bytes()
        by_id = [np.argsort(frame.identities) for frame in (one, two)]
        assert one.identities[by_id[0]].tolist() == two.identities[by_id[1]].tolist()
        assert np.abs(one.boxes[by_id[0]] - two.boxes[by_id[1]]).max(initial=0) < 0.5
    return True


@pytest.mark.parametrize(("kind", "write", "count"), [("coco", to_coco, 2), ("cvat", to_cvat, 1), ("yolo", to_yolo, 2)])
@pytest.mark.parametrize("images_as", ["link", "copy", "symlink"])
def test_round_trip(world, tmp_path, kind, write, count, images_as):
    source, images = write(world[:count], tmp_path / "export")
    findings = convert(kind, source, images, tmp_path / "out", images_as=images_as)
    assert not list(findings), findings_text(list(findings), tmp_path)
    converted = read_mot_folder(tmp_path / "out")
    assert [sequence.name for sequence in converted] == [sequence.name for sequence in world[:count]]
    assert all(is_equal(*pair) for pair in zip(world, converted, strict=False))
    recipe = {"train": {"a": {"format": "mot", "path": "."}}, "val": {}}
    assert not list(audit(recipe, tmp_path / "out").findings)
    image = converted[0].frames[0].image_path
    assert image.is_symlink() == (images_as == "symlink")
    assert image.name == "000001.jpg"
    table = read_mot(converted[0].folder / "gt" / "gt.txt")
    assert (np.diff(table.ids) >= 0).all()  # one identity after another


def test_running_twice_changes_nothing(world, tmp_path, monkeypatch):
    source, images = to_coco(world, tmp_path / "export")
    convert("coco", source, images, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    monkeypatch.setattr(mot_writer, "whole_folder", None)  # whoever writes now, fails
    convert("coco", source, images, tmp_path / "out")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}


def test_what_is_there_is_not_overwritten(world, tmp_path):
    source, images = to_coco(world, tmp_path / "export")
    convert("coco", source, images, tmp_path / "out")
    content = json.loads(source.read_text())
    content["annotations"][0]["bbox"][0] += 3
    source.write_text(json.dumps(content))
    with pytest.raises(FileExistsError, match="holds something else"):
        convert("coco", source, images, tmp_path / "out")


def test_an_interrupted_conversion_leaves_nothing_and_goes_on(world, tmp_path, monkeypatch):
    source, images = to_coco(world, tmp_path / "export")

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mot_writer, "write_seqinfo", stop)
        with pytest.raises(KeyboardInterrupt):
            convert("coco", source, images, tmp_path / "out")
    assert not list((tmp_path / "out" / "train").iterdir())
    (tmp_path / "out" / "train" / ".SYN-01.killed.partial").mkdir()
    convert("coco", source, images, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out" / "train").iterdir()) == ["SYN-01", "SYN-02"]


def test_a_folder_is_whole_or_not_there(tmp_path):
    with pytest.raises(FileNotFoundError), whole_folder(tmp_path / "a") as folder:
        (folder / "no such folder" / "file").write_text("half")
    assert not list(tmp_path.iterdir())
    with whole_folder(tmp_path / "a") as folder:
        (folder / "file").write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    with pytest.raises(FileExistsError), whole_folder(tmp_path / "a"):
        pass


def test_what_another_process_works_on_is_left_alone(tmp_path):
    other, killed = tmp_path / ".a.other.partial", tmp_path / ".a.killed.partial"
    other.mkdir()
    killed.mkdir()
    code = "import sys, time; from pathlib import Path; from fairmot_pl.folder_lock import locked\n"
    code += "with locked(Path(sys.argv[1]), shared=True): print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(other)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        assert is_locked(other)
        assert not is_locked(killed)
        with whole_folder(tmp_path / "a"):
            assert other.is_dir()
            assert not killed.is_dir()
        process.kill()
    assert not is_locked(other)
    (tmp_path / "a").rmdir()
    with whole_folder(tmp_path / "a"):
        assert not other.is_dir()


def test_ids_count_from_one_and_unknown_people_stay_unknown(world, tmp_path):
    source, images = to_coco(world[:1], tmp_path)
    content = json.loads(source.read_text())
    first = content["annotations"][0]["track_id"]
    for entry in content["annotations"]:
        entry["track_id"] -= min(each["track_id"] for each in json.loads(source.read_text())["annotations"])
    del content["annotations"][0]["track_id"]
    source.write_text(json.dumps(content))
    findings = convert("coco", source, images, tmp_path / "out")
    assert {finding.check for finding in findings} == {"unknown-identity"}
    ids = np.unique(read_mot(tmp_path / "out" / "train" / "SYN-01" / "gt" / "gt.txt").ids)
    assert ids[0] == -1
    assert ids[1] == 1
    assert first > 0


@pytest.mark.parametrize(
    ("kind", "harm", "check"),
    [
        ("coco", lambda text: text[:-40], "unreadable-labels"),
        ("coco", lambda text: text.replace('"pedestrian"', '"dog"}, {"id": 2, "name": "cat"'), "no-people"),
        ("coco", lambda text: text.replace('"image_id": 1,', '"image_id": 777,'), "dangling-label"),
        ("cvat", lambda text: text[:-40], "unreadable-labels"),
        ("cvat", lambda text: text.replace('xtl="', 'x="', 1), "bad-entry"),
        ("cvat", lambda text: text.replace('frame="20"', 'frame="21"', 1), "row-beyond-end"),
        ("cvat", lambda text: text.replace('frame="20"', 'frame="22"', 1), "duplicate-row"),
        ("cvat", lambda text: text.replace('label="person"', 'label="bus"'), "no-people"),
        ("cvat", lambda text: text.replace("<width>160", "<width>320"), "image-size"),
        ("cvat", lambda text: "<annotations><image/></annotations>", "unreadable-labels"),
    ],
)
def test_faults_of_an_export(world, tmp_path, kind, harm, check):
    source, images = {"coco": to_coco, "cvat": to_cvat}[kind](world[:1], tmp_path)
    source.write_text(harm(source.read_text()))
    findings = Findings()
    read_export(kind, source, images, findings)
    assert check in {finding.check for finding in findings}, findings_text(list(findings), tmp_path)
    assert check != "no-people" or "classes=[...]" in findings_text(list(findings), tmp_path)


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("0 0.5 0.5 0.1", "column-count"),
        ("0 0.5 0.5 0.1 0.3 0.97 3.5", "bad-id"),
        ("0 0.5 0.5 0.1 x 3", "not-a-number"),
        ("0 80 48 10 30 3", "box-units"),
        ("0 0.5 0.5 0 0.3 53", "empty-box"),
    ],
)
def test_faults_of_yolo_labels(world, tmp_path, line, check):
    source, images = to_yolo(world[:1], tmp_path)
    label = source / "labels" / "SYN-01" / "SYN-01_2.txt"
    label.write_text(label.read_text() + line + "\n")
    findings = Findings()
    read_export("yolo", source, images, findings)
    (finding,) = findings
    assert (finding.check, finding.file, len(finding.lines)) == (check, label, 1)


@pytest.mark.parametrize("names", ["['person', 'car', 'bus']", "{0: Pedestrian, 2: car}"])
def test_the_layout_of_roboflow(world, tmp_path, names):
    export = tmp_path / "export"
    to_yolo(world[:2], tmp_path / "flat")
    for sequence, part in zip(world[:2], ("train", "valid"), strict=True):
        for kind in ("images", "labels"):
            shutil.copytree(tmp_path / "flat" / kind / sequence.name, export / part / kind)
    (export / "data.yaml").write_text(f"train: ../train/images\nnames: {names}\n")
    findings = convert("yolo", export, export, tmp_path / "out")
    assert not list(findings), findings_text(list(findings), tmp_path)
    converted = read_mot_folder(tmp_path / "out")
    assert [sequence.name for sequence in converted] == ["train", "valid"]
    assert all(is_equal(*pair) for pair in zip(world, converted, strict=False))


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("names: [car, person]", (1,)),
        ("names: {3: car, 7: Pedestrian, 8: person}", (7, 8)),
        ("names: [car]", (0,)),
        ("names: 3", (0,)),
        ("[", (0,)),
        ("", (0,)),
    ],
)
def test_classes_that_data_yaml_calls_people(tmp_path, text, classes):
    (tmp_path / "data.yaml").write_text(text)
    assert people_classes(tmp_path) == classes


def test_yolo_with_confidence_and_without_ids(world, tmp_path):
    source, images = to_yolo(world[:1], tmp_path)
    for label in (source / "labels").rglob("*.txt"):
        cells = [line.split() for line in label.read_text().splitlines()]
        label.write_text("".join(" ".join([*row[:5], "0.9", row[5]]) + "\n" for row in cells))
    assert is_equal(world[0], read_back(source, images, tmp_path / "a"))
    for label in (source / "labels").rglob("*.txt"):
        label.write_text("".join(" ".join(line.split()[:5]) + "\n" for line in label.read_text().splitlines()))
    found = read_back(source, images, tmp_path / "b")
    assert {identity for frame in found.frames for identity in frame.identities.tolist()} == {-1}


def read_back(source: Path, images: Path, output: Path) -> AnnotatedSequence:
    convert("yolo", source, images, output)
    return read_mot_folder(output)[0]


@pytest.mark.parametrize(
    ("meta", "name"),
    [
        ("", "annotations"),
        ("<task><name>Street 7/left</name><source>x.mp4</source></task>", "Street_7_left"),
        ("<task><labels><label><name>person</name></label></labels></task><source>park.mp4</source>", "park"),
        ("<job><name> </name></job>", "annotations"),
    ],
)
def test_a_sequence_of_cvat_is_called_as_its_task(tmp_path, world, meta, name):
    place(world[0].frames[0].image_path, tmp_path / "frames" / "0.jpg")
    box = '<box frame="0" outside="0" occluded="0" xtl="40" ytl="30" xbr="60" ybr="70"></box>'
    text = f'<annotations><meta>{meta}</meta><track id="0" label="person">{box}</track></annotations>'
    (tmp_path / "annotations.xml").write_text(text)
    (found,) = read_export("cvat", tmp_path / "annotations.xml", tmp_path / "frames", Findings())
    assert found.sequence.name == name


def test_turned_and_occluded_boxes_of_cvat(tmp_path, world):
    place(world[0].frames[0].image_path, tmp_path / "frames" / "0.jpg")
    box = '<box frame="0" outside="0" occluded="1" xtl="40" ytl="30" xbr="60" ybr="70" rotation="90"></box>'
    (tmp_path / "a.xml").write_text(f'<annotations><track id="0" label="pedestrian">{box}</track></annotations>')
    (found,) = read_export("cvat", tmp_path / "a.xml", tmp_path / "frames", Findings())
    assert found.sequence.rows.boxes[0] == pytest.approx([30, 40, 40, 20])
    assert found.sequence.rows.visibility.tolist() == [0.5]
