"""What a search may change, and what is refused."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution

from fairmot_pl.config.folders import conf_dir
from fairmot_pl.tracking.association import RECIPES
from fairmot_pl.tracking.tracker import OnlineTracker
from fairmot_pl.tuning.space import SearchSpace, complete

SHIPPED = OmegaConf.to_container(OmegaConf.load(conf_dir() / "tune.yaml").space)
FAIRMOT = complete({"association": "fairmot"})


@pytest.mark.parametrize("association", sorted(RECIPES))
def test_the_shipped_space_holds_the_shipped_defaults(association):
    tracker = complete({"association": association})
    space = SearchSpace.of(SHIPPED, tracker)
    assert len(space.distributions) >= 4
    OnlineTracker(**space.settings(tracker, space.start(tracker)))
    assert set(SHIPPED) == {"all", *RECIPES}


def test_an_associations_own_range_wins():
    ranges = {"all": {"iou_limit": [0.1, 0.9], "track_buffer": [10, 60]}, "fairmot": {"iou_limit": [0.4, 0.6]}}
    space = SearchSpace.of(ranges, FAIRMOT)
    assert space.described() == {"iou_limit": [0.4, 0.6], "track_buffer": [10.0, 60.0]}
    assert isinstance(space.distributions["iou_limit"], FloatDistribution)


def test_null_takes_a_common_range_out():
    ranges = {"all": {"iou_limit": [0.1, 0.9], "track_buffer": [10, 60]}, "fairmot": {"iou_limit": None}}
    assert list(SearchSpace.of(ranges, FAIRMOT).distributions) == ["track_buffer"]


def test_choices():
    space = SearchSpace.of({"fairmot": {"use_iou": [True, False]}}, FAIRMOT)
    assert isinstance(space.distributions["use_iou"], CategoricalDistribution)
    assert space.settings(FAIRMOT, {"use_iou": False})["use_iou"] is False


def test_settings_are_rounded_to_what_is_written_down():
    space = SearchSpace.of({"all": {"iou_limit": [0.1, 0.9]}}, FAIRMOT)
    assert space.settings(FAIRMOT, {"iou_limit": 0.123456789})["iou_limit"] == 0.1235


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"byte": {"iou_limit": [0.1, 0.9]}}, "space says nothing about association 'fairmot'"),
        ({"all": {"iou_limit": [0.9, 0.1]}}, r"space.all.iou_limit is \[0.9, 0.1\]; expected \[low, high\]"),
        ({"all": {"iou_limit": 0.5}}, r"space.all.iou_limit is 0.5; expected \[low, high\]"),
        ({"all": {"iou_limit": [0.6, 0.9]}}, "the search starts at tracker.iou_limit=0.5: let it hold that"),
        (
            {"fairmot": {"iou_limit": [0.1, 3]}},
            "space.fairmot.iou_limit: iou_limit is 3; expected a number from 0 to 1",
        ),
        ({"all": {"new_track_threshold": [0.1, 0.9]}}, "tracker.new_track_threshold is null"),
        ({"all": {"use_iou": [False, 3]}}, r"the search starts at tracker.use_iou=True"),
    ],
)
def test_what_cannot_be_searched_is_refused(ranges, message):
    with pytest.raises(ValueError, match=message):
        SearchSpace.of(ranges, FAIRMOT)
