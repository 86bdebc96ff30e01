"""MOTChallenge folders as they are, sound or not: `seqinfo.ini`, names of images, rows of `gt.txt`."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.rows import LARGEST, LabelRows, RawTable, read_table, without_second_copy
from fairmot_pl.data.audit.sequence import AuditedSequence
from fairmot_pl.data.headers import IMAGE_SUFFIXES
from fairmot_pl.data.mot import PEDESTRIAN, has_class_column

USUAL_RATES = (1.0, 240.0)
"""Frames per second of ordinary video."""

MAX_RATE = 1000.0
"""No camera for people takes more frames per second; it is a frame time in microseconds, or a slip of the pen."""


@dataclass(frozen=True)
class Header:
    """What could be read of a `seqinfo.ini`; 0 or the benchmark's default where it says nothing of use."""

    path: Path
    frame_rate: float = 0.0
    length: int = 0
    size: tuple[int, int] = (0, 0)
    folder: str = "img1"
    extension: str = ".jpg"
    lines: tuple[tuple[str, int], ...] = ()

    def line(self, key: str) -> list[int]:
        """The line of a key, for a message."""
        return [line for name, line in self.lines if name == key.lower()]


def scan_mot_sequence(
    folder: Path, findings: Findings, *, truth: Path | None = None, frame_rate: float | None = None
) -> AuditedSequence:
    """Read a sequence folder and report what can be told without opening its images.

    Args:
        folder: holds the images, `seqinfo.ini` and `gt/gt.txt`.
        findings: where to.
        truth: the ground truth, where it lies elsewhere.
        frame_rate: frames per second of a sequence that was published without `seqinfo.ini`, as MOT15 was.
    """
    ini = folder / "seqinfo.ini"
    if frame_rate is not None and not ini.is_file():
        header = Header(ini, frame_rate, extension=_extension(folder / "img1"))
    else:
        header = read_header(ini, findings)
    frames, images = _list_images(folder, header, findings)
    last = int(frames.max(initial=0))
    if header.length and last and header.length != last:
        found = f"seqLength is {header.length}, the last image is frame {last}"
        findings.add("sequence-length", header.path, found, lines=header.line("seqLength"))
    rows = _people(truth or folder / "gt" / "gt.txt", max(header.length, last), findings)
    return AuditedSequence(
        name=folder.name,
        file=folder,
        images=images,
        frames=frames,
        said_sizes=np.tile(np.array(header.size, np.int64), (len(frames), 1)),
        size_file=header.path,
        rows=rows,
        frame_rate=header.frame_rate,
    )


def read_header(path: Path, findings: Findings) -> Header:
    """Read a `seqinfo.ini` key by key; every key that is missing or makes no sense is reported."""
    try:
        texts = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        findings.add("seqinfo", path, "no such file" if isinstance(error, FileNotFoundError) else str(error))
        return Header(path)
    given: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, text in enumerate(texts, start=1):
        key, *value = re.split("[=:]", text, maxsplit=1)  # as `configparser` has it
        if value and not key.lstrip().startswith(("#", ";")):
            given[key.strip().lower()], lines[key.strip().lower()] = value[0].strip(), number
    if not any(text.strip() == "[Sequence]" for text in texts):
        findings.add("seqinfo", path, "has no line [Sequence]")

    def number_of(key: str, check: str = "seqinfo") -> float:
        text = given.get(key.lower())
        try:
            value = float(text) if text is not None else math.nan
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            found = f"{key} is missing" if text is None else f"{key} is {text!r}, a positive number is needed"
            findings.add(check, path, found, lines=[lines.get(key.lower(), 0)])
            return 0.0
        return value

    rate = number_of("frameRate", "frame-rate")
    if rate > MAX_RATE:
        found = f"frameRate is {rate:g} frames per second, at most {MAX_RATE:g} are allowed"
        findings.add("frame-rate", path, found, lines=[lines["framerate"]])
    elif rate and not USUAL_RATES[0] <= rate <= USUAL_RATES[1]:
        findings.add("odd-frame-rate", path, f"frameRate is {rate:g} frames per second", lines=[lines["framerate"]])
    length, height, width = (int(number_of(key)) for key in ("seqLength", "imHeight", "imWidth"))
    size = (height, width) if height and width else (0, 0)
    folder, extension = given.get("imdir") or "img1", given.get("imext") or ".jpg"
    return Header(path, rate, length, size, folder, extension, tuple(lines.items()))


