"""The folder of a world: a place of its own for each choice of settings."""

from __future__ import annotations

from itertools import combinations

from fairmot_pl.training.rendering import world_folder

COUNTS = {"train": 2, "val": 1}
CHOICES = [
    COUNTS,
    {**COUNTS, "val": 3},
    {**COUNTS, "val_frames": 30},
    {**COUNTS, "val_frame_rate": 30},
    {**COUNTS, "val_frame_rate": 12.5},
    {**COUNTS, "val_frames": 30, "val_frame_rate": 30},
    {**COUNTS, "frame_rate": 5.0},
]


def test_each_choice_has_a_folder_of_its_own(tmp_path):
    folders = [world_folder(tmp_path, settings) for settings in CHOICES]
    assert all(one != other for one, other in combinations(folders, 2))
    assert folders == [world_folder(tmp_path, dict(settings)) for settings in CHOICES]
