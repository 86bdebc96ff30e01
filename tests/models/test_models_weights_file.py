"""Files that cannot be read as weights, each with its own reason; files written whole or not at all."""

from __future__ import annotations

import errno
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from fairmot_pl.models import weights_file
from fairmot_pl.models.weights_file import WeightsError, read_weights_file, write_weights_file


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_truncated_files(share: float, legacy: bool, tmp_path: Path) -> None:
    whole = tmp_path / "whole.pth"
    torch.save({"state_dict": {"a": torch.rand(5000)}}, whole, _use_new_zipfile_serialization=not legacy)
    path = tmp_path / "cut.pth"
    content = whole.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match=r"cut\.pth cannot be read as weights: it is (empty|damaged or cut short)"):
        read_weights_file(path)


@pytest.mark.parametrize(
    "content", [b"not a weights file", b"checkpoint of\nlast week\n", b"PK\x03\x04junk", bytes(1000), b"\x80\x02K\x01."]
)
def test_files_of_another_kind(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"note\.txt (cannot be read as weights: it is|holds a int)") as refusal:
        read_weights_file(path)
    assert "KeyError" not in str(refusal.value)


class Opens:
    """Unpickling this creates a file: what a hostile weights file would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
def test_a_file_cannot_run_code(kind: str, protocol: int, tmp_path: Path) -> None:
    path, trace = tmp_path / "hostile.pth", tmp_path / "trace"
    content = {"state_dict": {"a": torch.zeros(3), "b": Opens(trace)}}
    if kind == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=protocol))
    else:
        torch.save(content, path, pickle_protocol=protocol, _use_new_zipfile_serialization=kind == "zip")
    named = r"(\w*io\.open|torch\.storage\._load_from_bytes)"
    with pytest.raises(WeightsError, match=rf"hostile\.pth .* refused for safety: it holds code .*\({named}\)"):
        read_weights_file(path)
    assert not trace.exists()


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no weights file .*absent\.pth"):
        read_weights_file(tmp_path / "absent.pth")
    with pytest.raises(WeightsError, match="is a folder"):
        read_weights_file(tmp_path)


def test_archives_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "pictures.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"no picture")
    with pytest.raises(WeightsError, match=r"pictures\.pth .* it is an archive of another kind, or damaged"):
        read_weights_file(path)


def test_each_fault_has_its_own_message(tmp_path: Path) -> None:
    whole, empty, cut, note, hostile = (tmp_path / f"{name}.pth" for name in ("w", "e", "c", "n", "h"))
    torch.save({"a": torch.rand(5000)}, whole)
    empty.touch()
    cut.write_bytes(whole.read_bytes()[:9000])
    note.write_text("epoch 30, loss 1.5")
    torch.save({"state_dict": Opens(tmp_path / "trace")}, hostile)
    said = set()
    for path in (empty, cut, note, hostile, tmp_path):
        with pytest.raises(WeightsError) as caught:
            read_weights_file(path)
        assert "\n" not in str(caught.value)
        said.add(str(caught.value).removeprefix(str(path)).split("(")[0])
    assert len(said) == 5


def test_what_is_written_is_read_back_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "new" / "weights.pth"
    write_weights_file(path, {"a": torch.arange(3)})
    assert torch.equal(read_weights_file(path)["a"], torch.arange(3))
    with pytest.raises(FileExistsError, match=r"weights\.pth is there already"):
        write_weights_file(path, {"a": torch.zeros(3)})
    assert torch.equal(read_weights_file(path)["a"], torch.arange(3))
    assert [each.name for each in path.parent.iterdir()] == ["weights.pth"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(weights_file.torch, "save", full)
    with pytest.raises(OSError, match=r"weights\.pth could not be written: No space left on device"):
        write_weights_file(tmp_path / "weights.pth", {})
    assert list(tmp_path.iterdir()) == []
