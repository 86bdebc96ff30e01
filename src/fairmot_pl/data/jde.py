"""The label form of JDE and FairMOT: `images/` beside `labels_with_ids/`, and lists of image paths.

Caltech, CityPersons, CUHK-SYSU, PRW and ETHZ are published so. A label file has a line `class id xc yc w h` a
box, normalised by the size of its image; id -1 trains detection only.
"""

from __future__ import annotations

import codecs
import os
import warnings
from collections.abc import Sequence
from itertools import compress
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.headers import IMAGE_SUFFIXES, read_headers, readable
from fairmot_pl.data.many_files import ask_many
from fairmot_pl.data.stills import FlatAnnotations
from fairmot_pl.files import decode_text, read_text
from fairmot_pl.mot_format import LARGEST_ID
from fairmot_pl.structures import UNKNOWN_IDENTITY, AnnotatedSequence

MISSING_LABELS = ("error", "empty")
COLUMNS = 6

_FARTHEST = 10.0  # image sizes: nobody is annotated so far outside, but pixels are not normalised

_Table = NDArray[np.float64]


class JdeFormatError(ValueError):
    """A list or label file that cannot be understood; the message names file, line and remedy."""


def read_jde(
    root: Path | str, *, lists: str | Sequence[str] | None = None, missing_labels: str = "error"
) -> AnnotatedSequence:
    """Read one data set of labels a file an image.

    Args:
        root: folder that the paths in the lists start from.
        lists: files of image paths, one a line, for example `lists/caltech.all`, below the root or absolute;
            without, every image in a folder `images` below the root.
        missing_labels: `"error"` refuses an image whose label file is not there; `"empty"` takes it for an
            image without people.

    Returns:
        Still images named after the first list, or after the root, numbered from 1 in the order of the lists.
        A few damaged ones are left out with a warning.

    Raises:
        FileNotFoundError: a list, an image or a label file is not there.
        JdeFormatError: a broken line; file and line are named.
        ValueError: an unknown option, or too many damaged images.
    """
    if missing_labels not in MISSING_LABELS:
        raise ValueError(f"missing_labels is {missing_labels!r}; allowed: {', '.join(map(repr, MISSING_LABELS))}")
    root = Path(root)
    named = [lists] if isinstance(lists, str) else list(lists or [])
    images = _listed(root, [Path(root, name).expanduser() for name in named]) if named else _below(root)
    name = Path(named[0]).name if named else root.resolve().name
    labels = [label_path(image) for image in images]
    tables = _read_labels(labels, name, missing_labels)
    headers = read_headers(images, name)
    remedy = "complete the data set or take it out of the list"
    sound = readable(headers, name, lambda place: str(images[place]), remedy)
    flat = _in_pixels(tables, labels, headers.sizes).of_images(sound)
    images = list(compress(images, sound))
    flat = _without_repeats(flat.without_zero_size(root, images), root, images)
    frames = flat.frames(images, headers.sizes[sound], (np.flatnonzero(sound) + 1).tolist())
    return AnnotatedSequence(name=name, frames=frames, frame_rate=1.0, is_video=False)


