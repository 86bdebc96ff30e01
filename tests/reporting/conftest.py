"""A made-up run: metrics file and evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from fairmot_pl.evaluation.summary import OVERALL, Summary

ALPHA = np.arange(0.05, 0.96, 0.05)

METRICS_HEADER = (
    "step,epoch,train/loss/total,train/loss/heatmap,train/loss/size,train/loss/offset,train/loss/detection,"
    "train/loss/reid,train/weight/detection,train/weight/reid,lr,val/HOTA,val/DetA,val/AssA,val/MOTA,val/IDF1,val/IDSW"
)


def scores(hota: float) -> dict[str, float | int]:
    fractions = dict(
        HOTA=hota,
        DetA=hota - 0.03,
        AssA=hota + 0.04,
        LocA=0.82,
        MOTA=hota + 0.1,
        MOTP=0.8,
        IDF1=hota + 0.13,
        IDP=0.8,
        IDR=0.6,
    )
    return {**fractions, "IDSW": 1234, "FP": 200, "FN": 900, "MT": 30, "ML": 4, "Frag": 55}


def curve(hota: float) -> dict[str, list[float]]:
    falling = (hota * np.clip(1.3 - ALPHA**3, 0, 1)).tolist()
    return {
        "alpha": ALPHA.tolist(),
        "HOTA": falling,
        "DetA": falling,
        "AssA": falling,
        "LocA": (0.8 + 0.1 * ALPHA).tolist(),
    }


@pytest.fixture
def summary() -> Summary:
    sequences = {"MOT17-02-SDP": 0.41, "MOT17-04-SDP": 0.68, "A<b>&$x$": 0.55}
    return Summary(
        overall=scores(0.613),
        sequences={name: scores(hota) for name, hota in sequences.items()},
        curves={OVERALL: curve(0.613), **{name: curve(hota) for name, hota in sequences.items()}},
    )


@pytest.fixture
def metrics_csv(tmp_path):
    """Ten epochs of twenty steps, validated every second epoch."""
    rng = np.random.default_rng(0)
    lines = [METRICS_HEADER]
    for epoch in range(10):
        for step in range(20 * epoch, 20 * epoch + 20):
            heatmap, size, offset, reid = (5 * np.exp(-step / 100) + rng.random(4) + 0.1).round(4)
            detection = heatmap + 0.1 * size + offset
            total = detection + reid
            lines.append(f"{step},{epoch},{total},{heatmap},{size},{offset},{detection},{reid},1.5,0.7,,,,,,,")
        lines.append(f"{20 * epoch + 19},{epoch},,,,,,,,,{1e-4 if epoch < 7 else 1e-5},,,,,,")
        if epoch % 2:
            hota = 0.06 * epoch
            lines.append(f"{20 * epoch + 19},{epoch},,,,,,,,,,{hota},{hota},{hota},{hota},{hota},{100 - epoch}")
    path = tmp_path / "metrics.csv"
    path.write_text("\n".join(lines) + "\n")
    return path
