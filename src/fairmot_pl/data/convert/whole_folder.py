"""A folder that is either not there or whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairmot_pl.folder_lock import is_locked, locked


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A scratch folder beside `target` that takes its name when the block ends well, and vanishes otherwise.

    What a killed process has left is removed; what another one is working on is left alone.

    Raises:
        FileExistsError: something is there by then.
        OSError: the disk is full or not writable.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in target.parent.glob(f".{target.name}.*.partial"):
        if not is_locked(leftover):
            shutil.rmtree(leftover, ignore_errors=True)
    # one level deeper than the target, so that whoever lists the folder does not take it for a sequence
    outer = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        with locked(outer, shared=True):
            inner = outer / target.name
            inner.mkdir()
            yield inner
            if target.exists():
                raise FileExistsError(f"{target}: something has been put there meanwhile; choose another folder")
            os.rename(inner, target)
    finally:
        shutil.rmtree(outer, ignore_errors=True)
