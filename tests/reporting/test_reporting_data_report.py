"""The page of an audit and the pictures on it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fairmot_pl.codec.heatmap import with_heatmap
from fairmot_pl.codec.targets import encode_objects, encode_targets
from fairmot_pl.data.audit.audit import AuditReport
from fairmot_pl.data.audit.findings import CHECKS, MAX_FILES, Findings, findings_text
from fairmot_pl.data.audit.statistics import DataSheet, SequenceSheet
from fairmot_pl.data.dataset import TrainingSample
from fairmot_pl.reporting.data_plots import MAX_BARS, people_figure, sequences_figure
from fairmot_pl.reporting.data_report import sheets_text, write_data_report
from fairmot_pl.reporting.figures import to_svg
from fairmot_pl.reporting.target_pictures import read_targets, sample_picture


def sheet_of(*names: str, boxes: int = 30) -> DataSheet:
    rng = np.random.default_rng(len(names))
    sequences = tuple(
        SequenceSheet(
            name=name,
            images=10,
            image_size=(96, 160),
            frame_rate=30.0,
            people_per_image=np.full(10, boxes / 10),
            boxes=rng.uniform(5, 60, (boxes, 4)),
            visibility=rng.uniform(0, 1, boxes),
            track_lengths=np.full(min(3, boxes), 10.0),
            motion=rng.uniform(0, 0.2, max(0, boxes - 3)),
        )
        for name in names
    )
    return DataSheet(sequences, {(96, 160): 10 * len(names)})


def report_of(train: DataSheet, val: DataSheet, findings: Findings | None = None) -> AuditReport:
    return AuditReport(findings or Findings(), {"train": train, "val": val}, 3, 30, 1000)


EMPTY = DataSheet((), {})


def test_a_page_of_sound_data(tmp_path):
    report = report_of(sheet_of("A", "B"), sheet_of("C"))
    path = write_data_report(
        tmp_path, report, title="Data <check>", root=tmp_path, samples=[("A 1", np.zeros((9, 9, 3), np.uint8))]
    )
    text = path.read_text()
    assert "Data &lt;check&gt;" in text
    assert "Nothing: every image is whole" in text
    assert text.count("<svg") == 2
    assert text.count("data:image/jpeg") == 1
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "percent of its height a frame" in text
    assert "pixels of the image" in text
    assert ">A<" in text


def test_a_page_of_findings(tmp_path):
    findings = Findings()
    findings.add("duplicate-row", tmp_path / "a" / "gt.txt", "id <3> stands twice", lines=[7, 4])
    findings.add("box-outside", tmp_path / "a" / "gt.txt", "a box", lines=[1])
    text = write_data_report(tmp_path, report_of(EMPTY, EMPTY, findings), title="x", root=tmp_path).read_text()
    assert text.index("duplicate-row") < text.index("box-outside")  # errors first
    assert "a/gt.txt:4" in text
    assert "id &lt;3&gt; stands twice (2 in all)" in text
    assert CHECKS["box-outside"].mend in text
    assert "<svg" not in text


@pytest.mark.parametrize("sheets", [{"train": EMPTY, "val": EMPTY}, {"train": sheet_of("A", boxes=0), "val": EMPTY}])
def test_nobody_to_draw(sheets):
    assert people_figure(sheets) is None
    assert (sequences_figure(sheets) is None) == (not sheets["train"].image_sizes)


@pytest.mark.parametrize("count", [1, 7, 3 * MAX_BARS])
def test_many_sequences_stay_a_picture(count):
    names = [f"SEQUENCE-{number}" for number in range(count)]
    figure = sequences_figure({"train": sheet_of(*names), "val": EMPTY})
    assert figure is not None
    assert to_svg(figure, alt="x").count("SEQUENCE-") == min(count, MAX_BARS)
    assert figure.get_figheight() < 15


def test_one_box_can_be_drawn():
    assert people_figure({"train": sheet_of("A", boxes=1), "val": EMPTY}) is not None


def test_the_terminal_table_is_short_and_aligned(tmp_path):
    findings = Findings()
    for number in range(25):
        findings.add("empty-image", tmp_path / f"{number:02d}.jpg", "0 bytes")
    text = findings_text(list(findings), tmp_path)
    assert text.count(".jpg") == MAX_FILES
    assert "15 more files" in text
    assert text.count(CHECKS["empty-image"].mend) == 1
    assert "2 sequences, 20 images, 60 boxes, 6 identities" in sheets_text({"train": sheet_of("A", "B"), "val": EMPTY})


def test_findings_of_one_kind_and_file_are_counted(tmp_path):
    findings = Findings()
    for line in (9, 3, 5):
        findings.add("bad-id", tmp_path / "gt.txt", f"line {line}", lines=[line])
    (finding,) = findings
    assert (finding.count, finding.lines, finding.found) == (3, (3, 5, 9), "line 9")
    assert finding.as_dict()["line"] == 3


@pytest.mark.parametrize("box_encoding", ["ltrb", "wh"])
def test_pictures_show_what_the_targets_hold(box_encoding):
    boxes = np.array([[10, 8, 30, 60], [-20, 10, 25, 90], [70, 20, 90, 50]], np.float32)
    objects = encode_objects(boxes, np.array([4, -1, 0]), map_size=(24, 40), box_encoding=box_encoding)
    people, centres = read_targets(with_heatmap(objects, map_size=(24, 40)))
    assert people.ids.tolist() == [4, -1, 0]
    assert people.boxes == pytest.approx(boxes, abs=1e-4)
    assert centres == pytest.approx((boxes[:, :2] + boxes[:, 2:]) / 2, abs=1e-4)

    sample = TrainingSample(torch.full((3, 96, 160), 128, dtype=torch.uint8), objects, "")
    drawn = sample_picture(sample, sample)
    times = 5  # 96 pixels of height are too few to see anything
    assert drawn.shape == (times * 192 + 8, times * 320 + 8, 3)
    assert (drawn[times * 96 + 4] == 255).all()
    heat = drawn[times * 96 + 8 :, : times * 160]
    assert heat[times * 35, times * 80].tolist() == [255, 255, 255]  # the cross at a centre
    assert heat[times * 90, times * 150].tolist() == [128, 128, 128]  # cold, so the image shows
    assert heat[times * 35, times * 82].tolist() != [128, 128, 128]


def test_a_picture_without_people():
    targets = encode_targets(np.zeros((0, 4)), np.zeros(0, int), map_size=(24, 40))
    people, centres = read_targets(targets)
    assert len(people) == len(centres) == 0
