"""Doctored curves get the line that they deserve."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from fairmot_pl.reporting.loss_doctor import FINE, diagnose
from fairmot_pl.reporting.metrics_log import MetricsLog

N = 100
IDENTITIES = 500
CHANCE = 1 / IDENTITIES


def falling(start: float, end: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    return end + (start - end) * np.exp(-np.arange(N) / 20) + 0.02 * end * rng.standard_normal(N)


def flat(value: float) -> np.ndarray:
    return np.full(N, value) * (1 + 0.01 * np.random.default_rng(1).standard_normal(N))


def run(*, points: int = N, broken: dict[str, int] | None = None, **changed: np.ndarray | float | None) -> MetricsLog:
    """A healthy training, with some columns changed; None takes one away."""
    columns: dict[str, np.ndarray | float | None] = {
        "loss/heatmap": falling(3, 0.5),
        "loss/size": falling(4, 0.6),
        "loss/offset": falling(0.4, 0.2),
        "loss/detection": falling(4, 0.8),
        "loss/reid": falling(6.3, 1.2),
        "loss/total": falling(20, 3),
        "weight/detection": 3.0,
        "weight/reid": 1.4,
        "identity_accuracy": 1 - falling(1, 0.3),
        "identity_chance": CHANCE,
        "grad_share_reid": 0.3,
        "grad_cosine": 0.1,
    }
    columns |= {name.replace("__", "/"): value for name, value in changed.items()}
    filled = {
        f"train/{name}": np.broadcast_to(value, N)[:points].astype(float)
        for name, value in columns.items()
        if value is not None
    }
    return MetricsLog(columns={"step": np.arange(points, dtype=float), **filled}, broken=broken or {})


LN = math.log(IDENTITIES)

AT_CHANCE = {"loss__reid": flat(LN), "identity_accuracy": CHANCE}
"""What re-ID looks like that has learned nothing."""

NO_RE_ID = {"loss__reid": np.zeros(N), "identity_accuracy": 0.0, "grad_share_reid": 0.0}

CASES = {
    "healthy": (run(), "healthy", "re-ID has 30% of the shared gradient; .*% of identities told right"),
    "negative": (
        run(loss__total=flat(-1.2), weight__detection=1.5, weight__reid=0.5),
        "negative total",
        r"log-variances .* add -3.* Nothing is wrong",
    ),
    "negative later": (run(loss__total=falling(2, -3)), "negative total", "below 0 since"),
    "at chance": (
        run(**AT_CHANCE),
        "re-ID not learning",
        r"0\.20% of identities told right where a guess has 0\.20%, loss 6.* ln n = 6\.21",
    ),
    "at chance and starved": (
        run(**AT_CHANCE, grad_share_reid=0.01),
        "re-ID not learning",
        "gets 1% of the shared gradient; try a larger weight",
    ),
    "at chance and negative": (run(**AT_CHANCE, loss__total=flat(-2)), "re-ID not learning", "not learning"),
    "slow but falling": (run(loss__reid=falling(6.3, 5.2), identity_accuracy=1.5 * CHANCE), "healthy", "re-ID"),
    "re-ID starving": (
        run(grad_share_reid=0.02, weight__reid=0.1, weight__detection=1.0),
        "starving",
        r"re-ID is starving: 2\.0% .* \(weights 1 and 0\.1\)",
    ),
    "detection starving": (run(grad_share_reid=0.97), "starving", r"detection is starving: 3\.0%"),
    "exploding size": (
        run(loss__size=np.r_[falling(4, 0.6)[:80], np.linspace(1, 30, 20)]),
        "diverging",
        r"the size loss diverges: .*optimizer\.learning_rate",
    ),
    "rising from the start": (run(loss__heatmap=np.geomspace(1, 50, N)), "diverging", "heatmap loss diverges"),
    "re-ID collapsed": (
        run(loss__reid=np.r_[falling(6.3, 1.0)[:75], np.full(25, LN)], identity_accuracy=CHANCE),
        "diverging",
        "re-ID loss diverges",
    ),
    "noise at the bottom": (
        run(loss__reid=np.r_[falling(6.3, 0.01)[:90], np.full(10, 0.04)]),
        "healthy",
        "healthy",
    ),
    "not a number": (run(broken={"train/loss/reid": 2}), "not finite", "train/loss/reid is not finite"),
    "not a number elsewhere": (run(broken={"val/HOTA": 2}), "healthy", "healthy"),
    "too early": (run(points=4), "too early", "4 logged steps"),
    "opposed tasks": (run(grad_cosine=-0.6), "healthy", "pull against each other.*pcgrad"),
    "no telemetry": (run(grad_share_reid=None, grad_cosine=None, identity_chance=None), "healthy", "heatmap"),
    "detection alone": (run(**NO_RE_ID, grad_cosine=None, identity_chance=None), "healthy", "offset [^r]*$"),
    "nothing at all": (MetricsLog(columns={"step": np.arange(3.0)}, broken={}), "too early", "0 logged steps"),
}


@pytest.mark.parametrize(("log", "kind", "said"), CASES.values(), ids=CASES)
def test_each_case_has_its_line(log, kind, said):
    found = diagnose(log)
    assert found.kind == kind, found.line
    assert re.search(said, found.line), found.line
    assert "\n" not in found.line
    assert found.is_fine == (kind in FINE)
