"""What a network says about the validation sequences, recorded, so that trackers can be tried on it again and again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf

from fairmot_pl.config.build import build_output_cache, build_trainer, read_validation
from fairmot_pl.config.entry import plain
from fairmot_pl.inference.cache import read_recording
from fairmot_pl.inference.camera_record import camera_of
from fairmot_pl.inference.replay import OutputFilter, RecordedSequence
from fairmot_pl.training.callbacks.broken_images import CountBrokenImages
from fairmot_pl.training.callbacks.recording import RecordOutputs
from fairmot_pl.training.checkpoint import load_module
from fairmot_pl.training.provenance import environment
from fairmot_pl.training.recordings import Recordings

log = logging.getLogger(__name__)


def record_sequences(
    config: DictConfig, checkpoint: Path, folder: Path, *, camera: bool
) -> tuple[list[RecordedSequence], dict[str, Any]]:
    """The validation sequences with what the network says about them; it runs on those that are not recorded yet.

    Args:
        config: of a command that has data, a tracker, trainer, callbacks and a cache of outputs.
        checkpoint: of the network.
        folder: of the run.
        camera: whether the camera's motion is asked for, too.

    Returns:
        The sequences, and where they came from, for the record.
    """
    pl.seed_everything(config.seed, workers=True, verbose=False)
    module = load_module(checkpoint)
    datamodule = read_validation(config, "tune")
    quiet = OmegaConf.create({**config, "callbacks": {"progress": config.callbacks.get("progress")}})
    trainer = build_trainer(quiet, folder, loggers=[], callbacks=[CountBrokenImages(), RecordOutputs()])
    datamodule.outputs = cache = build_output_cache(config, module, trainer, datamodule)
    assert cache is not None  # `check` has seen to it
    found = Recordings.look_up(cache, datamodule.val_sequences)
    if all(found.sound):
        log.info("network outputs: %d sequences replayed from %s", len(found.sound), cache.entries)
    else:
        trainer.validate(module, datamodule, verbose=False)
    tracking = plain(config.callbacks).get("tracking") or {}
    kept = OutputFilter(min_area=tracking["min_box_area"], max_aspect=tracking["max_aspect_ratio"])
    sequences = [
        RecordedSequence.of(
            sequence,
            read_recording(entry, sequence),
            benchmark=tracking.get("benchmark", "auto"),
            kept=kept,
            camera=camera_of(sequence, cache.folder) if camera else None,
        )
        for sequence, entry in zip(datamodule.val_sequences, found.entries, strict=True)
    ]
    broken = [frame.broken for sequence in sequences for frame in sequence.frames]
    datamodule.broken_validation.add(broken, len(broken))  # where nothing was left to look at, nobody has counted yet
    data = {
        "checkpoint": str(checkpoint),
        "network outputs": str(cache.entries),
        "recordings": [entry.name for entry in found.entries],
        "frames": len(broken),
    }
    return sequences, {"environment": environment(), "data": data, "notes": list(datamodule.broken_validation.notes)}
