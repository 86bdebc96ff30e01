"""The names the package promises, and what importing it costs."""

from __future__ import annotations

import doctest
import inspect
import os
import subprocess
import sys

import numpy as np
import pytest

import fairmot_pl
from fairmot_pl import Detections, OnlineTracker, Tracks, build_fairmot
from models.test_models_weights import save_checkpoint


@pytest.mark.parametrize("name", fairmot_pl.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert inspect.getdoc(getattr(fairmot_pl, name))


@pytest.fixture
def a_trained_network(tmp_path, monkeypatch):
    """`best.ckpt` in the current folder, as the examples have it."""
    model = build_fairmot(backbone="mobilenetv3_small_050", reid_dim=16, deformable=False, head_channels=8)
    save_checkpoint(tmp_path / "best.ckpt", model)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", fairmot_pl.__all__)
def test_every_public_name_has_an_example_that_runs(name, a_trained_network):
    text = inspect.getdoc(getattr(fairmot_pl, name))
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert example.examples
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=said.append)
    assert not failed, "".join(said)


def walkers(seed: int, frames: int = 30) -> list[Detections]:
    """People on their way, some of them unseen for a while."""
    draw = np.random.default_rng(seed)
    start, step = draw.uniform(0, 500, (8, 2)), draw.normal(0, 4, (8, 2))
    looks = draw.normal(size=(8, 16))
    found = []
    for frame in range(frames):
        corner = start + frame * step
        detections = Detections(
            boxes=np.hstack([corner, corner + np.array([40, 100])]),
            scores=draw.uniform(0.2, 1, 8),
            embeddings=looks + draw.normal(0, 0.1, looks.shape),
            classes=np.zeros(8),
        )
        found.append(detections.select(draw.uniform(size=8) > 0.1))
    return found


def as_rows(tracks: Tracks) -> list[list[float]]:
    return np.column_stack([tracks.ids, tracks.boxes, tracks.scores]).tolist()


@pytest.mark.parametrize("association", ["fairmot", "byte", "byte_reid"])
def test_a_tracker_is_independent_of_every_other(association):
    streams = [walkers(1), walkers(2)]
    alone = []
    for stream in streams:
        tracker = OnlineTracker(association=association)
        alone.append([as_rows(tracker.update(seen)) for seen in stream])
    assert alone[0] != alone[1]
    trackers = [OnlineTracker(association=association) for _ in streams]
    together = [
        [as_rows(tracker.update(seen)) for tracker, seen in zip(trackers, pair, strict=True)]
        for pair in zip(*streams, strict=True)
    ]
    assert [list(rows) for rows in zip(*together, strict=True)] == alone


TRACKS = Tracks(ids=[3, 7], boxes=[[0, 0, 10, 20], [5, 5, 9, 9]], scores=[0.9, 0.4], classes=[0, 2])
FOUND = Detections(boxes=TRACKS.boxes, scores=TRACKS.scores, embeddings=np.eye(2, 3), classes=TRACKS.classes)


def test_results_convert_to_supervision():
    supervision = pytest.importorskip("supervision", reason="the package supervision is not installed")
    tracks, found = TRACKS.to_supervision(), FOUND.to_supervision()
    for converted in (tracks, found):
        assert isinstance(converted, supervision.Detections)
        assert converted.xyxy.tolist() == TRACKS.boxes.tolist()
        assert converted.confidence.tolist() == pytest.approx([0.9, 0.4])
        assert converted.class_id.tolist() == [0, 2]
    assert tracks.tracker_id.tolist() == [3, 7]
    assert found.data["embeddings"].tolist() == FOUND.embeddings.tolist()
    assert len(Detections.empty(8).to_supervision()) == len(Detections.empty().to_supervision()) == 0
    assert len(TRACKS.select([]).to_supervision()) == 0


@pytest.mark.parametrize("record", [TRACKS, FOUND])
def test_without_supervision_there_is_one_clear_error(record, monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"needs the package supervision .*: pip install --no-deps supervision"
    ):
        record.to_supervision()


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Tracker'"):
        _ = fairmot_pl.Tracker


def imported_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after a statement."""
    code = f"import sys; {statement}; print(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {"torch", "pytorch_lightning", "hydra", "omegaconf", "wandb", "timm"}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import fairmot_pl", HEAVY),
        ("from fairmot_pl import OnlineTracker, Detections", HEAVY),
        ("from fairmot_pl import evaluate_tracking", HEAVY),
        # timm imports wandb by itself where it finds it
        (
            "from fairmot_pl import build_fairmot, load_fairmot, decode_detections",
            {"pytorch_lightning", "hydra"},
        ),
        ("from fairmot_pl import Detector", {"pytorch_lightning", "hydra"}),
        (
            "from fairmot_pl import check_data, compare, convert, evaluate, report, submit, train, tune",
            {"torch", "pytorch_lightning", "lightning_fabric", "timm"},
        ),
    ],
)
def test_imports_stay_light(statement, absent):
    assert not imported_by(statement) & absent


def test_the_import_check_can_fail():
    assert "pytorch_lightning" in imported_by("import fairmot_pl.training.loggers")


@pytest.mark.parametrize(
    ("given", "wanted"), [({}, "7000"), ({"GOMP_SPINCOUNT": "1"}, "1"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")]
)
def test_waiting_threads_soon_leave_the_cores_to_others_unless_told(given, wanted):
    rest = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    code = [sys.executable, "-c", "import os, fairmot_pl; print(os.environ.get('GOMP_SPINCOUNT'))"]
    done = subprocess.run(code, env={**rest, **given}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == wanted
