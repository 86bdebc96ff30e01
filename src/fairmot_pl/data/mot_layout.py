"""Which folders below a root are MOTChallenge sequences, and which image files a sequence has."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from fairmot_pl.data.headers import IMAGE_SUFFIXES, read_headers
from fairmot_pl.files import read_text
from fairmot_pl.mot_format import MotFormatError
from fairmot_pl.seqinfo import DETECTORS, SequenceInfo, video_and_detector, video_of

FrameRate = float | Mapping[str, float] | None
"""Frames per second of all sequences, or of each by name."""

_LAYOUT = "ROOT/train/SEQUENCE/ or ROOT/SEQUENCE/, each with img1/, gt/gt.txt and seqinfo.ini"


def find_sequences(
    root: Path, sequences: Sequence[str] | str | None, detector: str, subset: str | None = None
) -> list[Path]:
    """Folders of the sequences to read, sorted by name, one detector copy of each.

    Args:
        root: the set's root (holding `train/`) or the folder of sequences itself.
        sequences: names to keep, with or without the detector (`MOT17-02`, `MOT17-02-SDP`), or a text file
            below the root with a name a line (`splits_txt/football.txt`) of which those are kept that the
            subset holds; None keeps all.
        detector: `"auto"` (the first of `DETECTORS` that is there) or one of them.
        subset: folder of sequences below the root, for example `"val"`, also where it lies in `images/` or
            in numbered parts as archives leave it (`train1/`, `train2/`); by default `train` where there is one.

    Raises:
        FileNotFoundError: no root or subset, or no sequence in it; the message says which layout is expected.
        ValueError: an unknown name or detector, or a video without the copy asked for.
    """
    if detector not in ("auto", *DETECTORS):
        raise ValueError(f"detector is {detector!r}; allowed: 'auto', {', '.join(map(repr, DETECTORS))}")
    if isinstance(sequences, str) and not sequences.endswith(".txt"):
        raise ValueError(f"sequences is the text {sequences!r}; a list of names is needed, for example [{sequences}]")
    folders = _sequence_parents(root, subset)
    found: dict[str, Path] = {}
    for folder in folders:
        for entry in filter(_looks_like_sequence, sorted(folder.iterdir())):
            if entry.name in found:
                raise ValueError(f"{entry}: there is {found[entry.name]} too; delete one of them")
            found[entry.name] = entry
    folder = folders[0]
    if not found:
        raise FileNotFoundError(f"{folder}: holds no MOTChallenge sequence; expected {_LAYOUT}")
    names = sorted(found)
    if isinstance(sequences, str):
        names = _listed_names(names, root / sequences)
    elif sequences is not None:
        names = _pick_names(names, sequences, folder)
    return [found[name] for name in _one_copy_each(names, detector, folder)]


def _sequence_parents(root: Path, subset: str | None) -> list[Path]:
    """The folder of sequences, or the numbered parts that together are it."""
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; expected {_LAYOUT}")
    if (root / "seqinfo.ini").is_file():
        raise FileNotFoundError(
            f"{root}: is one sequence; give the folder above it and pick it with sequences=[{root.name}]"
        )
    for folder in (root / (subset or "train"), root / "images" / (subset or "train")):
        if folder.is_dir():
            return [folder]
    parts = sorted(path for path in root.glob(f"{glob.escape(subset or 'train')}[0-9]*") if path.is_dir())
    if parts:
        return parts
    if subset is None:
        return [root]
    there = ", ".join(sorted(path.name for path in root.iterdir() if path.is_dir())) or "none"
    above = f"; these are sequences: name the folder above, in which they lie in {subset}/"
    hint = above if any(map(_looks_like_sequence, root.iterdir())) else ""
    raise FileNotFoundError(f"{root / subset}: no such folder of sequences; folders there: {there}{hint}")


def _listed_names(names: list[str], path: Path) -> list[str]:
    """Those names that a list holds; a list may go beyond one subset."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such list of sequences; one name a line is expected there")
    listed = {line.strip() for line in read_text(path).splitlines()}
    kept = [name for name in names if name in listed or video_of(name) in listed]
    if not kept:
        raise ValueError(f"{path}: names none of the {len(names)} sequences there; the first is {names[0]}")
    return kept


def _looks_like_sequence(folder: Path) -> bool:
    """Hidden folders, such as notebooks leave, are none."""
    return (
        folder.name[0] != "."
        and folder.is_dir()
        and any((folder / part).exists() for part in ("seqinfo.ini", "gt", "img1"))
    )


def _pick_names(names: list[str], wanted: Sequence[str], folder: Path) -> list[str]:
    picked = []
    for want in wanted:
        hits = [name for name in names if want in (name, video_of(name))]
        if not hits:
            near = get_close_matches(str(want), names, n=1)
            hint = f"; nearest is {near[0]}" if near else ""
            raise ValueError(f"{folder}: has no sequence {want!r}{hint}; there are {', '.join(names)}")
        picked += hits
    return sorted(set(picked))


def _one_copy_each(names: list[str], detector: str, folder: Path) -> list[str]:
    copies: dict[str, dict[str | None, str]] = {}
    for name in names:
        video, copy = video_and_detector(name)
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


def info_without_file(folder: Path, frame_rate: float) -> SequenceInfo:
    """What `seqinfo.ini` would say of a sequence that was published without one, as 2DMOT2015 was.

    Raises:
        FileNotFoundError: there is no image in `img1/`.
        MotFormatError: no image is readable.
    """
    images = folder / "img1"
    names = sorted(path for path in images.glob("[!.]*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not names:
        raise FileNotFoundError(f"{images}: holds no image; sequence {folder.name} needs its images there")
    return SequenceInfo(
        name=folder.name,
        frame_rate=frame_rate,
        length=len(names),
        image_size=first_size(names)[1],
        image_extension=names[0].suffix,
    )


def check_frame_rate(frame_rate: FrameRate) -> None:
    """Refuse what is no number of frames per second; None means that the data say it.

    Raises:
        ValueError: naming what was given.
    """
    rates = frame_rate.values() if isinstance(frame_rate, Mapping) else [frame_rate]
    for rate in rates:
        if rate is not None and not (isinstance(rate, int | float) and 0 < rate < float("inf")):
            raise ValueError(f"frame_rate is {frame_rate!r}; a positive number of frames per second is needed")


def rate_of(frame_rate: FrameRate, sequence: str) -> float | None:
    """The frame rate that is stated for a sequence; None where there is none."""
    if not isinstance(frame_rate, Mapping):
        return frame_rate
    return frame_rate.get(sequence, frame_rate.get(video_of(sequence)))


def first_size(images: Sequence[Path]) -> tuple[Path, tuple[int, int]]:
    """The first image that has a readable header, and its height and width.

    Raises:
        MotFormatError: none has.
    """
    for image in images:
        headers = read_headers([image], image.name)
        if not headers.faults:
            height, width = headers.sizes[0].tolist()
            return image, (height, width)
    raise MotFormatError(f"{images[0].parent}: none of its {len(images)} images is readable; replace the files")


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
