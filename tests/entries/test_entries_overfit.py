"""Can it learn? Real frames by heart, then tracked: minutes, so only with the slow tests."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl import evaluate_tracking


@pytest.mark.slow
def test_a_real_sequence_is_learnt_and_tracked(run, real_data):
    trained = run("train", "+experiment=overfit", f"data.root={real_data / 'MOT15'}", "trainer.accelerator=cpu")
    source = real_data / "MOT15" / "train" / "TUD-Campus"
    tracked = run("track", f"source={source}", f"checkpoint={trained.folder}", "video=false")
    truth = np.loadtxt(source / "gt" / "gt.txt", delimiter=",")
    found = np.loadtxt(tracked.folder / "TUD-Campus.txt", delimiter=",")
    overall = evaluate_tracking({"TUD-Campus": truth}, {"TUD-Campus": found}).overall
    assert overall["MOTA"] >= 0.9
    assert overall["IDF1"] >= 0.9
