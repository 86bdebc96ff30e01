"""Which folders below a root are MOTChallenge sequences, and which image files a sequence has."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from fairmot_pl.mot_format import MotFormatError, SequenceInfo

DETECTORS = ("SDP", "FRCNN", "DPM")
"""MOT17 holds every video three times, once a detector, with equal images and ground truth. Best first."""

_DETECTOR_COPY = re.compile(rf"(?P<video>.+)-(?P<detector>{'|'.join(DETECTORS)})")

_LAYOUT = "ROOT/train/SEQUENCE/ or ROOT/SEQUENCE/, each with img1/, gt/gt.txt and seqinfo.ini"


def find_sequences(root: Path, sequences: Sequence[str] | None, detector: str) -> list[Path]:
    """Folders of the sequences to read, sorted by name, one detector copy of each.

    Args:
        root: the set's root (holding `train/`) or the folder of sequences itself.
        sequences: names to keep, with or without the detector (`MOT17-02`, `MOT17-02-SDP`); None keeps all.
        detector: `"auto"` (the first of `DETECTORS` that is there) or one of them.

    Raises:
        FileNotFoundError: no root, or no sequence in it; the message says which layout is expected.
        ValueError: an unknown name or detector, or a video without the copy asked for.
    """
    if detector not in ("auto", *DETECTORS):
        raise ValueError(f"detector is {detector!r}; allowed: 'auto', {', '.join(map(repr, DETECTORS))}")
    if isinstance(sequences, str):
        raise ValueError(f"sequences is the text {sequences!r}; a list of names is needed, for example [{sequences}]")
    folder = _sequence_parent(root)
    found = {entry.name: entry for entry in sorted(folder.iterdir()) if _looks_like_sequence(entry)}
    if not found:
        raise FileNotFoundError(f"{folder}: holds no MOTChallenge sequence; expected {_LAYOUT}")
    names = list(found) if sequences is None else _pick_names(list(found), sequences, folder)
    return [found[name] for name in _one_copy_each(names, detector, folder)]


def _sequence_parent(root: Path) -> Path:
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; expected {_LAYOUT}")
    if (root / "seqinfo.ini").is_file():
        raise FileNotFoundError(
            f"{root}: is one sequence; give the folder above it and pick it with sequences=[{root.name}]"
        )
    return root / "train" if (root / "train").is_dir() else root


def _looks_like_sequence(folder: Path) -> bool:
    return folder.is_dir() and any((folder / part).exists() for part in ("seqinfo.ini", "gt", "img1"))


def _split_name(name: str) -> tuple[str, str | None]:
    """`MOT17-02-SDP` to (`MOT17-02`, `SDP`); (name, None) for a sequence without detector copies."""
    match = _DETECTOR_COPY.fullmatch(name)
    return (match["video"], match["detector"]) if match else (name, None)


def _pick_names(names: list[str], wanted: Sequence[str], folder: Path) -> list[str]:
    picked = []
    for want in wanted:
        hits = [name for name in names if want in (name, _split_name(name)[0])]
        if not hits:
            near = get_close_matches(str(want), names, n=1)
            hint = f"; nearest is {near[0]}" if near else ""
            raise ValueError(f"{folder}: has no sequence {want!r}{hint}; there are {', '.join(names)}")
        picked += hits
    return sorted(set(picked))


def _one_copy_each(names: list[str], detector: str, folder: Path) -> list[str]:
    copies: dict[str, dict[str | None, str]] = {}
    for name in names:
        video, copy = _split_name(name)
        copies.setdefault(video, {})[copy] = name
    kept = []
    for video, by_detector in copies.items():
        order = (None, *DETECTORS) if detector == "auto" else (None, detector)
        chosen = next((by_detector[copy] for copy in order if copy in by_detector), None)
        if chosen is None:
            there = ", ".join(str(copy) for copy in by_detector)
            raise ValueError(f"{folder}: {video} has no {detector} copy; there is {there} (detector='auto' takes any)")
        kept.append(chosen)
    return kept


def list_images(folder: Path, info: SequenceInfo) -> list[Path]:
    """Image files of a sequence in frame order; entry i is frame i + 1. The folder is listed once.

    Raises:
        FileNotFoundError: there is no image folder, or no image in it.
        MotFormatError: a name is no frame number, or the images are not frames 1 to `seqLength`.
    """
    images = folder / info.image_folder
    if not images.is_dir():
        raise FileNotFoundError(f"{images}: no such folder; sequence {folder.name} needs its images there")
    extension = info.image_extension.lower()
    names = [name for name in os.listdir(images) if name.lower().endswith(extension) and name[0] != "."]
    if not names:
        raise FileNotFoundError(f"{images}: holds no {extension} image; seqinfo.ini names folder and extension")
    numbered = {}
    for name in names:
        if not Path(name).stem.isdecimal():
            raise MotFormatError(f"{images / name}: the name is no frame number such as 000001{extension}; rename it")
        numbered[int(Path(name).stem)] = images / name
    if len(names) != info.length:
        raise MotFormatError(
            f"{folder / 'seqinfo.ini'}: seqLength is {info.length}, but {images} holds {len(names)} images; "
            "complete the images or correct seqLength"
        )
    missing = next((frame for frame in range(1, info.length + 1) if frame not in numbered), None)
    if missing is not None:
        raise MotFormatError(f"{images}: frame {missing} of {info.length} has no image; frames are numbered from 1")
    return [numbered[frame] for frame in range(1, info.length + 1)]
