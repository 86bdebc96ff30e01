import json
import re
from html import unescape

import numpy as np
import pytest

from fairmot_pl.evaluation.switches import Switch, undone
from fairmot_pl.evaluation.tracking import evaluate_tracking
from fairmot_pl.inference.explanation import SequenceExplanation
from fairmot_pl.reporting.explain_page import _causes, rank, write_explanation
from fairmot_pl.reporting.identity_timeline import hidden_people, runs, timeline_figure
from fairmot_pl.reporting.switch_crops import HEIGHT, WIDTH, crops
from fairmot_pl.reporting.switch_words import remedy
from fairmot_pl.tracking.settings import TrackerSettings
from inference.planted import planted
from inference.planted_causes import explained

NAME = "A<b>&c"


@pytest.fixture(scope="module")
def sequences() -> list[SequenceExplanation]:
    """A knocked camera and an occlusion; one of the names is no good HTML."""
    return [
        explained(planted("camera jump", 0), "fairmot", name=NAME),
        explained(planted("occlusion", 0), "fairmot", name="B"),
    ]


def grey(frame):
    return np.full((1200, 1400, 3), frame, np.uint8)


def missing(frame):
    raise FileNotFoundError(f"{frame:06d}.jpg: no such image file")


def written(tmp_path, sequences, pictures, **options):
    path = write_explanation(tmp_path, sequences, pictures, TrackerSettings(), title="Why <ids> change", **options)
    return path.read_text(encoding="utf-8"), json.loads((tmp_path / "explain.json").read_text(encoding="utf-8"))


def rows(table):
    """Nine columns in MOTChallenge order."""
    return np.column_stack([table.frames, table.ids, table.boxes, table.scores, table.classes, table.visibility])


def test_page_and_data_tell_the_same(tmp_path, sequences):
    html, data = written(tmp_path, sequences, {NAME: grey, "B": grey}, most_cards=5)
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert "A<b>" not in html
    assert "<ids>" not in html
    total = sum(len(found.switches) for found in sequences)
    assert len(data["switches"]) == total > 5
    assert html.count('<section class="switch">') == 5
    assert f"The 5 worst of {total} are shown" in html
    damages = [entry["damage"] for entry in data["switches"]]
    assert damages == sorted(damages, reverse=True)
    for entry in data["switches"][:5]:
        title = f"{entry['sequence']}: person {entry['identity']}, frame {entry['frame']}"
        assert title in unescape(html)
        assert entry["words"] in unescape(html)
    assert {entry["cause"] for entry in data["switches"]} == {"camera jump", "occlusion"}
    assert len(html) < 2_000_000


def test_the_printed_damage_is_what_undoing_the_switch_is_worth(tmp_path, sequences):
    _, data = written(tmp_path, sequences, {NAME: grey, "B": grey}, most_cards=0)
    truth = {found.name: rows(found.ground_truth) for found in sequences}
    results = {found.name: rows(found.results) for found in sequences}
    now = evaluate_tracking(truth, results, benchmark="MOT17")
    assert data["AssA"] == pytest.approx(now.overall["AssA"], abs=1e-9)
    for entry in data["switches"]:
        fields = ("identity", "last_frame", "frame", "until", "old_id", "new_id")
        switch = Switch(**{field: entry[field] for field in fields})
        changed = dict(results)
        changed[entry["sequence"]] = results[entry["sequence"]].copy()
        frames, ids = results[entry["sequence"]][:, 0].astype(int), results[entry["sequence"]][:, 1].astype(int)
        changed[entry["sequence"]][:, 1] = undone(switch, frames, ids)
        mended = evaluate_tracking(truth, changed, benchmark="MOT17")
        assert entry["damage"] == pytest.approx(mended.overall["AssA"] - now.overall["AssA"], abs=1e-9)
        own = mended.sequences[entry["sequence"]]["AssA"] - now.sequences[entry["sequence"]]["AssA"]
        assert entry["damage_in_sequence"] == pytest.approx(own, abs=1e-9)


def test_causes_that_put_more_right_than_wrong_need_no_advice(sequences):
    settings = TrackerSettings()
    ranked = [(0.01, *rank(sequences[:1])[0][1:]), (-0.02, *rank(sequences[1:])[0][1:])]
    lost, won = (ranked[index][2].cause for index in (0, 1))
    said = unescape(_causes(ranked, settings))
    assert remedy(lost, settings) in said
    assert remedy(won, settings) not in said
    assert "nothing: these switches put more right than wrong" in said
    assert "Below zero, the switch put something right." in said


def test_images_are_read_for_the_cards_alone_and_may_be_missing(tmp_path, sequences):
    asked = []

    def noted(frame):
        asked.append(frame)
        return grey(frame)

    html, _ = written(tmp_path, sequences, {NAME: noted, "B": missing}, most_cards=3)
    shown = rank(sequences)[:3]
    assert 0 < len(asked) <= 3 * sum(found.name == NAME for _, found, _ in shown)
    html, _ = written(tmp_path, sequences[1:], {"B": missing})
    assert "No pictures: " in html
    assert "no such image file" in html


def test_crops_show_before_between_and_after(sequences):
    found = sequences[1].switches[0]
    drawn = crops(found, sequences[1], grey)
    assert [caption.split(":")[0] for caption, _ in drawn] == [
        f"frame {frame}" for frame in (found.switch.last_frame, found.darkest, found.switch.frame)
    ]
    assert f"track {found.switch.old_id}" in drawn[0][0]
    assert f"track {found.switch.new_id}" in drawn[-1][0]
    assert all(image.shape == (HEIGHT, WIDTH, 3) for _, image in drawn)
    assert len(np.unique(drawn[0][1])) > 3  # boxes are drawn


def test_nothing_to_explain(tmp_path):
    quiet = explained(planted("fragment", 0, removed=True), "fairmot", name="quiet")
    assert not quiet.switches
    html, data = written(tmp_path, [quiet], {"quiet": missing})
    assert "No id changes" in html
    assert data["switches"] == []


@pytest.mark.parametrize(
    ("frames", "ids", "expected"),
    [
        ([], [], []),
        ([4], [-1], [(4, 4, -1)]),
        ([1, 2, 3], [7, 7, 8], [(1, 2, 7), (3, 3, 8)]),
        ([1, 2, 5], [7, 7, 7], [(1, 2, 7), (5, 5, 7)]),
    ],
)
def test_runs(frames, ids, expected):
    assert runs(np.array(frames, int), np.array(ids, int)) == expected


def test_a_crowded_timeline_shows_those_who_switched(sequences):
    found = sequences[1]
    figure = timeline_figure(found, most_rows=2)
    shown = {int(label.get_text()) for label in figure.axes[0].get_yticklabels()}
    assert len(shown) == 2
    assert found.switches[0].switch.identity in shown
    assert hidden_people(found, 2) == len(np.unique(found.identities)) - 2
    assert hidden_people(found) == 0
