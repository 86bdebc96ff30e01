"""The archive that an evaluation server takes: equal results give equal bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from fairmot_pl.files import read_text, write_bytes

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first date that a zip file can hold: the time of writing would make equal archives differ."""


def write_archive(path: Path, files: Mapping[str, Path], folder: str = "") -> None:
    """Write result files into a zip by renaming a finished one into place.

    Rows are taken as they are, letter by letter; byte-order marks, carriage returns and empty lines are left out.

    Args:
        path: the zip file.
        files: result file of each sequence.
        folder: where they stand in the archive; empty: at its top.

    Raises:
        OSError: the archive cannot be written; the message names it.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, file in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{folder}/{name}.txt" if folder else f"{name}.txt", _EPOCH)
            entry.create_system, entry.external_attr, entry.compress_type = 3, 0o644 << 16, zipfile.ZIP_DEFLATED
            lines = [line.strip() for line in read_text(file).splitlines()]
            archive.writestr(entry, "".join(f"{line}\n" for line in lines if line), compresslevel=9)
    write_bytes(path, buffer.getvalue())
