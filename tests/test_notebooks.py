"""Notebooks as they are kept: no outputs, nothing of the machine they ran on. That they run is a test of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|Users|work|tmp|mnt|opt)/|[A-Za-z]:\\\\|\.venv|site-packages")


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def test_there_are_some():
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number:02d}_" for number in range(1, len(NOTEBOOKS) + 1)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_it_printed(path):
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert code
    for cell in code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
    assert not any(cell["metadata"] for cell in cells(path)), "metadata of an editor"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_any_machine(path):
    assert not MACHINE.search(path.read_text(encoding="utf-8"))
    assert json.loads(path.read_text(encoding="utf-8"))["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def test_machine_paths_are_known():
    for text in ("'/home/me/x'", '"C:\\\\data"', " /tmp/run", "lib/site-packages"):
        assert MACHINE.search(text), text
    for text in ("outputs/tmp/x", "docs/work/", "a/home/b"):
        assert not MACHINE.search(text), text
