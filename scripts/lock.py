"""Pin every version that `make` installs: resolves pyproject.toml for Python 3.10 to 3.13 with uv."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEADER = "# Everything that `make` installs, pinned for Python 3.10 to 3.13. Made by `make lock` from pyproject.toml.\n"
OPTIONS = (
    *("--extra", "dev", "--universal", "--python-version", "3.10", "--constraints", "-"),
    *("--no-header", "--no-annotate", "--quiet"),
)


def main() -> None:
    """Write requirements.lock; versions given as arguments (torch==2.14.1 ...) are held."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    held = "\n".join(sys.argv[1:]) + "\n"
    resolved = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", *OPTIONS],
        input=held,
        text=True,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    Path("requirements.lock").write_text(HEADER + resolved, encoding="utf-8")


if __name__ == "__main__":
    main()
