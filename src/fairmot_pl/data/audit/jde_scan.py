"""The label form of JDE as it is: `images/` beside `labels_with_ids/`, and lists of image paths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.rows import LARGEST, LabelRows, parse_lines
from fairmot_pl.data.audit.sequence import AuditedSequence
from fairmot_pl.data.jde import JdeFormatError, images_below, label_path, listed_image

COLUMNS = 6
"""class, id, centre x, centre y, width, height."""

_FARTHEST = 10.0  # image sizes: what lies farther away is in pixels
_THREADS = 16  # small files: a network disk answers late, but many questions at once


def scan_jde(
    root: Path, lists: Sequence[str], findings: Findings, *, missing_labels: str = "error"
) -> list[AuditedSequence]:
    """Read labels of listed images, or of all in folders `images`, and report what can be told without the images.

    Args:
        root: folder that the lists and the paths in them start from.
        lists: names of list files; without, folders are searched.
        findings: where to.
        missing_labels: `"empty"`, where an image without a label file holds nobody.

    Returns:
        One video for each folder of frames (named `img1`, or beside a `seqinfo.ini`), and the rest as still images.
    """
    images = _listed(root, lists, findings) if lists else images_below(root)
    if not images:
        findings.add("no-images", root, "no image is listed, or lies in a folder named images")
    labels = {image: _label_path(image) for image in images}
    for image in [image for image, label in labels.items() if label is None]:
        findings.add("missing-labels", image, "lies in no folder named images")
    named = {image: label for image, label in labels.items() if label is not None}
    if not lists:
        _report_labels_alone(set(named.values()), findings)
    groups: dict[Path | None, list[Path]] = defaultdict(list)
    for image in named:
        groups[image.parent if _is_video_folder(image.parent) else None].append(image)
    return [
        _sequence(
            root / lists[0] if lists else root,
            folder,
            members,
            [named[image] for image in members],
            findings,
            missing_labels,
        )
        for folder, members in groups.items()
    ]


def _label_path(image: Path) -> Path | None:
    try:
        return label_path(image)
    except JdeFormatError:
        return None


def _listed(root: Path, lists: Sequence[str], findings: Findings) -> list[Path]:
    images: dict[Path, None] = {}
    for name in lists:
        path = root / name
        if not path.is_file():
            findings.add("missing-data", path, "no such list of images")
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
            image = Path(listed_image(root, line.strip()))
            if not line.strip():
                continue
            if image in images:
                findings.add("entry-twice", path, f"{line.strip()} is listed twice", lines=[number])
            elif not image.exists():
                findings.add("dangling-label", path, f"{line.strip()} is not there", lines=[number])
            else:
                images[image] = None
    return list(images)


def _report_labels_alone(labels: Iterable[Path], findings: Findings) -> None:
    """Label files in the folders of `labels` that belong to no image."""
    known = set(labels)
    for folder in sorted({label.parent for label in known}):
        for label in sorted(folder.glob("*.txt")) if folder.is_dir() else []:
            if label not in known:
                findings.add("label-without-image", label, "no image has this name")


def _is_video_folder(folder: Path) -> bool:
    return folder.name == "img1" or (folder.parent / "seqinfo.ini").is_file()


def _sequence(
    source: Path,
    folder: Path | None,
    images: Sequence[Path],
    labels: Sequence[Path],
    findings: Findings,
    missing_labels: str,
) -> AuditedSequence:
    numbered = folder is not None and all(image.stem.isdecimal() for image in images)
    order = sorted(range(len(images)), key=lambda index: int(images[index].stem)) if numbered else range(len(images))
    images, labels = [images[index] for index in order], [labels[index] for index in order]
    frames = [int(image.stem) for image in images] if numbered else range(1, len(images) + 1)
    name = source.name if folder is None else folder.parent.name if folder.name == "img1" else folder.name
    return AuditedSequence(
        name=name,
        file=source if folder is None else folder.parent,
        images=tuple(images),
        frames=np.array(frames, np.int64),
        said_sizes=np.zeros((len(images), 2), np.int64),
        rows=_rows(labels, np.array(frames, np.int64), findings, missing_labels),
        is_video=folder is not None,
        normalised=True,
    )


def _rows(labels: Sequence[Path], frames: NDArray[np.int64], findings: Findings, missing_labels: str) -> LabelRows:
    file: list[int] = []
    line: list[int] = []
    texts: list[str] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for index, content in enumerate(pool.map(_content, labels)):
            if content is None:
                if missing_labels == "error":
                    findings.add("missing-labels", labels[index], "no such file")
                continue
            given = [(number, text) for number, text in enumerate(content.splitlines(), start=1) if text.strip()]
            given = _once(given, labels[index], findings)
            file += [index] * len(given)
            line += [number for number, _ in given]
            texts += [text for _, text in given]
    values, widths, broken = parse_lines(texts)
    rows = LabelRows(
        files=tuple(labels),
        file=np.array(file, np.int64),
        line=np.array(line, np.int64),
        frames=frames[np.array(file, np.int64)],
        ids=np.nan_to_num(values[:, 1], nan=-1).clip(-2, LARGEST).astype(np.int64),
        boxes=np.hstack([values[:, 2:4] - values[:, 4:6] / 2, values[:, 4:6]]),
        visibility=np.ones(len(values)),
    )
    said = np.array(texts, object)
    odd = ~broken & (widths != COLUMNS)
    sound = ~broken & ~odd
    bad_id = sound & ((values[:, 1] != np.floor(values[:, 1])) | (values[:, 1] < -1) | (values[:, 1] > LARGEST))
    far = sound & ~bad_id & (np.abs(np.nan_to_num(values[:, 2:6])) > _FARTHEST).any(axis=1)
    for check, which in (("not-a-number", broken), ("column-count", odd), ("bad-id", bad_id), ("box-units", far)):
        text = repr(str(said[which][0]).strip()[:80]) if which.any() else ""
        rows.report(findings, check, which, text.replace("{", "{{").replace("}", "}}"))
    return rows.select(sound & ~bad_id & ~far)


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return None


def _once(given: list[tuple[int, str]], path: Path, findings: Findings) -> list[tuple[int, str]]:
    """The lines of a label file, less those that repeat earlier ones: the mark of a generator that ran twice."""
    first: dict[str, int] = {}
    again = [number for number, text in given if first.setdefault(text.strip(), number) != number]
    if not again:
        return given
    findings.add("rows-twice", path, f"{len(again)} of {len(given)} lines repeat earlier ones", lines=again)
    return [(number, text) for number, text in given if number not in set(again)]
