from __future__ import annotations

import logging

import pytest

from fairmot_pl.training.broken_images import BrokenImages


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


@pytest.mark.parametrize(("share", "total", "allowed"), [(0.01, 300, 3), (0.01, 99, 0), (0.0, 10**6, 0), (1.0, 4, 4)])
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
