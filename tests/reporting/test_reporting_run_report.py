"""The report: whole, self-contained, and useful with whatever there is."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from fairmot_pl.reporting import run_report
from fairmot_pl.reporting.run_report import write_run_report

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
def frames():
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    return [("MOT17-02, frame 7", image), ("<wide> picture", np.zeros((100, 2000, 3), np.uint8))]


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "clips of run" / "clip 1.mp4"
    path.parent.mkdir()
    path.write_bytes(b"not really a video" * 50)
    return path


def test_a_full_report_needs_nothing_from_outside(tmp_path, summary, metrics_csv, frames, video):
    page, html = report(
        tmp_path,
        config_text="model:\n  reid_dim: 64  # <script>",
        environment={"python": "3.11", "packages": {"torch": "2.14", "numpy": "2.4"}},
        metrics_csv=metrics_csv,
        summary=summary,
        frames=frames,
        video=video,
        notes=["seed 3 & <b>bold</b>"],
    )
    outside = [address for address in page.addresses if not address.startswith(("data:", "#"))]
    assert outside == ["clips%20of%20run/clip%201.mp4"]
    assert "script" not in page.tags
    assert not re.search(r"@import|url\((?!#)", html)
    without_namespaces = re.sub(r'xmlns(:xlink)?="[^"]*"', "", html)
    assert not re.search(r"https?://", without_namespaces)


def test_what_is_read_first(tmp_path, summary, metrics_csv, frames):
    page, html = report(tmp_path, metrics_csv=metrics_csv, summary=summary, frames=frames)
    assert page.text.startswith("a run a run 10 epochs, 200 steps, last training loss"), "title in head, then heading"
    first = page.text.index("HOTA 61.3 %")
    assert first < page.text.index("MOTA 71.3 %") < page.text.index("IDF1 74.3 %") < page.text.index("IDSW 1,234")
    assert first < page.text.index("Tracking") < page.text.index("Training")
    assert "Best HOTA over 5 validations: 54.0 % in epoch 10" in page.text
    assert html.count("<svg") == 4
    assert page.tags.count("img") == 2
    assert "<wide> picture" in page.text


def test_the_table_of_sequences_has_figures_on_the_right(tmp_path, summary):
    page, html = report(tmp_path, summary=summary)
    assert "MOT17-02-SDP 41.0 38.0 45.0 82.0 51.0 80.0 54.0 80.0 60.0 1,234 200 900 30 4 55" in page.text
    assert "A<b>&$x$ 55.0" in page.text
    assert "All 61.3" in page.text
    assert html.count('<td class="figure">') == 4 * 15
    assert '<tr class="total"><td>All</td>' in html


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


def test_large_pictures_are_shrunk(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (1500, 3000, 3), dtype=np.uint8)
    _, html = report(tmp_path, frames=[("noise", noise)])
    assert len(html) < 1_500_000


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_a_picture_that_is_none_is_named(tmp_path, image):
    with pytest.raises(ValueError, match="picture 'odd' has shape"):
        report(tmp_path, frames=[("odd", image)])


def test_a_report_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"report\.html could not be written"):
        write_run_report(tmp_path / "file", title="x")