def label_path(image: Path) -> Path:
    """`a/images/b/1.png` to `a/labels_with_ids/b/1.txt`; of several folders `images` the last is meant.

    Raises:
        JdeFormatError: no folder of the path is named `images`.
    """
    parts = list(image.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels_with_ids"
            return Path(*parts).with_suffix(".txt")
    raise JdeFormatError(f"{image}: lies in no folder named images, so there is no labels_with_ids beside it")


def _listed(root: Path, lists: Sequence[Path]) -> list[Path]:
    """The images of some lists, each once."""
    images: dict[str, None] = {}
    count = 0
    for path in lists:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such list of images; put it there, or name it with lists=...")
        lines = read_text(path, JdeFormatError).splitlines()
        for number, line in enumerate(lines, start=1):
            text = line.strip()
            if not text:
                continue
            if PurePath(text).is_absolute() and not os.path.exists(text):
                raise JdeFormatError(
                    f"{path}, line {number}: {text} is not on this machine; "
                    f"shorten the lines of this list so that they start below {root}"
                )
            images[listed_image(root, text)] = None
            count += 1
    if not images:
        raise JdeFormatError(f"{', '.join(map(str, lists))}: holds no line; one image path a line is needed")
    if count > len(images):
        warnings.warn(f"{lists[0]}: {count - len(images)} images are listed twice and are read once", stacklevel=3)
    return [Path(image) for image in images]


def listed_image(root: Path, text: str) -> str:
    """The path that a line of a list means; backslashes of lists written on Windows separate folders."""
    path = os.path.join(root, text)
    return os.path.join(root, text.replace("\\", "/")) if "\\" in text and not os.path.exists(path) else path


def images_below(root: Path) -> list[Path]:
    """Every image in a folder `images` below the root, sorted; none where there is no such folder."""
    return sorted(
        Path(folder, name)
        for folder, _, names in os.walk(root, followlinks=True)
        if "images" in Path(folder).relative_to(root.parent).parts
        for name in names
        if os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES and name[0] != "."
    )


def _below(root: Path) -> list[Path]:
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; expected ROOT/images/ beside ROOT/labels_with_ids/")
    images = images_below(root)
    if not images:
        raise FileNotFoundError(f"{root}: no image in a folder named images below; name a list with lists=...")
    return images


def _read_labels(labels: Sequence[Path], name: str, missing_labels: str) -> list[_Table]:
    """`(boxes, 6)` rows of every label file, as they stand."""
    tables = ask_many(_read_table, labels, f"reading labels of {name}")
    missing = [path for path, table in zip(labels, tables, strict=True) if table is None]
    if missing and missing_labels == "error":
        raise FileNotFoundError(
            f"{name}: {len(missing)} of {len(labels)} images have no label file, the first is {missing[0]}; "
            "complete the labels, or say missing_labels=empty where these images hold nobody"
        )
    return [np.zeros((0, COLUMNS)) if table is None else table for table in tables]


def _read_table(path: Path) -> _Table | None:
    try:
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except FileNotFoundError:
        return None
    rows = [cells for cells in map(bytes.split, content.splitlines()) if cells]
    if all(len(cells) == COLUMNS for cells in rows):
        try:
            return np.array(rows, np.bytes_).astype(np.float64).reshape(-1, COLUMNS)
        except ValueError:
            pass
    raise _broken_line(path, content)


def _broken_line(path: Path, content: bytes) -> JdeFormatError:
    """What to say of the first line that is not six numbers."""
    for number, line in enumerate(decode_text(content, str(path), JdeFormatError).splitlines(), start=1):
        cells = line.split()
        try:
            sound = not cells or len([float(cell) for cell in cells]) == COLUMNS
        except ValueError:
            sound = False
        if not sound:
            return JdeFormatError(
                f"{path}, line {number}: {line.strip()!r} is not class id xc yc w h; mend or delete the line"
            )
    return JdeFormatError(f"{path}: is no text file of numbers; write it anew")


def _in_pixels(tables: Sequence[_Table], labels: Sequence[Path], sizes: NDArray[np.int64]) -> FlatAnnotations:
    counts = [len(table) for table in tables]
    rows = np.concatenate([np.zeros((0, COLUMNS)), *tables])
    bounds = np.cumsum([0, *counts])
    _check_rows(rows, bounds, labels)
    centre, size = rows[:, 2:4], rows[:, 4:]
    scale = np.repeat(sizes[:, ::-1], counts, axis=0)
    boxes = np.concatenate([(centre - size / 2) * scale, (centre + size / 2) * scale], axis=1)
    return FlatAnnotations(
        bounds=bounds,
        boxes=boxes.astype(np.float32),
        identities=rows[:, 1].astype(np.int64),
        classes=rows[:, 0].astype(np.int64),
        visibility=np.ones(len(rows), np.float32),
    )


def _check_rows(rows: _Table, bounds: NDArray[np.int64], labels: Sequence[Path]) -> None:
    names = rows[:, :2]
    whole = (names == np.floor(names)) & (names >= [0, UNKNOWN_IDENTITY]) & (names <= LARGEST_ID)
    near = np.abs(rows[:, 2:]) < _FARTHEST
    sound: NDArray[np.bool_] = np.all(whole, axis=1) & np.all(near, axis=1) & np.all(rows[:, 4:] >= 0, axis=1)
    if sound.all():
        return
    bad = int(np.flatnonzero(~sound)[0])
    image = int(np.searchsorted(bounds, bad, side="right")) - 1
    path = labels[image]
    lines = [number for number, line in enumerate(path.read_bytes().splitlines(), start=1) if line.strip()]
    allowed = "class is a whole number from 0, id one from -1 (to 2^53), xc yc w h are shares of the image's size"
    raise JdeFormatError(
        f"{path}, line {lines[bad - int(bounds[image])]}: {' '.join(f'{value:g}' for value in rows[bad])}; {allowed}"
        f" ({(~sound).sum()} such lines in all); {'mend' if near[bad].all() else 'normalise'} them"
    )


def _without_repeats(flat: FlatAnnotations, root: Path, images: Sequence[Path]) -> FlatAnnotations:
    """Leave out lines that stand twice in a label file, as a generator does that ran twice."""
    image = np.repeat(np.arange(len(images)), np.diff(flat.bounds))
    keys = np.column_stack([image, flat.identities, flat.classes, flat.boxes.astype(np.float64)])
    _, first = np.unique(keys, axis=0, return_index=True)
    if len(first) == len(keys):
        return flat
    kept = np.zeros(len(keys), bool)
    kept[first] = True
    where = images[int(image[np.flatnonzero(~kept)[0]])]
    warnings.warn(
        f"{root}: {(~kept).sum()} label lines stand twice and are read once (first: of {where})", stacklevel=3
    )
    return flat.keep(kept)
