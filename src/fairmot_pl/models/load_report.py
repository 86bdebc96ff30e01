"""What became of every entry of a weights file, and of every tensor of the network."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

INDENT = " " * 9


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """The account of one file read.

    Args:
        path: the file.
        layout: whose names the file uses: `"fairmot_pl"`, or the reference's name of the architecture.
        matched: names, in the network, of the entries that were read.
        renamed: file's name to network's name, for those of them that the file calls otherwise.
        skipped: file's name to the reason, for tensors that are no part of the network.
        fresh: network's name to the reason, for tensors that the file does not set.
        beside: what the file holds beside tensors of a network (epoch, optimiser), each with what became of it.
    """

    path: Path
    layout: str
    matched: tuple[str, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    fresh: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        """The report in one line."""
        return (
            f"{self.path}: {len(self.matched)} tensors read, {len(self.renamed)} of them renamed, "
            f"{len(self.skipped)} skipped{_reasons(self.skipped)}, "
            f"{len(self.fresh)} not in the file{_reasons(self.fresh)}"
        )

    def text(self) -> str:
        """The report in full: renamed entries by pattern, all others by name under their reason."""
        lines = [f"{len(self.matched)} tensors read, {len(self.renamed)} of them renamed"]
        for (theirs, ours), count in renaming_patterns(self.renamed).items():
            lines.append(f"  {count:5d}  {theirs}  ->  {ours}")
        for title, entries in (("skipped", self.skipped), ("not in the file", self.fresh)):
            lines.append(f"{len(entries)} {title}")
            for reason in dict.fromkeys(entries.values()):
                names = [name for name, given in entries.items() if given == reason]
                lines.append(f"  {len(names):5d}  {reason}")
                lines += textwrap.wrap(", ".join(names), 110, initial_indent=INDENT, subsequent_indent=INDENT)
        if self.beside:
            lines.append("beside the network's tensors")
            lines += [f"         {name}: {what}" for name, what in self.beside.items()]
        return "\n".join(lines)


def renaming_patterns(renamed: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """How often each change of names occurs; numbers are `*`, and the end that both names share is left out."""
    patterns: Counter[tuple[str, str]] = Counter()
    for theirs, ours in renamed.items():
        left, right = (re.sub(r"\d+", "*", name).split(".") for name in (theirs, ours))
        while len(left) > 1 and len(right) > 1 and left[-1] == right[-1]:
            left, right = left[:-1], right[:-1]
        patterns[".".join(left), ".".join(right)] += 1
    return patterns


def _reasons(entries: Mapping[str, str]) -> str:
    counted = "; ".join(f"{count} x {reason}" for reason, count in Counter(entries.values()).items())
    return f" ({counted})" if counted else ""
