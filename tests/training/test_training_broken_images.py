from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from fairmot_pl.training.broken_images import BrokenImages
from fairmot_pl.training.callbacks import broken_images


def test_each_is_named_once_and_counted(caplog):
    broken = BrokenImages("training", "another image took its place", 0.5)
    with caplog.at_level(logging.WARNING):
        broken.add(["", "a.jpg: torn", "", "a.jpg: torn"], 10)
        broken.add(["b.jpg: gone", "a.jpg: torn"], 10)
    assert broken.reasons == ["a.jpg: torn", "b.jpg: gone"]
    assert [record.getMessage() for record in caplog.records] == [
        "another image took its place: a.jpg: torn",
        "another image took its place: b.jpg: gone",
    ]
    (note,) = broken.notes
    assert note == "2 training images could not be read, another image took its place: a.jpg: torn; b.jpg: gone"


@pytest.mark.parametrize(("share", "total", "allowed"), [(0.01, 300, 3), (0.01, 48, 1), (0.0, 48, 0), (1.0, 4, 4)])
def test_too_many_are_an_error(share, total, allowed):
    broken = BrokenImages("validation", "tracked as an empty frame", share)
    for number in range(allowed):
        broken.add([f"{number}.jpg: torn"], total)
    if allowed < total:
        said = (
            rf"{allowed + 1} of {total} validation images cannot be read, .*max_broken_share={share} allows {allowed}: "
        )
        with pytest.raises(ValueError, match=said):
            broken.add(["one more.jpg: torn"], total)


def test_many_are_not_all_told():
    broken = BrokenImages("training", "gone", 1)
    broken.add([f"{number}.jpg: torn" for number in range(8)], 10)
    assert broken.notes[0].endswith("4.jpg: torn; and 3 more")
    assert BrokenImages("training", "gone", 1).notes == []


@pytest.mark.parametrize(("share", "enough"), [(0.2, True), (0.1, False)])
def test_processes_add_up_what_each_has_found(monkeypatch, share, enough):
    monkeypatch.setattr(broken_images, "gather", lambda mine: [mine, ["b.jpg: torn", "a.jpg: torn"]])
    logged = {}
    data = SimpleNamespace(
        samples=range(10), broken_training=BrokenImages("training", "gone", share), val_sequences=[range(4), range(6)]
    )
    data.broken_validation = BrokenImages("validation", "empty", share)
    module = SimpleNamespace(log=logged.__setitem__)
    for kind, event in (("training", "on_train_epoch_end"), ("validation", "on_validation_epoch_end")):
        mine = getattr(data, f"broken_{kind}")
        mine.add(["a.jpg: torn"], 10)
        call = getattr(broken_images.CountBrokenImages(), event)
        if enough:
            call(SimpleNamespace(datamodule=data), module)
            assert mine.reasons == ["a.jpg: torn", "b.jpg: torn"]
        else:
            with pytest.raises(ValueError, match=f"2 of 10 {kind} images"):
                call(SimpleNamespace(datamodule=data), module)
    assert logged == ({"train/broken_images": 2.0} if enough else {})
