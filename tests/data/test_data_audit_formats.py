"""CrowdHuman, JDE labels and COCO json are audited by the same checks as MOTChallenge folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from data.conftest import SIZE, write_image
from fairmot_pl.data.audit.audit import AuditReport, audit
from fairmot_pl.data.audit.coco_scan import scan_coco
from fairmot_pl.data.audit.findings import Findings, findings_text
from fairmot_pl.inference.video_writer import VideoWriter


def audit_one(root: Path, **source) -> AuditReport:
    return audit({"train": {"a": {"path": ".", **source}}, "val": {}}, root)


def kinds(report: AuditReport) -> set[str]:
    return {finding.check for finding in report.findings}


def crowd(*boxes: dict) -> dict:
    return {"ID": "a", "gtboxes": list(boxes)}


BODY = {"tag": "person", "fbox": [5, 5, 20, 30], "vbox": [5, 5, 20, 15]}


@pytest.mark.parametrize(
    ("records", "check", "line"),
    [
        ([crowd(BODY)], None, None),
        ([crowd(BODY, {"tag": "mask"}, {"tag": "person", "extra": {"ignore": 1}})], None, None),
        ([crowd(BODY), "{broken"], "bad-entry", 2),
        ([crowd(BODY), {"ID": "b"}], "bad-entry", 2),
        ([crowd(BODY, {"tag": "person", "fbox": [1, 2, 3]})], "bad-entry", 1),
        ([crowd(BODY), crowd(BODY)], "entry-twice", 2),
        ([crowd(BODY, {**BODY, "fbox": [5, 5, 0, 30]})], "empty-box", 1),
        ([crowd(BODY, {**BODY, "fbox": [500, 5, 10, 30]})], "box-outside", 1),
        ([], "unreadable-labels", None),
    ],
)
def test_crowdhuman(make_crowd, records, check, line):
    root = make_crowd(records)
    report = audit_one(root, format="crowdhuman", annotation="annotation_train.odgt")
    assert kinds(report) == ({check} if check else set()), findings_text(list(report.findings), root)
    assert [finding.lines[0] if finding.lines else None for finding in report.findings] == ([line] if check else [])


def test_crowdhuman_images_and_figures(make_crowd):
    root = make_crowd([crowd(BODY, BODY)])
    report = audit_one(root, format="crowdhuman", annotation="annotation_train.odgt")
    (sheet,) = report.sheets["train"].sequences
    assert (sheet.images, sheet.image_size, sheet.identities, len(sheet.boxes)) == (1, SIZE, 0, 2)
    assert sheet.visibility.tolist() == [0.5, 0.5]
    (root / "Images" / "a.jpg").unlink()
    assert kinds(audit_one(root, format="crowdhuman", annotation="annotation_train.odgt")) == {"missing-image"}
    assert kinds(audit_one(root, format="crowdhuman", annotation="nowhere.odgt")) == {"missing-labels"}


@pytest.fixture
def jde(tmp_path) -> Path:
    """Three frames of a video with two people who walk, and one still image."""
    root = tmp_path / "jde"
    for number in (1, 2, 3):
        write_image(root / "images" / "V" / "img1" / f"{number:06d}.jpg", seed=number)
        write_label(root, f"V/img1/{number:06d}", f"0 1 0.{number}2 0.5 0.1 0.4", f"0 2 0.{number + 3} 0.5 0.1 0.4")
    write_image(root / "images" / "still.jpg", seed=9)
    write_label(root, "still", "0 -1 0.5 0.5 0.2 1.2")
    lines = [f"images/V/img1/{number:06d}.jpg" for number in (1, 2, 3)]
    (root / "all.txt").write_text("\n".join([*lines, "images/still.jpg", ""]))
    return root


def write_label(root: Path, name: str, *lines: str) -> None:
    path = root / "labels_with_ids" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize("lists", [None, "all.txt", ["all.txt"]])
def test_clean_jde_labels(jde, lists):
    report = audit_one(jde, format="jde", lists=lists)
    assert kinds(report) == {"unknown-identity"}  # the still image trains detection only
    sheets = {sheet.name: sheet for sheet in report.sheets["train"].sequences}
    assert (sheets["V"].images, sheets["V"].identities, sheets["all.txt" if lists else "jde"].images) == (3, 2, 1)
    height, width = SIZE
    assert sheets["V"].boxes[0] == pytest.approx([0.07 * width, 0.3 * height, 0.1 * width, 0.4 * height])


@pytest.mark.parametrize(
    ("lines", "check", "line"),
    [
        (["0 1 0.5 0.5 0.1 0.1", "0 1 0.5 0.5 0.1 0.1"], "rows-twice", 2),
        (["0 1 0.5 0.5 0.1 0.1", "0 1 0.7 0.5 0.1 0.1"], "duplicate-row", 2),
        (["0 1 0.5 0.5 0.1"], "column-count", 1),
        (["0 one 0.5 0.5 0.1 0.1"], "not-a-number", 1),
        (["0 -3 0.5 0.5 0.1 0.1"], "bad-id", 1),
        (["0 1 50 50 10 10"], "box-units", 1),
        (["0 1 0.5 0.5 0.0 0.1"], "empty-box", 1),
        (["0 1 1.5 0.5 0.1 0.1"], "box-outside", 1),
    ],
)
def test_broken_jde_labels(jde, lines, check, line):
    write_label(jde, "still", *lines)
    (finding,) = audit_one(jde, format="jde").findings
    assert (finding.check, finding.lines, finding.file.name) == (check, (line,), "still.txt")


def test_jde_labels_and_images_that_miss_one_another(jde):
    write_label(jde, "gone", "0 1 0.5 0.5 0.1 0.1")
    (jde / "labels_with_ids" / "still.txt").unlink()
    found = {finding.check: finding.file.name for finding in audit_one(jde, format="jde").findings}
    assert found == {"label-without-image": "gone.txt", "missing-labels": "still.txt"}
    assert kinds(audit_one(jde, format="jde", lists="all.txt", missing_labels="empty")) == set()


def test_jde_lists(jde):
    (jde / "all.txt").write_text("images/still.jpg\nimages/nobody.jpg\nimages/still.jpg\n")
    found = {finding.check: finding.lines for finding in audit_one(jde, format="jde", lists="all.txt").findings}
    assert found == {"dangling-label": (2,), "entry-twice": (3,), "unknown-identity": (1,)}
    assert kinds(audit_one(jde, format="jde", lists="no.txt")) == {"missing-data", "no-images"}


def test_a_list_of_all_detector_copies(tmp_path):
    lines = []
    for detector in ("DPM", "SDP"):
        name = f"images/train/MOT17-02-{detector}/img1/000001.jpg"
        write_image(tmp_path / name)
        write_label(tmp_path, f"train/MOT17-02-{detector}/img1/000001", "0 1 0.5 0.5 0.1 0.1")
        lines.append(name)
    (tmp_path / "mot17.train").write_text("\n".join(lines))
    assert kinds(audit_one(tmp_path, format="jde", lists="mot17.train")) == {"detector-copies"}


def test_a_counter_that_ran_over_frame_major_rows(tmp_path):
    for number in range(1, 6):
        write_image(tmp_path / "images" / "V" / "img1" / f"{number:06d}.jpg", seed=number)
        rows = [f"0 {3 * number + person} 0.{person + 2} 0.5 0.1 0.4" for person in range(3)]
        write_label(tmp_path, f"V/img1/{number:06d}", *rows)
    (finding,) = audit_one(tmp_path, format="jde").findings
    assert (finding.check, finding.file, finding.count) == ("identity-explosion", tmp_path / "images" / "V", 15)
    assert "labels_with_ids" in finding.found


def coco(root: Path, change=lambda content: None) -> Path:
    """A video of three frames with a person who walks."""
    content = {
        "videos": [{"id": 1, "name": "V", "fps": 25}],
        "images": [
            {"id": n, "file_name": f"V/{n}.jpg", "height": SIZE[0], "width": SIZE[1], "video_id": 1, "frame_id": n}
            for n in (1, 2, 3)
        ],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "track_id": 7, "bbox": [5 + n, 5, 12, 30]} for n in (1, 2, 3)
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}],
    }
    for number in (1, 2, 3):
        write_image(root / "V" / f"{number}.jpg", seed=number)
    change(content)
    (root / "all.json").write_text(json.dumps(content))
    return root


def entry(kind: str, index: int, **values):
    return lambda content: content[kind][index].update(values)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda content: None, None),
        (lambda content: content["annotations"].append({"id": 9, "image_id": 1, "category_id": 2}), None),
        (entry("annotations", 0, bbox=[1, 2, 3]), "bad-entry"),
        (entry("annotations", 0, bbox=[1, 2, None, 4]), "bad-entry"),
        (entry("annotations", 0, image_id=77), "dangling-label"),
        (entry("annotations", 0, id=3), "entry-twice"),
        (entry("annotations", 0, image_id=2), "duplicate-row"),
        (entry("annotations", 0, bbox=[5, 5, 0, 30]), "empty-box"),
        (entry("annotations", 0, bbox=[900, 5, 12, 30], track_id=8), "box-outside"),
        (entry("annotations", 2, bbox=[5, 5, 2, 5]), "id-jump"),
        (entry("images", 1, width=9), "image-size"),
        (entry("images", 1, file_name=None), "bad-entry"),
        (entry("images", 1, file_name="V/gone.jpg"), "missing-image"),
        (lambda content: content["images"].append(content["images"][0]), "entry-twice"),
        (entry("categories", 0, name="dog"), "no-people"),
        (lambda content: content.pop("images"), "unreadable-labels"),
    ],
)
def test_coco(tmp_path, change, check):
    report = audit_one(coco(tmp_path, change), format="coco", annotation="all.json")
    found = kinds(report)
    assert (check in found) if check else not found, findings_text(list(report.findings), tmp_path)


def test_coco_videos_may_be_named_as_files_are(tmp_path):
    path = coco(tmp_path, lambda content: content.update(videos=[{"id": 1, "file_name": "part/V", "fps": 25}]))
    (sequence,) = scan_coco(path / "all.json", tmp_path, Findings())
    assert (sequence.name, sequence.frame_rate) == ("part_V", 25)


def test_the_remedy_is_for_the_format(tmp_path):
    report = audit_one(coco(tmp_path, entry("categories", 0, name="dog")), format="coco", annotation="all.json")
    text = findings_text(list(report.findings), tmp_path)
    assert "categories=[...]" in text
    assert "column" not in text
    assert report.findings.counts()["error"] == 1


def test_coco_figures_and_broken_json(tmp_path):
    (sheet,) = audit_one(coco(tmp_path), format="coco", annotation="all.json").sheets["train"].sequences
    assert (sheet.name, sheet.frame_rate, sheet.track_lengths.tolist()) == ("V", 25, [3])
    (tmp_path / "all.json").write_text('{"images": [\n1,')
    (finding,) = audit_one(tmp_path, format="coco", annotation="all.json").findings
    assert (finding.check, finding.lines) == ("unreadable-labels", (2,))


def with_a_second_video(content: dict) -> None:
    content["videos"].append({**content["videos"][0], "id": 2})
    content["images"][-1]["video_id"] = 2


def with_a_named_track(content: dict) -> None:
    content["annotations"][0]["track_id"] = "bob"


@pytest.mark.parametrize("harm", [with_a_second_video, with_a_named_track])
def test_coco_that_only_the_reader_refuses(tmp_path, harm):
    assert "reader-refuses" in kinds(audit_one(coco(tmp_path, harm), format="coco", annotation="all.json"))


@pytest.mark.parametrize(
    ("harm", "check"),
    [
        (lambda root: None, None),
        (lambda root: (root / "a.mp4").write_bytes(b"no video"), "unreadable-video"),
        (lambda root: (root / "a.avi").write_bytes(b""), "video-twice"),
        (lambda root: (root / "a.txt").unlink(), "missing-labels"),
        (lambda root: (root / "a.txt").write_bytes(b"\xff\xfe\x00\x81"), "unreadable-labels"),
        (lambda root: shutil.copytree(root, root / "gt", ignore=lambda *_: ["b.txt"]), "video-twice"),
    ],
)
def test_a_broken_video_is_a_finding_and_the_others_are_read(tmp_path, harm, check):
    for name in ("a", "b"):
        with VideoWriter(tmp_path / f"{name}.mp4", frame_rate=12) as writer:
            for number in range(4):
                writer.write(np.full((64, 96, 3), 20 * number + ord(name), np.uint8))
        rows = "".join(f"{number},1,{20 + number},10,12,30,1,1,1\n" for number in (1, 2, 3, 4))
        (tmp_path / f"{name}.txt").write_text(rows)
    harm(tmp_path)
    report = audit_one(tmp_path, format="videos")
    assert kinds(report) == ({check} if check else set())
    assert "b" in [sheet.name for sheet in report.sheets["train"].sequences]


def test_jde_lists_of_the_two_halves_of_a_video(jde):
    still = "images/still.jpg"
    (jde / "first.txt").write_text(f"images/V/img1/000001.jpg\n{still}\n")
    (jde / "second.txt").write_text("images/V/img1/000002.jpg\nimages/V/img1/000003.jpg\n")
    recipe = {name: {"a": {"format": "jde", "path": ".", "lists": f"{name}.txt"}} for name in ("first", "second")}
    report = audit({"train": recipe["first"], "val": recipe["second"]}, jde)
    assert kinds(report) == {"shared-identities", "unknown-identity"}
    (jde / "second.txt").write_text("images/V/img1/000001.jpg\n")
    assert "same-frames" in kinds(audit({"train": recipe["first"], "val": recipe["second"]}, jde))


def test_several_lists_below_one_root(jde):
    (jde / "one.txt").write_text("images/still.jpg\n")
    (jde / "two.txt").write_text("images/V/img1/000002.jpg\n")
    recipe = {name: {"format": "jde", "path": ".", "lists": f"{name}.txt"} for name in ("one", "two")}
    sheets = audit({"train": recipe, "val": {}}, jde).sheets["train"].sequences
    assert [(each.name, each.images) for each in sheets] == [("one.txt", 1), ("V", 1)]
