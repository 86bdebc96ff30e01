"""What became of every entry of a weights file, and of every tensor of the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


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


def _reasons(entries: Mapping[str, str]) -> str:
    counted = "; ".join(f"{count} x {reason}" for reason, count in Counter(entries.values()).items())
    return f" ({counted})" if counted else ""
