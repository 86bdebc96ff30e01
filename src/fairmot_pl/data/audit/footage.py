"""Whether training and validation share images or people, and whether training holds footage twice."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.image_probe import ImageFacts
from fairmot_pl.data.audit.sequence import AuditedSequence, Side
from fairmot_pl.data.mot_layout import DETECTORS

NEAR_BITS = 26
"""Bits of 256 in which the perceptual hashes of two copies of a frame may differ."""

_COPY = re.compile(rf"(.+)-(?:{'|'.join(DETECTORS)})")
_BLOCK = 4096  # images compared at a time

Facts = Mapping[Path, ImageFacts]
_Frame = tuple[AuditedSequence, int]


def check_footage(sequences: Sequence[AuditedSequence], facts: Facts, findings: Findings) -> None:
    """Compare what a recipe trains on with what it validates on.

    Args:
        sequences: all that it uses.
        facts: of their images.
        findings: where to.
    """
    _check_copies(sequences, findings)
    train, val = _used(sequences, "train"), _used(sequences, "val")
    _check_same_frames(sequences, findings)
    alike = _check_content(train, val, facts, findings)
    _check_looks(train, val, facts, alike, findings)
    _check_repeats(train, facts, findings)
    _check_identities(sequences, findings)


def _used(sequences: Sequence[AuditedSequence], side: Side) -> list[_Frame]:
    return [(sequence, index) for sequence in sequences for index in sequence.used_images(side).tolist()]


def _check_copies(sequences: Sequence[AuditedSequence], findings: Findings) -> None:
    """Each MOT17 video once on a side."""
    sides: tuple[Side, Side] = ("train", "val")
    for side in sides:
        copies: dict[str, list[AuditedSequence]] = defaultdict(list)
        for sequence in sequences:
            match = _COPY.fullmatch(sequence.name)
            if match and len(sequence.used_images(side)):
                copies[match[1]].append(sequence)
        for video, found in copies.items():
            if len(found) > 1:
                names = ", ".join(sorted(sequence.name for sequence in found))
                findings.add("detector-copies", found[0].file, f"{side} uses {video} as {names}")


def _check_same_frames(sequences: Sequence[AuditedSequence], findings: Findings) -> None:
    for sequence in sequences:
        both = np.intersect1d(sequence.used_images("train"), sequence.used_images("val"))
        if len(both):
            found = f"{len(both)} frames of {sequence.name} are trained on and validated on"
            findings.add("same-frames", sequence.file, found, count=1)


def _check_content(
    train: Sequence[_Frame], val: Sequence[_Frame], facts: Facts, findings: Findings
) -> set[tuple[int, int]]:
    """Equal files under different names on both sides; returns the pairs of sequences that have any."""
    by_content: dict[bytes, _Frame] = {}
    for sequence, index in train:
        content = _content(sequence, index, facts)
        if content:
            by_content.setdefault(content, (sequence, index))
    pairs: dict[tuple[int, int], list[tuple[Path, Path]]] = defaultdict(list)
    for sequence, index in val:
        other = by_content.get(_content(sequence, index, facts) or b"-")
        if other is not None and other[0] is not sequence:
            pairs[id(other[0]), id(sequence)].append((other[0].images[other[1]], sequence.images[index]))
    for (_, key), images in pairs.items():
        in_train, in_val = images[0]
        sequence = next(each for each, _ in val if id(each) == key)
        found = f"{len(images)} images of it are in training too: {in_val.name} equals {in_train}"
        findings.add("same-footage", sequence.file, found, count=1)
    return set(pairs)


def _content(sequence: AuditedSequence, index: int, facts: Facts) -> bytes:
    found = facts.get(sequence.images[index])
    return found.content if found and not found.problem else b""


def _check_looks(
    train: Sequence[_Frame],
    val: Sequence[_Frame],
    facts: Facts,
    known: set[tuple[int, int]],
    findings: Findings,
) -> None:
    """Frames that look alike in different sequences on the two sides."""
    train_signs, train = _signs(train, facts)
    val_signs, val = _signs(val, facts)
    of_train = np.array([id(sequence) for sequence, _ in train])
    hits: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for start in range(0, len(train), _BLOCK):
        for begin in range(0, len(val), _BLOCK):
            block = train_signs[start : start + _BLOCK] @ val_signs[begin : begin + _BLOCK].T
            near = block >= 256 - 2 * NEAR_BITS
            for first, second in zip(*(axis.tolist() for axis in np.nonzero(near)), strict=True):
                pair = int(of_train[start + first]), id(val[begin + second][0])
                if pair not in known and not _same_video(train[start + first][0], val[begin + second][0]):
                    hits[pair].append((start + first, begin + second))
    for found in hits.values():
        (in_train, place), (in_val, index) = train[found[0][0]], val[found[0][1]]
        count = len({second for _, second in found})
        text = f"{count} frames look like training frames: {in_val.images[index].name} like {in_train.images[place]}"
        findings.add("near-duplicate", in_val.file, text, count=1)


def _same_video(first: AuditedSequence, second: AuditedSequence) -> bool:
    """One sequence, or two detector copies of it: its halves look alike, and may."""
    return first is second or (first.name != second.name and _video(first.name) == _video(second.name))


def _signs(frames: Sequence[_Frame], facts: Facts) -> tuple[NDArray[np.float32], list[_Frame]]:
    """Hashes as `(N, 256)` of +1 and -1, so that a product of matrices counts equal bits; and whose they are."""
    looks = [(facts[sequence.images[index]].looks, (sequence, index)) for sequence, index in frames
             if sequence.images[index] in facts]  # fmt: skip
    kept = [(bits, frame) for bits, frame in looks if bits is not None]
    if not kept:
        return np.zeros((0, 256), np.float32), []
    bits = np.unpackbits(np.stack([bits for bits, _ in kept]), axis=1)
    return bits.astype(np.float32) * 2 - 1, [frame for _, frame in kept]


def _check_repeats(train: Sequence[_Frame], facts: Facts, findings: Findings) -> None:
    """Equal images in two training sequences, as MOT16 and MOT17 have them; copies by detector are told elsewhere."""
    by_content: dict[bytes, AuditedSequence] = {}
    pairs: dict[tuple[str, str], list[AuditedSequence]] = defaultdict(list)
    for sequence, index in train:
        content = _content(sequence, index, facts)
        other = by_content.setdefault(content, sequence) if content else sequence
        if other is not sequence and _video(other.name) != _video(sequence.name):
            pairs[other.name, sequence.name].append(sequence)
    for (first, second), found in pairs.items():
        text = f"{len(found)} images of {second} are in {first} too, and both are trained on"
        findings.add("repeated-footage", found[0].file, text, count=1)


def _video(name: str) -> str:
    match = _COPY.fullmatch(name)
    return match[1] if match else name


def _check_identities(sequences: Sequence[AuditedSequence], findings: Findings) -> None:
    """People of a video who are trained on and validated on, as the halves of the reference share them."""
    for sequence in sequences:
        if not sequence.is_video:
            continue
        trained, validated = (np.unique(sequence.used_rows(side).ids) for side in ("train", "val"))
        shared = np.intersect1d(trained[trained >= 0], validated)
        if len(shared):
            found = f"{len(shared)} of {len(validated)} validated identities of {sequence.name} are trained on too"
            findings.add("shared-identities", sequence.file, found, count=1)
