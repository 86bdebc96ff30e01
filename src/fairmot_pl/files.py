"""Text files of other people, and files of our own that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def read_text(path: Path, refuse: type[ValueError] = ValueError) -> str:
    """Read a UTF-8 text file, with or without a byte order mark.

    Args:
        path: the file.
        refuse: what to raise where it is no such text.
    """
    return decode_text(path.read_bytes(), str(path), refuse)


def decode_text(content: bytes, where: str, refuse: type[ValueError] = ValueError) -> str:
    """UTF-8 text of some bytes, without a byte order mark.

    Args:
        content: the bytes.
        where: they stand, for messages.
        refuse: what to raise where they are no such text; UTF-16 without a mark is known by its zero bytes.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(f"{where}: {not_utf8(error)}") from error
    if "\0" in text:
        raise refuse(f"{where}: is not UTF-8 text (it holds zero bytes); save it as UTF-8")
    return text


def not_utf8(error: UnicodeDecodeError) -> str:
    """What is wrong with a file that was saved in another encoding, such as Latin-1."""
    return f"is not UTF-8 text (byte {error.start}: {error.reason}); save it as UTF-8"


def write_text(path: Path | str, text: str) -> None:
    """Write a text file by renaming a finished one into place.

    Raises:
        OSError: as `write_bytes`.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write a file by renaming a finished one into place.

    Raises:
        OSError: the file cannot be written; the message names it, and no half-written file is left.
    """
    path = Path(path)
    scratch: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            scratch = stream.name
            stream.write(content)
        os.chmod(scratch, 0o644)
        os.replace(scratch, path)
    except OSError as error:
        if scratch is not None:
            Path(scratch).unlink(missing_ok=True)
        raise OSError(
            f"{path} could not be written: {error.strerror or error}; free space or choose another folder"
        ) from error
