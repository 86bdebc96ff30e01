"""Which code a run is made of, as far as git knows this source tree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parent

MOST_LINES = 40


def git(*arguments: str) -> str | None:
    """What git prints, run in the folder of this source; None outside a repository, or if git refuses."""
    try:
        ran = subprocess.run(["git", *arguments], cwd=SOURCE, capture_output=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.decode("utf-8", errors="replace").strip()


def commit() -> str:
    """The commit that this source tree stands at, with `+changes` where files differ; `unknown` outside git."""
    head = git("rev-parse", "HEAD") if git("ls-files", "--error-unmatch", __file__) else None
    changed = git("status", "--porcelain", "--untracked-files=no")
    return "unknown" if head is None or changed is None else head + ("+changes" if changed else "")


def uncommitted() -> str:
    """What differs from the commit in the files that git knows, as a patch; empty if nothing does."""
    inside = git("ls-files", "--error-unmatch", __file__)
    return (inside and git("diff", "HEAD", "--no-color", "--no-ext-diff")) or ""


def changes_between(first: str, second: str) -> list[str]:
    """Which files of the source differ between two recorded commits, a line each, how much in the last one.

    Empty where they are one commit, or this repository does not have both.
    """
    commits = [re.match(r"[0-9a-f]{7,40}", text) for text in (first, second)]
    if not all(commits) or commits[0].group() == commits[1].group():  # type: ignore[union-attr]
        return []
    names = [found.group() for found in commits if found]
    stated = git("diff", "--stat=110", *names, "--", ":/src", ":/conf", ":/pyproject.toml", ":/requirements.lock")
    lines = [line.strip() for line in (stated or "").splitlines()]
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 2], "...", lines[-1]]
