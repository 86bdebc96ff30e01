"""What is to be known about a MOTChallenge sequence beside its rows: `seqinfo.ini`, and what its name says."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass
from pathlib import Path

from fairmot_pl.files import read_text, write_text
from fairmot_pl.mot_format import MotFormatError

DETECTORS = ("SDP", "FRCNN", "DPM")
"""MOT17 holds every video three times, once a detector, with equal images and ground truth. Best first."""

_DETECTOR_COPY = re.compile(rf"(?P<video>.+)-(?P<detector>{'|'.join(DETECTORS)})")


@dataclass(frozen=True)
class SequenceInfo:
    """What `seqinfo.ini` says. `image_size` is `(height, width)` in pixels, `length` counts frames."""

    name: str
    frame_rate: float
    length: int
    image_size: tuple[int, int]
    image_folder: str = "img1"
    image_extension: str = ".jpg"


def read_seqinfo(path: Path | str) -> SequenceInfo:
    """Read a `seqinfo.ini`.

    Raises:
        FileNotFoundError: there is no such file.
        MotFormatError: a key is missing or is no sensible number; file and key are named.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; a MOTChallenge sequence needs its seqinfo.ini")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(path, MotFormatError), source=path.name)
        section = parser["Sequence"]
    except (configparser.Error, KeyError) as error:
        reason = " ".join(str(error).split())
        raise MotFormatError(f"{path}: needs one [Sequence] section with key=value lines ({reason})") from error

    def number(key: str) -> float:
        text = section.get(key)
        try:
            value = float(text) if text is not None else float("nan")
        except ValueError:
            value = float("nan")
        if not 0 < value < float("inf"):
            raise MotFormatError(f"{path}: {key} is {text!r}; a positive number is needed")
        return value

    return SequenceInfo(
        name=section.get("name", path.parent.name),
        frame_rate=number("frameRate"),
        length=int(number("seqLength")),
        image_size=(int(number("imHeight")), int(number("imWidth"))),
        image_folder=section.get("imDir", "img1"),
        image_extension=section.get("imExt", ".jpg"),
    )


def write_seqinfo(path: Path | str, info: SequenceInfo) -> None:
    """Write a `seqinfo.ini` in the order the benchmark uses."""
    height, width = info.image_size
    lines = [
        "[Sequence]",
        f"name={info.name}",
        f"imDir={info.image_folder}",
        f"frameRate={info.frame_rate:g}",
        f"seqLength={info.length}",
        f"imWidth={width}",
        f"imHeight={height}",
        f"imExt={info.image_extension}",
    ]
    write_text(path, "\n".join(lines) + "\n")


def video_of(name: str) -> str:
    """`MOT17-02` for `MOT17-02-SDP`; the name itself for a sequence without detector copies."""
    return video_and_detector(name)[0]


def video_and_detector(name: str) -> tuple[str, str | None]:
    """`MOT17-02-SDP` to (`MOT17-02`, `SDP`); (name, None) for a sequence without detector copies."""
    match = _DETECTOR_COPY.fullmatch(name)
    return (match["video"], match["detector"]) if match else (name, None)
