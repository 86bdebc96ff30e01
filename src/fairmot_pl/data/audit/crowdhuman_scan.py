"""CrowdHuman's `.odgt` as it is: one JSON object a line, sound or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fairmot_pl.boxes import box_area, tlwh_to_xyxy
from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.json_entries import box_of, short
from fairmot_pl.data.audit.rows import LabelRows
from fairmot_pl.data.audit.sequence import AuditedSequence
from fairmot_pl.data.crowdhuman import is_image_id


def scan_crowdhuman(root: Path, annotation: str, findings: Findings) -> list[AuditedSequence]:
    """Read an annotation file and report what can be told without opening its images. Every box is an identity."""
    path = root / annotation
    if not path.is_file():
        findings.add("missing-labels", path, "no such annotation file")
        return []
    images: dict[str, int] = {}
    people: list[tuple[float, ...]] = []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            record = _record(line)
            if record is None:
                text = short(line.decode(errors="replace").strip())
                findings.add("bad-entry", path, f"{text!r} is no JSON with ID and gtboxes", lines=[number])
                continue
            if record["ID"] in images:
                findings.add("entry-twice", path, f"image {record['ID']} has a second line", lines=[number])
                continue
            images[record["ID"]] = len(images) + 1
            for box in record["gtboxes"]:
                people += _person(box, len(images), number, path, findings)
    if not images:
        findings.add("unreadable-labels", path, "holds no line that can be understood")
    table = np.array(people, np.float64).reshape(-1, 10)
    area = box_area(tlwh_to_xyxy(table[:, 2:6]))
    share = np.divide(box_area(tlwh_to_xyxy(table[:, 6:])), area, out=np.ones(len(table)), where=area > 0)
    rows = LabelRows(
        files=(path,),
        file=np.zeros(len(table), np.int64),
        line=table[:, 1].astype(np.int64),
        frames=table[:, 0].astype(np.int64),
        ids=np.arange(len(table)),
        boxes=table[:, 2:6],
        visibility=share.clip(0, 1),
    )
    return [
        AuditedSequence(
            name=path.stem,
            file=path,
            images=tuple(root / "Images" / f"{key}.jpg" for key in images),
            frames=np.arange(1, len(images) + 1),
            said_sizes=np.zeros((len(images), 2), np.int64),
            rows=rows,
            is_video=False,
        )
    ]


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    sound = isinstance(record, dict) and is_image_id(record.get("ID")) and isinstance(record.get("gtboxes"), list)
    return {**record, "ID": str(record["ID"])} if sound else None


def _person(box: Any, image: int, line: int, path: Path, findings: Findings) -> list[tuple[float, ...]]:
    """Image, line, full body, visible part of one box; nothing of one to be ignored."""
    entry = box if isinstance(box, dict) else {}
    extra = entry.get("extra")
    if entry.get("tag") == "mask" or (isinstance(extra, dict) and extra.get("ignore", 0) == 1):
        return []
    body = box_of(entry.get("fbox"))
    if body is None:
        findings.add("bad-entry", path, f"{short(box)} needs fbox=[left, top, width, height]", lines=[line])
        return []
    return [(image, line, *body, *(box_of(entry.get("vbox")) or body))]