def _extension(images: Path) -> str:
    """That of the first image, for want of `seqinfo.ini`."""
    found = sorted(path for path in images.glob("[!.]*") if path.suffix.lower() in IMAGE_SUFFIXES)
    return found[0].suffix if found else ".jpg"


def _list_images(folder: Path, header: Header, findings: Findings) -> tuple[NDArray[np.int64], tuple[Path, ...]]:
    """Frame numbers, ascending, and their files."""
    images = folder / header.folder
    names = sorted(name for name in os.listdir(images) if name[0] != ".") if images.is_dir() else []
    pictures = [name for name in names if name.lower().endswith(header.extension.lower())]
    if not pictures:
        others = sorted({Path(name).suffix for name in names} & set(IMAGE_SUFFIXES))
        found = f"holds no {header.extension} image" + (f", but {', '.join(others)}" if others else "")
        findings.add("no-images", images, found if images.is_dir() else "no such folder")
        return np.zeros(0, np.int64), ()
    numbered: dict[int, Path] = {}
    for name in pictures:
        stem = Path(name).stem
        if stem.isdecimal() and int(stem) > 0 and int(stem) not in numbered:
            numbered[int(stem)] = images / name
        else:
            number = int(stem) if stem.isdecimal() else None
            why = "is no frame number" if number is None else "is counted from 0" if number == 0 else "is there twice"
            findings.add("image-name", images, f"{name} {why}")
    frames = np.array(sorted(numbered), np.int64)
    missing = np.setdiff1d(np.arange(1, frames.max(initial=0) + 1), frames)
    if len(missing):
        findings.add("frame-without-image", images, f"frame {missing[0]} has no image", count=len(missing))
    return frames, tuple(numbered[frame] for frame in frames.tolist())


def _people(path: Path, length: int, findings: Findings) -> LabelRows:
    """The rows that a reader would take for people, less those that are no rows at all."""
    if not path.is_file():
        findings.add("missing-labels", path, "no such file")
        return LabelRows.empty(path)
    table = without_second_copy(read_table(path, findings), path, findings)
    values = table.values
    frame, identity = values[:, 0], values[:, 1]
    bad_frame = (frame < 1) | (frame > LARGEST) | (frame != np.floor(frame))
    bad_id = (identity < -1) | (identity > LARGEST) | (identity != np.floor(identity))
    _report_cells(findings, path, table, "frame-number", bad_frame, 0, "frame is {value:g}")
    _report_cells(findings, path, table, "bad-id", bad_id & ~bad_frame, 1, "id is {value:g}")
    beyond = (frame > length) & ~bad_frame if length else np.zeros(len(frame), bool)
    found = "frame {value:g} of a sequence of " + str(length)
    _report_cells(findings, path, table, "row-beyond-end", beyond, 0, found)
    person, visibility = _people_of(path, values)
    if not len(values) and not any(each.file == path for each in findings):
        findings.add("no-rows", path, "holds no row: nobody is in the whole sequence")
    if len(values) and not person.any():
        findings.add("no-people", path, f"none of {len(values)} rows is a person")
    _report_cells(
        findings,
        path,
        table,
        "odd-visibility",
        person & (visibility > 1),
        min(8, values.shape[1] - 1),
        "visibility is {value:g}",
    )
    kept = person & ~bad_frame & ~bad_id & ~beyond
    return LabelRows(
        files=(path,),
        file=np.zeros(int(kept.sum()), np.int64),
        line=table.lines[kept],
        frames=frame[kept].astype(np.int64),
        ids=identity[kept].astype(np.int64),
        boxes=values[kept, 2:6],
        visibility=np.where(visibility < 0, 1.0, visibility)[kept].clip(0, 1),
    )


def _people_of(path: Path, values: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which rows are people, and how much of each is visible."""
    person = np.ones(len(values), bool)
    visibility = np.ones(len(values))
    if values.shape[1] > 6:
        person &= values[:, 6] != 0
    if values.shape[1] > 7 and _has_class_column(path):
        person &= values[:, 7] == PEDESTRIAN
        if values.shape[1] > 8:
            visibility = values[:, 8]
    return person, visibility


def _has_class_column(path: Path) -> bool:
    try:
        return has_class_column(path)
    except UnicodeDecodeError:
        return False


def _report_cells(
    findings: Findings,
    path: Path,
    table: RawTable,
    check: str,
    which: NDArray[np.bool_],
    column: int,
    found: str,
) -> None:
    if which.any():
        row = np.flatnonzero(which)[0]
        findings.add(check, path, found.format(value=table.values[row, column]), lines=table.lines[which])
