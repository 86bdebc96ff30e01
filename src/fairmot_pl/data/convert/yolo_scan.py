"""YOLO text files with ids: `images/` beside `labels/`, a line `class xc yc w h [confidence] id` a box.

Roboflow's exports have both in each of `train/`, `valid/` and `test/`, and `data.yaml` names the classes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import yaml

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.rows import LARGEST, LabelRows, parse_lines
from fairmot_pl.data.audit.sequence import AuditedSequence
from fairmot_pl.data.coco import PEOPLE
from fairmot_pl.data.convert.image_folders import image_folders

WIDTHS = (5, 6, 7)
"""Cells of a line: without id; with id; with confidence and id, as trackers write them."""

_FARTHEST = 10.0  # image sizes


def scan_yolo(
    root: Path, images: Path, findings: Findings, *, classes: Collection[int] | None = None
) -> list[AuditedSequence]:
    """Read every folder of frames and report what can be told without opening its images.

    Args:
        root: holds `labels/`, or folders with `images/` and `labels/` each, or is itself the folder of labels.
        images: holds the frames of one video, or a folder for each video.
        findings: where to.
        classes: class numbers that are taken for people; None: those that `data.yaml` calls so, else 0.

    Returns:
        A sequence for each folder of images, its boxes as shares of the image size.
    """
    taken = people_classes(root) if classes is None else classes
    found = []
    for folder, frames in image_folders(images).items():
        inner = folder.relative_to(images)
        labels = _labels_of(root, inner)
        files = [labels / f"{frame.stem}.txt" for frame in frames]
        known = {path.name for path in files}
        for path in sorted(labels.glob("*.txt")):
            if path.name not in known and path.name != "classes.txt":
                findings.add("label-without-image", path, "no image has this name")
        name = "_".join(part for part in inner.parts if part not in ("img1", "images")) or _name(root)
        found.append(
            AuditedSequence(
                name=name,
                file=labels,
                images=tuple(frames),
                frames=np.arange(1, len(frames) + 1),
                said_sizes=np.zeros((len(frames), 2), np.int64),
                rows=_rows(files, findings, taken),
                normalised=True,
            )
        )
    if not found:
        findings.add("no-images", images, "no image in this folder or one below")
    elif not any(len(sequence.rows) for sequence in found):
        text = f"no box of class {', '.join(map(str, taken))} in any label file"
        findings.add("no-people", root, text, remedy="give the numbers of the classes that are people: classes=[...]")
    return found


def people_classes(root: Path) -> tuple[int, ...]:
    """Numbers of the classes that `data.yaml` or `dataset.yaml` calls people; 0 where it does not say."""
    for path in (root / "data.yaml", root / "dataset.yaml"):
        try:
            names = yaml.safe_load(path.read_text(encoding="utf-8")).get("names")
        except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError):
            continue
        named = names if isinstance(names, dict) else dict(enumerate(names if isinstance(names, list) else []))
        people = tuple(number for number, name in named.items() if str(name).lower() in PEOPLE)
        if people:
            return people
    return (0,)


def _labels_of(root: Path, inner: Path) -> Path:
    """The folder of labels for the images in folder `inner`."""
    if "images" in inner.parts:
        last = len(inner.parts) - 1 - inner.parts[::-1].index("images")
        return root.joinpath(*inner.parts[:last], "labels", *inner.parts[last + 1 :])
    return (root / "labels" if (root / "labels").is_dir() else root) / inner


def _name(root: Path) -> str:
    folder = root.resolve()
    return folder.parent.name if folder.name == "labels" else folder.name


def _rows(files: Sequence[Path], findings: Findings, classes: Collection[int]) -> LabelRows:
    file: list[int] = []
    line: list[int] = []
    texts: list[str] = []
    for index, path in enumerate(files):
        if path.is_file():  # an image without a file holds nobody
            content = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            given = [(number, text) for number, text in enumerate(content, start=1) if text.strip()]
            file += [index] * len(given)
            line += [number for number, _ in given]
            texts += [text for _, text in given]
    values, widths, broken = parse_lines(texts)
    last = np.take_along_axis(values, widths[:, None].clip(1) - 1, axis=1)[:, 0]
    ids = np.nan_to_num(np.where(widths == 5, -1, last), nan=-1.0)
    rows = LabelRows(
        files=tuple(files),
        file=np.array(file, np.int64),
        line=np.array(line, np.int64),
        frames=np.array(file, np.int64) + 1,
        ids=ids.clip(-2, LARGEST).astype(np.int64),
        boxes=np.hstack([values[:, 1:3] - values[:, 3:5] / 2, values[:, 3:5]]),
        visibility=np.ones(len(values)),
    )
    odd = ~broken & ~np.isin(widths, WIDTHS)
    taken = ~broken & ~odd & np.isin(values[:, 0], list(classes))
    bad_id = taken & ((ids != np.floor(ids)) | (ids < -1) | (ids > LARGEST))
    far = taken & ~bad_id & (np.abs(np.nan_to_num(values[:, 1:5])) > _FARTHEST).any(axis=1)
    rows.report(findings, "not-a-number", broken, "a cell is no finite number")
    rows.report(findings, "column-count", odd, "a line is class xc yc w h id")
    rows.report(findings, "bad-id", bad_id, "the last cell is no whole number, so it is no id")
    rows.report(findings, "box-units", far, "xc yc w h are shares of the image size")
    return rows.select(taken & ~bad_id & ~far)
