"""Audit the data of a recipe: scan the texts, read the images, compare training with validation, count."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.footage import check_footage, frames_to_compare
from fairmot_pl.data.audit.image_checks import check_images, image_sizes
from fairmot_pl.data.audit.image_probe import ImageFacts, probe_images
from fairmot_pl.data.audit.reader_check import check_readers
from fairmot_pl.data.audit.recipe import Options, scan_recipe
from fairmot_pl.data.audit.row_checks import check_rows
from fairmot_pl.data.audit.sequence import AuditedSequence, Side
from fairmot_pl.data.audit.statistics import DataSheet, data_sheet

Progress = Callable[[int, int, int], None]
"""Called with bytes read, bytes in all and images read."""


@dataclass(frozen=True)
class AuditReport:
    """What an audit has found.

    Args:
        findings: the faults.
        sheets: figures of training and of validation.
        sequences: how many.
        images: how many were read.
        image_bytes: size of their files.
        interrupted: whether it was stopped before all images were read.
    """

    findings: Findings
    sheets: Mapping[str, DataSheet]
    sequences: int
    images: int
    image_bytes: int
    interrupted: bool = False

    def figures(self) -> dict[str, float]:
        """Counts as one flat mapping."""
        flat: dict[str, float] = {
            "sequences": self.sequences,
            "images": self.images,
            "image_bytes": self.image_bytes,
            "interrupted": float(self.interrupted),
        }
        flat |= {f"findings/{severity}": count for severity, count in self.findings.counts().items()}
        for side, sheet in self.sheets.items():
            flat[f"{side}/images"] = sum(each.images for each in sheet.sequences)
            flat[f"{side}/boxes"] = sum(len(each.boxes) for each in sheet.sequences)
            flat[f"{side}/identities"] = sum(each.identities for each in sheet.sequences)
        return flat

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {
            "clean": not any(finding.severity != "info" for finding in self.findings),
            "figures": self.figures(),
            "findings": [finding.as_dict() for finding in self.findings],
        }


def audit(
    sources: Mapping[Side, Mapping[str, Options]],
    root: Path,
    *,
    workers: int | None = None,
    thorough: bool = False,
    progress: Progress | None = None,
) -> AuditReport:
    """Audit every data set that a recipe trains on or validates on.

    Every image is read, and decoded where its structure is not beyond doubt. Nothing is written. Data that no reader
    accepts can be audited too; readers are asked last, and only about sources without an error.

    Args:
        sources: descriptions by name, for `"train"` and `"val"`, as in a `data` node.
        root: folder that relative paths start from.
        workers: threads that read images; None: as the machine has cores.
        thorough: decode every image and compare every frame, at a tenth of the speed.
        progress: called after each image.

    Raises:
        ValueError: a format or an option that cannot be meant.
    """
    findings = Findings()
    sequences = scan_recipe(sources, root, findings)
    compared = frames_to_compare(sequences, every=thorough)
    facts, interrupted = probe_sequences(sequences, workers, progress, compared=compared, thorough=thorough)
    for sequence in sequences:
        check_sequence(sequence, facts, findings)
    if not interrupted:
        check_readers(sources, root, findings)
    check_footage(sequences, facts, findings)
    sides: tuple[Side, Side] = ("train", "val")
    return AuditReport(
        findings=findings,
        sheets={side: data_sheet(sequences, side, facts) for side in sides},
        sequences=len(sequences),
        images=len(facts),
        image_bytes=sum(found.bytes_read for found in facts.values()),
        interrupted=interrupted,
    )


def probe_sequences(
    sequences: Sequence[AuditedSequence],
    workers: int | None,
    progress: Progress | None,
    *,
    compared: Collection[Path] = (),
    thorough: bool = False,
) -> tuple[dict[Path, ImageFacts], bool]:
    """Facts of all images; of those that are done where Ctrl-C stops it."""
    paths = list(dict.fromkeys(path for sequence in sequences for path in sequence.images))
    total = sum(map(_size, paths)) if progress is not None else 0
    facts: dict[Path, ImageFacts] = {}
    done = 0
    try:
        for path, found in probe_images(paths, workers=workers, compared=compared, thorough=thorough):
            facts[path] = found
            done += found.bytes_read
            if progress is not None:
                progress(done, total, len(facts))
    except KeyboardInterrupt:
        return facts, True
    return facts, False


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def check_sequence(
    sequence: AuditedSequence, facts: Mapping[Path, ImageFacts], findings: Findings
) -> NDArray[np.int64]:
    """Report what is wrong with the images and the rows of a sequence, whose boxes are in pixels thereafter.

    Returns:
        `(I, 2)` height and width of its images; 0 where unknown.
    """
    check_images(sequence, facts, findings)
    sizes = image_sizes(sequence, facts)
    if sequence.normalised:
        to_pixels(sequence, sizes)
    check_rows(sequence, sizes, findings)
    return sizes


def to_pixels(sequence: AuditedSequence, sizes: NDArray[np.int64]) -> None:
    """Turn normalised boxes into pixels; those of images that nobody could open are left out."""
    size = sequence.size_of_rows(sizes)
    scale = np.tile(size[:, ::-1], (1, 2))
    rows = replace(sequence.rows, boxes=sequence.rows.boxes * scale)
    sequence.rows = rows.select(np.all(size > 0, axis=1))
