"""What an audit can find, how grave it is and how to mend it; and what it has found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""Gravest first: training goes wrong or stops, somebody should look, worth knowing."""

MAX_LINES = 100
"""So many lines of a finding are kept; its count is of all."""


MAX_FILES = 10
"""So many files with the same kind of fault are printed; the JSON document has all."""


@dataclass(frozen=True)
class Check:
    """One kind of fault: how grave it is, and what to do about it."""

    severity: Severity
    mend: str


CHECKS: dict[str, Check] = {
    # the files of a set
    "missing-data": Check("error", "correct data.root or the source's path, or download the missing part"),
    "missing-labels": Check("error", "put the label file there, or leave the sequence out with sequences=[...]"),
    "missing-image": Check("error", "restore the image, or delete the entry that names it"),
    "label-without-image": Check("error", "restore the image, or delete the label file"),
    "no-images": Check("error", "put the images there, or correct imDir and imExt in seqinfo.ini"),
    "image-name": Check("error", "name images by their frame number from 1, such as 000001.jpg"),
    "detector-copies": Check("error", "use one copy of each MOT17 video: detector: auto, or one copy in the list file"),
    "unreadable-video": Check("error", "re-encode or replace the video, or leave it out with sequences=[...]"),
    "video-twice": Check("error", "keep one of the two files: a video and its labels go by their name"),
    # seqinfo.ini
    "seqinfo": Check(
        "error", "write it with [Sequence], frameRate, seqLength, imWidth, imHeight, or say frame_rate for the source"
    ),
    "sequence-length": Check("error", "set seqLength to the number of images, or complete the images"),
    "image-size": Check("error", "state the size that the image has, or restore the original image"),
    "frame-rate": Check("error", "set frameRate to the frames per second of the video"),
    "odd-frame-rate": Check("warning", "check frameRate: the tracker's memory and motion model count in frames"),
    # images
    "empty-image": Check("error", "download or extract the image again: the file has no content"),
    "unreadable-image": Check("error", "replace the file: it is no image that can be decoded"),
    "truncated-image": Check("error", "download or extract the image again: its end is missing"),
    "damaged-image": Check("warning", "look at it, and download or extract it again: a part of it is rubbish"),
    "exif-rotation": Check("warning", "store the pixels upright without the note; label tools show the image rotated"),
    "frame-without-image": Check("error", "restore the image; frames are numbered from 1 without gaps"),
    # rows
    "unreadable-labels": Check("error", "restore the file: it cannot be understood as a label file"),
    "not-a-number": Check("error", "mend or delete the line: every cell is a finite number"),
    "column-count": Check("error", "mend the line: it was cut, or rows of two formats are mixed"),
    "frame-number": Check("error", "frames are whole numbers from 1"),
    "bad-id": Check("error", "ids are whole numbers; -1 stands for an unknown person, nothing else is negative"),
    "unknown-identity": Check("info", "nothing to mend: boxes with id -1 train detection only"),
    "no-people": Check("error", "check columns 7 (flag, 0 is ignored) and 8 (class, 1 is a person)"),
    "no-rows": Check("warning", "label the people, or leave the sequence out: its images teach that nobody is there"),
    "rows-twice": Check("error", "delete the repeated rows: the file was written twice, in append mode"),
    "duplicate-row": Check("error", "keep one of the rows: an id names one person in a frame"),
    "row-beyond-end": Check("error", "delete the rows, or use the labels and seqLength of this cut of the video"),
    "empty-box": Check("error", "delete the row, or give the box its width and height"),
    "box-outside": Check("warning", "delete the row, or check the units: no part of the box is in the image"),
    "box-units": Check("error", "write left, top, width, height in pixels"),
    "odd-visibility": Check("warning", "write the visible share between 0 and 1"),
    "frame-without-rows": Check("warning", "label the frames, or cut them out: people are in view before and after"),
    "id-jump": Check("warning", "check the rows: the id changes from one person to another"),
    "id-swap": Check("warning", "exchange the two ids from that frame on: two people have taken each other's"),
    "identity-explosion": Check("error", "give a person one id in all frames: a counter ran over frame-major rows"),
    # results for an evaluation server
    "result-missing": Check("error", "track it: every sequence is wanted"),
    "result-extra": Check(
        "error", "take the file out of the folder, or ask for its part with split=train or split=all"
    ),
    "result-copies": Check("error", "leave one copy of the video, or track all three"),
    "result-columns": Check(
        "error", "write frame,id,left,top,width,height,confidence,-1,-1,-1: ten values with commas"
    ),
    "result-id": Check("error", "ids are whole numbers from 1: add 1 to all where they count from 0, leave -1 out"),
    "result-frame": Check("error", "delete the rows, or track the sequence as it was published"),
    "row-order": Check("error", "sort the rows by frame"),
    "result-empty": Check("warning", "look at the sequence: an empty file counts every person as missed"),
    "result-far": Check(
        "warning", "look at the track: coordinates are pixels of the original image, left and top first"
    ),
    "result-ids": Check(
        "warning", "check the tracker: with one id a box nobody is tracked, and HOTA and IDF1 are near 0"
    ),
    # other formats
    "bad-entry": Check("error", "mend the entry: a key is missing or holds something else"),
    "entry-twice": Check("error", "delete one of the two entries"),
    "dangling-label": Check("error", "delete the label, or add what it points at"),
    "reader-refuses": Check("error", "do what the message says: training refuses the data with it"),
    # training against validation
    "same-footage": Check("error", "take the video out of training or of validation"),
    "near-duplicate": Check("error", "look at both: the same scene in training and validation flatters the figures"),
    "same-frames": Check("warning", "measure on frames that were not trained on, for instance data=mot17_half"),
    "same-data": Check("info", "nothing to mend if it is to show that the set can be learnt; the figures measure fit"),
    "repeated-footage": Check("warning", "leave one of them out: these images count twice in training"),
    "shared-identities": Check("info", "nothing to mend if halves are meant; re-ID is measured on people trained on"),
}
"""Every kind of fault by name."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault in one file.

    Args:
        check: its name in `CHECKS`.
        file: where it is: a label file, an image or a folder.
        found: what it is there, of the first occurrence.
        lines: the lines of a text file, ascending, at most `MAX_LINES`; empty where a file has none.
        count: how often it occurs in the file.
        remedy: what to do about it, where that depends on the format.
    """

    check: str
    file: Path
    found: str
    lines: tuple[int, ...] = ()
    count: int = 1
    remedy: str = ""

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return CHECKS[self.check].severity

    @property
    def mend(self) -> str:
        """What to do about it."""
        return self.remedy or CHECKS[self.check].mend

    def where(self, root: Path) -> str:
        """`file:line`, below `root` where it is there."""
        if self.file == root:
            return str(root)
        path = self.file.relative_to(root) if self.file.is_relative_to(root) else self.file
        return f"{path}:{self.lines[0]}" if self.lines else str(path)

    def text(self) -> str:
        """What was found, and how often."""
        return self.found if self.count == 1 else f"{self.found} ({self.count} in all)"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "check": self.check,
            "severity": self.severity,
            "file": str(self.file),
            "line": self.lines[0] if self.lines else None,
            "lines": list(self.lines),
            "count": self.count,
            "found": self.found,
            "mend": self.mend,
        }


