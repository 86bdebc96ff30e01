"""What the network alone is worth on annotated sequences: detection AP and re-ID quality, from its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from fairmot_pl.evaluation.detection import (
    DetectionRecord,
    detection_figures,
    detection_record,
    merge_detection,
    precision_recall,
)
from fairmot_pl.evaluation.embedding import EmbeddingRecord, embedding_figures, embedding_record
from fairmot_pl.evaluation.embedding_map import EmbeddingMap, embedding_map
from fairmot_pl.evaluation.pairs import Int
from fairmot_pl.evaluation.preprocess import boxes_to_detect
from fairmot_pl.evaluation.summary import Figures
from fairmot_pl.mot_format import MotTable
from fairmot_pl.structures import FrameOutput


@dataclass(frozen=True, kw_only=True)
class QualityRecord:
    """What one sequence contributes, so that processes can exchange it; `embedding` is in full records only."""

    detection: DetectionRecord
    embedding: EmbeddingRecord | None


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Figures of the network over all sequences together and for each; names as in `detection` and `embedding`.

    Args:
        overall: metric name to value, from all boxes of all sequences: not a mean over sequences.
        sequences: the same for each sequence.
        curve: recall, precision and score at an IoU of 0.5, over all.
        full: whether all figures are there, or AP50 alone.
        similarity: `(gaps, 2, bins)` pairs of boxes by cosine similarity, see `similarity_histogram`, the gaps being
            `fairmot_pl.evaluation.embedding.GAPS`; None where embeddings were not measured.
        looks: the embeddings in their principal plane; None as before, or where nobody is known.
    """

    overall: Figures
    sequences: Mapping[str, Figures]
    curve: Mapping[str, list[float]]
    full: bool
    similarity: Int | None = field(default=None, compare=False)  # arrays are not simply equal
    looks: EmbeddingMap | None = field(default=None, compare=False)

    def flat(self, prefix: str = "val/") -> dict[str, float]:
        """The overall figures with `prefix` before every name, as loggers and `metrics.json` take them."""
        return {prefix + name: value for name, value in self.overall.items()}


class SequenceOutputs:
    """Gathers what the network says about a sequence, frame by frame, until it is measured.

    Args:
        full: whether embeddings are wanted too.
    """

    def __init__(self, *, full: bool) -> None:
        self.full = full
        self._frames: list[int] = []
        self._outputs: list[FrameOutput] = []

    def add(self, frame: int, output: FrameOutput) -> None:
        """Take in the next frame. Embeddings of detections are not kept, they are large."""
        kept = np.arange(len(output.truth_identities) if self.full else 0)
        self._frames.append(frame)
        self._outputs.append(
            FrameOutput(
                detections=output.detections.without_embeddings(),
                truth_embeddings=output.truth_embeddings[kept],
                truth_identities=output.truth_identities[kept],
            )
        )

    def measure(self, truth: MotTable, *, benchmark: str, sequences: int = 1) -> QualityRecord:
        """Compare all frames so far with their ground truth.

        Args:
            truth: all rows of these frames, those to be ignored too.
            benchmark: whose rules tell what is to be found and what to be ignored.
            sequences: how many sequences are measured together.
        """
        frames = np.array(self._frames, np.int64)
        found = [output.detections for output in self._outputs]
        detection = detection_record(
            boxes_to_detect(truth, benchmark),
            np.repeat(frames, [len(of_frame) for of_frame in found]),
            np.concatenate([np.zeros((0, 4)), *(of_frame.boxes for of_frame in found)]),
            np.concatenate([np.zeros(0, np.float32), *(of_frame.scores for of_frame in found)]),
            full=self.full,
        )
        if not self.full:
            return QualityRecord(detection=detection, embedding=None)
        # a frame that could not be read has no embeddings, of whatever width
        seen = [place for place, output in enumerate(self._outputs) if len(output.truth_identities)]
        looks = [self._outputs[place].truth_embeddings for place in seen] or [np.zeros((0, 1), np.float32)]
        identities = [np.zeros(0, np.int64), *(self._outputs[place].truth_identities for place in seen)]
        embedding = embedding_record(
            np.repeat(frames[seen], [len(self._outputs[place].truth_identities) for place in seen]),
            np.concatenate(identities),
            np.concatenate(looks),
            sequences=sequences,
        )
        return QualityRecord(detection=detection, embedding=embedding)


def combine_quality(records: Mapping[str, QualityRecord]) -> Quality:
    """Figures of all sequences together and of each, sorted by name.

    Raises:
        ValueError: there is no sequence.
    """
    ordered = {name: records[name] for name in sorted(records)}
    merged = merge_detection([record.detection for record in ordered.values()])
    known = {name: record.embedding for name, record in ordered.items() if record.embedding is not None}
    embeddings = list(known.values())
    return Quality(
        overall={**detection_figures(merged), **embedding_figures(embeddings)},
        sequences={
            name: {
                **detection_figures(replace(record.detection, tells_visibility=merged.tells_visibility)),
                **(embedding_figures([record.embedding]) if record.embedding is not None else {}),
            }
            for name, record in ordered.items()
        },
        curve=precision_recall(merged),
        full=len(embeddings) == len(ordered),
        similarity=np.sum([record.histogram for record in embeddings], axis=0) if embeddings else None,
        looks=embedding_map({name: (record.sample, record.identities) for name, record in known.items()}),
    )
