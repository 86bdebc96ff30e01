"""What boards are shown, whatever board it is."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from entries.wandb_run import read_wandb_runs
from fairmot_pl.evaluation.summary import Summary
from fairmot_pl.mot_format import tracks_of_frame
from fairmot_pl.reporting.run_records import flat
from fairmot_pl.reporting.wording import best_is
from fairmot_pl.structures import AnnotatedSequence, FrameAnnotation
from fairmot_pl.training.callbacks.media import full_validations, is_kept, within
from fairmot_pl.training.callbacks.pictures import chosen_frames
from fairmot_pl.training.dashboard.board import Ending, outcome_of
from fairmot_pl.training.dashboard.card import TAG_LENGTH, RunCard
from fairmot_pl.training.dashboard.mlflow_board import mlflow_name
from fairmot_pl.training.dashboard.settings import LoggerSettings
from fairmot_pl.training.dashboard.views import ValidationView, jpeg, shown_frames
from fairmot_pl.training.dashboard.wandb_board import WandbBoard


@pytest.mark.parametrize(
    ("number", "kept"),
    [(1, True), (16, True), (17, False), (18, True), (32, True), (34, False), (36, True), (66, False), (72, True)],
)
def test_media_come_more_and_more_seldom(number, kept):
    assert is_kept(number, last=False) == kept
    assert is_kept(number, last=True)


@pytest.mark.parametrize("validations", [1, 10, 16, 17, 100, 1000, 5000])
def test_a_run_keeps_a_bounded_number_of_media(validations):
    kept = sum(is_kept(number, last=number == validations) for number in range(1, validations + 1))
    assert kept <= 17 + 8 * max(0, np.ceil(np.log2(validations / 16)))


@pytest.mark.parametrize(("epoch", "number", "last"), [(0, 1, False), (4, 1, False), (5, 2, False), (29, 6, True)])
def test_the_number_of_a_full_validation_is_told_from_the_epoch(epoch, number, last):
    state = SimpleNamespace(fn="fit")
    trainer = SimpleNamespace(current_epoch=epoch, check_val_every_n_epoch=1, state=state)
    tracking = SimpleNamespace(full_every=5, is_last=lambda of: of.current_epoch == 29)
    assert full_validations(trainer, tracking) == (number, last)
    state.fn = "validate"
    assert full_validations(trainer, tracking) == (1, True)


@pytest.fixture
def sequences(tmp_path):
    """Two sequences of ten frames, 80 x 40 pixels; the fifth image of the second is broken."""
    made = []
    for name in ("A", "B"):
        frames = []
        for frame in range(1, 11):
            path = tmp_path / name / f"{frame}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(np.full((40, 80, 3), 20 * frame, np.uint8)).save(path)
            frames.append(
                FrameAnnotation(
                    **{"image_path": path, "frame": frame, "image_size": (40, 80), "boxes": [[-10, 4, 30, 60]]},
                    **{"identities": [7], "classes": [0], "visibility": [1.0]},
                )
            )
        made.append(AnnotatedSequence(name=name, frames=tuple(frames), frame_rate=10))
    return made


def results():
    rows = np.array([[frame, 3, -10, 4, 40, 56, 0.9, -1, -1, -1] for frame in range(1, 11)], np.float64)
    return {"A": rows, "B": rows[:0]}


def picked(sequences, count, max_side):
    return shown_frames(chosen_frames(sequences, count), results(), max_side=max_side)


def test_frames_are_spread_over_the_sequences(sequences):
    shown = picked(sequences, 5, max_side=40)
    assert [(of.sequence, of.frame) for of in shown] == [("A", 2), ("A", 6), ("A", 9), ("B", 3), ("B", 8)]
    assert [(of.sequence, of.frame) for of in picked(sequences, 1, max_side=40)] == [("A", 6)]
    assert picked(sequences, 0, max_side=40) == []
    assert [of.frame for of in picked(sequences[:1], 99, max_side=40)] == list(range(1, 11))
    first = shown[0]
    assert first.image.shape == (20, 40, 3)
    np.testing.assert_allclose(first.tracks.boxes, [[0, 2, 15, 20]])  # halved and cut to the image
    np.testing.assert_allclose(first.truth, [[0, 2, 15, 20]])
    assert first.tracks.ids.tolist() == [3]
    assert first.identities.tolist() == [7]
    assert first.file_name == "A-000002.jpg"
    assert first.caption == "A, frame 2: 1 tracks"
    assert (first.drawn() != first.image).any()


def test_a_broken_image_is_left_out(sequences):
    sequences[0].frames[5].image_path.write_bytes(b"no image")
    assert picked(sequences, 1, max_side=40) == []


def test_pictures_stay_within_their_bytes(sequences):
    shown = picked(sequences, 4, max_side=80)
    sizes = [len(jpeg(of.image)) for of in shown]
    kept, left = within(shown, sum(sizes[:2]) + 1)
    assert (len(kept), left) == (2, 1)
    assert within(shown, 10) == ([], 10)


def test_pictures_of_several_sizes_are_several_lists_in_wandb(sequences, tmp_path, caplog):
    for frame in sequences[1].frames:
        Image.new("RGB", (60, 50)).save(frame.image_path)
    shown = picked(sequences, 4, max_side=80)
    summary = Summary(overall={"HOTA": 0.5}, sequences={name: {"HOTA": 0.5} for name in "AB"}, curves={})
    board = WandbBoard(mode="offline", keep_checkpoints=False, save_dir=tmp_path, project="p")
    board.show_validation(ValidationView(step=1, epoch=0, summary=summary, frames=shown))
    board.end(Ending.FINISHED)
    assert "do not match" not in caplog.text
    ((row,),) = (found.history for found in read_wandb_runs(tmp_path))
    for key, (width, height), of_size in (
        ("val/frames", (80, 40), shown[:2]),
        ("val/frames/60x50", (60, 50), shown[2:]),
    ):
        assert (row[f"{key}/width"], row[f"{key}/height"]) == (width, height)
        assert row[f"{key}/captions"] == [of.caption for of in of_size]


def test_tracks_of_one_frame():
    tracks = tracks_of_frame(results()["A"], 4)
    assert tracks.ids.tolist() == [3]
    assert tracks.boxes.tolist() == [[-10, 4, 30, 60]]


CARD = {"name": "n", "job_type": "train", "group": "sweep", "tags": ["a", "b", "a", ""]}


def test_a_resumed_run_stays_who_it_is(tmp_path):
    folder = tmp_path / "sweep" / "job"
    folder.mkdir(parents=True)
    first = RunCard.of(folder, **CARD, store=folder.parent)
    assert first.tags == ("a", "b")
    assert first.store == ".."
    resumed = RunCard.of(folder, name="other", job_type="train", group=None, tags=["c" * 99], store=folder)
    assert resumed.tags == ("a", "b", "c" * TAG_LENGTH)
    assert (resumed.id, resumed.name, resumed.group, resumed.store) == (first.id, "n", "sweep", "..")
    assert json.loads((folder / "logger.json").read_text())["id"] == first.id
    evaluated = RunCard.of(folder, **{**CARD, "job_type": "evaluate"}, store=folder)
    assert evaluated.id != first.id


def test_a_board_that_is_not_installed_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr("fairmot_pl.training.dashboard.settings.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"names mlflow, which is not installed: pip install 'fairmot_pl\[loggers\]'"):
        LoggerSettings(kinds=["mlflow"])


def test_checkpoints_need_somebody_who_keeps_them():
    with pytest.raises(ValueError, match=r"nothing in logger.kinds=\['tensorboard'\] keeps checkpoints; wandb and"):
        LoggerSettings(kinds=["tensorboard"], checkpoints=True)


@pytest.mark.parametrize(
    ("name", "best"),
    [
        *((f"val/{name}", "max") for name in ("HOTA", "MOTA", "IDF1", "AP", "AP50_height_0-50", "TPR@FAR=0.1", "mAP")),
        *((f"val/{name}", "min") for name in ("IDSW", "FP", "FN", "Frag", "reference/IDSW")),
        *((f"train/loss/{name}", "min") for name in ("total", "reid")),
        *((name, None) for name in ("val/similarity_same@1", "train/weight/reid", "lr/network", "train/grad_cosine")),
        *((f"tune/fold_1/{name}", "max") for name in ("best", "objective")),
        *(("train/identity_accuracy", "max"), ("tune/trial", None), ("val/GT_IDs", None)),
    ],
)
def test_what_is_the_best_of_a_figure(name, best):
    assert best_is(name) == best


def test_names_and_nesting():
    assert mlflow_name("val/TPR@FAR=0.1") == "val/TPR_at_FAR_0.1"
    assert mlflow_name("data/train/mot17+ö/path") == "data/train/mot17__/path"
    assert flat({"a": {"b": {"c": 1}, "d": []}, "e": None}, mark="/") == {"a/b/c": 1, "a/d": [], "e": None}
    assert outcome_of({"val/HOTA": 0.5, "train/loss/total": 1}) == {"result/HOTA": 0.5}
