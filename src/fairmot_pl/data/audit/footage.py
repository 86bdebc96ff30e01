"""Whether training and validation share images or people, and whether training holds footage twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.image_probe import ImageFacts
from fairmot_pl.data.audit.sequence import AuditedSequence, Side
from fairmot_pl.seqinfo import video_and_detector, video_of

NEAR_BITS = 26
"""Bits of 256 in which the perceptual hashes of two copies of a frame may differ."""

STRIDE = 10
"""Every tenth frame of a training sequence is compared, and ten frames in a row of each hundred validation frames: so
a stretch of 110 frames that both have is found, with a tenth of the frames decoded."""

_ALL_BELOW = 200  # frames: a sequence so short is compared as a whole
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
    _check_same_frames(train, val, findings)
    alike = _check_content(train, val, facts, findings)
    _check_looks(train, val, facts, alike, findings)
    _check_repeats(train, facts, findings)
    _check_identities(sequences, findings)


def frames_to_compare(sequences: Sequence[AuditedSequence], *, every: bool = False) -> set[Path]:
    """Images whose looks `check_footage` needs.

    Args:
        sequences: all that a recipe uses.
        every: compare every frame, so that single ones are found too.

    Returns:
        Of videos the frames that `STRIDE` tells, of still images every tenth for training and all for validation; none
        where there is nothing on the other side to compare with.
    """
    if not (_used(sequences, "train") and _used(sequences, "val")):
        return set()
    chosen: set[Path] = set()
    for sequence in sequences:
        for side, blocks in (("train", STRIDE), ("val", STRIDE**2)):
            used = sequence.used_images("train" if side == "train" else "val")
            whole = every or len(used) < _ALL_BELOW or (side == "val" and not sequence.is_video)
            place = np.arange(len(used))
            taken = used if whole else used[place % blocks < (1 if side == "train" else STRIDE)]
            chosen |= {sequence.images[index] for index in taken.tolist()}
    return chosen


def _used(sequences: Sequence[AuditedSequence], side: Side) -> list[_Frame]:
    return [(sequence, index) for sequence in sequences for index in sequence.used_images(side).tolist()]


def _check_copies(sequences: Sequence[AuditedSequence], findings: Findings) -> None:
    """Each MOT17 video once on a side."""
    sides: tuple[Side, Side] = ("train", "val")
    for side in sides:
        copies: dict[str, dict[str, AuditedSequence]] = defaultdict(dict)
        for sequence in sequences:
            video, detector = video_and_detector(sequence.name)
            if detector and len(sequence.used_images(side)):
                copies[video].setdefault(sequence.name, sequence)
        for video, found in copies.items():
            if len(found) > 1:
                file = next(iter(found.values())).file
                findings.add("detector-copies", file, f"{side} uses {video} as {', '.join(sorted(found))}")


def _check_same_frames(train: Sequence[_Frame], val: Sequence[_Frame], findings: Findings) -> None:
    """Files that the recipe itself names on both sides; once where it names one source and split on both."""
    trained = {sequence.images[index] for sequence, index in train}
    meant = Counter(filter(None, (_source_of_both(sequence) for sequence, _ in val)))
    for path, count in meant.items():
        findings.add(
            "same-data", path, f"{count} frames are trained on and validated on, as one source is both", count=1
        )
    val = [(sequence, index) for sequence, index in val if _source_of_both(sequence) is None]
    both = Counter((sequence.file, sequence.name) for sequence, index in val if sequence.images[index] in trained)
    for (file, name), count in both.items():
        findings.add("same-frames", file, f"{count} frames of {name} are trained on and validated on", count=1)


def _source_of_both(sequence: AuditedSequence) -> Path | None:
    """The source that is both training and validation data, with one split, and holds the sequence."""
    trained = {use.selection for use in sequence.uses if use.side == "train"}
    return next((use.path for use in sequence.uses if use.side == "val" and use.selection in trained), None)


def _check_content(
    train: Sequence[_Frame], val: Sequence[_Frame], facts: Facts, findings: Findings
) -> set[tuple[int, int]]:
    """Equal files under different names on both sides; returns the pairs of sequences that have any."""
    by_content: dict[bytes, _Frame] = {}
    for sequence, index in train:
        content = _content(sequence, index, facts)
        if content:
            by_content.setdefault(content, (sequence, index))
    pairs: dict[tuple[int, int], list[tuple[_Frame, _Frame]]] = defaultdict(list)
    for sequence, index in val:
        other = by_content.get(_content(sequence, index, facts) or b"-")
        if other is not None and not _is_same(other[0], sequence):
            pairs[id(other[0]), id(sequence)].append((other, (sequence, index)))
    for found in pairs.values():
        (in_train, place), (in_val, index) = found[0]
        text = f"{len(found)} images of it are in training too: {in_val.images[index].name} equals "
        findings.add("same-footage", in_val.file, text + str(in_train.images[place]), count=1)
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
    for (_, places), (_, indices) in product(_by_sequence(train), _by_sequence(val)):
        in_train, in_val = train[places[0]][0], val[indices[0]][0]
        if (id(in_train), id(in_val)) in known or _same_video(in_train, in_val):
            continue
        closest = np.full(len(indices), -1.0, np.float32)
        partner = np.zeros(len(indices), np.int64)
        for start in range(0, len(places), _BLOCK):
            equal = train_signs[places[start : start + _BLOCK]] @ val_signs[indices].T
            partner = np.where(equal.max(axis=0) > closest, start + equal.argmax(axis=0), partner)
            closest = np.maximum(closest, equal.max(axis=0))
        near = np.flatnonzero(closest >= 256 - 2 * NEAR_BITS)
        if len(near):
            first, second = train[places[partner[near[0]]]], val[indices[near[0]]]
            text = f"{len(near)} frames look like training frames: {second[0].images[second[1]].name} like "
            findings.add("near-duplicate", in_val.file, text + str(first[0].images[first[1]]), count=1)


def _by_sequence(frames: Sequence[_Frame]) -> list[tuple[int, list[int]]]:
    """Places in `frames` by sequence."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, (sequence, _) in enumerate(frames):
        places[id(sequence)].append(place)
    return list(places.items())


