"""The report: whole, self-contained, and useful with whatever there is."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from fairmot_pl.evaluation.embedding import GAPS
from fairmot_pl.evaluation.embedding_map import EmbeddingMap
from fairmot_pl.evaluation.quality import Quality
from fairmot_pl.evaluation.similarity import BINS
from fairmot_pl.reporting import page as html_page
from fairmot_pl.reporting import run_report
from fairmot_pl.reporting.evidence import Picture
from fairmot_pl.reporting.run_report import write_run_report
from fairmot_pl.reporting.stage_times import PhaseTimes

VOID = {"meta", "img", "br", "use", "path", "link", "input"}


class Page(HTMLParser):
    """Text, addresses and open tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in {"href", "src", "xlink:href", "poster"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def report(folder, **parts) -> tuple[Page, str]:
    path = write_run_report(folder, **{"title": "a run", **parts})
    assert path == folder / "report.html"
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert page.open == [], "every tag is closed"
    return page, html


@pytest.fixture
def pictures():
    noise = html_page.jpeg(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8))
    return [
        Picture(caption="MOT17-02, frame 7", tracks=noise, heatmap=noise),
        Picture(caption="<wide> picture", tracks=noise, heatmap=None),
    ]


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "clips of run" / "clip 1.mp4"
    path.parent.mkdir()
    path.write_bytes(b"not really a video" * 50)
    return path


def test_a_full_report_needs_nothing_from_outside(tmp_path, summary, metrics_csv, pictures, video):
    page, html = report(
        tmp_path,
        config_text="model:\n  reid_dim: 64  # <script>",
        environment={"python": "3.11", "packages": {"torch": "2.14", "numpy": "2.4"}},
        metrics_csv=metrics_csv,
        summary=summary,
        pictures=pictures,
        video=video,
        notes=["seed 3 & <b>bold</b>"],
    )
    outside = [address for address in page.addresses if not address.startswith(("data:", "#"))]
    assert outside == ["clips%20of%20run/clip%201.mp4"]
    assert "script" not in page.tags
    assert not re.search(r"@import|url\((?!#)", html)
    without_namespaces = re.sub(r'xmlns(:xlink)?="[^"]*"', "", html)
    assert not re.search(r"https?://", without_namespaces)


def test_what_is_read_first(tmp_path, summary, metrics_csv, pictures):
    page, html = report(tmp_path, metrics_csv=metrics_csv, summary=summary, pictures=pictures)
    assert page.text.startswith("a run a run 10 epochs, 200 steps, last training loss"), "title in head, then heading"
    first = page.text.index("HOTA 61.3 %")
    assert first < page.text.index("MOTA 71.3 %") < page.text.index("IDF1 74.3 %") < page.text.index("IDSW 1,234")
    assert first < page.text.index("Tracking") < page.text.index("Training")
    assert "Best HOTA over 5 validations: 54.0 % in epoch 10" in page.text
    assert html.count("<svg") == 4
    assert page.tags.count("img") == 3, "two pictures, one of them with its heatmap"
    assert "<wide> picture" in page.text


def test_the_table_of_sequences_has_figures_on_the_right(tmp_path, summary):
    page, html = report(tmp_path, summary=summary)
    assert "MOT17-02-SDP 41.0 38.0 45.0 82.0 51.0 80.0 54.0 80.0 60.0 1,234 200 900 30 4 55" in page.text
    assert "A<b>&$x$ 55.0" in page.text
    assert "OVERALL 61.3" in page.text
    assert html.count('<td class="figure">') == 4 * 15
    assert '<tr class="total"><td>OVERALL</td>' in html


def test_texts_are_escaped(tmp_path):
    page, _ = report(
        tmp_path,
        title="<script>alert(1)</script>",
        config_text="</pre><script>",
        environment={"<i>": "<b>"},
        notes=["<u>"],
    )
    assert not {"script", "i", "b", "u"} & set(page.tags)
    assert "</pre><script>" in page.text


def test_nothing_but_a_title_says_what_is_missing(tmp_path):
    page, html = report(tmp_path)
    assert "This run was not validated" in page.text
    assert "nav" not in page.tags
    assert "No training metrics" in page.text
    assert "section" not in page.tags
    assert "<svg" not in html


def test_training_without_validation_says_so_and_shows_the_losses(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,epoch,train/loss/reid\n0,0,3\n10,0,2\n")
    page, html = report(tmp_path, metrics_csv=path)
    assert "This run was not validated" in page.text
    assert html.count("<svg") == 1


def test_without_an_evaluation_the_last_logged_figures_lead(tmp_path, metrics_csv):
    page, _ = report(tmp_path, metrics_csv=metrics_csv)
    assert "HOTA 54.0 %" in page.text
    assert "IDSW 91" in page.text
    assert "not validated" not in page.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"metrics\.csv: no such metrics file"),
        ("step,loss\n0,x\n", "line 2, column loss: 'x' is no number"),
        (
            "step,train/loss/total\n0,1\n1,nan\n2,nan\n",
            "train/loss/total is not a finite number in 2 of the logged rows",
        ),
    ],
)
def test_trouble_with_the_metrics_is_said_and_costs_nothing_else(tmp_path, summary, text, message):
    path = tmp_path / "metrics.csv"
    if text is not None:
        path.write_text(text)
    page, _ = report(tmp_path, metrics_csv=path, summary=summary)
    assert re.search(message, page.text)
    assert "HOTA 61.3 %" in page.text


