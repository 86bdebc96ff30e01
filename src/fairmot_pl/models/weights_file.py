"""Files of weights: unpickled safely, or one line says what is wrong with them; written whole or not at all."""

from __future__ import annotations

import io
import os
import pickletools
import re
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

_ZIP = b"PK\x03\x04"
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""First bytes of what `torch.save` writes: since 1.6, and before."""

_OF_TENSORS = re.compile(
    r"torch\.(_utils\._rebuild\w+|\w*Storage|Size|device|nn\.parameter\.Parameter|b?float\d+|u?int\d+|bool)"
    r"|collections\.OrderedDict|_codecs\.encode"
)
_NAME = re.compile(r"[A-Za-z_][\w.]*[. ][A-Za-z_]\w*")
"""What is imported from a module; text that happens to start like a pickle looks otherwise."""


class WeightsError(ValueError):
    """A file that is no readable FairMOT network; the message names the file and what is wrong with it."""


def read_weights_file(path: Path) -> dict[str, Any]:
    """The dict that a file of weights holds, tensors on the CPU. Nothing in the file is executed.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it cannot be opened.
        WeightsError: a folder, an empty or damaged file, one of another kind, one that holds more than tensors and
            plain values.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no weights file {path}")
    if not path.is_file():
        raise WeightsError(f"{path} is a folder; name the weights file in it")
    if not path.stat().st_size:
        raise WeightsError(f"{path} cannot be read as weights: it is empty (0 bytes); copy or download it again")
    with path.open("rb") as stream:
        try:
            content = torch.load(stream, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged archive fails in many ways, and each means the same here
            raise WeightsError(_what_is_wrong(path, error)) from error
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise WeightsError(f"{path} is damaged: {damaged} in it is not what was written; copy or download it again")
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds a {type(content).__name__}, expected a dict with a state_dict")
    return content


def _what_is_wrong(path: Path, error: Exception) -> str:
    named = _object_named_in(path)
    if named is not None:
        return (
            f"{path} cannot be read as weights and is refused for safety: it holds code or objects beside tensors "
            f"({named}), and unpickling them would run whatever they say; save its state_dict alone, where you "
            "trust it"
        )
    with path.open("rb") as stream:
        start = stream.read(len(_LEGACY))
    first = next(iter(str(error).splitlines()), "").split(". ")[0]
    # a key that the unpickler lacks is a number that tells nobody anything
    reason = f" ({type(error).__name__}: {first})" if any(map(str.isalpha, first)) else ""
    if zipfile.is_zipfile(path):
        return f"{path} cannot be read as weights: it is an archive of another kind, or damaged{reason}"
    if start.startswith(_ZIP) or start == _LEGACY:
        return (
            f"{path} cannot be read as weights: it is damaged or cut short ({path.stat().st_size} bytes are there); "
            f"copy or download it again{reason}"
        )
    return f"{path} cannot be read as weights: it is no file that torch.save has written{reason}"


def _object_named_in(path: Path) -> str | None:
    """What a pickle of any protocol would import, but for what tensors are made of; read as data, never executed."""
    words = ["", ""]
    with suppress(Exception):  # at the end of the pickles; whatever else is wrong with the file is told elsewhere
        stream = _pickled(path)
        while True:
            for opcode, argument, _ in pickletools.genops(stream):
                if isinstance(argument, str):
                    words.append(argument)
                if opcode.name in ("GLOBAL", "INST", "STACK_GLOBAL"):
                    name = ".".join(words[-2:]) if opcode.name == "STACK_GLOBAL" else str(argument)
                    if _NAME.fullmatch(name) and not _OF_TENSORS.fullmatch(name := name.replace(" ", ".")):
                        return name
    return None


def _pickled(path: Path) -> io.BytesIO:
    if not zipfile.is_zipfile(path):
        content = path.read_bytes()
        return io.BytesIO(b"" if content.startswith(_ZIP) else content)
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl"))))


def check_absent(path: Path, *, but: Path | None = None) -> None:
    """Refuse to write where there is a file already.

    Args:
        path: the file to write.
        but: the file that is read, for which this is left to the reader: it may be of the wrong kind.

    Raises:
        FileExistsError: there is such a file.
    """
    if path.exists() and path != but:
        raise FileExistsError(f"{path} is there already and stays; name another file or remove it first")


def write_weights_file(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file of weights by renaming a finished one into place; what is there already stays.

    Raises:
        FileExistsError: there is such a file.
        OSError: the file cannot be written; the message names it, and no half-written file is left.
    """
    check_absent(path)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as stream:
            torch.save(dict(content), stream)
        os.replace(scratch, path)
    except (OSError, RuntimeError) as error:  # a full disk reaches torch's archive writer as a RuntimeError
        raise OSError(
            f"{path} could not be written: {getattr(error, 'strerror', None) or error}; "
            "free space or choose another folder"
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
