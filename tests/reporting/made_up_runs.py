"""Run folders as training leaves them, with figures made up for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

SEQUENCES = tuple(f"MOT17-{number:02d}" for number in (2, 4, 5, 9, 10, 11, 13))


def write_run(
    folder: Path,
    *,
    hota: float = 0.6,
    seed: int = 1,
    dim: int = 64,
    weighting: str = "fixed",
    noise: float = 0.004,
    sequences: tuple[str, ...] = SEQUENCES,
    epochs: int = 4,
    commit: str = "a" * 40,
    fingerprint: str = "0123456789abcdef",
    **config: Any,
) -> Path:
    """A run whose sequences scatter around `hota`, the same way in every run but for `noise`."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng([seed, dim, len(weighting)])
    figures = {}
    for name in sequences:
        value = hota + 0.03 * np.sin(SEQUENCES.index(name)) + noise * rng.standard_normal()
        figures[name] = {
            "HOTA": value,
            "DetA": value + 0.02,
            "AssA": value**2 / (value + 0.02),
            "MOTA": value,
            "IDSW": 9,
        }
    overall = {key: float(np.mean([f[key] for f in figures.values()])) for key in ("HOTA", "DetA", "AssA", "MOTA")}
    overall["IDSW"] = 9 * len(figures)
    settings = {"seed": seed, "model": {"reid_dim": dim}, "loss": {"weighting": {"name": weighting}}, **config}
    provenance = {
        "environment": {"git_commit": commit, "python": "3.11", "packages": {"torch": "2.14"}},
        "data": {"fingerprint": fingerprint},
        "model": {"parameters": 10**6 + 1000 * dim, "embedding_bytes": 4 * dim},
    }
    split = {"train": {}, "val": {"set": {name: {"frames": 10, "ranges": [[1, 10]]} for name in sequences}}}
    lines = ["step,epoch,train/loss/detection,train/loss/reid,val/HOTA,val/frames_per_second"]
    for step in range(20 * epochs):
        lines.append(f"{step},{step // 20},{2 / (step + 1) + 0.1},{6 / (step + 1) + 1},,")
        if step % 20 == 19:
            lines.append(f"{step},{step // 20},,,{hota * (step + 1) / 20 / epochs},{30 - dim / 64}")
    for name, content in {
        "config.yaml": yaml.safe_dump(settings),
        "metrics.json": json.dumps({f"val/{key}": value for key, value in overall.items()}),
        "sequences.json": json.dumps({"OVERALL": overall, **figures}),
        "provenance.json": json.dumps(provenance),
        "split.json": json.dumps(split),
        "metrics.csv": "\n".join(lines) + "\n",
    }.items():
        (folder / name).write_text(content)
    return folder


def write_sweep(folder: Path, *, seeds: int = 3) -> Path:
    """Dimensions by weightings by seeds; 16 dimensions are 5 points worse, all else differs by noise alone."""
    for dim in (16, 64, 128):
        for weighting in ("fixed", "uncertainty"):
            for seed in range(1, seeds + 1):
                name = f"weighting-{weighting}_reid_dim-{dim}_seed-{seed}"
                hota = (0.55 if dim == 16 else 0.6) + 0.001 * seed
                write_run(folder / name, hota=hota, seed=seed, dim=dim, weighting=weighting)
    (folder / "multirun.yaml").write_text("hydra: {}")
    return folder
