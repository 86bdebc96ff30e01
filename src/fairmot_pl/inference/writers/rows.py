"""Text of tracks, appended frame by frame in whole lines: MOTChallenge rows, CSV, JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fairmot_pl.boxes import xyxy_to_tlwh
from fairmot_pl.mot_format import mot_lines, number_text, track_rows
from fairmot_pl.structures import Tracks

CSV_COLUMNS = ("frame", "time", "id", "left", "top", "width", "height", "score", "class")


class LineFile:
    """A text file that grows by whole lines, each handed to the system at once: nothing waits in this process.

    Args:
        path: the file; it is made anew.
        header: its first lines.

    Raises:
        OSError: it cannot be written (disk full, no permission); the message names it.
    """

    def __init__(self, path: Path, header: str = "") -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise self._failed(error) from error
        self.append(header)

    def append(self, lines: str) -> None:
        """Write some lines, each with its end."""
        content = memoryview(lines.encode("utf-8"))
        try:
            while content:
                content = content[self._file.write(content) or 0 :]
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the file; it may be closed again."""
        self._file.close()

    def _failed(self, error: OSError) -> OSError:
        reason = error.strerror or error
        return OSError(f"{self.path} could not be written: {reason}; free space or choose another folder")


class TrackFile(LineFile):
    """A file of tracks; `name_of` in `TRACK_FORMATS` says which there are.

    Args:
        path: the file.
        lines: text of the tracks of one frame, out of frame number, seconds and tracks.
        header: its first lines.
    """

    def __init__(self, path: Path, lines: Callable[[int, float, Tracks], str], header: str = "") -> None:
        self._lines = lines
        super().__init__(path, header)

    def write(self, number: int, time: float, tracks: Tracks) -> None:
        """Append the tracks of a frame, boxes in image pixels."""
        self.append(self._lines(number, time, tracks))


def open_track_file(kind: str, folder: Path, name: str) -> TrackFile:
    """Begin a file of a kind in `TRACK_FORMATS`, called after the source."""
    suffix, lines, header = TRACK_FORMATS[kind]
    return TrackFile(folder / f"{name}{suffix}", lines, header)


def csv_line(cells: Iterable[Any]) -> str:
    """One line of CSV; numbers as in MOTChallenge files, text quoted where it must be."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(
        number_text(float(cell)) if isinstance(cell, int | float) else cell for cell in cells
    )
    return line.getvalue()


def mot_text(number: int, time: float, tracks: Tracks) -> str:
    """`frame,id,left,top,width,height,score,-1,-1,-1`, a line a box."""
    return mot_lines(track_rows(number, tracks))


def csv_text(number: int, time: float, tracks: Tracks) -> str:
    """`CSV_COLUMNS`, a line a box."""
    boxes = xyxy_to_tlwh(tracks.boxes).tolist()
    values = zip(tracks.ids.tolist(), boxes, tracks.scores.tolist(), tracks.classes.tolist(), strict=True)
    return "".join(csv_line((number, time, identity, *box, score, kind)) for identity, box, score, kind in values)


def json_text(number: int, time: float, tracks: Tracks) -> str:
    """One JSON object a frame, also for one without tracks; boxes are left, top, width, height in pixels."""
    boxes = xyxy_to_tlwh(tracks.boxes).round(4).tolist()
    values = zip(tracks.ids.tolist(), boxes, tracks.scores.tolist(), tracks.classes.tolist(), strict=True)
    found = [
        {"id": identity, "box": box, "score": round(score, 4), "class": kind} for identity, box, score, kind in values
    ]
    return json.dumps({"frame": number, "time": round(time, 4), "tracks": found}) + "\n"


TRACK_FORMATS: dict[str, tuple[str, Callable[[int, float, Tracks], str], str]] = {
    "mot": (".txt", mot_text, ""),
    "csv": (".csv", csv_text, csv_line(CSV_COLUMNS)),
    "jsonl": (".jsonl", json_text, ""),
}
"""Ending, text of a frame, and header of each kind of file."""