def test_a_large_video_is_linked_only(tmp_path, video, monkeypatch):
    assert "video" in report(tmp_path, video=video)[0].tags
    monkeypatch.setattr(run_report, "MAX_EMBEDDED_VIDEO", 10)
    page, _ = report(tmp_path, video=video)
    assert "video" not in page.tags
    assert page.addresses == ["clips%20of%20run/clip%201.mp4"]


def test_a_missing_video_is_said(tmp_path):
    assert "gone.mp4 is not there" in report(tmp_path, video=tmp_path / "gone.mp4")[0].text


def test_large_pictures_are_shrunk():
    noise = np.random.default_rng(0).integers(0, 256, (1500, 3000, 3), dtype=np.uint8)
    for side in (1280, 300):
        content = html_page.jpeg(noise, max_side=side)
        assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).shape == (side // 2, side, 3)


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_a_picture_that_is_none_is_named(image):
    with pytest.raises(ValueError, match="picture 'odd' has shape"):
        html_page.picture(image, "odd")


def test_a_report_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"report\.html could not be written"):
        write_run_report(tmp_path / "file", title="x")


def quality(**parts) -> Quality:
    curve = {"recall": [0.0, 0.5, 1.0], "precision": [1.0, 0.8, 0.0], "score": [0.9, 0.4, 0.0]}
    return Quality(**{"overall": {"AP50": 0.6}, "sequences": {}, "curve": curve, "full": True, **parts})


def looks(people: int) -> EmbeddingMap:
    identities = np.repeat(np.arange(people), 5)
    points = np.random.default_rng(0).normal(size=(len(identities), 2))
    nobody = np.zeros(len(identities), np.int64)
    return EmbeddingMap(
        points=points, sequences=nobody, identities=identities, names=("A",), shares=np.array([0.6, 0.2])
    )


def hills(same: int, different: int) -> np.ndarray:
    counts = np.zeros((len(GAPS), 2, BINS), np.int64)
    counts[0, 0, 70], counts[0, 1, 30] = same, different
    return counts


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (dict(full=False), "Embeddings were not measured in this validation"),
        (dict(similarity=hills(0, 0)), "Nobody in the validation frames has an identity"),
        (dict(similarity=hills(9, 0), looks=looks(1)), "No frames hold both one person twice and two people"),
        (dict(curve={"recall": [0.0], "precision": [0.0], "score": [0.0]}), "Nothing that was detected is right"),
    ],
)
def test_what_cannot_be_drawn_is_said(tmp_path, summary, parts, said):
    page, _ = report(tmp_path, summary=summary, quality=quality(**parts))
    assert said in page.text


def test_detection_and_reid_are_drawn_and_explained(tmp_path, summary):
    whole = quality(similarity=hills(4, 9), looks=looks(3))
    page, html = report(tmp_path, summary=summary, quality=whole)
    assert "Precision and recall at IoU 0.5: AP 60.0 %" in page.text
    assert "1 frame apart: 0 % in common" in page.text
    assert "Embeddings by person" in page.text
    assert html.count("<svg") == 5
    assert "AP50 60.0 %" in page.text, "among the figures at the top"


def test_tracks_that_match_nobody_are_no_curves(tmp_path, summary):
    nothing = replace(summary, overall={**summary.overall, "HOTA": 0.0})
    page, html = report(tmp_path, summary=nothing)
    assert "No track matches anybody" in page.text
    assert "<svg" not in html


def test_contents_lead_to_every_section(tmp_path, summary, metrics_csv):
    page, html = report(tmp_path, summary=summary, metrics_csv=metrics_csv, setup=[("Network", "a & b")])
    anchors = re.findall(r'<section id="([^"]+)">', html)
    assert [f"#{anchor}" for anchor in anchors] == [address for address in page.addresses if address.startswith("#")][
        : len(anchors)
    ]
    assert anchors == ["what-was-trained-on-what", "tracking", "training"]
    assert "Network a & b" in page.text


def test_where_the_time_went(tmp_path):
    stages = {"training": PhaseTimes(count=10, seconds={"backward": 3.0, "waiting for data": 1.0})}
    page, html = report(tmp_path, stages=stages)
    assert "Training: 400 ms a step, of which backward takes 75% (over 10 steps)." in page.text
    assert "300 ms, 75%" in page.text
    assert html.count("<svg") == 1


def test_an_evaluation_has_no_training(tmp_path, summary, metrics_csv):
    page, _ = report(tmp_path, summary=summary, metrics_csv=metrics_csv, evaluated=True)
    assert "Loss doctor" not in page.text
