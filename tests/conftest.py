"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]


def _folder(variable: str, beside: str) -> Path | None:
    """The folder an environment variable names, else the one beside the checkout, else None."""
    folder = Path(os.environ.get(variable, REPO.parent / "shared" / beside))
    return folder.resolve() if folder.is_dir() else None


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Path]:
    """Path of a golden file of the reference implementation; skips where the files are not on this machine."""

    def find(name: str) -> Path:
        folder = _folder("FAIRMOT_GOLDEN", "golden")
        if folder is None:
            pytest.skip("golden files are not here: set FAIRMOT_GOLDEN to their folder")
        return folder / name

    return find


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of small real MOTChallenge data; skips where it is not on this machine."""
    folder = _folder("FAIRMOT_DATA", "data")
    if folder is None:
        pytest.skip("real data is not here: set FAIRMOT_DATA to its folder")
    return folder
