"""The parts that a run goes through, each held against the same part of its repetition.

Every `compare_*` gives what was compared, in words, and the difference if there is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairmot_pl.reporting.file_changes import file_changes
from fairmot_pl.reporting.run_records import CONFIG_NAME, RunRecord, flat

NAMED = 5
"""So many of many things that differ are named."""

OF_THE_MACHINE = ("_per_second", "peak_memory_gb")
"""How figures end that no seed decides."""

OF_A_SAMPLE_OF_STEPS = ("train/grad_", "train/identity_chance")
"""How figures begin that a resumed run may lack: they are taken every so many steps."""

PIPELINE = (
    ("files", "image files or their order", "The order of samples is another one"),
    ("pixels", "pixels as they are read", "The files are due in the same order: an image file or its decoding changed"),
    (
        "draws",
        "random draws of the augmentation",
        "Files, order and pixels are the same: the augmentation draws otherwise",
    ),
    (
        "image",
        "augmented images",
        "Files, order, pixels and random draws are the same: the augmentation makes something else of them",
    ),
)
"""Of what an image of the first batch is made, in order; what it says if that is the first to differ."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One part in which the runs differ.

    Args:
        part: what it is a part of, in words.
        kind: what may cause it, a key of `environment_changes.CAUSES`.
        lines: what differs, the most telling first.
    """

    part: str
    kind: str
    lines: tuple[str, ...]


def compare_configuration(capsule: Mapping[str, Any], run: RunRecord) -> tuple[str, list[Difference]]:
    """Whether the file that is repeated is what the run was made with."""
    then, now = flat(capsule["config"]), run.config
    keys = [key for key in {**then, **now} if then.get(key) != now.get(key)]
    lines = [f"{key} is {now.get(key)!r} in {CONFIG_NAME}, the run was made with {then.get(key)!r}" for key in keys]
    found = [Difference(part="the configuration", kind="", lines=_cut(lines))] if lines else []
    return "configuration", found


def compare_data(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, list[Difference]]:
    """Which annotated sequences and image files are otherwise, from the records of `data_files.json`."""
    lines = file_changes(then["sequences"], now["sequences"])
    images = sum(len(entry["frames"]) for entry in then["sequences"].values())
    found = [Difference(part="the data", kind="data", lines=_cut(lines))] if lines else []
    return f"data ({images} images of {len(then['sequences'])} sequences)", found


def compare_weights(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, list[Difference]]:
    """Which tensors begin otherwise, from their hashes by name."""
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    lines = [f"{len(names)} of {len(then)} tensors differ"]
    lines += [f"{name}: {then.get(name, 'not there')} -> {now.get(name, 'not there')}" for name in names]
    found = [Difference(part="the initial weights", kind="weights", lines=_cut(lines))] if names else []
    return f"initial weights ({len(then)} tensors)", found


def compare_batch(then: Mapping[str, Sequence[str]], now: Mapping[str, Sequence[str]]) -> tuple[str, list[Difference]]:
    """What of the first batch differs, by the first stage of its making that does."""

    def differing(name: str) -> list[int]:
        pairs = zip(then.get(name, ()), now.get(name, ()), strict=False)
        return [place for place, (a, b) in enumerate(pairs) if a != b]

    size, told = len(then["files"]), f"first batch ({len(then['files'])} images and their targets)"
    if size != len(now["files"]):
        lines = [f"{size} images -> {len(now['files'])} images"]
        return told, [Difference(part="the first batch: its size", kind="files", lines=tuple(lines))]
    targets = [name for name in then if name not in {stage for stage, *_ in PIPELINE} and differing(name)]
    for stage, words, meaning in PIPELINE:
        if places := differing(stage):
            if stage == "files" and sorted(then["files"]) == sorted(now["files"]):
                meaning = "The same files come in another order"
            lines = [f"{meaning} ({len(places)} of {size})", *(_sample(then, now, stage, place) for place in places)]
            lines = list(_cut(lines))
            if stage != "files":
                lines.append(f"targets: {', '.join(targets)} differ, too" if targets else "targets: all the same")
            return told, [Difference(part=f"the first batch: {words}", kind=stage, lines=tuple(lines))]
    if targets:
        lines = ["The images are the same, what the network should say about them is not"]
        lines += [f"{name}: {len(differing(name))} of {size} differ" for name in targets]
        return told, [Difference(part="the first batch: targets", kind="targets", lines=_cut(lines))]
    return told, []


def _sample(then: Mapping[str, Sequence[str]], now: Mapping[str, Sequence[str]], stage: str, place: int) -> str:
    if stage == "files":
        return f"image {place}: {then['files'][place]} -> {now['files'][place]}"
    values = f": {then[stage][place]} -> {now[stage][place]}" if stage == "draws" else ""
    return f"image {place}, {then['files'][place]}{values}"


def compare_steps(then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> tuple[str, list[Difference]]:
    """The first step with another loss, from the losses of the first steps."""
    count = 1 + min(then[-1]["step"], now[-1]["step"])
    told = f"losses of the first {count} steps" if count > 1 else "losses of the first step"
    for place, (before, after) in enumerate(zip(then, now, strict=False)):
        names = [name for name in before if before[name] != after.get(name)]
        if names:
            where = f"step {before['step']} (epoch {before['epoch']}, batch {before['batch']})"
            lines = [_loss(name, before[name], after.get(name)) for name in names]
            same = [name for name in before if name not in (*names, "step", "epoch", "batch")]
            lines += [f"the same: {', '.join(same)}"] * bool(same)
            lines.append(
                "All steps before are the same: a gradient, an update of the weights or a later batch is another one"
                if place
                else "It is the first step: network or loss compute otherwise, unless weights or batch differ"
            )
            return told, [Difference(part=f"the loss of {where}", kind="steps", lines=tuple(lines))]
    return told, []


def _loss(name: str, before: Any, after: Any) -> str:
    if not isinstance(before, str) or not isinstance(after, str):
        return f"{name}: {before} -> {after}"
    a, b = float.fromhex(before), float.fromhex(after)
    return f"{name}: {a!r} -> {b!r} (by {abs(b - a) / abs(a):.1g} of it)" if a else f"{name}: {a!r} -> {b!r}"


def compare_curves(first: RunRecord, second: RunRecord) -> tuple[str, list[Difference]]:
    """The first logged step at which a loss differs; of later steps than the capsule keeps."""
    logs = first.log(), second.log()
    assert logs[0] is not None
    assert logs[1] is not None
    earliest: tuple[float, str, float, float] | None = None
    last = -1.0
    for name in logs[0].names("train/loss/"):
        then, now = (dict(zip(*(part.tolist() for part in log.series(name)), strict=True)) for log in logs if log)
        common = sorted(set(then) & set(now))
        last = max(last, *common, -1.0)
        step = next((step for step in common if then[step] != now[step]), None)
        if step is not None and (earliest is None or step < earliest[0]):
            earliest = step, name, then[step], now[step]
    if earliest is None:
        return (f"logged losses up to step {last:.0f}" if last >= 0 else ""), []
    step, name, a, b = earliest
    lines = (f"{name}: {a!r} -> {b!r}, the first that differs in metrics.csv",)
    return "", [Difference(part=f"the logged loss of step {step:.0f}", kind="steps", lines=lines)]


def compare_metrics(first: RunRecord, second: RunRecord) -> tuple[str, list[Difference]]:
    """Which figures of `metrics.json` are otherwise, save those that no seed decides."""
    then, now = (
        {name: value for name, value in run.metrics.items() if not name.endswith(OF_THE_MACHINE)}
        for run in (first, second)
    )
    names = [
        name for name in {**then, **now} if (name in then and name in now) or not name.startswith(OF_A_SAMPLE_OF_STEPS)
    ]
    # a figure that is no number is the same as another one that is none
    differing = [name for name in names if repr(then.get(name)) != repr(now.get(name))]
    differing.sort(key=lambda name: not name.startswith("val/"))
    lines = [f"{name}: {then.get(name, 'not there')!r} -> {now.get(name, 'not there')!r}" for name in differing]
    parted = [name for name in first.sequences if first.sequences[name] != second.sequences.get(name)]
    lines = list(_cut(lines)) + ([f"sequences: {', '.join(_cut(parted))}"] if lines and parted else [])
    found = [Difference(part="the metrics", kind="metrics", lines=tuple(lines))] if differing else []
    return f"metrics ({len(names)} figures)", found


def _cut(lines: Sequence[str]) -> tuple[str, ...]:
    return (*lines[:NAMED], *([f"and {len(lines) - NAMED} more"] if len(lines) > NAMED else []))
