"""The audit finds every fault that is planted, where it is planted, and none on clean data."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fairmot_pl.data.audit import reader_check
from fairmot_pl.data.audit.audit import audit
from fairmot_pl.data.audit.findings import Findings, findings_text
from fairmot_pl.data.audit.mot_scan import scan_mot_sequence
from fairmot_pl.data.audit.row_checks import check_rows
from fairmot_pl.data.synthetic import render_dataset

FRAMES = 8
RECIPE = {"train": {"a": {"format": "mot", "path": "train"}}, "val": {"a": {"format": "mot", "path": "val"}}}


@pytest.fixture(scope="session")
def clean_root(tmp_path_factory) -> Path:
    """A clean set of many short sequences."""
    root = tmp_path_factory.mktemp("clean")
    render_dataset(root, train=24, val=2, frames=FRAMES, people=5, occluders=1, image_size=(96, 160), seed=5)
    return root


@pytest.fixture
def root(clean_root, tmp_path) -> Path:
    """A copy that may be harmed."""
    return Path(shutil.copytree(clean_root, tmp_path / "set"))


@pytest.fixture
def few(clean_root, tmp_path) -> Path:
    """A copy of few of its sequences."""
    for name in ("train/SYN-01", "train/SYN-04", "val/SYN-101"):
        shutil.copytree(clean_root / name, tmp_path / "few" / name)
    return tmp_path / "few"


def rows_of(folder: Path) -> list[list[str]]:
    return [line.split(",") for line in (folder / "gt" / "gt.txt").read_text().splitlines()]


def write_rows(folder: Path, rows: list[list[str]]) -> None:
    (folder / "gt" / "gt.txt").write_text("".join(",".join(row) + "\n" for row in rows))


def change_row(folder: Path, column: int, value: str, row: int = 0) -> None:
    rows = rows_of(folder)
    rows[row][column] = value
    write_rows(folder, rows)


def add_row(folder: Path, *cells: str) -> None:
    write_rows(folder, [*rows_of(folder), list(cells)])


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def image_of(folder: Path, frame: int = 3) -> Path:
    return folder / "img1" / f"{frame:06d}.jpg"


def duplicate_row(folder: Path) -> None:
    row = rows_of(folder)[2]
    add_row(folder, *row[:2], str(float(row[2]) + 2), *row[3:])


def without_rows_of_a_frame(folder: Path) -> None:
    write_rows(folder, [row for row in rows_of(folder) if row[0] != "4"])


def exploded_ids(folder: Path) -> None:
    rows = sorted(rows_of(folder), key=lambda row: int(row[0]))
    write_rows(folder, [[row[0], str(number), *row[2:]] for number, row in enumerate(rows, start=1)])


def leaping_id(folder: Path) -> None:
    rows = rows_of(folder)
    keys = sorted(row[1] for row in rows)
    own = [row for row in rows if row[1] == max(keys, key=keys.count)]
    start = float(own[0][2])
    for number, row in enumerate(own):
        leap = 0 if number < len(own) // 2 else -70 if start > 75 else 70
        row[2], row[4], row[5] = str(start + leap), "15", "30"
    write_rows(folder, rows)


def swapped_ids(folder: Path) -> None:
    rows = rows_of(folder)
    keys = [row[1] for row in rows]
    whole = sorted(key for key in set(keys) if keys.count(key) == FRAMES)
    place = {row[1]: (float(row[2]), float(row[5])) for row in rows if row[0] == "4"}
    first = whole[0]
    second = max(whole[1:], key=lambda key: abs(place[key][0] - place[first][0]))
    exchanged = {first: second, second: first}
    write_rows(
        folder, [[row[0], exchanged.get(row[1], row[1]) if int(row[0]) > 4 else row[1], *row[2:]] for row in rows]
    )


def turned_by_a_note(folder: Path) -> None:
    image = Image.open(image_of(folder))
    note = image.getexif()
    note[0x0112] = 6
    image.save(image_of(folder), exif=note, quality=95)


def cut_image(folder: Path) -> None:
    content = image_of(folder).read_bytes()
    image_of(folder).write_bytes(content[: len(content) * 2 // 3])


def encoded_anew_in_validation(folder: Path) -> None:
    copy = folder.parents[1] / "val" / f"{folder.name}-again"
    shutil.copytree(folder, copy)
    for path in sorted((copy / "img1").iterdir()):
        buffer = io.BytesIO()
        Image.open(path).save(buffer, "JPEG", quality=70)
        path.write_bytes(buffer.getvalue())


def copied_to_validation(folder: Path) -> None:
    shutil.copytree(folder, folder.parents[1] / "val" / f"{folder.name}-copy")


def all_ignored(folder: Path) -> None:
    write_rows(folder, [[*row[:6], "0", *row[7:]] for row in rows_of(folder)])


def write_header(old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: replace_in(folder / "seqinfo.ini", old, new)


PLANTED: dict[str, Callable[[Path], None]] = {
    "duplicate-row": duplicate_row,
    "empty-box": lambda folder: change_row(folder, 4, "0", row=1),
    "box-outside": lambda folder: add_row(folder, "2", "77", "500", "10", "9", "20", "1", "1", "1"),
    "sequence-length": write_header("seqLength=8", "seqLength=12"),
    "image-size": write_header("imWidth=160", "imWidth=320"),
    "frame-rate": write_header("frameRate=30\n", ""),
    "odd-frame-rate": write_header("frameRate=30", "frameRate=300"),
    "frame-without-image": lambda folder: image_of(folder).unlink(),
    "frame-without-rows": without_rows_of_a_frame,
    "id-jump": leaping_id,
    "id-swap": swapped_ids,
    "identity-explosion": exploded_ids,
    "row-beyond-end": lambda folder: add_row(folder, "99", "1", "5", "5", "9", "20", "1", "1", "1"),
    "unreadable-image": lambda folder: image_of(folder).write_text("no picture"),
    "truncated-image": cut_image,
    "empty-image": lambda folder: image_of(folder).write_bytes(b""),
    "not-a-number": lambda folder: add_row(folder, "2", "78", "nan", "10", "9", "20", "1", "1", "1"),
    "column-count": lambda folder: add_row(folder, "2", "78", "12", "10", "9"),
    "bad-id": lambda folder: add_row(folder, "2", "-7", "12", "10", "9", "20", "1", "1", "1"),
    "rows-twice": lambda folder: write_rows(folder, 2 * rows_of(folder)),
    "exif-rotation": turned_by_a_note,
    "missing-labels": lambda folder: (folder / "gt" / "gt.txt").unlink(),
    "same-footage": copied_to_validation,
    "near-duplicate": encoded_anew_in_validation,
}
"""Faults of different kinds, each for a sequence of its own."""


def kinds(report) -> set[str]:
    return {finding.check for finding in report.findings}


def test_nothing_is_reported_on_a_clean_set(clean_root):
    report = audit(RECIPE, clean_root)
    assert not list(report.findings), findings_text(list(report.findings), clean_root)
    assert report.images == 26 * FRAMES
    assert report.as_dict()["clean"]


@pytest.mark.parametrize(
    "world",
    [
        {"camera_motion": 1.0, "frame_rate": 10, "walking_speed": 2.0},
        {"lookalikes": 1.0, "people": 12, "light_change": 1.0},
        {"frames": 30, "people": 3, "occluders": 6},
    ],
)
def test_nothing_is_reported_on_clean_worlds_of_other_kinds(tmp_path, world):
    settings = {"frames": 12, "people": 5, "image_size": (96, 160), "seed": 11, **world}
    render_dataset(tmp_path, train=2, val=1, **settings)
    report = audit(RECIPE, tmp_path)
    assert not list(report.findings), findings_text(list(report.findings), tmp_path)


@pytest.mark.parametrize("thorough", [False, True])
def test_every_planted_fault_is_found_and_nothing_else(root, thorough):
    assert len(PLANTED) >= 20
    folders = sorted((root / "train").iterdir())
    planted = dict(zip(PLANTED, folders, strict=True))
    for check, folder in planted.items():
        PLANTED[check](folder)
    report = audit(RECIPE, root, thorough=thorough)
    assert kinds(report) == set(PLANTED), findings_text(list(report.findings), root)
    for finding in report.findings:
        assert planted[finding.check].name in str(finding.file), finding
        assert finding.mend
    assert not report.as_dict()["clean"]


@pytest.mark.parametrize(
    ("check", "harm", "words"),
    [
        ("seqinfo", lambda folder: (folder / "seqinfo.ini").unlink(), "no such file"),
        ("seqinfo", write_header("seqLength=8", "seqLength=eight"), "seqLength is 'eight'"),
        ("seqinfo", write_header("[Sequence]\n", ""), "[Sequence]"),
        ("frame-rate", write_header("frameRate=30", "frameRate=0"), "frameRate is '0'"),
        ("frame-rate", write_header("frameRate=30", "frameRate=3000"), "at most 1000"),
        ("image-name", lambda folder: image_of(folder, 8).rename(folder / "img1" / "last.jpg"), "last.jpg"),
        ("no-images", lambda folder: shutil.rmtree(folder / "img1"), "no such folder"),
        ("no-images", write_header("imExt=.jpg", "imExt=.png"), ".jpg"),
        ("frame-number", lambda folder: change_row(folder, 0, "0"), "frame is 0"),
        ("bad-id", lambda folder: change_row(folder, 1, "1.5"), "id is 1.5"),
        ("bad-id", lambda folder: change_row(folder, 1, "1e300"), "id is 1e+300"),
        ("frame-number", lambda folder: change_row(folder, 0, "1e300"), "frame is 1e+300"),
        ("no-people", all_ignored, "none of"),
        ("no-rows", lambda folder: write_rows(folder, []), "holds no row"),
        ("odd-visibility", lambda folder: change_row(folder, 8, "75"), "75"),
        ("unreadable-labels", lambda folder: (folder / "gt" / "gt.txt").write_bytes(b"\xff\xfe\x00\x81"), "utf-8"),
        ("unknown-identity", lambda folder: change_row(folder, 1, "-1"), "-1"),
        (
            "box-units",
            lambda folder: write_rows(
                folder, [[*row[:2], "0.1", "0.2", "0.1", "0.3", *row[6:]] for row in rows_of(folder)]
            ),
            "below 2 pixels",
        ),
        (
            "box-units",
            lambda folder: write_rows(
                folder, [[*row[:2], "90", "50", "110", "80", *row[6:]] for row in rows_of(folder)]
            ),
            "left, top, right, bottom",
        ),
    ],
)
def test_further_faults(few, check, harm, words):
    harm(few / "train" / "SYN-04")
    found = {finding.check: finding for finding in audit(RECIPE, few).findings}
    assert check in found
    assert words in found[check].found


def test_a_warning_is_not_clean_and_a_remark_is(few):
    change_row(few / "train" / "SYN-04", 1, "-1")
    assert audit(RECIPE, few).as_dict()["clean"]
    replace_in(few / "train" / "SYN-04" / "seqinfo.ini", "frameRate=30", "frameRate=300")
    assert not audit(RECIPE, few).as_dict()["clean"]


def test_copies_in_validation_are_errors(few):
    encoded_anew_in_validation(few / "train" / "SYN-04")
    (finding,) = audit(RECIPE, few).findings
    assert (finding.check, finding.severity) == ("near-duplicate", "error")


def test_lines_are_those_of_the_file(few):
    folder = few / "train" / "SYN-04"
    text = (folder / "gt" / "gt.txt").read_text().splitlines()
    (folder / "gt" / "gt.txt").write_text("\n".join([text[0], "", "1,x,2,3,4,5,1,1,1", *text[1:3], text[2], *text[3:]]))
    found = {finding.check: finding.lines for finding in audit(RECIPE, few).findings}
    assert found == {"not-a-number": (3,), "duplicate-row": (6,)}


def test_missing_data_is_a_finding(tmp_path):
    report = audit(RECIPE, tmp_path)
    assert kinds(report) == {"missing-data"}
    assert len(report.findings) == 2


def test_detector_copies_used_at_once(few):
    for detector in ("SDP", "FRCNN", "DPM"):
        shutil.copytree(few / "train" / "SYN-01", few / "mot17" / "train" / f"MOT17-02-{detector}")
    one = {"format": "mot", "path": "mot17", "split": "first_half"}
    recipe = {"train": {"a": one}, "val": {"a": {**one, "split": "second_half"}}}
    assert kinds(audit(recipe, few)) == {"shared-identities"}
    every = {name: {**one, "detector": name} for name in ("SDP", "FRCNN", "DPM")}
    report = audit({**recipe, "train": every}, few)
    assert "detector-copies" in kinds(report)
    assert "near-duplicate" not in kinds(report)


def test_halves_share_people_by_design_and_full_shares_frames(few):
    source = {"format": "mot", "path": "train", "sequences": ["SYN-01"]}
    half = audit(
        {"train": {"a": {**source, "split": "first_half"}}, "val": {"a": {**source, "split": "second_half"}}}, few
    )
    assert [(each.check, each.severity) for each in half.findings] == [("shared-identities", "info")]
    assert half.images == FRAMES
    assert half.figures()["train/images"] == half.figures()["val/images"] == FRAMES // 2
    full = audit({"train": {"a": source}, "val": {"a": {**source, "split": "second_half"}}}, few)
    assert kinds(full) == {"same-frames", "shared-identities"}


def test_one_source_on_both_sides_is_one_remark(few):
    source = {"format": "mot", "path": "train"}
    report = audit({"train": {"a": source}, "val": {"b": dict(source)}}, few)
    (finding,) = report.findings
    assert (finding.check, finding.severity, finding.file) == ("same-data", "info", few / "train")
    assert "16 frames" in finding.found
    assert report.as_dict()["clean"]


def test_footage_that_is_trained_on_twice(few):
    shutil.copytree(few / "train" / "SYN-01", few / "other" / "MOT16-02")
    recipe = {"train": {"a": {"format": "mot", "path": "train"}, "b": {"format": "mot", "path": "other"}}, "val": {}}
    assert kinds(audit(recipe, few)) == {"repeated-footage"}


def test_a_format_that_cannot_be_audited(tmp_path):
    with pytest.raises(ValueError, match="format is 'video'; can be audited: mot"):
        audit({"train": {"a": {"format": "video", "path": "."}}, "val": {}}, tmp_path)


@pytest.mark.parametrize("name", ["MOT17-mini", "MOT17-09", "MOT15"])
def test_real_data_has_no_fault(real_data, name):
    source = {"format": "mot", "path": name}
    recipe = {"train": {"a": {**source, "split": "first_half"}}, "val": {"a": {**source, "split": "second_half"}}}
    report = audit(recipe, real_data)
    assert kinds(report) == {"shared-identities"}, findings_text(list(report.findings), real_data)


def test_one_video_in_two_real_sets(real_data):
    recipe = {
        "train": {"a": {"format": "mot", "path": "MOT17-09"}},
        "val": {"b": {"format": "mot", "path": "MOT17-mini"}},
    }
    (finding,) = audit(recipe, real_data).findings
    assert finding.check == "same-footage"
    assert finding.file.name == "MOT17-09-FRCNN"


def test_rows_of_whole_real_sequences_are_clean(real_data):
    folders = [path.parent for path in sorted((real_data / "metrics" / "gt").rglob("seqinfo.ini"))]
    assert len(folders) >= 10
    findings = Findings()
    for folder in folders:
        sequence = scan_mot_sequence(folder, findings)
        sequence.frames = np.arange(1, sequence.rows.frames.max() + 1)
        size = [
            int(line.split("=")[1])
            for line in (folder / "seqinfo.ini").read_text().splitlines()
            if line[:3] in ("imH", "imW")
        ]
        sizes = np.tile(np.array([size[1], size[0]]), (len(sequence.frames), 1))
        check_rows(sequence, sizes, findings)
    found = {finding.check for finding in findings} - {"no-images"}  # there are only texts in this folder
    assert found <= {"box-outside"}  # MOT17-10 has two


def test_a_sequence_that_was_published_without_header(few):
    for folder in (few / "train").iterdir():
        (folder / "seqinfo.ini").unlink()
    recipe = {"train": {"a": {"format": "mot", "path": "train", "frame_rate": 14.0}}, "val": {}}
    report = audit(recipe, few)
    assert not list(report.findings)
    assert [each.frame_rate for each in report.sheets["train"].sequences] == [14, 14]
    assert kinds(audit({"train": {"a": {"format": "mot", "path": "train"}}, "val": {}}, few)) == {"seqinfo"}
    by_name = {"SYN-01": 10.0, "SYN-04": 20.0}
    report = audit({"train": {"a": {"format": "mot", "path": "train", "frame_rate": by_name}}, "val": {}}, few)
    assert not list(report.findings)
    assert [each.frame_rate for each in report.sheets["train"].sequences] == [10, 20]


@pytest.mark.parametrize(
    "text", ["frameRate: 30", "frameRate = 30", "; frameRate=no\nFRAMERATE=30", "# a=b\nframeRate:30"]
)
def test_headers_are_understood_as_the_reader_does(few, text):
    replace_in(few / "train" / "SYN-04" / "seqinfo.ini", "frameRate=30", text)
    report = audit(RECIPE, few)
    assert not list(report.findings), findings_text(list(report.findings), few)


def test_two_swapped_ids_are_one_warning_with_both_lines(few):
    folder = few / "train" / "SYN-04"
    before = rows_of(folder)
    swapped_ids(folder)
    changed = [number for number, pair in enumerate(zip(before, rows_of(folder), strict=True), 1) if pair[0] != pair[1]]
    (finding,) = audit(RECIPE, few).findings
    assert (finding.check, finding.severity, finding.count) == ("id-swap", "warning", 1)
    assert "change places in frame 5" in finding.found
    assert len(finding.lines) == 2
    assert set(finding.lines) <= set(changed)


@pytest.mark.parametrize("seed", range(4))
def test_swaps_in_real_rows_are_found(real_data, seed):
    folder = real_data / "metrics" / "gt"
    (ini,) = folder.rglob("MOT17-09-FRCNN/seqinfo.ini")
    sequence = scan_mot_sequence(ini.parent, Findings())
    rows, draw = sequence.rows, np.random.default_rng(seed)
    centres = rows.boxes[:, :2] + rows.boxes[:, 2:] / 2
    while True:  # two who are in view in frames t and t + 1, half to two bodies apart
        frame = int(draw.integers(5, rows.frames.max() - 5))
        here = [{rows.ids[row]: row for row in np.flatnonzero(rows.frames == frame + step)} for step in (0, 1)]
        first, second = draw.choice(sorted(here[0]), 2, replace=False)
        apart = np.linalg.norm(centres[here[0][first]] - centres[here[0][second]]) / rows.boxes[here[0][first], 3]
        if first in here[1] and second in here[1] and 0.5 < apart < 2:
            break
    ids, later = rows.ids.copy(), rows.frames > frame
    ids[later & (rows.ids == first)], ids[later & (rows.ids == second)] = second, first
    sequence.rows = replace(rows, ids=ids)
    findings = Findings()
    check_rows(sequence, np.zeros((len(sequence.frames), 2), np.int64), findings)
    (found,) = [each for each in findings if each.check == "id-swap"]
    assert f"in frame {frame + 1}" in found.found


def write_file(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes())) and None


@pytest.mark.parametrize(
    ("harm", "file"),
    [
        (write_file("seqinfo.ini", lambda content: content + b"frameRate=25\n"), "seqinfo.ini"),
    ],
)
def test_what_only_the_reader_refuses_is_an_error(few, harm, file):
    harm(few / "train" / "SYN-04")
    (finding,) = audit(RECIPE, few).findings
    assert (finding.check, finding.severity, finding.file.name) == ("reader-refuses", "error", file)
    assert str(finding.file) in finding.found


def test_readers_are_not_asked_about_sources_with_errors(few, monkeypatch):
    asked = []
    monkeypatch.setattr(reader_check, "read_source", lambda options, *_, **__: asked.append(options["path"]) or [])
    (few / "train" / "SYN-04" / "gt" / "gt.txt").unlink()
    assert kinds(audit(RECIPE, few)) == {"missing-labels"}
    assert asked == ["val"]
