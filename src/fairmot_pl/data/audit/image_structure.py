"""Whether an image file is whole, told from its structure at the speed of the disk: no pixel is decoded.

JPEG (ITU-T T.81, annex B): every segment has the length that it states; entropy-coded data hold no marker but restarts
in turn, so that foreign bytes give themselves away within a few hundred of them; the end mark is the end of the file.
PNG: every chunk has its checksum. Not seen in JPEG: few wrong bytes, a piece of another JPEG, a piece taken out.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SOI, _EOI, _SOS, _DRI = 0xD8, 0xD9, 0xDA, 0xDD
_TABLES = {0xDB, 0xC4}  # quantisation, Huffman
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive: what cameras and tools write
_SEGMENTS = {*_FRAMES, *_TABLES, _SOS, _DRI, 0xFE, *range(0xE0, 0xF0)}
_RESTARTS = (0xD0, 0xD7)

_STEP = 64
"""Every 64th byte is looked at for foreign blocks."""

_ALIKE, _LOW = 7, 32
"""So many of them in a row that equal the one before mean a block of one value, of 512 bytes or more, a sector; so many
below 128 mean 2 kB of text or of something like it. Picture data are half above 127, and look like chance."""

_PNG = b"\x89PNG\r\n\x1a\n"


def is_sound(content: bytes) -> bool:
    """Whether the bytes are one whole JPEG or PNG image; False also where only decoding can tell."""
    if content[:2] == bytes((0xFF, _SOI)):
        return _is_sound_jpeg(content)
    return content[:8] == _PNG and _is_sound_png(content)


def _is_sound_jpeg(content: bytes) -> bool:
    values = np.frombuffer(content, np.uint8)
    at = np.flatnonzero(values[:-1] == 0xFF)
    codes = values[at + 1]
    restarts = (codes >= _RESTARTS[0]) & (codes <= _RESTARTS[1])
    marks = at[(codes != 0) & ~restarts]
    seen: set[int] = set()
    place = 2
    while place + 4 <= len(content):
        code = content[place + 1]
        if content[place] != 0xFF or code not in _SEGMENTS or (code in _FRAMES and seen & _FRAMES):
            return False
        seen.add(code)
        length = int.from_bytes(content[place + 2 : place + 4], "big")
        place += 2 + length
        if length < 2 or place > len(content) - 2:
            return False
        if code == _SOS:
            following = int(np.searchsorted(marks, place))
            if following == len(marks):
                return False
            start, place = place, int(marks[following])
            inside = slice(*np.searchsorted(at, [start, place]))
            turns = codes[inside][restarts[inside]]
            if _is_foreign(values[start:place]) or not _take_turns(turns, allowed=_DRI in seen):
                return False
            if content[place + 1] == _EOI:
                return place + 2 == len(content) and bool(seen & _FRAMES) and seen >= _TABLES
    return False


def _take_turns(restarts: NDArray[np.uint8], *, allowed: bool) -> bool:
    """Whether restart marks count from 0 to 7 and over again, as they do where nothing is missing between them."""
    if not len(restarts):
        return True
    return allowed and bool((restarts - _RESTARTS[0] == np.arange(len(restarts)) % 8).all())


def _is_foreign(values: NDArray[np.uint8]) -> bool:
    """Whether a block does not look like picture data; those of flat pictures may look like this too."""
    samples = values[::_STEP]
    return _longest(samples[1:] == samples[:-1]) >= _ALIKE or _longest(samples < 128) >= _LOW


def _longest(holds: NDArray[np.bool_]) -> int:
    """Length of the longest run."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], holds, [False]])))
    return int((ends[1::2] - ends[::2]).max(initial=0))


def _is_sound_png(content: bytes) -> bool:
    place, kinds = len(_PNG), []
    while place + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if end > len(content):
            return False
        if zlib.crc32(memoryview(content)[place + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            return False
        kinds.append(kind)
        place = end
        if kind == b"IEND":
            return place == len(content) and kinds[0] == b"IHDR" and b"IDAT" in kinds
    return False
