"""From what stands behind `source=` to sources of frames."""

from __future__ import annotations

import glob
import itertools
from collections.abc import Sequence
from pathlib import Path

from fairmot_pl.inference.sources.folder import ImageSource, is_image, open_folder
from fairmot_pl.inference.sources.frame import FrameSource, check_frame_rate, chosen_frame_rate
from fairmot_pl.inference.sources.live import LiveSource, is_address
from fairmot_pl.inference.sources.video import VideoSource

RECONNECT_SECONDS = 60.0


def open_sources(
    given: int | str | Path | Sequence[int | str],
    *,
    frame_rate: float | None = None,
    reconnect_seconds: float = RECONNECT_SECONDS,
) -> list[FrameSource]:
    """Open one source or many, and give each a name of its own.

    Args:
        given: a path, a glob, a camera number or a network address, or several of them. A glob of images is one
            source, a glob of anything else a source each.
        frame_rate: frames per second; overrides what the sources say.
        reconnect_seconds: for cameras and streams; see `LiveSource`.

    Raises:
        FileNotFoundError: nothing there, or nothing that a glob matches.
        ValueError: an empty folder, a file that is no video, a senseless frame rate.
        OSError: no such camera, or nothing that answers.
    """
    check_frame_rate(frame_rate)
    several = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if not several:
        raise ValueError("source is an empty list; give a file, a folder, a glob, a camera number or an address")
    sources: list[FrameSource] = []
    for one in several:
        sources += _open(one, frame_rate, reconnect_seconds)
    _name_apart(sources)
    return sources


def _open(given: int | str | Path, frame_rate: float | None, reconnect_seconds: float) -> list[FrameSource]:
    text = str(given)
    if isinstance(given, int) or (isinstance(given, str) and text.isdecimal()):
        return [LiveSource(int(given), frame_rate=frame_rate, reconnect_seconds=reconnect_seconds)]
    if is_address(text):
        return [LiveSource(text, frame_rate=frame_rate, reconnect_seconds=reconnect_seconds)]
    path = Path(text).expanduser()
    if path.exists() or not glob.has_magic(text):
        return [_open_path(path, frame_rate)]
    found = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
    found = [match for match in found if not match.name.startswith(".")]
    if not found:
        raise FileNotFoundError(f"{text}: nothing matches; quote the pattern so that the shell leaves it alone")
    images = [match for match in found if is_image(match)]
    if len(images) == len(found):
        rate = chosen_frame_rate(text, frame_rate, None)
        name = Path(images[0]).absolute().parent.name or "images"
        return [ImageSource(images, name=name, address=text, frame_rate=rate)]
    if images:
        raise ValueError(f"{text}: matches images ({images[0].name}) and others; images are frames of one source")
    return [_open_path(match, frame_rate) for match in found]


def _open_path(path: Path, frame_rate: float | None) -> FrameSource:
    if path.is_dir():
        return open_folder(path, frame_rate=frame_rate)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file or folder; give a video, a folder of images, a MOTChallenge sequence, a glob, "
            "a camera number such as 0 or an address such as rtsp://HOST/PATH"
        )
    return VideoSource(path, frame_rate=frame_rate)


def _name_apart(sources: Sequence[FrameSource]) -> None:
    """Files are called after their sources: the second `a` becomes `a-2`."""
    taken: set[str] = set()
    for source in sources:
        names = itertools.chain([source.name], (f"{source.name}-{count}" for count in itertools.count(2)))
        source.name = next(name for name in names if name.casefold() not in taken)
        taken.add(source.name.casefold())
