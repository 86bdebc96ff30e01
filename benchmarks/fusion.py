"""`association="fusion"` against the others, and without each of its parts: `python benchmarks/fusion.py`.

Prints HOTA / IDF1 in per cent, the mean over sequences, on five sets: the recorded detector and oracle streams of
`$FAIRMOT_DATA/streams`, the same at half the frame rate, and held-out streams of ten other sequences
(`held_out_streams.py`). `--parts` prints the ablation, `--values` settings at half and at double their value,
`--leave-one-out` what these choices are worth on a recorded sequence that they were not made on, `--sequences` every
sequence. Nothing needs an image.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from held_out_streams import Stream, held_out_stream
from numpy.typing import NDArray
from recorded_streams import recorded_frames

from fairmot_pl import OnlineTracker, Tracks, evaluate_tracking
from fairmot_pl.inference.tracking import keep_for_output
from fairmot_pl.mot_format import MotTable, read_mot, track_rows
from fairmot_pl.tracking.fusion.settings import FusionSettings

RECORDED = ("TUD-Campus", "ETH-Sunnyday", "MOT17-09")
FIRST = {"MOT17-04": 300, "MOT17-09": 300, "MOT17-11": 300, "MOT15-train": 1}
"""Frame from which on a held-out sequence is used, where it is not 200 (1 for MOT15)."""

SMALL = 0.4
"""The score below which "without low scores" drops detections."""


def recorded(data: Path, name: str, kind: str, step: int = 1) -> Stream:
    """A recorded stream; of every `step` frames one."""
    frames, frame_rate = recorded_frames(data / "streams" / f"{name}{kind}.npz")
    truth = read_mot(data / "streams" / "gt" / f"{name}.txt")
    truth = truth.select((truth.frames - 1) % step == 0)
    truth = replace(truth, frames=(truth.frames - 1) // step + 1)
    benchmark = "MOT17" if name.startswith("MOT17") else "MOT15"
    return Stream(name, frames[::step], frame_rate / step, truth, benchmark)


def streams(data: Path, count: int, seed: int) -> dict[str, list[Stream]]:
    """The sets."""
    sets = {
        f"{kind.strip('_') or 'detector'}{label}": [recorded(data, name, kind, step) for name in RECORDED]
        for step, label in ((1, ""), (2, " / 2"))
        for kind in ("", "_oracle")
    }
    folders = sorted((data / "metrics" / "gt").glob("*/*"))
    for kind in ("detector", "oracle"):
        sets[f"held-out {kind}"] = [held_out(folder, kind, count, seed) for folder in folders]
    return sets


def held_out(folder: Path, kind: str, count: int, seed: int) -> Stream:
    """A part of a sequence in which much happens."""
    first = 1 if folder.parent.name == "MOT15-train" else FIRST.get(folder.name[:8], 200)
    last = int(read_mot(folder / "gt" / "gt.txt").frames.max())
    return held_out_stream(folder, kind, first=first, count=min(count, last - first + 1), seed=seed)


def score(stream: Stream, settings: Mapping[str, Any], low: float, seen_only: bool) -> tuple[float, float]:
    """HOTA and IDF1 of a tracker on a stream, in per cent."""
    tracker = OnlineTracker(**{"frame_rate": stream.frame_rate, **settings})
    rows = [np.zeros((0, 10))]
    for number, detections in enumerate(stream.frames, 1):
        tracks = keep_for_output(tracker.update(detections.select(detections.scores >= low)))
        rows.append(track_rows(number, seen(tracker, tracks) if seen_only else tracks))
    summary = evaluate_tracking(
        {"stream": stream.truth}, {"stream": MotTable.from_rows(np.concatenate(rows))}, benchmark=stream.benchmark
    )
    return 100 * summary.overall["HOTA"], 100 * summary.overall["IDF1"]


def seen(tracker: OnlineTracker, tracks: Tracks) -> Tracks:
    """Those of the tracks that were detected in this frame."""
    return tracks.select(np.isin(tracks.ids, tracker.tracks.ids[tracker.tracks.unseen == 0]))


def nothing_hidden(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """In place of `hidden_share`."""
    return np.zeros(len(boxes))


def nothing_learned(*_: object) -> None:
    """In place of what learns."""


@contextmanager
def patched(*targets: tuple[str, Callable[..., object]]) -> Iterator[None]:
    """Replace functions of `fairmot_pl.tracking.fusion`."""
    patches = [patch(f"fairmot_pl.tracking.fusion.{name}", value) for name, value in targets]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


PARTS: dict[str, dict[str, Any]] = {
    "everything": {},
    "no looks": {"use_reid": False},
    "similarities not learned": {"patches": (("looks.Looks.learn", nothing_learned),)},
    "look of the hidden trusted": {"patches": (("engine.hidden_share", nothing_hidden),)},
    "an embedding is never wrong": {"look_doubt": 1e-9},
    "no camera from tracks": {"camera_jolt": 0.0},
    "no misplaced edge": {"hidden_edge": 0.0},
    "no jump": {"jump_chance": 0.0},
    "normal errors": {"tail": 1e6},
    "no low scores": {"low": SMALL},
    "reported only when seen": {"seen_only": True},
    "hidden or not, a miss is a miss": {"patches": (("presence.hidden_share", nothing_hidden),)},
    "forgotten after 0.5 s": {"memory_seconds": 0.5},
    "frame rate unknown (30)": {"frame_rate": 30.0},
}


def means(sets: Mapping[str, list[Stream]], change: Mapping[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """HOTA and IDF1 of each stream of each set."""
    settings = {"association": "fusion", **change}
    patches, low, seen_only = (
        settings.pop(key, default) for key, default in (("patches", ()), ("low", 0), ("seen_only", False))
    )
    with patched(*patches):
        return {name: [score(one, settings, low, seen_only) for one in part] for name, part in sets.items()}


def row(label: str, found: Mapping[str, list[tuple[float, float]]]) -> str:
    """A line of a Markdown table."""
    cells = ["{:.1f} / {:.1f}".format(*np.mean(part, axis=0)) for part in found.values()]
    return f"| {' | '.join([label, *cells])} |"


def variants(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """What is compared, by label."""
    if arguments.parts:
        return PARTS
    if arguments.values is not None:
        plain = FusionSettings()
        changes = {"all (as it is)": {}}
        for name in arguments.values:
            for factor in (0.5, 2.0):
                value = factor * getattr(plain, name)
                changes[f"{name} = {value:.3g}"] = {name: value}
        return changes
    return {name: {"association": name} for name in ("fairmot", "byte", "byte_reid", "fusion")}


def leave_one_out(sets: Mapping[str, list[Stream]], changes: Mapping[str, Mapping[str, Any]]) -> None:
    """For each recorded sequence, what is best on the others (mean of HOTA and IDF1 over both kinds of stream)."""
    found = {label: means(sets, change) for label, change in changes.items()}
    figures = {
        label: np.array([each[name] for name in sets]) for label, each in found.items()
    }  # kind, sequence, metric
    plain = next(label for label in figures if label.endswith("(as it is)"))
    print("| held out | chosen on the others | detector | oracle | as it is: detector | oracle |\n" + "|---" * 6 + "|")
    for place, name in enumerate(RECORDED):
        others = [other for other in range(len(RECORDED)) if other != place]
        chosen = max(figures, key=lambda label: figures[label][:, others].mean())
        cells = ["{:.1f} / {:.1f}".format(*figures[label][kind, place]) for label in (chosen, plain) for kind in (0, 1)]
        print(f"| {' | '.join([name, chosen, *cells])} |", flush=True)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", action="store_true", help="without each part of fusion")
    parser.add_argument("--values", nargs="*", metavar="SETTING", help="these settings at half and double their value")
    parser.add_argument("--leave-one-out", action="store_true", help="choose among --values on two sequences of three")
    parser.add_argument("--sequences", action="store_true", help="every sequence, not only means")
    parser.add_argument("--sets", nargs="*", metavar="SET", help="only these, such as detector 'held-out oracle'")
    parser.add_argument("--frames", type=int, default=200, help="of each held-out sequence")
    parser.add_argument("--seed", type=int, default=0, help="of the held-out streams")
    arguments = parser.parse_args()
    if "FAIRMOT_DATA" not in os.environ:
        parser.error("set FAIRMOT_DATA to the folder that holds streams/ and metrics/gt/")
    if arguments.values == []:
        arguments.values = ["walking_speed", "speed_memory", "growth_speed", "edge_noise", "tail", "hidden_edge"]
        arguments.values += [
            "jump_size",
            "look_doubt",
            "stay_seconds",
            "memory_seconds",
            "score_softness",
        ]
    if arguments.leave_one_out:
        arguments.frames = 1
    sets = streams(Path(os.environ["FAIRMOT_DATA"]), arguments.frames, arguments.seed)
    if arguments.leave_one_out:
        return leave_one_out({name: sets[name] for name in ("detector", "oracle")}, variants(arguments))
    sets = {name: part for name, part in sets.items() if not arguments.sets or name in arguments.sets}
    print(f"| HOTA / IDF1 | {' | '.join(sets)} |\n|---{'|---' * len(sets)}|")
    for label, change in variants(arguments).items():
        found = means(sets, change)
        print(row(label, found), flush=True)
        if arguments.sequences:
            for name, part in sets.items():
                for stream, (hota, idf1) in zip(part, found[name], strict=True):
                    print(f"    {name:18s} {stream.name:28s} {hota:.1f} / {idf1:.1f}")


if __name__ == "__main__":
    main()