@dataclass
class Findings:
    """A list of findings, one a kind and file.

    Args:
        remedies: by check, what to do about it where that of `CHECKS` is for other commands.
    """

    remedies: Mapping[str, str] = field(default_factory=dict)
    _found: dict[tuple[str, Path], Finding] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Finding]:
        order = {severity: place for place, severity in enumerate(SEVERITIES)}
        names = {name: place for place, name in enumerate(CHECKS)}
        return iter(
            sorted(self._found.values(), key=lambda each: (order[each.severity], names[each.check], str(each.file)))
        )

    def __len__(self) -> int:
        return len(self._found)

    def add(
        self,
        check: str,
        file: Path,
        found: str,
        *,
        lines: Iterable[int] = (),
        count: int | None = None,
        remedy: str = "",
    ) -> None:
        """Take note of a fault; a further one of this kind in this file is counted.

        Args:
            check: a name in `CHECKS`.
            file: where it is.
            found: what is there, of the first.
            lines: lines of the file, 0 where there are none.
            count: how often; by default once a line, and once where there is no line.
            remedy: what to do about it, where that of `CHECKS` is for another format.
        """
        assert check in CHECKS, check
        remedy = remedy or self.remedies.get(check, "")
        numbers = sorted(int(line) for line in lines if line)
        new = Finding(check, file, found, tuple(numbers[:MAX_LINES]), count or max(1, len(numbers)), remedy)
        old = self._found.get((check, file))
        if old is not None:
            merged = tuple(sorted({*old.lines, *new.lines})[:MAX_LINES])
            new = Finding(check, file, old.found, merged, old.count + new.count, old.remedy)
        self._found[check, file] = new

    def counts(self) -> dict[str, int]:
        """Findings by severity."""
        counted = Counter(finding.severity for finding in self._found.values())
        return {severity: counted[severity] for severity in SEVERITIES}


def how_to_mend(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Each kind of fault and what to do about it, once, in the order of the findings."""
    return list(dict.fromkeys((each.check, each.mend) for each in findings))


def findings_text(findings: Sequence[Finding], root: Path) -> str:
    """A table of findings, `MAX_FILES` of a kind, and below it how to mend each kind."""
    if not findings:
        return "no fault was found"
    cells: list[tuple[str, str, str, str]] = []
    for check, group in groupby(findings, key=lambda each: each.check):
        same = list(group)
        cells += [(each.severity, check, each.where(root), each.text()) for each in same[:MAX_FILES]]
        if len(same) > MAX_FILES:
            cells.append((same[0].severity, check, "...", f"{len(same) - MAX_FILES} more files, see findings.json"))
    header = ("severity", "check", "file:line", "found")
    widths = [max(len(row[column]) for row in (header, *cells)) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in (header, *cells)
    ]
    mends = how_to_mend(findings)
    width = max(len(kind) for kind, _ in mends)
    mends_text = [f"{kind.ljust(width)}  {mend}" for kind, mend in mends]
    return "\n".join([*lines, "", "how to mend:", *mends_text])
