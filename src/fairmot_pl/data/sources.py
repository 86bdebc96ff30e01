"""Data sets by description: what a recipe lists becomes annotated sequences."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

from fairmot_pl.data.coco import read_coco
from fairmot_pl.data.crowdhuman import read_crowdhuman
from fairmot_pl.data.jde import read_jde
from fairmot_pl.data.mot import read_mot_folder
from fairmot_pl.data.videos import read_videos
from fairmot_pl.structures import AnnotatedSequence

Reader: TypeAlias = Callable[..., list[AnnotatedSequence] | AnnotatedSequence]
"""Takes a root and the options of its format as keywords."""

_READERS: Mapping[str, Reader] = {
    "mot": read_mot_folder,
    "synthetic": read_mot_folder,  # rendered videos are written in MOTChallenge layout
    "crowdhuman": read_crowdhuman,
    "jde": read_jde,
    "coco": read_coco,
    "videos": read_videos,
}

OWN_KEYS = ("format", "path", "clip_boxes")
"""Keys of a description that are not for its reader."""


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """One data set of a recipe.

    Args:
        name: unique within the recipe; identities of different data sets never merge.
        sequences: what its reader found.
        clip_boxes: cut training boxes at the border of the network input. For MOT20, whose annotations end at
            the image border; boxes of all other sets reach outside and stay whole.
    """

    name: str
    sequences: tuple[AnnotatedSequence, ...]
    clip_boxes: bool = False


def read_sources(sources: Mapping[str, Mapping[str, Any]], root: Path | str) -> list[DataSource]:
    """Read every data set of a recipe, in its order.

    Args:
        sources: name to description; see `read_source`.
        root: folder that relative paths start from.

    Raises:
        ValueError: a description is not understood. Readers raise their own errors.
    """
    return [
        DataSource(
            name=name,
            sequences=tuple(read_source(source, Path(root), name=name)),
            clip_boxes=bool(source.get("clip_boxes", False)),
        )
        for name, source in sources.items()
    ]


def read_source(source: Mapping[str, Any], root: Path, *, name: str = "") -> list[AnnotatedSequence]:
    """Read one data set.

    Args:
        source: `{"format": "mot" | "synthetic" | "crowdhuman" | "jde" | "coco" | "videos", "path": folder}`
            and the keywords of that format's reader, for example `split`; `clip_boxes` is left to `DataSource`.
        root: folder that a relative path starts from.
        name: of the data set, for messages.

    Raises:
        FileNotFoundError: there is no such folder, or the reader misses something in it.
        ValueError: an unknown format or option; the nearest known one is named.
    """
    where = f"data set {name!r}" if name else "data source"
    kind, reader = str(source.get("format")), find_reader(source, where)
    parameters = inspect.signature(reader).parameters.values()
    known = {parameter.name: parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    options = {key: value for key, value in source.items() if key not in OWN_KEYS}
    for key in options:
        if key not in known:
            allowed = (*OWN_KEYS, *known)
            raise ValueError(
                f"{where}: format {kind!r} has no option {key!r}; allowed: {', '.join(allowed)}{_nearest(key, allowed)}"
            )
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key not in options:
            raise ValueError(f"{where}: format {kind!r} needs the option {key!r}; add it beside format and path")
    folder = Path(root, source.get("path", ".")).expanduser()
    try:
        sequences = reader(folder, **options)
    except FileNotFoundError as error:
        if folder.exists():
            raise
        raise FileNotFoundError(f"{error}; data.root=FOLDER says where the data lies") from error
    return [sequences] if isinstance(sequences, AnnotatedSequence) else sequences


def find_reader(source: Mapping[str, Any], where: str) -> Reader:
    """The reader of a description's format.

    Args:
        source: the description.
        where: what to call it in messages.

    Raises:
        ValueError: an unknown format; the nearest known one is named.
    """
    kind = str(source.get("format"))
    if kind not in _READERS:
        raise ValueError(f"{where}: format is {kind!r}; allowed: {', '.join(_READERS)}{_nearest(kind, _READERS)}")
    return _READERS[kind]


def _nearest(given: Any, names: Iterable[str]) -> str:
    near = get_close_matches(str(given), names, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
