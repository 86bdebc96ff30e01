"""Cases that need no network: tracker, training samples, evaluation; processor time of one thread."""

from __future__ import annotations

from fairmot_pl.benchmarking.crowd import scored_rows, walkers
from fairmot_pl.benchmarking.laps import Case, cycle_calls
from fairmot_pl.benchmarking.settings import Settings
from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.dataset import TrainingSamples
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.sources import read_sources
from fairmot_pl.data.synthetic import render_dataset
from fairmot_pl.evaluation.tracking import evaluate_tracking
from fairmot_pl.tracking.tracker import OnlineTracker

CROWDS = (10, 50, 200, 1000)
QUICK_CROWDS = (10, 50)
ASSOCIATIONS = ("fairmot", "byte", "byte_reid", "fusion")
WARM_UP = 30
"""Frames until a tracker has as many tracks as it will have."""

PICTURE = (1080, 1920)
SCORED_PEOPLE = 30


def tracker_cases(settings: Settings) -> list[Case]:
    """An update of every association in scenes of 10 to 1000 people."""
    cases = []
    for people in QUICK_CROWDS if settings.quick else CROWDS:
        scene = list(walkers(people, settings.many_laps + WARM_UP, seed=settings.seed))
        for association in ASSOCIATIONS:
            tracker = OnlineTracker(association=association)
            cases.append(
                Case(part="tracker", name=f"{association}, {people} people", call=tracker.update, feed=iter(scene))
            )
    return cases


def data_cases(settings: Settings) -> list[Case]:
    """A training sample out of a JPEG of 1920 x 1080: bytes and targets as a loader process hands them on."""
    world = settings.scratch / "world"
    render_dataset(
        world, train=1, val=0, frames=2 if settings.quick else 8, people=16, image_size=PICTURE, seed=settings.seed
    )
    sources = read_sources({"world": {"format": "synthetic", "path": "train"}}, world)
    identities = IdentityIndex.build([(found.name, list(found.sequences)) for found in sources])
    samples = TrainingSamples(
        sources, identities, augmentation=Augmentation(input_size=settings.input_size), seed=settings.seed
    )
    draws = [(0, index) for index in range(len(samples))]
    name = f"training sample from a JPEG of {PICTURE[1]} x {PICTURE[0]}"
    return [Case(part="data", name=name, call=samples.__getitem__, feed=cycle_calls(draws), unit="sample")]


def evaluation_cases(settings: Settings) -> list[Case]:
    """HOTA, CLEAR and identity figures of a sequence, from rows to numbers."""
    frames = 60 if settings.quick else 300
    truth, results = scored_rows(SCORED_PEOPLE, frames, seed=settings.seed)
    return [
        Case(
            part="evaluation",
            name=f"HOTA, CLEAR, identity; {SCORED_PEOPLE} people, {frames} frames",
            call=lambda _: evaluate_tracking({"crowd": truth}, {"crowd": results}, benchmark="MOT17"),
            count=frames,
        )
    ]
