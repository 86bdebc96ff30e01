"""A plain folder of videos, each with its MOTChallenge text file: frames are taken out once, then read as MOT.

    clips/a.mp4   clips/a.txt  or  clips/gt/a.txt   ->   clips/frames/KEY/a/{img1/, gt/gt.txt, seqinfo.ini}

KEY changes with the content of the video, so a new cut never meets old frames.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import cv2

from fairmot_pl.data.content_key import content_key
from fairmot_pl.data.mot import read_sequence
from fairmot_pl.data.mot_layout import check_frame_rate
from fairmot_pl.data.progress import progress
from fairmot_pl.data.splits import check_split, take_part
from fairmot_pl.data.video_frames import Image, decode_frames, read_video_header, upright_pixels
from fairmot_pl.files import read_text, write_text
from fairmot_pl.mot_format import MotFormatError
from fairmot_pl.seqinfo import SequenceInfo, write_seqinfo
from fairmot_pl.structures import AnnotatedSequence

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".ts"})

_LAYOUT = "ROOT/NAME.mp4 (or .avi, .mkv, .mov, ...) with ROOT/NAME.txt or ROOT/gt/NAME.txt"
_SAMPLES, _SAMPLE_BYTES = 16, 1 << 16


def read_videos(
    root: Path | str,
    *,
    split: str | Mapping[str, Any] = "full",
    sequences: Sequence[str] | None = None,
    cache: str = "frames",
    quality: int = 95,
    frame_rate: float | None = None,
) -> list[AnnotatedSequence]:
    """Read every video of a folder that has its text file, sorted by name.

    Frames are numbered from 1 as they come out of the decoder, upright even where the file only says to turn
    them. Stopping in the midst loses nothing: the next start goes on where this one was.

    Args:
        root: the folder of videos.
        split: as for MOTChallenge sequences; see `fairmot_pl.data.splits`.
        sequences: names of videos (without suffix) to read; all by default.
        cache: where frames go, below the root or absolute.
        quality: of the JPEG files, 1 to 100.
        frame_rate: frames per second, where the file does not say or says it wrong.

    Raises:
        FileNotFoundError: no root, no video in it, or a video without its text file.
        MotFormatError: a text file contradicts itself or its video.
        ValueError: a video that cannot be decoded, an unknown name or option.
        OSError: frames cannot be written.
    """
    root = Path(root)
    check_split(split)
    check_frame_rate(frame_rate)
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is {quality}; allowed: 1 to 100")
    read = []
    for folder, truth in frame_folders(root, sequences, cache=cache, quality=quality, frame_rate=frame_rate):
        sequence = read_sequence(folder, truth=truth)
        read.append(replace(sequence, frame_rate=frame_rate) if frame_rate else sequence)
    return take_part(read, split)


def frame_folders(
    root: Path,
    sequences: Sequence[str] | None = None,
    *,
    cache: str = "frames",
    quality: int = 95,
    frame_rate: float | None = None,
) -> list[tuple[Path, Path]]:
    """Take out the frames of every video that are not out yet.

    Returns:
        The MOTChallenge folder of each, and its text file; see `read_videos` for the rest.
    """
    found = []
    for video, truth in _find(root, sequences):
        found.append((take_apart(video, truth, Path(root, cache), quality=quality, frame_rate=frame_rate), truth))
    return found


def take_apart(video: Path, truth: Path, cache: Path, *, quality: int = 95, frame_rate: float | None = None) -> Path:
    """Take out the frames of one video, where they are not out yet; returns its MOTChallenge folder.

    Raises:
        ValueError: it cannot be decoded, or does not say its frame rate; its text file is no UTF-8.
        OSError: frames cannot be written.
    """
    key = content_key(video, pieces=_SAMPLES, piece_bytes=_SAMPLE_BYTES, made=str(quality))
    folder = cache.expanduser() / key[:12] / video.stem
    _extract(video, folder, quality, frame_rate)
    _put_beside(truth, folder)
    return folder


def _find(root: Path, wanted: Sequence[str] | None) -> list[tuple[Path, Path]]:
    """Videos and their text files."""
    found = find_videos(root, wanted)
    for first, *others in found.values():
        if others:
            raise ValueError(f"{others[0]}: there is {first.name} too; videos need different names")
    return [(path, find_truth(path)) for (path,) in found.values()]


def find_videos(root: Path, wanted: Sequence[str] | None = None) -> dict[str, list[Path]]:
    """The videos of a folder by their name without suffix, which should be of one file.

    Raises:
        FileNotFoundError: no folder, or no video in it.
        ValueError: a name in `wanted` that no video has.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; expected {_LAYOUT}")
    videos: dict[str, list[Path]] = {}
    for path in sorted(root.iterdir()):
        if path.suffix.lower() in VIDEO_SUFFIXES and path.name[0] != "." and path.is_file():
            videos.setdefault(path.stem, []).append(path)
    if not videos:
        raise FileNotFoundError(f"{root}: holds no video; expected {_LAYOUT}")
    for name in wanted or ():
        if name not in videos:
            near = get_close_matches(str(name), videos, n=1)
            hint = f"; nearest is {near[0]}" if near else ""
            raise ValueError(f"{root}: has no video {name!r}{hint}; there are {', '.join(videos)}")
    return {name: paths for name, paths in videos.items() if wanted is None or name in wanted}


