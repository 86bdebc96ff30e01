"""Refinement after the fact: beside the online results, and marked in every file."""

from __future__ import annotations

import numpy as np

from entries.conftest import LOOSE, TINY
from fairmot_pl import evaluate_tracking
from fairmot_pl.mot_format import read_mot

LABEL = "offline: linear ≤20, tracks ≥2"


def test_evaluate_marks_what_is_offline_everywhere(run, checkpoint, world_root):
    given = ["evaluate", f"checkpoint={checkpoint}", f"data.root={world_root}", *TINY, *LOOSE]
    online = run(*given)
    refined = run(*given, "refine.interpolate=linear", "refine.min_length=2")
    marked = {key: value for key, value in refined.metrics.items() if key.startswith("val/offline/")}
    assert {key: refined.metrics[key] for key in online.metrics} == online.metrics
    assert set(marked) == set(refined.metrics) - set(online.metrics)
    assert marked["val/offline/Dets"] != refined.metrics["val/Dets"]
    assert f"Tracking, {LABEL}" in refined.out
    assert LABEL in (refined.folder / "report.html").read_text()
    for kind in ("csv", "md"):
        assert LABEL in (refined.folder / "tables" / f"tracking_offline.{kind}").read_text()
    for path in sorted(online.folder.glob("SYN*.txt")):
        assert (refined.folder / path.name).read_bytes() == path.read_bytes()
        ids, counts = np.unique(read_mot(refined.folder / "offline" / path.name).ids, return_counts=True)
        assert len(ids) == 0 or counts.min() >= 2

    (truth,) = {found.parents[2] for found in world_root.rglob("val/*/gt/gt.txt")}
    scored = evaluate_tracking(truth, refined.folder / "offline")
    for metric in ("HOTA", "MOTA", "IDSW", "FP"):
        assert abs(scored.overall[metric] - marked[f"val/offline/{metric}"]) < 1e-3


def test_what_cannot_be_meant_is_refused(refused):
    given = ["checkpoint=x", "data.root=x"]
    assert "interpolate is 'cubic'; allowed" in refused("evaluate", *given, "refine.interpolate=cubic")
    assert "unknown key 'refine.max_gapp'. Did you mean 'max_gap'?" in refused("evaluate", *given, "+refine.max_gapp=3")
    video = ["track", "checkpoint=x", "source=x", "refine.interpolate=linear"]
    assert "refine works on the MOT text" in refused(*video, "mot=false")
