"""The TrackEval package itself on scenes made of real ground truth and random harm; skips where it is not installed.

pip install --target FOLDER --no-deps trackeval==1.3.0, and FOLDER on PYTHONPATH.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest

from fairmot_pl import evaluate_tracking
from fairmot_pl.mot_format import read_mot
from fairmot_pl.seqinfo import SequenceInfo, write_seqinfo

FLOATS = ("HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR")
COUNTS = ("IDSW", "FP", "FN", "TP", "MT", "PT", "ML", "Frag", "IDTP", "IDFP", "IDFN")
CLASSES = {"MOT16": (1, 2, 3, 6, 7, 8, 9, 12), "MOT17": (1, 2, 3, 6, 7, 8, 9, 12), "MOT20": (1, 6, 7, 8, 11, 12, 13)}


@pytest.fixture(scope="module")
def trackeval():
    with contextlib.redirect_stdout(io.StringIO()):
        return pytest.importorskip("trackeval", reason="pip install --no-deps trackeval==1.3.0 compares with it")


@pytest.fixture(scope="module")
def real_truth(real_data) -> list[np.ndarray]:
    """Ground truth of eight real sequences as MOTChallenge rows."""
    tables = [read_mot(file) for file in sorted((real_data / "metrics" / "gt").glob("*/*/gt/gt.txt"))]
    return [np.column_stack([t.frames, t.ids, t.boxes, t.scores, t.classes, t.visibility]) for t in tables]


def harmed(truth: np.ndarray, benchmark: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A cut of a sequence with other classes and flags, and results that are wrong in every way there is."""
    length = int(rng.integers(3, 40))
    start = rng.integers(1, max(2, truth[:, 0].max() - length))
    truth = truth[(truth[:, 0] >= start) & (truth[:, 0] < start + length)].copy()
    truth[:, 0] -= start - 1
    classes = np.array(CLASSES.get(benchmark, (-1,)))
    kind = np.where(rng.random(10_000) < 0.6, classes[0], rng.choice(classes, 10_000))
    truth[:, 7] = kind[truth[:, 1].astype(int)]
    truth[:, 6] = rng.random(len(truth)) > 0.1
    results = np.column_stack([truth[:, :6], np.ones((len(truth), 1)), np.full((len(truth), 3), -1.0)])
    results[:, 2:6] += rng.normal(0, rng.choice([0, 2, 10]), (len(results), 4))
    for turn in range(rng.integers(0, 4)):  # two people change ids from some frame on, or one gets a new one
        first, second = rng.choice(results[:, 1], 2) if len(results) else (0, 0)
        late = results[:, 0] > rng.integers(0, length)
        was_first, was_second = (late & (results[:, 1] == one) for one in (first, second))
        results[was_first, 1], results[was_second, 1] = second, first
        results[late & (results[:, 1] == rng.integers(1, 60)), 1] += 5000 * (turn + 1)
    extra = results[rng.random(len(results)) < rng.choice([0, 0.1])].copy()
    extra[:, 1] += 50_000
    extra[:, 2:6] += rng.normal(0, 6, (len(extra), 4))
    results = np.concatenate([results[rng.random(len(results)) < rng.choice([0.5, 0.9, 1.0])], extra])
    results = results[~np.isin(results[:, 0], rng.integers(1, length + 1, rng.integers(0, 3)))]
    return truth, results[np.lexsort((results[:, 1], results[:, 0]))]


def figures_of_trackeval(trackeval, folder: Path, benchmark: str, lengths: dict[str, int]) -> dict:
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            **{"GT_FOLDER": str(folder / "gt"), "TRACKERS_FOLDER": str(folder), "TRACKERS_TO_EVAL": ["results"]},
            **{"BENCHMARK": benchmark, "SEQ_INFO": lengths, "SKIP_SPLIT_FOL": True, "PRINT_CONFIG": False},
            "TRACKER_SUB_FOLDER": "",
        }
    )
    quiet = ("PRINT_CONFIG", "PRINT_RESULTS", "TIME_PROGRESS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES")
    families = (trackeval.metrics.CLEAR, trackeval.metrics.Identity)
    metrics = [trackeval.metrics.HOTA(), *(family({"PRINT_CONFIG": False}) for family in families)]
    evaluated = trackeval.Evaluator(dict.fromkeys(quiet, False)).evaluate([dataset], metrics)[0]
    flat = {}
    for name, result in evaluated["MotChallenge2DBox"]["results"].items():
        merged = {
            key.removeprefix("CLR_"): value for part in result["pedestrian"].values() for key, value in part.items()
        }
        flat[name] = {key: float(np.mean(merged[key])) for key in (*FLOATS, *COUNTS)}
    return flat


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("benchmark", ["MOT15", "MOT16", "MOT17", "MOT20"])
def test_every_figure_equals(trackeval, real_truth, tmp_path, benchmark, seed):
    rng = np.random.default_rng([seed, int(benchmark[3:])])
    lengths = {}
    for number in range(6):
        truth, results = harmed(real_truth[rng.integers(len(real_truth))], benchmark, rng)
        name = f"{benchmark}-{number:02d}"
        lengths[name] = int(max(truth[:, 0].max(initial=1), results[:, 0].max(initial=1)))
        folder = tmp_path / "gt" / name
        info = SequenceInfo(name=name, frame_rate=30, length=lengths[name], image_size=(1080, 1920))
        write_seqinfo(folder / "seqinfo.ini", info)
        (folder / "gt").mkdir()
        (tmp_path / "results").mkdir(exist_ok=True)
        np.savetxt(folder / "gt" / "gt.txt", truth, delimiter=",", fmt="%.17g")
        np.savetxt(tmp_path / "results" / f"{name}.txt", results, delimiter=",", fmt="%.17g")
    with contextlib.redirect_stdout(io.StringIO()):
        want = figures_of_trackeval(trackeval, tmp_path, benchmark, lengths)
    summary = evaluate_tracking(tmp_path / "gt", tmp_path / "results", benchmark=benchmark)
    assert len(want) == 7
    for name, figures in want.items():
        got = summary.overall if name == "COMBINED_SEQ" else summary.sequences[name]
        assert {key: got[key] for key in COUNTS} == {key: figures[key] for key in COUNTS}, name
        assert {key: got[key] for key in FLOATS} == pytest.approx({key: figures[key] for key in FLOATS}, abs=1e-9), name