def _is_same(first: AuditedSequence, second: AuditedSequence) -> bool:
    """Whether two are one sequence, of which two lists may name different images."""
    return first is second or (first.file == second.file and first.name == second.name)


def _same_video(first: AuditedSequence, second: AuditedSequence) -> bool:
    """One sequence, or two detector copies of it: its halves look alike, and may."""
    return _is_same(first, second) or (first.name != second.name and video_of(first.name) == video_of(second.name))


def _signs(frames: Sequence[_Frame], facts: Facts) -> tuple[NDArray[np.float32], list[_Frame]]:
    """Hashes as `(N, 256)` of +1 and -1, so that a product of matrices counts equal bits; and whose they are."""
    looks = [
        (facts[sequence.images[index]].looks, (sequence, index))
        for sequence, index in frames
        if sequence.images[index] in facts
    ]
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
        if other is not sequence and video_of(other.name) != video_of(sequence.name):
            pairs[other.name, sequence.name].append(sequence)
    for (first, second), found in pairs.items():
        text = f"{len(found)} images of {second} are in {first} too, and both are trained on"
        findings.add("repeated-footage", found[0].file, text, count=1)


def _check_identities(sequences: Sequence[AuditedSequence], findings: Findings) -> None:
    """People of a video who are trained on and validated on, as the halves of the reference share them."""
    ids: dict[tuple[Path, str], dict[Side, set[int]]] = defaultdict(lambda: {"train": set(), "val": set()})
    for sequence in sequences:
        if sequence.is_video and _source_of_both(sequence) is None:
            for side, found in ids[sequence.file, sequence.name].items():
                found.update(sequence.used_rows(side).ids.tolist())
    for (file, name), by_side in ids.items():
        shared = (by_side["train"] & by_side["val"]) - {-1}
        if shared:
            found_text = f"{len(shared)} of {len(by_side['val'] - {-1})} validated identities of {name} are trained on"
            findings.add("shared-identities", file, found_text, count=1)
