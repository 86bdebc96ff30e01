"""How fast an audit checks JPEG files, and which damage it sees without decoding them, in one interleaved run.

    OMP_NUM_THREADS=1 python benchmarks/audit.py

Real frames are taken from $FAIRMOT_DATA/MOT17-09 where that is there, rendered ones otherwise. Seconds are those of the
thread: what a core can do where the disk keeps up. Files are in the cache of the system.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from fairmot_pl.data.audit.image_probe import probe_image
from fairmot_pl.data.synthetic import render_dataset

WAYS: dict[str, Callable[[int], dict[str, bool]]] = {
    "every bit decoded (thorough)": lambda index: {"looks": True, "thorough": True},
    "structure, every 10th frame compared": lambda index: {"looks": index % 10 == 0, "thorough": False},
    "structure alone": lambda index: {"looks": False, "thorough": False},
}


def frames(scratch: Path, count: int) -> list[Path]:
    """JPEG files of 1920 x 1080."""
    real = sorted(Path(os.environ.get("FAIRMOT_DATA", "data"), "MOT17-09").glob("train/*/img1/*.jpg"))
    if not real:
        render_dataset(scratch, train=1, val=0, frames=count, people=16, image_size=(1080, 1920))
        real = sorted(scratch.glob("train/*/img1/*.jpg"))
    return real[:count]


def spliced(content: bytes, block: bytes, draw: np.random.Generator) -> bytes:
    """The content with a block written over a part of its picture data."""
    place = int(draw.integers(2000, len(content) - len(block) - 64))
    return content[:place] + block + content[place + len(block) :]


def damages(contents: list[bytes]) -> dict[str, Callable[[bytes, np.random.Generator], bytes]]:
    """Ways in which disks, downloads and copies go wrong."""

    def foreign(size: int) -> Callable[[bytes, np.random.Generator], bytes]:
        def harm(content: bytes, draw: np.random.Generator) -> bytes:
            other = contents[int(draw.integers(len(contents)))]
            place = int(draw.integers(2000, len(other) - size))
            return spliced(content, other[place : place + size], draw)

        return harm

    text = (Path(__file__).read_bytes() * 2)[:4096]
    return {
        "end cut off, 1 byte to half": lambda c, d: c[: -int(d.integers(1, len(c) // 2))],
        "tail of zeros, 4 kB": lambda c, d: c[:-4096] + bytes(4096),
        "sector of zeros, 512 bytes": lambda c, d: spliced(c, bytes(512), d),
        "sector of 0xFF": lambda c, d: spliced(c, b"\xff" * 512, d),
        "random bytes, 256": lambda c, d: spliced(c, d.bytes(256), d),
        "random bytes, 512": lambda c, d: spliced(c, d.bytes(512), d),
        "random bytes, 4 kB": lambda c, d: spliced(c, d.bytes(4096), d),
        "text, 4 kB": lambda c, d: spliced(c, text, d),
        "4 kB of another JPEG's data": foreign(4096),
        "4 kB taken out": lambda c, d: (lambda p: c[:p] + c[p + 4096 :])(int(d.integers(2000, len(c) - 8192))),
        "one bit": lambda c, d: (lambda p: c[:p] + bytes([c[p] ^ 16]) + c[p + 1 :])(int(d.integers(2000, len(c) - 64))),
    }


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--laps", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        paths = frames(Path(scratch), given.frames)
        contents = [path.read_bytes() for path in paths]
        megabytes = sum(map(len, contents)) / 1e6
        seconds = {name: np.zeros(given.laps) for name in WAYS}
        for lap in range(-1, given.laps):  # the first one warms up
            for index, path in enumerate(paths):
                for name, way in WAYS.items():
                    start = time.thread_time()
                    assert not probe_image(path, **way(index)).problem
                    if lap >= 0:
                        seconds[name][lap] += time.thread_time() - start
        print(f"{platform.machine()}, 1 thread, OpenCV {cv2.__version__}, {len(paths)} frames, {megabytes:.1f} MB")
        first = next(iter(seconds.values()))
        for name, laps in seconds.items():
            ratio = np.median(first / laps)
            milliseconds = 1e3 * np.median(laps) / len(paths)
            print(f"{name:<38} {milliseconds:6.2f} ms  {megabytes / np.median(laps):6.0f} MB/s  {ratio:5.1f} x")
        victim = Path(scratch, "victim.jpg")
        draw = np.random.default_rng(0)
        print(f"{'damage, found in percent':<38} structure  thorough")
        for name, harm in damages(contents).items():
            found = np.zeros(2)
            for content in contents:
                victim.write_bytes(harm(content, draw))
                found += [bool(probe_image(victim, looks=False, thorough=full).problem) for full in (False, True)]
            print(f"{name:<38} {100 * found[0] / len(paths):9.0f}  {100 * found[1] / len(paths):8.0f}")


if __name__ == "__main__":
    main()
