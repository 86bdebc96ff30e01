"""What the scans let pass and training's own reader refuses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.sequence import Side
from fairmot_pl.data.identities import IdentityIndex
from fairmot_pl.data.sources import read_source

Options = Mapping[str, Any]


def check_readers(sources: Mapping[Side, Mapping[str, Options]], root: Path, findings: Findings) -> None:
    """Read every source that no error was found in as training would; what its reader says is a finding.

    Args:
        sources: descriptions by name, for `"train"` and `"val"`.
        root: folder that relative paths start from.
        findings: where to, and what is known already.
    """
    faulty = [finding.file.resolve() for finding in findings if finding.severity == "error"]
    read: list[Options] = []
    for by_name in sources.values():
        for name, options in by_name.items():
            path = Path(root, options.get("path", ".")).expanduser()
            if options in read or any(file.is_relative_to(path.resolve()) for file in faulty):
                continue
            read.append(options)
            try:
                IdentityIndex.build([(name, read_source(options, root, name=name))])
            except (ValueError, OSError) as error:
                findings.add("reader-refuses", _file_of(str(error), path), str(error))


def _file_of(message: str, source: Path) -> Path:
    """The file that a message starts with; else the source."""
    name = message.partition(":")[0]
    return Path(name) if os.path.exists(name) else source  # of a sentence too, which may be too long for a path
