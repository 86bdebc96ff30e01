"""Searches are a function of their seed; what they gain is measured where they have not looked."""

from __future__ import annotations

import optuna
import pytest

from fairmot_pl.tuning.folds import make_folds
from fairmot_pl.tuning.objective import Objective
from fairmot_pl.tuning.outcome import conclude
from fairmot_pl.tuning.search import FoldSearch, open_storage, run_searches
from fairmot_pl.tuning.space import SearchSpace, complete
from fairmot_pl.tuning.trials import Replays
from tuning.conftest import walkers

TRACKER = complete({"association": "fairmot"})
SPACE = SearchSpace.of({"all": {"score_threshold": [0.05, 0.7], "iou_limit": [0.3, 0.9]}}, TRACKER)
optuna.logging.set_verbosity(optuna.logging.WARNING)


def searches_of(folder, sequences, *, seed=3, space=SPACE, folds=2):
    return [
        FoldSearch(
            fold,
            name=f"fold {index}",
            storage=open_storage(folder / "trials.log"),
            tracker=TRACKER,
            space=space,
            objective=Objective.of("HOTA"),
            seed=seed,
            made_of={"data": [sequence.name for sequence in sequences]},
        )
        for index, fold in enumerate(make_folds(sequences, folds), start=1)
    ]


def searched(folder, sequences, trials, *, workers=1, **options):
    searches = searches_of(folder, sequences, **options)
    with Replays(sequences, workers) as replays:
        run_searches(searches, replays, trials, done=lambda index, trial: None)
        return [search.trials for search in searches], conclude(searches, replays)


def test_the_first_trial_is_the_start_and_the_gain_holds_elsewhere(tmp_path, sequences):
    folds, outcome = searched(tmp_path, sequences, 12)
    for trials in folds:
        assert trials[0].parameters == {"score_threshold": 0.4, "iou_limit": 0.5}
        assert trials[0].objective == 0  # nobody reaches that score
        assert [trial.number for trial in trials] == list(range(12))
    assert outcome.held_out_gain > 0.5
    assert outcome.holds
    assert outcome.settings["score_threshold"] < 0.36
    assert outcome.settings["association"] == "fairmot"


def test_a_search_is_a_function_of_its_seed_whatever_the_processes(tmp_path, sequences):
    first, _ = searched(tmp_path / "1", sequences, 24)
    again, _ = searched(tmp_path / "2", sequences, 24, workers=2)
    assert first == again
    other, _ = searched(tmp_path / "3", sequences, 3, seed=4)
    assert first[0][1].parameters != other[0][1].parameters


def test_a_search_that_goes_on_equals_one_that_was_not_stopped(tmp_path, sequences):
    whole, _ = searched(tmp_path / "whole", sequences, 24)
    searched(tmp_path / "parts", sequences, 5)
    cut_off = searches_of(tmp_path / "parts", sequences)
    with Replays(sequences, 1) as replays:
        for search in cut_off:
            search.start(replays)  # and never finished
    parts, _ = searched(tmp_path / "parts", sequences, 24)
    assert parts == whole


def test_a_search_never_looks_at_what_it_holds_out(tmp_path, sequences, monkeypatch):
    asked = []
    submit = Replays.submit

    def watched(self, settings, names):
        asked.append(tuple(names))
        return submit(self, settings, names)

    searches = searches_of(tmp_path, sequences, folds=None)
    with Replays(sequences, 1) as replays, monkeypatch.context() as patch:
        patch.setattr(Replays, "submit", watched)
        run_searches(searches[:1], replays, 4, done=lambda index, trial: None)
    assert asked == [searches[0].fold.train] * 4
    assert not set(searches[0].fold.held_out) & set(searches[0].fold.train)


def test_a_tracker_that_is_good_already_stays(tmp_path):
    sequences = [walkers(name, score=0.9, seed=seed) for seed, name in enumerate("AB")]
    _, outcome = searched(tmp_path, sequences, 6)
    assert outcome.start.overall["HOTA"] > 0.85
    assert outcome.seen_gain >= 0
    assert outcome.held_out_gain < 0.1


def test_trials_of_another_search_are_refused(tmp_path, sequences):
    searched(tmp_path, sequences, 2)
    with pytest.raises(ValueError, match="fold 1 was searched with other seed: start a new search"):
        searches_of(tmp_path, sequences, seed=9)
    wider = SearchSpace.of({"all": {"score_threshold": [0.05, 0.8]}}, TRACKER)
    with pytest.raises(ValueError, match="with other space"):
        searches_of(tmp_path, sequences, space=wider)
