"""Validation frames that come from the cache of network outputs where it has them, and from their images elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from fairmot_pl.data.frames import FrameSample, SequenceFrames, collate_frames
from fairmot_pl.data.progress import progress
from fairmot_pl.inference.cache import FORMAT, OutputCache, RecordedFrame, read_recording
from fairmot_pl.structures import AnnotatedSequence, FrameOutput

if TYPE_CHECKING:
    from fairmot_pl.training.module import FairMOTModule


def network_key(module: FairMOTModule, *, input_size: tuple[int, int], precision: str) -> str:
    """16 hexadecimal digits from all that outputs depend on but for the images: weights, settings, size, precision.

    Args:
        module: its network with its weights; where detections are cut off is among its hyper-parameters.
        input_size: `(height, width)` of the network input.
        precision: of the trainer, such as `"32-true"`.
    """
    settings = {"format": FORMAT, "input_size": list(input_size), "precision": precision, **module.hparams}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for name, weights in module.model.state_dict().items():
        digest.update(f"{name} {weights.dtype} {tuple(weights.shape)}".encode())
        digest.update(weights.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Recordings:
    """What a cache holds of some sequences.

    Args:
        cache: the cache.
        entries: the file of each sequence.
        sound: whether it is there and can be read.
    """

    cache: OutputCache
    entries: list[Path]
    sound: list[bool]

    @classmethod
    def look_up(cls, cache: OutputCache, sequences: Sequence[AnnotatedSequence]) -> Recordings:
        """Find the files and read each once; a damaged one is named in the log."""
        entries = [cache.entry(sequence) for sequence in progress(sequences, "looking for recorded network outputs")]
        found = [cache.find(*pair) is not None for pair in zip(entries, sequences, strict=True)]
        return cls(cache, entries, found)


class RecordedSample(NamedTuple):
    """A frame whose output is known already; `sequence` is the index of its sequence."""

    sequence: int
    recorded: RecordedFrame


class RecordedBatch:
    """Frames that need no network. It answers like a `FrameSample` to whoever asks which frames they are."""

    def __init__(self, samples: Sequence[RecordedSample]) -> None:
        self.sequence = [sample.sequence for sample in samples]
        self.frame = [sample.recorded.frame for sample in samples]
        self.broken = [sample.recorded.broken for sample in samples]
        self.outputs: list[FrameOutput] = [sample.recorded.output for sample in samples]


def places_of(batch: FrameSample | RecordedBatch) -> list[tuple[int, int]]:
    """Index of the sequence, and frame number, of each frame of a batch."""
    sequences, frames = torch.as_tensor(batch.sequence).tolist(), torch.as_tensor(batch.frame).tolist()
    return list(zip(sequences, frames, strict=True))


class ValidationFrames(Dataset[FrameSample | RecordedSample]):
    """All frames of some sequences in order, recorded where they are.

    Args:
        sequences: what to run through.
        input_size: `(height, width)` of the network input.
        recordings: what is recorded of these sequences; None for nothing.
    """

    def __init__(
        self, sequences: Sequence[AnnotatedSequence], *, input_size: tuple[int, int], recordings: Recordings | None
    ) -> None:
        self.frames = SequenceFrames(sequences, input_size=input_size)
        self.sequences, self.recordings = list(sequences), recordings
        self._starts = np.cumsum([0, *map(len, sequences)])
        self._held: tuple[int, list[RecordedFrame]] = (-1, [])

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> FrameSample | RecordedSample:
        """Frame `index` of them all; the sequence that was asked for last stays in memory."""
        sequence = int(np.searchsorted(self._starts, index, side="right")) - 1
        if self.recordings is None or not self.recordings.sound[sequence]:
            return self.frames[index]
        if self._held[0] != sequence:
            self._held = (sequence, read_recording(self.recordings.entries[sequence], self.sequences[sequence]))
        return RecordedSample(sequence, self._held[1][index - int(self._starts[sequence])])


def collate_validation(samples: Sequence[FrameSample | RecordedSample]) -> FrameSample | RecordedBatch:
    """A batch of frames of one sequence, which are recorded all or none."""
    recorded = [sample for sample in samples if isinstance(sample, RecordedSample)]
    images = [sample for sample in samples if isinstance(sample, FrameSample)]
    return RecordedBatch(recorded) if recorded else collate_frames(images)
