"""Which code a run is made of: as far as git knows this source tree, and file by file."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parent

MOST_LINES = 40

MOST_BYTES = 1 << 20
"""A patch of uncommitted changes is cut after so many, and says so."""

SOURCE_FILES = (":/src", ":/conf", ":/*.py", ":/pyproject.toml")
"""Where a file that git does not know yet may be source."""


def git(*arguments: str, expected: tuple[int, ...] = (0,)) -> str | None:
    """What git prints, run in the folder of this source; None outside a repository, or if git refuses.

    Args:
        arguments: of git.
        expected: exit statuses that are no refusal.
    """
    try:
        ran = subprocess.run(["git", *arguments], cwd=SOURCE, capture_output=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    # blanks stay: a patch may end with a line of one
    return ran.stdout.decode("utf-8", errors="replace").strip("\n") if ran.returncode in expected else None


def is_tracked() -> bool:
    """Whether this source is in a git repository, and not merely below one, as in an environment's folder."""
    return git("ls-files", "--error-unmatch", __file__) is not None


def commit() -> str:
    """The commit that this source tree stands at, with `+changes` where source differs; `unknown` outside git."""
    head = git("rev-parse", "HEAD") if is_tracked() else None
    changed = git("status", "--porcelain", "--untracked-files=no")
    return "unknown" if head is None or changed is None else head + ("+changes" if changed or _untracked() else "")


def uncommitted() -> str:
    """What differs from the commit, as a patch: files that git knows, and source files that it does not know yet.

    Longer than `MOST_BYTES`, it is cut between two files and its last lines say what is missing. Empty if nothing
    differs.
    """
    if not is_tracked():
        return ""
    known = git("diff", "HEAD", "--no-color", "--no-ext-diff") or ""
    parts = re.split(r"^(?=diff --git )", known, flags=re.MULTILINE) if known else []
    parts += [_as_patch(name) + "\n" for name in _untracked()]
    kept, left, room = "", [], MOST_BYTES
    for part in filter(None, parts):
        room -= len(part.encode())
        if room >= 0:
            kept += part if part.endswith("\n") else part + "\n"
        else:
            left.append(part.splitlines()[0])
    if left:
        kept += f"# cut at {MOST_BYTES} bytes; not in here:\n" + "".join(f"# {line}\n" for line in left)
    return kept.rstrip("\n")


def _untracked() -> list[str]:
    """Source files that git neither knows nor ignores, named from the top of the repository."""
    listed = git("ls-files", "--others", "--exclude-standard", "--full-name", "--", *SOURCE_FILES)
    return listed.splitlines() if listed else []


def _as_patch(name: str) -> str:
    """A new file as a patch that makes it."""
    top = git("rev-parse", "--show-toplevel") or "."
    # a comparison that finds a difference, as with a new file, has status 1
    plain = ("-C", top, "diff", "--no-color", "--no-ext-diff", "--no-index", "--", "/dev/null", name)
    return git(*plain, expected=(1,)) or ""


def source_hashes() -> dict[str, str]:
    """By its name below the package, 12 hexadecimal digits of each module's content: also without git."""
    package = SOURCE.parent
    return {
        path.relative_to(package).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in sorted(package.rglob("*.py"))
    }


def changes_between(first: str, second: str) -> list[str]:
    """Which files of the source differ between two recorded commits, a line each, how much in the last one.

    Empty where they are one commit, or this repository does not have both.
    """
    found = [re.match(r"[0-9a-f]{7,40}", text) for text in (first, second)]
    names = [commit.group() for commit in found if commit]
    if len(names) < 2 or names[0] == names[1]:
        return []
    stated = git("diff", "--stat=110", *names, "--", ":/src", ":/conf", ":/pyproject.toml", ":/requirements.lock")
    lines = [line.strip() for line in (stated or "").splitlines()]
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 2], "...", lines[-1]]
