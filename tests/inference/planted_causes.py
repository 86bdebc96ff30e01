"""Which causes are named in scenes in which one known thing goes wrong.

`PYTHONPATH=src:tests python -m inference.planted_causes` prints the table of docs/explain.md; `--rendered` that of
scenes with pictures.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from fairmot_pl import Detections, OnlineTracker
from fairmot_pl.evaluation.clear_identity import clear_identity_counts
from fairmot_pl.evaluation.preprocess import prepare
from fairmot_pl.inference.explanation import SequenceExplanation, explain_sequence
from fairmot_pl.mot_format import MotTable, track_rows
from inference import rendered
from inference.planted import PLANTS, Scene, planted
from inference.rendered import RenderedScene

AnyScene = Scene | RenderedScene


def tracker_for(scene: AnyScene, association: str) -> OnlineTracker:
    return OnlineTracker(association=association, frame_rate=scene.frame_rate)


def tracked(scene: AnyScene, association: str, columns: int = 9) -> tuple[MotTable, MotTable, list[Detections]]:
    """Ground truth, results and detections of a scene."""
    truth, detections = scene.truth(columns), scene.detections()
    tracker = tracker_for(scene, association)
    rows = [track_rows(frame, tracker.update(found)) for frame, found in enumerate(detections, start=1)]
    return truth, MotTable.from_rows(np.concatenate(rows)), detections


def explained(scene: AnyScene, association: str, columns: int = 9, name: str = "planted") -> SequenceExplanation:
    """The switches of a scene."""
    truth, results, detections = tracked(scene, association, columns)
    replay = ((frame, found, {}) for frame, found in enumerate(detections, start=1))
    rules = "MOT17" if columns > 7 else "MOT15"
    return explain_sequence(name, truth, results, replay, tracker_for(scene, association), benchmark=rules)


def changes(scene: AnyScene, association: str) -> int:
    """How many ids change in a scene."""
    truth, results, _ = tracked(scene, association)
    return clear_identity_counts(prepare(truth, results, benchmark="MOT17")).idsw


def named_causes(
    plant: str, seeds: range, association: str, *, wanted: int = 10**9, source=planted, first: bool = False
) -> Counter[str]:
    """The causes named in those scenes whose switches all go when what was planted is removed.

    Args:
        plant: what is planted.
        seeds: of the scenes.
        association: that tracks.
        wanted: so many switches are enough.
        source: of scenes, from plant, seed and whether it is removed.
        first: count the first switch of each person alone; what follows may be an aftershock with a cause of its own.
    """
    named: Counter[str] = Counter()
    for seed in seeds:
        found = explained(source(plant, seed), association).switches
        if first:
            found = list(
                {one.switch.identity: one for one in sorted(found, key=lambda one: -one.switch.frame)}.values()
            )
        if found and not changes(source(plant, seed, removed=True), association):
            named.update(one.cause.value for one in found)
        if named.total() >= wanted:
            break
    return named


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--associations", nargs="*", default=["fairmot", "byte_reid", "fusion"])
    parser.add_argument("--plants", nargs="*", choices=PLANTS)
    parser.add_argument("--wanted", type=int, default=40, help="switches of each plant")
    parser.add_argument("--seeds", type=int, default=150, help="scenes to look for them in, at most")
    parser.add_argument("--rendered", action="store_true", help="scenes with pictures, looks from their pixels")
    given = parser.parse_args()
    source, plants = (rendered.rendered, rendered.PLANTS) if given.rendered else (planted, PLANTS)
    print(f"{'planted':18}{'association':14}{'switches':>9}{'right':>7}  named otherwise")
    for association in given.associations:
        for plant in given.plants or plants:
            named = named_causes(
                plant, range(given.seeds), association, wanted=given.wanted, source=source, first=given.rendered
            )
            others = ", ".join(f"{cause} {count}" for cause, count in named.items() if cause != plant)
            print(f"{plant:18}{association:14}{named.total():9}{named[plant]:7}  {others}", flush=True)


if __name__ == "__main__":
    main()
