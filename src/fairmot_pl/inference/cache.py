"""What the network said about each frame of a sequence, kept on disk, so that any tracker can be run on it again.

An entry is named after what it was made of: the folder after the network and its settings, the file after images and
annotations of the sequence. So an entry that is there is right; whatever changes, the name does, and nothing is found.
"""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.content_key import content_key
from fairmot_pl.files import write_bytes
from fairmot_pl.structures import AnnotatedSequence, Detections, FrameOutput

log = logging.getLogger(__name__)

FOLDER = ".network_outputs"
"""Where the cache lies below the folder of all outputs, unless told otherwise."""

FORMAT = 1
"""Part of every name: to be raised whenever entries are stored, or outputs are made, in another way."""

PIECES, PIECE_BYTES = 16, 4096
"""Of an image's file, which it is told by; images up to 68 kB are read whole."""

_DAMAGE = (ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)


class RecordedFrame(NamedTuple):
    """One frame of a recorded sequence.

    Attributes:
        frame: its number within the sequence, from 1.
        output: what the network said about it.
        broken: empty, or why its image could not be read.
    """

    frame: int
    output: FrameOutput
    broken: str = ""


@dataclass(frozen=True)
class OutputCache:
    """Recorded sequences of one network with its settings, one `.npz` file each.

    Args:
        folder: of all networks; need not exist.
        network: what tells this network and its settings from others, as hexadecimal digits.
    """

    folder: Path
    network: str

    @property
    def entries(self) -> Path:
        """The folder of this network's entries."""
        return self.folder / self.network

    def entry(self, sequence: AnnotatedSequence) -> Path:
        """The file that holds a sequence as its images and annotations are now."""
        return self.entries / f"{sequence.name}-{sequence_key(sequence)}.npz"

    def find(self, entry: Path, sequence: AnnotatedSequence) -> list[RecordedFrame] | None:
        """What was recorded of a sequence; None where nothing was, or it is damaged, which is logged.

        Args:
            entry: from `entry`.
            sequence: the sequence.
        """
        try:
            return read_recording(entry, sequence)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("%s; the network looks at %s again", error, sequence.name)
            return None


def sequence_key(sequence: AnnotatedSequence) -> str:
    """16 hexadecimal digits from the content of a sequence's images and its annotations, wherever it lies."""
    digest = hashlib.sha256()
    for frame in sequence.frames:
        try:
            image = content_key(frame.image_path, pieces=PIECES, piece_bytes=PIECE_BYTES)
        except OSError:  # a broken frame: tracked as one without anybody, until its image is there
            image = "missing"
        digest.update(f"{frame.frame} {frame.image_size} {image}".encode())
        for array in (frame.boxes, frame.identities, frame.classes):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def write_recording(entry: Path, frames: Sequence[RecordedFrame]) -> None:
    """Write a recorded sequence by renaming a finished file into place.

    Raises:
        OSError: the file cannot be written; the message names it.
    """
    detections = [frame.output.detections for frame in frames]
    embeddings = [found.embeddings for found in detections if len(found)]
    truth = [frame.output.truth_embeddings for frame in frames if len(frame.output.truth_identities)]
    arrays: dict[str, NDArray[Any]] = {
        "frames": np.array([frame.frame for frame in frames], np.int64),
        "broken": np.array([frame.broken for frame in frames], np.str_),
        "counts": np.array([len(found) for found in detections], np.int64),
        "boxes": np.concatenate([np.zeros((0, 4), np.float32), *(found.boxes for found in detections)]),
        "scores": np.concatenate([np.zeros(0, np.float32), *(found.scores for found in detections)]),
        "classes": np.concatenate([np.zeros(0, np.int64), *(found.classes for found in detections)]),
        "embeddings": np.concatenate(embeddings or [_widest([found.embeddings for found in detections])]),
        "truth_counts": np.array([len(frame.output.truth_identities) for frame in frames], np.int64),
        "truth_embeddings": np.concatenate(truth or [_widest([frame.output.truth_embeddings for frame in frames])]),
        "truth_identities": np.concatenate(
            [np.zeros(0, np.int64), *(frame.output.truth_identities for frame in frames)]
        ),
    }
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    write_bytes(entry, stream.getvalue())


def read_recording(entry: Path, sequence: AnnotatedSequence) -> list[RecordedFrame]:
    """Read a recorded sequence.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it cannot be read.
        ValueError: it is damaged, or not of these frames; the message names the file.
    """
    try:
        with np.load(entry, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}  # each is held against its checksum
        frames = _frames(arrays)
    except _DAMAGE as error:
        raise ValueError(f"{entry} is damaged ({' '.join(str(error).split())})") from error
    if [frame.frame for frame in frames] != [frame.frame for frame in sequence.frames]:
        raise ValueError(f"{entry} is damaged (it does not hold the frames of {sequence.name})")
    return frames


def _frames(arrays: dict[str, NDArray[Any]]) -> list[RecordedFrame]:
    found = Detections(**{name: arrays[name] for name in ("boxes", "scores", "embeddings", "classes")})
    own = _slices(arrays["counts"], len(found))
    truth = _slices(arrays["truth_counts"], len(arrays["truth_identities"]))
    numbered = zip(arrays["frames"].tolist(), arrays["broken"].tolist(), own, truth, strict=True)
    return [
        RecordedFrame(
            frame,
            FrameOutput(
                detections=found.select(mine),
                truth_embeddings=arrays["truth_embeddings"][people],
                truth_identities=arrays["truth_identities"][people],
            ),
            broken,
        )
        for frame, broken, mine, people in numbered
    ]


def _slices(counts: NDArray[np.int64], total: int) -> list[slice]:
    bounds = np.cumsum([0, *counts.tolist()]).tolist()
    if bounds[-1] != total:
        raise ValueError(f"it speaks of {bounds[-1]} objects and holds {total}")
    return [slice(start, end) for start, end in pairwise(bounds)]


def _widest(arrays: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """No embedding at all, of the dimension that they would have."""
    return np.zeros((0, max((array.shape[1] for array in arrays), default=0)), np.float32)
