"""Evidence and the report that is made of a folder again."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

from fairmot_pl.evaluation.embedding import GAPS
from fairmot_pl.evaluation.embedding_map import EmbeddingMap
from fairmot_pl.evaluation.similarity import BINS
from fairmot_pl.evaluation.summary import OVERALL
from fairmot_pl.reporting.evidence import EVIDENCE_NAME, Evidence, Picture, read_evidence, write_evidence
from fairmot_pl.reporting.page import jpeg
from fairmot_pl.reporting.run_folder import report_of
from fairmot_pl.reporting.run_records import RunRecord
from fairmot_pl.reporting.run_setup import setup_facts, setup_line
from fairmot_pl.reporting.stage_times import PhaseTimes

CURVE = {"recall": [0.0, 1.0], "precision": [1.0, 0.5], "score": [0.9, 0.2]}


@pytest.fixture
def evidence(summary) -> Evidence:
    rng = np.random.default_rng(0)
    picture = jpeg(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    return Evidence(
        hota=summary.curves,
        detection=CURVE,
        similarity=rng.integers(1, 9, (len(GAPS), 2, BINS)),
        looks=EmbeddingMap(
            points=rng.normal(size=(12, 2)),
            sequences=np.zeros(12, np.int64),
            identities=np.repeat([3, 4], 6),
            names=("A",),
            shares=np.array([0.5, 0.3]),
        ),
        stages={"training": PhaseTimes(count=3, seconds={"backward": 0.5})},
        pictures=(Picture(caption="A, frame 3: 2 tracks", tracks=picture, heatmap=None),),
        offline="offline: linear",
    )


def test_evidence_comes_back_as_it_went(tmp_path, evidence):
    write_evidence(tmp_path, evidence)
    back = read_evidence(tmp_path)
    for name in ("hota", "detection", "stages", "pictures", "offline"):
        assert getattr(back, name) == getattr(evidence, name), name
    np.testing.assert_array_equal(back.similarity, evidence.similarity)
    np.testing.assert_array_equal(back.looks.points, evidence.looks.points)
    assert back.looks.names == ("A",)
    arrays = np.load(tmp_path / EVIDENCE_NAME)
    assert {"similarity/counts", "similarity/gaps", "similarity/edges", "hota/OVERALL/HOTA"} <= set(arrays)


def test_evidence_may_be_empty_or_absent(tmp_path):
    assert read_evidence(tmp_path) is None
    write_evidence(tmp_path, Evidence())
    assert read_evidence(tmp_path) == Evidence()


def test_broken_evidence_is_named(tmp_path):
    (tmp_path / EVIDENCE_NAME).write_bytes(b"PK nothing")
    with pytest.raises(ValueError, match=r"evidence\.npz: .*remove it, or evaluate the run again"):
        read_evidence(tmp_path)
    np.savez(tmp_path / EVIDENCE_NAME, about=json.dumps({"format": 99}))
    with pytest.raises(ValueError, match=r"is of format 99, this version reads 1"):
        read_evidence(tmp_path)


def test_a_report_is_made_of_a_folder_alone(tmp_path, summary, metrics_csv, evidence):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"name": "my run", "model": {"backbone": "dla34"}}))
    (tmp_path / "metrics.json").write_text(json.dumps(summary.flat()))
    rows = {name: {**row, "AP50": 0.75} for name, row in {**summary.sequences, OVERALL: summary.overall}.items()}
    rows[OVERALL] |= {"offline/HOTA": 0.777, "reference/MOTA": 0.111}
    (tmp_path / "sequences.json").write_text(json.dumps(rows))
    (tmp_path / "provenance.json").write_text(json.dumps({"notes": ["mind the gap"], "environment": {"python": "3"}}))
    write_evidence(tmp_path, evidence)
    html = report_of(tmp_path).read_text()
    for text in ("<h1>my run</h1>", "mind the gap", "61.3", "77.7", "11.1", "offline: linear", "AP 75.0 %"):
        assert text in html
    assert html.count("<svg") == 8
    assert html.count("<img") == 1
    again = report_of(tmp_path).read_text()
    assert again == html


def test_a_folder_with_little_in_it_gives_what_it_has(tmp_path):
    (tmp_path / "config.yaml").write_text("name: bare\n")
    html = report_of(tmp_path).read_text()
    assert "This run was not validated" in html
    assert "no metrics.json" in html
    with pytest.raises(FileNotFoundError, match="give the folder of a run"):
        report_of(tmp_path / "nowhere")


def run(config, data=None, **more) -> RunRecord:
    model = {"parameters": 2_600_000, "embedding_dim": 64, "architecture": {"backbone": "dla34"}}
    provenance = {"model": model, "data": data or {}}
    return RunRecord(name="r", folder=None, config=config, provenance=provenance, **more)


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            run({}, {"images": 1234, "identities": 56, "validation frames": 78}, sequences={"A": {}, "B": {}}),
            "dla34 (2.6 M parameters, 64-dimensional embeddings), trained on 1,234 images of 56 people, "
            "validated on 78 frames of 2 sequences.",
        ),
        (
            run({}, {"images": 9, "identities": 0}, split={"train": {"crowd": {"A": {"frames": 9}}}}),
            "dla34 (2.6 M parameters, 64-dimensional embeddings), trained on 9 images without identities (crowd), "
            "not validated.",
        ),
        (
            run({"checkpoint": "best.ckpt"}, {"validation frames": 5}, sequences={"A": {}}),
            "dla34 (2.6 M parameters, 64-dimensional embeddings), evaluated on 5 frames of 1 sequence.",
        ),
        (RunRecord(name="r", folder=None), "A network, not validated."),
    ],
)
def test_what_was_trained_on_what_in_a_line(record, line):
    assert setup_line(record) == line


def test_what_was_trained_on_what_as_facts():
    config = {
        **{"model.neck": "csp", "model.deformable": True, "data.input_size": [608, 1088], "seed": 3},
        **{"loss.heatmap_weight": 1.0, "loss.size_weight": 0.1, "loss.offset_weight": 1.0, "loss.box_loss": "l1"},
        **{"loss.identity.name": "triplet", "loss.weighting.name": "fixed", "optimizer.learning_rate": 1e-4},
        **{"optimizer.lr_drop_epochs": [20], "optimizer.lr_drop_factor": 0.1, "trainer.max_epochs": 30},
        **{"tracker.association": "byte", "tracker.score_threshold": 0.6, "tracker.a": None, "data.batch_size": 4},
    }
    split = {"train": {"mot": {"A": {"frames": 9}, "B": {"frames": 1}}}, "val": {}}
    facts = dict(setup_facts(run(config, {"images": 10, "identities": 2}, split=split)))
    assert facts["Network"] == (
        "dla34, csp neck with deformable convolutions, 2.6 M parameters, 64-dimensional embeddings"
    )
    assert facts["Network input"] == "608 x 1088 pixels (height x width)"
    assert facts["Trained on"] == "10 images of 2 people; mot: 2 sequences, 10 frames; 30 epochs in batches of 4"
    assert facts["Losses"] == "detection = heatmap + 0.1 size + offset (l1); re-ID: triplet; balance: fixed"
    assert facts["Optimiser"] == "Adam, learning rate 0.0001, times 0.1 after epochs 20"
    assert facts["Tracker"] == "byte, score_threshold 0.6"
    assert facts["Starts from"] == "random weights"
    assert "Validated on" not in facts
