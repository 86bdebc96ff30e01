"""From the sources of a recipe to the sequences that they use, each read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fairmot_pl.data.audit.coco_scan import scan_coco
from fairmot_pl.data.audit.crowdhuman_scan import scan_crowdhuman
from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.jde_scan import scan_jde
from fairmot_pl.data.audit.mot_scan import scan_mot_sequence
from fairmot_pl.data.audit.sequence import AuditedSequence, Side, Use
from fairmot_pl.data.audit.video_scan import scan_video
from fairmot_pl.data.mot_layout import find_sequences, rate_of
from fairmot_pl.data.splits import take_part
from fairmot_pl.data.videos import find_videos
from fairmot_pl.structures import AnnotatedSequence, FrameAnnotation

Options = Mapping[str, Any]
Scan = Callable[[Path, Options, Findings], list[AuditedSequence]]


def scan_recipe(sources: Mapping[Side, Mapping[str, Options]], root: Path, findings: Findings) -> list[AuditedSequence]:
    """Scan every data set of a recipe; what both sides use is scanned once and has two uses.

    Args:
        sources: the descriptions of `read_sources` by name, for `"train"` and `"val"`.
        root: folder that relative paths start from.
        findings: where to.

    Raises:
        ValueError: a format that cannot be audited.
    """
    known: dict[Path, AuditedSequence] = {}
    sequences: list[AuditedSequence] = []
    scanned: dict[str, list[AuditedSequence]] = {}
    for side, by_name in sources.items():
        for source, options in by_name.items():
            kind = str(options.get("format"))
            if kind not in SCANS:
                raise ValueError(f"data set {source!r}: format is {kind!r}; can be audited: {', '.join(SCANS)}")
            path = Path(root, options.get("path", ".")).expanduser()
            what = {key: value for key, value in options.items() if key not in ("split", "clip_boxes", "path")}
            place = f"{path.resolve()} {sorted(what.items(), key=str)}"
            if place not in scanned:
                found = SCANS[kind](path, options, findings)
                # a folder is a sequence whatever picks it; what a list names may be a part of one
                whole = SCANS[kind] in (_scan_mot, _scan_videos)
                scanned[place] = [known.setdefault(each.file, each) for each in found] if whole else found
                sequences += [each for each in scanned[place] if not any(each is other for other in sequences)]
            split = options.get("split", "full")
            for sequence, frames in _used_frames(scanned[place], split):
                sequence.uses.append(Use(side, source, frames, path, f"{place} {split}"))
    return sequences


def _used_frames(sequences: Sequence[AuditedSequence], split: Any) -> list[tuple[AuditedSequence, tuple[int, int]]]:
    """The sequences that a split of a source uses, each with the first and last of its frames that it uses."""
    stills = [sequence for sequence in sequences if not sequence.is_video and len(sequence.frames)]
    videos = [sequence for sequence in sequences if sequence.is_video and len(sequence.frames)]
    frames = {
        **{id(sequence): (1, int(sequence.frames[-1])) for sequence in stills},
        **_split_frames(videos, split),
    }
    return [(sequence, frames[id(sequence)]) for sequence in sequences if id(sequence) in frames]


def _split_frames(videos: Sequence[AuditedSequence], split: Any) -> dict[int, tuple[int, int]]:
    """First and last frame that a split takes of each video, told by the very rule that training follows."""
    shells = [_shell(sequence) for sequence in videos if len(sequence.frames) > 1 or split == "full"]
    by_name = {sequence.name: id(sequence) for sequence in videos}
    return {by_name[part.name]: (part.frames[0].frame, part.frames[-1].frame) for part in take_part(shells, split)}


def _shell(sequence: AuditedSequence) -> AnnotatedSequence:
    """The sequence's frame numbers, without boxes."""
    nobody = FrameAnnotation(
        image_path=sequence.file,
        frame=1,
        image_size=(1, 1),
        boxes=np.zeros((0, 4), np.float32),
        identities=np.zeros(0, np.int64),
        classes=np.zeros(0, np.int64),
        visibility=np.zeros(0, np.float32),
    )
    frames = tuple(replace(nobody, frame=number) for number in sequence.frames.tolist())
    return AnnotatedSequence(name=sequence.name, frames=frames, frame_rate=1.0)


def _scan_mot(path: Path, options: Options, findings: Findings) -> list[AuditedSequence]:
    try:
        folders = find_sequences(
            path, options.get("sequences"), options.get("detector") or "auto", options.get("subset")
        )
    except FileNotFoundError as error:
        findings.add("missing-data", path, str(error).removeprefix(f"{path}: "))
        return []
    rate = options.get("frame_rate")
    return [scan_mot_sequence(folder, findings, frame_rate=rate_of(rate, folder.name)) for folder in folders]


def _scan_crowdhuman(path: Path, options: Options, findings: Findings) -> list[AuditedSequence]:
    return scan_crowdhuman(path, str(options.get("annotation")), findings)


def _scan_jde(path: Path, options: Options, findings: Findings) -> list[AuditedSequence]:
    lists = options.get("lists") or []
    named = [lists] if isinstance(lists, str) else list(lists)
    return scan_jde(path, named, findings, missing_labels=str(options.get("missing_labels", "error")))


def _scan_coco(path: Path, options: Options, findings: Findings) -> list[AuditedSequence]:
    categories = options.get("categories")
    return scan_coco(
        path / str(options.get("annotation")),
        path / str(options.get("images", ".")),
        findings,
        categories=None if categories is None else list(categories),
    )


def _scan_videos(path: Path, options: Options, findings: Findings) -> list[AuditedSequence]:
    frames = {key: options[key] for key in ("quality", "frame_rate") if options.get(key)}
    cache = path / (options.get("cache") or "frames")
    try:
        videos = find_videos(path, options.get("sequences"))
    except FileNotFoundError as error:
        findings.add("missing-data", path, str(error).removeprefix(f"{path}: "))
        return []
    found = (scan_video(files, cache, findings, **frames) for files in videos.values())
    return [sequence for sequence in found if sequence is not None]


SCANS: Mapping[str, Scan] = {
    "mot": _scan_mot,
    "synthetic": _scan_mot,
    "crowdhuman": _scan_crowdhuman,
    "jde": _scan_jde,
    "coco": _scan_coco,
    "videos": _scan_videos,
}
"""How to read the sources of each format leniently."""
