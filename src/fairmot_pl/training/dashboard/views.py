"""What there is to show of a validation and of a search, whatever shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.images import read_image
from fairmot_pl.evaluation.embedding import GAPS
from fairmot_pl.evaluation.quality import Quality
from fairmot_pl.evaluation.summary import OVERALL, Summary
from fairmot_pl.inference.drawing import draw_tracks
from fairmot_pl.mot_format import tracks_of_frame
from fairmot_pl.reporting import page
from fairmot_pl.reporting.detection_plots import detection_figure
from fairmot_pl.reporting.tracking_plots import hota_figure, sequence_figure
from fairmot_pl.structures import AnnotatedSequence, FrameAnnotation, Tracks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALPHA_COLUMNS = ("alpha", "HOTA", "DetA", "AssA", "LocA")
CURVE_COLUMNS = ("recall", "precision", "score")


@dataclass(frozen=True, kw_only=True)
class ShownFrame:
    """One validation frame, shrunk to be shown; boxes in pixels of the shrunk image, clipped to it.

    Args:
        sequence: its name.
        frame: its number.
        image: `(H, W, 3)` uint8 RGB, nothing drawn on it.
        tracks: of this frame.
        truth: `(G, 4)` xyxy, the annotated boxes.
        identities: `(G,)` whom they show.
    """

    sequence: str
    frame: int
    image: NDArray[np.uint8]
    tracks: Tracks
    truth: NDArray[np.float64]
    identities: NDArray[np.int64]

    @property
    def caption(self) -> str:
        """Which frame it is, in words."""
        return f"{self.sequence}, frame {self.frame}: {len(self.tracks)} tracks"

    @property
    def file_name(self) -> str:
        """A name for a file of it, whatever the sequence is called."""
        return re.sub(r"[^\w.-]", "-", f"{self.sequence}-{self.frame:06d}.jpg")

    def drawn(self) -> NDArray[np.uint8]:
        """The image with boxes and ids of the tracks."""
        return draw_tracks(self.image, self.tracks)


@dataclass(frozen=True, kw_only=True)
class ValidationView:
    """A validation. Figures that are single numbers are logged elsewhere.

    Args:
        step: training step it is of.
        epoch: training epoch it is of.
        summary: tracking.
        quality: detection and re-ID.
        frames: pictures; empty where this validation has none to show.
        clip: a video file, where there is one to show.
    """

    step: int
    epoch: int
    summary: Summary
    quality: Quality | None = None
    frames: Sequence[ShownFrame] = ()
    clip: Path | None = None

    def sequence_rows(self) -> tuple[list[str], list[list[str | float | None]]]:
        """Columns, and a row for each sequence and for all: tracking, detection and re-ID."""
        parts = [part for part in (self.summary, self.quality) if part is not None]
        columns = list(dict.fromkeys(name for part in parts for name in part.overall))
        rows: list[list[str | float | None]] = []
        for name in (*self.summary.sequences, OVERALL):
            figures: dict[str, float] = {}
            for part in parts:
                figures |= part.overall if name == OVERALL else part.sequences[name]
            rows.append([name, *(figures.get(column) for column in columns)])
        return ["sequence", *columns], rows

    def curves(self) -> dict[str, tuple[tuple[str, ...], list[list[float]]]]:
        """Name to columns and rows: HOTA and its parts over the IoU threshold, precision over recall."""
        curves: dict[str, tuple[tuple[str, ...], Mapping[str, Sequence[float]]]] = {}
        if self.summary.curves:
            curves["hota_over_alpha"] = ALPHA_COLUMNS, self.summary.curves[OVERALL]
        if self.quality is not None:
            curves["precision_recall"] = CURVE_COLUMNS, self.quality.curve
        return {
            name: (columns, np.stack([curve[column] for column in columns], axis=1).tolist())
            for name, (columns, curve) in curves.items()
        }

    def histograms(self) -> dict[str, NDArray[np.int64]]:
        """Counts by cosine similarity from -1 to 1: `same@30` is one person 30 frames apart, `different@30` two."""
        if self.quality is None or self.quality.similarity is None:
            return {}
        return {
            f"{kind}@{gap}": counts
            for gap, of_gap in zip(GAPS, self.quality.similarity, strict=True)
            for kind, counts in zip(("same", "different"), of_gap, strict=True)
            if counts.any()
        }

    def figures(self) -> dict[str, Figure]:
        """The same as pictures, for boards that draw no curves of their own."""
        drawn = {
            "hota_over_alpha": hota_figure(self.summary.curves),
            "sequences": sequence_figure(self.summary.sequences),
        }
        if self.quality is not None:
            drawn["precision_recall"] = detection_figure(self.quality.curve, self.quality.overall)
        return {name: figure for name, figure in drawn.items() if figure is not None}


@dataclass(frozen=True, kw_only=True)
class SearchView:
    """A finished search of tracker settings.

    Args:
        trials_csv: every trial of every fold, a file.
        columns: of the trials.
        trials: their rows.
        figures: how the search went.
        outcome: what came of it, as `metrics.json` has it.
    """

    trials_csv: Path
    columns: Sequence[str]
    trials: Sequence[Sequence[str | float]]
    figures: Mapping[str, Figure] = field(default_factory=dict)
    outcome: Mapping[str, float] = field(default_factory=dict)


def jpeg(image: NDArray[np.uint8]) -> bytes:
    """An `(H, W, 3)` RGB image as a JPEG file of the same size."""
    return page.jpeg(image, max_side=None)


def shown_frames(
    chosen: Iterable[tuple[AnnotatedSequence, FrameAnnotation]],
    results: Mapping[str, NDArray[np.float64]],
    *,
    max_side: int,
) -> list[ShownFrame]:
    """Frames with their tracks; unreadable ones are left out.

    Args:
        chosen: frames that were validated, with their sequences.
        results: `(R, 10)` MOTChallenge rows by sequence name, tlwh in image pixels.
        max_side: larger images are shrunk to so many pixels.
    """
    shown = []
    for sequence, annotation in chosen:
        try:
            image = read_image(annotation.image_path)
        except (OSError, ValueError):  # a broken image: the data module has counted and named it
            continue
        tracks = tracks_of_frame(results[sequence.name], annotation.frame)
        shown.append(_shrunk(sequence.name, annotation, image, tracks, max_side))
    return shown


def _shrunk(
    sequence: str, annotation: FrameAnnotation, image: NDArray[np.uint8], tracks: Tracks, max_side: int
) -> ShownFrame:
    height, width = image.shape[:2]
    ratio = min(1.0, max_side / max(height, width))
    if ratio < 1:
        image = np.asarray(cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA), np.uint8)
    edges = np.array(image.shape[1::-1] * 2, np.float64)

    def placed(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
        scaled: NDArray[np.float64] = np.asarray(boxes, np.float64) * ratio
        return np.clip(scaled, 0, edges)

    return ShownFrame(
        sequence=sequence,
        frame=annotation.frame,
        image=image,
        tracks=Tracks(ids=tracks.ids, boxes=placed(tracks.boxes), scores=tracks.scores, classes=tracks.classes),
        truth=placed(annotation.boxes),
        identities=annotation.identities,
    )
