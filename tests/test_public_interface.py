"""The names the package promises, and what importing it costs."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import fairmot_pl


@pytest.mark.parametrize("name", fairmot_pl.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert inspect.getdoc(getattr(fairmot_pl, name))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Tracker'"):
        _ = fairmot_pl.Tracker


def imported_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after a statement."""
    code = f"import sys; {statement}; print(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {"torch", "pytorch_lightning", "hydra", "omegaconf", "wandb", "timm"}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import fairmot_pl", HEAVY),
        ("from fairmot_pl import OnlineTracker, Detections", HEAVY),
        ("from fairmot_pl import evaluate_tracking", HEAVY),
        # timm imports wandb by itself where it finds it
        (
            "from fairmot_pl import build_fairmot, load_fairmot, decode_detections",
            {"pytorch_lightning", "hydra"},
        ),
        ("from fairmot_pl import Detector", {"pytorch_lightning", "hydra"}),
    ],
)
def test_imports_stay_light(statement, absent):
    assert not imported_by(statement) & absent


def test_the_import_check_can_fail():
    assert "pytorch_lightning" in imported_by("import fairmot_pl.training.loggers")
