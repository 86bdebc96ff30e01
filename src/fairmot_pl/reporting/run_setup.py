"""What was trained on what, in words, from the records of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairmot_pl.reporting.run_records import RunRecord

Facts = list[tuple[str, str]]


def is_evaluation(run: RunRecord) -> bool:
    """Whether a run has evaluated a checkpoint, and trained nothing."""
    return "checkpoint" in run.config


def setup_line(run: RunRecord) -> str:
    """One sentence: network, data, length; or which checkpoint was evaluated on what."""
    network, validation = _network(run, brief=True), _validation(run, brief=True)
    if is_evaluation(run):
        return f"{network or 'A checkpoint'}, evaluated{f' on {validation}' if validation else ''}."
    parts = [network or "A network"]
    if training := _training(run, brief=True):
        parts.append(f"trained on {training}")
    parts.append(f"validated on {validation}" if validation else "not validated")
    return ", ".join(parts) + "."


def setup_facts(run: RunRecord) -> Facts:
    """Network, data, losses, optimiser, tracker: one row each; what the records do not tell is left out."""
    trained = not is_evaluation(run)
    rows = {
        "Network": _network(run),
        "Network input": _input(run),
        "Starts from" if trained else "Checkpoint": _start(run) if trained else str(run.config["checkpoint"]),
        "Trained on": _training(run) if trained else "",
        "Validated on": _validation(run),
        "Losses": _losses(run),
        "Optimiser": _optimiser(run),
        "Tracker": _settings(run, "tracker."),
        "Seed": _text(run.config.get("seed")),
        "Ran on": _text(run.recorded("environment", "device")),
    }
    return [(name, text) for name, text in rows.items() if text]


def _network(run: RunRecord, *, brief: bool = False) -> str:
    architecture = run.recorded("model", "architecture") or {}
    backbone = run.config.get("model.backbone") or architecture.get("backbone")
    parameters, dim = run.recorded("model", "parameters"), run.recorded("model", "embedding_dim")
    if not backbone and not parameters:
        return ""
    parts = [f"{parameters / 1e6:.1f} M parameters"] if parameters else []
    if dim:
        parts.append(f"{dim}-dimensional embeddings")
    if brief:
        return f"{backbone or 'FairMOT'} ({', '.join(parts)})" if parts else str(backbone)
    neck = run.config.get("model.neck") or architecture.get("neck")
    deformable = run.config.get("model.deformable", architecture.get("deformable"))
    if neck:
        parts.insert(0, f"{neck} neck with {'deformable' if deformable else 'plain'} convolutions")
    return ", ".join([str(backbone or "FairMOT"), *parts])


def _input(run: RunRecord) -> str:
    size = run.config.get("data.input_size")
    return f"{size[0]} x {size[1]} pixels (height x width)" if isinstance(size, list) and len(size) == 2 else ""


def _start(run: RunRecord) -> str:
    if run.config.get("model.init_from"):
        return str(run.config["model.init_from"])
    return "ImageNet weights of the backbone" if run.config.get("model.pretrained") else "random weights"


def _training(run: RunRecord, *, brief: bool = False) -> str:
    images, people = run.recorded("data", "images"), run.recorded("data", "identities")
    if images is None:
        return ""
    whole = f"{images:,} images of {people:,} people" if people else f"{images:,} images without identities"
    epochs = run.config.get("trainer.max_epochs")
    sources = _sources(run.split.get("train"))
    if brief:
        return f"{whole} ({', '.join(sources)})" if sources else whole
    parts = [whole, *(f"{name}: {text}" for name, text in sources.items())]
    if epochs:
        parts.append(f"{epochs} epochs in batches of {run.config.get('data.batch_size', '?')}")
    return "; ".join(parts)


def _validation(run: RunRecord, *, brief: bool = False) -> str:
    frames, sequences = run.recorded("data", "validation frames"), len(run.sequences)
    if not frames:
        return ""
    whole = f"{frames:,} frames" + (f" of {sequences} sequence{'s' if sequences > 1 else ''}" if sequences else "")
    if brief:
        return whole
    shared = run.recorded("data", "shared identities")
    parts = [whole, *(f"{name}: {text}" for name, text in _sources(run.split.get("val")).items())]
    if shared is not None:
        parts.append(f"{shared} identities are in the training data too")
    return "; ".join(parts)


def _sources(split: Any) -> dict[str, str]:
    """How much each data set gives, from a part of `split.json`."""
    if not isinstance(split, Mapping):
        return {}
    found = {}
    for name, sequences in split.items():
        frames = sum(int(sequence.get("frames", 0)) for sequence in sequences.values())
        found[str(name)] = f"{len(sequences)} sequence{'s' if len(sequences) != 1 else ''}, {frames:,} frames"
    return found


def _losses(run: RunRecord) -> str:
    weights = {task: run.config.get(f"loss.{task}_weight") for task in ("heatmap", "size", "offset")}
    if None in weights.values():
        return ""
    terms = " + ".join(task if weight == 1 else f"{weight:g} {task}" for task, weight in weights.items())
    identity, weighting = run.config.get("loss.identity.name"), run.config.get("loss.weighting.name")
    return f"detection = {terms} ({run.config.get('loss.box_loss', 'l1')}); re-ID: {identity}; balance: {weighting}"


def _optimiser(run: RunRecord) -> str:
    rate = run.config.get("optimizer.learning_rate")
    if rate is None:
        return ""
    parts = [f"Adam, learning rate {rate:g}"]
    if drops := run.config.get("optimizer.lr_drop_epochs"):
        parts.append(f"times {run.config.get('optimizer.lr_drop_factor')} after epochs {', '.join(map(str, drops))}")
    if warmup := run.config.get("optimizer.warmup_steps"):
        parts.append(f"{warmup} steps of warm-up")
    if decay := run.config.get("optimizer.ema_decay"):
        parts.append(f"averaged weights (decay {decay})")
    return ", ".join(parts)


def _settings(run: RunRecord, prefix: str) -> str:
    """The settings of a node that are not null, `association` first without its name."""
    values = {key.removeprefix(prefix): value for key, value in run.config.items() if key.startswith(prefix)}
    first = values.pop("association", None)
    rest = [f"{key} {value}" for key, value in values.items() if value is not None]
    return ", ".join([*([str(first)] if first else []), *rest])


def _text(value: Any) -> str:
    return "" if value is None else str(value)
