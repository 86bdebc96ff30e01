"""The wheel runs the same commands, elsewhere and with its own conf/."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.packaging


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(REPO)], check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_conf_and_typing(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {
        f"fairmot_pl/conf/{path.relative_to(REPO / 'conf').as_posix()}" for path in (REPO / "conf").rglob("*.yaml")
    }
    assert shipped <= names
    assert {"fairmot_pl/py.typed", "fairmot_pl/reporting/report.css"} <= names
    assert not any(name.startswith(("tests/", "conf/")) for name in names)


def test_an_installed_wheel_composes_and_answers(wheel, tmp_path):
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*command, str(wheel)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    code = "import fairmot_pl.config.folders as folders; print(folders.conf_dir())"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()) == site / "fairmot_pl" / "conf"
    for entry in (
        "train",
        "evaluate",
        "tune",
        "track",
        "compare",
        "report",
        "import_weights",
        "check_data",
        "convert",
        "prepare_data",
        "submit",
        "reproduce",
        "benchmark",
    ):
        helped = subprocess.run(
            [sys.executable, "-m", f"fairmot_pl.{entry}", "--help"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert helped.returncode == 0, helped.stderr
        assert f"python -m fairmot_pl.{entry} " in helped.stdout
