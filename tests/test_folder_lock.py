"""A lock on a folder: who is kept out, and that it goes with whoever holds it."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from fairmot_pl.folder_lock import is_locked, locked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no locks on folders there")


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [(False, False, True), (False, True, True), (True, False, True), (True, True, False)],
)
def test_only_those_who_share_are_in_together(tmp_path, first, second, refused):
    with locked(tmp_path, shared=first):
        assert is_locked(tmp_path)
        if refused:
            with pytest.raises(BlockingIOError), locked(tmp_path, wait=False, shared=second):
                pass
        else:
            with locked(tmp_path, wait=False, shared=second):
                pass
    assert not is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_whoever_waits_comes_in_next(tmp_path):
    seen = []

    def wait():
        with locked(tmp_path):
            seen.append("in")

    with locked(tmp_path):
        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(0.05)
        assert seen == []
    waiting.join(10)
    assert seen == ["in"]


def test_an_error_inside_is_no_lock_and_frees_it(tmp_path):
    with pytest.raises(BlockingIOError, match="from inside"), locked(tmp_path, wait=False):
        raise BlockingIOError("from inside")
    assert not is_locked(tmp_path)


HOLD = """
import sys, time
from pathlib import Path
from fairmot_pl.folder_lock import locked
with locked(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_killed_process_goes_with_it(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "in\n"
    assert is_locked(tmp_path)
    holder.kill()
    holder.communicate()
    assert not is_locked(tmp_path)


def test_a_file_system_without_locks_keeps_nobody_out(tmp_path, monkeypatch):
    def unknown(*given):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fairmot_pl.folder_lock.fcntl.flock", unknown)
    with locked(tmp_path), locked(tmp_path, wait=False):
        assert not is_locked(tmp_path)


def test_a_folder_that_is_not_there(tmp_path):
    assert not is_locked(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError), locked(tmp_path / "nowhere"):
        pass
