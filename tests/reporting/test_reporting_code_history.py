"""What is in no commit becomes a patch that git applies."""

from __future__ import annotations

import subprocess

import pytest

from fairmot_pl.reporting import code_history


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one committed file, in the place of ours."""

    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", *arguments], cwd=tmp_path, check=True)

    source = tmp_path / "src" / "package"
    source.mkdir(parents=True)
    (source / "old.py").write_text("a = 1\n \n \n")
    (tmp_path / ".gitignore").write_text("*.log\n")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    monkeypatch.setattr(code_history, "SOURCE", source)
    monkeypatch.setattr(code_history, "is_tracked", lambda: True)
    return source


def test_nothing_is_uncommitted(repository):
    assert code_history.uncommitted() == ""
    assert not code_history.commit().endswith("+changes")


def test_the_patch_holds_new_files_and_can_be_applied(repository, tmp_path):
    (repository / "old.py").write_text("a = 2\n \n \n")  # the patch ends with lines of a blank
    patch = code_history.uncommitted()
    (repository / "new.py").write_text("b = 1\n")
    (repository / "run.log").write_text("ignored\n")
    (tmp_path / "notes.txt").write_text("no source\n")
    assert code_history.commit().endswith("+changes")
    both = code_history.uncommitted()
    assert "new.py" in both
    assert "run.log" not in both
    assert "notes.txt" not in both
    (repository / "new.py").unlink()
    for text, expected in ((patch, None), (both, "b = 1\n")):
        subprocess.run(["git", "checkout", "-q", "."], cwd=tmp_path, check=True)
        subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=text + "\n", text=True, check=True)
        assert (repository / "old.py").read_text() == "a = 2\n \n \n"
        assert not expected or (repository / "new.py").read_text() == expected


def test_a_long_patch_is_cut_between_files_and_says_so(repository, monkeypatch):
    (repository / "old.py").write_text("a = 2\n")
    (repository / "vast.py").write_text("x = 0\n" * 1000)
    monkeypatch.setattr(code_history, "MOST_BYTES", 2000)
    lines = code_history.uncommitted().splitlines()
    assert "+a = 2" in lines
    assert lines[-2] == "# cut at 2000 bytes; not in here:"
    assert "vast.py" in lines[-1]


def test_every_module_has_a_hash():
    hashes = code_history.source_hashes()
    assert {"train.py", "data/augment.py"} <= hashes.keys()
    assert len(hashes["train.py"]) == 12
