"""What decoding the images of a sequence has shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.image_probe import ImageFacts
from fairmot_pl.data.audit.sequence import AuditedSequence


def check_images(sequence: AuditedSequence, facts: Mapping[Path, ImageFacts], findings: Findings) -> None:
    """Report images that cannot be decoded, are turned by a note, or have another size than the annotation says."""
    others: list[tuple[Path, tuple[int, int], tuple[int, int]]] = []
    for path, said in zip(sequence.images, sequence.said_sizes.tolist(), strict=True):
        found = facts.get(path)
        if found is None:
            continue
        if found.problem:
            findings.add(found.problem, path, found.detail)
        if found.orientation not in (0, 1):
            findings.add("exif-rotation", path, f"has the camera's rotation note {found.orientation}")
        if all(found.size) and all(said) and tuple(said) != found.size:
            others.append((path, (said[0], said[1]), found.size))
    if not others:
        return
    path, said, size = others[0]
    text = f"{said[1]} x {said[0]} is stated, the image is {size[1]} x {size[0]}"
    if sequence.size_file is None:
        for path, said, size in others:
            text = f"{path.name}: {said[1]} x {said[0]} is stated, the image is {size[1]} x {size[0]}"
            findings.add("image-size", sequence.file, text)
    elif len(others) == len(sequence.images):  # the header is wrong, not every image
        findings.add("image-size", sequence.size_file, text, count=len(others))
    else:
        for path, said, size in others:
            findings.add("image-size", path, f"{said[1]} x {said[0]} is stated, the image is {size[1]} x {size[0]}")


def image_sizes(sequence: AuditedSequence, facts: Mapping[Path, ImageFacts]) -> NDArray[np.int64]:
    """`(I, 2)` height and width of the images: as decoded, else as stated, else 0."""
    sizes = sequence.said_sizes.copy()
    for index, path in enumerate(sequence.images):
        found = facts.get(path)
        if found is not None and all(found.size):
            sizes[index] = found.size
    return sizes
