"""What a report draws beyond figures, as one file of bounded size in the run's folder: `evidence.npz`."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.evaluation.embedding import GAPS
from fairmot_pl.evaluation.embedding_map import EmbeddingMap
from fairmot_pl.evaluation.pairs import Int
from fairmot_pl.evaluation.similarity import EDGES
from fairmot_pl.files import write_bytes
from fairmot_pl.reporting.stage_times import StageTimes, times_as_json, times_from_json

EVIDENCE_NAME = "evidence.npz"
FORMAT = 1

Curve = Mapping[str, Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A validation frame as JPEG, as it was tracked and as the network saw it.

    Args:
        caption: sequence, frame and what was found.
        tracks: the frame with its tracks.
        heatmap: the frame with the network's heatmap over it, and the tracks; None where the network was not asked.
    """

    caption: str
    tracks: bytes
    heatmap: bytes | None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the last full validation of a run leaves for figures and pictures.

    Args:
        hota: by sequence, and over all, HOTA and its parts over the localisation threshold; see `Summary.curves`.
        detection: recall, precision and score at an IoU of 0.5; see `precision_recall`.
        similarity: `(gaps, 2, bins)` pairs of boxes by cosine similarity; see `similarity_histogram`.
        looks: the embeddings in their principal plane.
        stages: where the time went.
        pictures: of some validation frames.
        offline: what was done to the refined tracks, where there are any.
    """

    hota: Mapping[str, Curve] = field(default_factory=dict)
    detection: Curve = field(default_factory=dict)
    similarity: Int | None = None
    looks: EmbeddingMap | None = None
    stages: StageTimes = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    offline: str = ""


def write_evidence(folder: Path, evidence: Evidence) -> None:
    """Write `evidence.npz` into a run's folder.

    Its arrays are called as here: `hota/SEQUENCE/HOTA`, `detection/precision`, `similarity/counts` with
    `similarity/gaps` and `similarity/edges`, `looks/points`, `picture/0/tracks` (bytes of a JPEG) and so on; `about` is
    JSON text with what is no array.
    """
    arrays: dict[str, Any] = {f"detection/{name}": values for name, values in evidence.detection.items()}
    for sequence, curve in evidence.hota.items():
        arrays |= {f"hota/{sequence}/{name}": values for name, values in curve.items()}
    if evidence.similarity is not None:
        arrays |= {"similarity/counts": evidence.similarity, "similarity/gaps": GAPS, "similarity/edges": EDGES}
    if evidence.looks is not None:
        names = ("points", "sequences", "identities", "shares")
        arrays |= {f"looks/{name}": getattr(evidence.looks, name) for name in names}
    for number, picture in enumerate(evidence.pictures):
        parts = {"tracks": picture.tracks, "heatmap": picture.heatmap}
        arrays |= {
            f"picture/{number}/{name}": np.frombuffer(jpeg, np.uint8)
            for name, jpeg in parts.items()
            if jpeg is not None
        }
    about = {
        "format": FORMAT,
        "hota": {sequence: list(curve) for sequence, curve in evidence.hota.items()},
        "looks": list(evidence.looks.names) if evidence.looks is not None else [],
        "stages": times_as_json(evidence.stages),
        "captions": [picture.caption for picture in evidence.pictures],
        "offline": evidence.offline,
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, about=json.dumps(about), **arrays)
    write_bytes(folder / EVIDENCE_NAME, buffer.getvalue())


def read_evidence(folder: Path) -> Evidence | None:
    """The evidence in a run's folder; None where there is none.

    Raises:
        ValueError: the file is broken, or of a version that this one does not know.
    """
    path = folder / EVIDENCE_NAME
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays: dict[str, NDArray[Any]] = dict(archive)
        about = json.loads(str(arrays["about"]))
        if about["format"] != FORMAT:
            raise ValueError(f"is of format {about['format']}, this version reads {FORMAT}")
        return _from_arrays(arrays, about)
    except Exception as error:  # zipfile, zlib, NumPy and JSON each fail in their own ways
        raise ValueError(f"{path}: {error or type(error).__name__}; remove it, or evaluate the run again") from error


def _from_arrays(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> Evidence:
    looks = None
    if about["looks"]:
        looks = EmbeddingMap(
            points=arrays["looks/points"],
            sequences=arrays["looks/sequences"],
            identities=arrays["looks/identities"],
            shares=arrays["looks/shares"],
            names=tuple(about["looks"]),
        )
    pictures = []
    for number, caption in enumerate(about["captions"]):
        heatmap = arrays.get(f"picture/{number}/heatmap")
        pictures.append(
            Picture(
                caption=caption,
                tracks=arrays[f"picture/{number}/tracks"].tobytes(),
                heatmap=heatmap.tobytes() if heatmap is not None else None,
            )
        )
    return Evidence(
        hota={
            sequence: {name: arrays[f"hota/{sequence}/{name}"].tolist() for name in names}
            for sequence, names in about["hota"].items()
        },
        detection={
            name.removeprefix("detection/"): array.tolist()
            for name, array in arrays.items()
            if name.startswith("detection/")
        },
        similarity=arrays.get("similarity/counts"),
        looks=looks,
        stages=times_from_json(about["stages"]),
        pictures=tuple(pictures),
        offline=about["offline"],
    )
