"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from fairmot_pl import files
from fairmot_pl.files import write_text


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path, monkeypatch):
    target = tmp_path / "SEQ.txt"
    target.write_text("old\n")

    def full(source, destination):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match=r"SEQ.txt could not be written: No space left on device; free space"):
        write_text(target, "new\n")
    assert [path.name for path in tmp_path.iterdir()] == ["SEQ.txt"]
    assert target.read_text() == "old\n"