def find_truth(video: Path) -> Path:
    """The text file of a video, beside it or in `gt/`.

    Raises:
        FileNotFoundError: there is none.
        ValueError: there are two.
    """
    places = (video.with_suffix(".txt"), video.parent / "gt" / f"{video.stem}.txt")
    found = [path for path in places if path.is_file()]
    if not found:
        raise FileNotFoundError(
            f"{places[0]}: no such file, nor is there {places[1]}; {video.name} needs its boxes in one of them, "
            "or leave the video out with sequences=[...]"
        )
    if len(found) == 2:
        raise ValueError(f"{found[0]}: there is {found[1]} too; delete the one that does not hold")
    return found[0]


def _extract(video: Path, folder: Path, quality: int, frame_rate: float | None) -> None:
    """Write `img1/` and, when it is whole, `seqinfo.ini`. Several processes may do so at once."""
    if (folder / "seqinfo.ini").is_file():
        return
    header = read_video_header(video)
    rate = frame_rate or header.frame_rate
    if not rate:
        raise ValueError(f"{video}: does not say its frame rate; say frame_rate=... beside format and path")
    images = folder / "img1"
    _make(images)
    size, number = (0, 0), 0
    frames = progress(decode_frames(video), f"taking frames out of {video.name}", header.frame_count)
    for number, frame in enumerate(frames, start=1):
        target = images / f"{number:06d}.jpg"
        if number == 1 or not target.is_file():
            pixels = upright_pixels(frame)
            if number > 1 and pixels.shape[:2] != size:
                raise ValueError(f"{video}: frame {number} is of another size than the first; re-encode the video")
            size = (pixels.shape[0], pixels.shape[1])
            _write_jpeg(target, pixels, quality)
    if header.frame_count and number < header.frame_count:
        warnings.warn(f"{video}: ends after frame {number} of {header.frame_count}; is it cut off?", stacklevel=3)
    write_seqinfo(folder / "seqinfo.ini", SequenceInfo(video.stem, rate, number, size))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{folder}: cannot be made ({error.strerror}); choose a folder for frames with cache=..."
        ) from error


def _write_jpeg(target: Path, pixels: Image, quality: int) -> None:
    """Write by renaming, so that what has its name is whole."""
    done, content = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    scratch = None
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as stream:
            scratch = stream.name
            stream.write(content.tobytes())
        os.replace(scratch, target)
    except BaseException as error:
        if scratch is not None:
            Path(scratch).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(
                f"{target} could not be written: {error.strerror}; free space or choose another cache=..."
            ) from error
        raise


def _put_beside(truth: Path, folder: Path) -> None:
    """The ground truth where whoever evaluates the sequence looks for it."""
    target, text = folder / "gt" / "gt.txt", read_text(truth, MotFormatError)
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        write_text(target, text)
