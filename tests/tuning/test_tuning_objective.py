"""What a search makes large."""

from __future__ import annotations

import pytest

from fairmot_pl.tuning.objective import Objective


def test_a_metric_by_name_and_a_weighted_mean():
    metrics = {"HOTA": 0.5, "IDF1": 0.8, "MOTA": -1.0}
    assert Objective.of("HOTA").value(metrics) == 0.5
    assert Objective.of({"HOTA": 2, "IDF1": 1}).value(metrics) == pytest.approx(0.6)
    assert str(Objective.of("HOTA")) == "HOTA"
    assert str(Objective.of({"HOTA": 2, "IDF1": 1})) == "mean of 2 x HOTA, IDF1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("HOTTA", "objective names 'HOTTA'; allowed: HOTA"),
        ("IDSW", "objective names 'IDSW'"),
        ({"HOTA": -1}, "objective.HOTA is -1; a weight above 0"),
        ({}, "objective is empty"),
    ],
)
def test_what_is_no_objective_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Objective.of(given)
