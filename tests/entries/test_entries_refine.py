"""Refinement after the fact: beside the online results, and marked in every file."""

from __future__ import annotations

import numpy as np

from entries.conftest import LOOSE, TINY
from fairmot_pl import evaluate_tracking
from fairmot_pl.mot_format import read_mot

LABEL = "offline: tracks ≥6"


def test_evaluate_marks_what_is_offline_everywhere(run, checkpoint, tmp_path):
    world_root = tmp_path / "world"  # of its own: the shared one holds the worlds of other tests too
    given = ["evaluate", f"checkpoint={checkpoint}", f"data.root={world_root}", *TINY, *LOOSE]
    online = run(*given)
    refined = run(*given, "refine.min_length=6")
    marked = {key: value for key, value in refined.metrics.items() if key.startswith("val/offline/")}
    assert {key: refined.metrics[key] for key in online.metrics} == online.metrics
    assert set(marked) == set(refined.metrics) - set(online.metrics)
    assert f"Tracking, {LABEL}" in refined.out
    page = (refined.folder / "report.html").read_text()
    assert f"Tracking, {LABEL}" in page  # below the table, whose columns it would push out
    assert f"({LABEL})" not in page
    for kind in ("csv", "md"):
        assert LABEL in (refined.folder / "tables" / f"tracking_offline.{kind}").read_text()
    kept = 0
    for path in sorted(online.folder.glob("SYN*.txt")):
        assert (refined.folder / path.name).read_bytes() == path.read_bytes()
        _, counts = np.unique(read_mot(path).ids, return_counts=True)
        kept += counts[counts >= 6].sum()
        assert len(read_mot(refined.folder / "offline" / path.name)) == counts[counts >= 6].sum()
    assert marked["val/offline/Dets"] == kept

    (truth,) = {found.parents[2] for found in world_root.rglob("val/*/gt/gt.txt")}
    scored = evaluate_tracking(truth, refined.folder / "offline")
    for metric in ("HOTA", "MOTA", "IDSW", "FP"):
        assert abs(scored.overall[metric] - marked[f"val/offline/{metric}"]) < 1e-3


def test_what_cannot_be_meant_is_refused(refused):
    given = ["checkpoint=x", "data.root=x"]
    assert "refine.max_gap is -1; a whole number" in refused("evaluate", *given, "refine.max_gap=-1")
    assert "refine.interpolate is 'cubic'; allowed" in refused("evaluate", *given, "refine.interpolate=cubic")
    assert "unknown key 'refine.max_gapp'. Did you mean 'max_gap'?" in refused("evaluate", *given, "+refine.max_gapp=3")
    video = ["track", "checkpoint=x", "source=x", "refine.interpolate=linear"]
    assert "refine works on the MOT text" in refused(*video, "mot=false")
