"""What a file holds, told from pieces of it: caches are named by it, so a changed file is simply not found."""

from __future__ import annotations

import hashlib
from pathlib import Path


def content_key(path: Path, *, pieces: int, piece_bytes: int, made: str = "") -> str:
    """32 hexadecimal digits from the size of a file and pieces from all over it; small files are read whole.

    Args:
        path: the file.
        pieces: how many.
        piece_bytes: bytes of each.
        made: what was made of the file, so that the key changes with it.

    Raises:
        OSError: the file is not there or cannot be read.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(f"{size} {made}".encode())
    with path.open("rb") as stream:
        for piece in range(pieces):
            stream.seek(piece * max(1, size // pieces))
            digest.update(stream.read(piece_bytes))
        stream.seek(max(0, size - piece_bytes))
        digest.update(stream.read(piece_bytes))
    return digest.hexdigest()[:32]
