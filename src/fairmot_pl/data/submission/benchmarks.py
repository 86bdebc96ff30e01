"""What each evaluation server wants: its sequences, the copies of them, where files stand in the archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fairmot_pl.data.mot_layout import find_sequences, info_without_file
from fairmot_pl.seqinfo import DETECTORS, SequenceInfo, read_seqinfo, video_of

Split = Literal["train", "test"]

SPLITS: Mapping[str, tuple[Split, ...]] = {"test": ("test",), "train": ("train",), "all": ("train", "test")}
"""What can be asked for. Servers score the test sequences."""


@dataclass(frozen=True)
class Benchmark:
    """One evaluation server.

    Args:
        videos: names by part; a part that is not here is told by the folder of the data set.
        copies: endings of the files that it wants of each video; empty where one file without ending is wanted.
        folder: where the files stand in the archive; empty: at its top.
        page: where to upload, in words.
    """

    page: str
    videos: Mapping[Split, tuple[str, ...]] = field(default_factory=dict)
    copies: tuple[str, ...] = ()
    folder: str = ""

    def files_of(self, video: str) -> tuple[str, ...]:
        """Names of the sequences that the server wants of a video."""
        return tuple(f"{video}-{copy}" for copy in self.copies) or (video,)


def _numbered(prefix: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"{prefix}-{number:02d}" for number in numbers)


def _motchallenge(
    name: str, train: tuple[str, ...], test: tuple[str, ...], *, copies: tuple[str, ...] = ()
) -> Benchmark:
    page = f"motchallenge.net: log in, open the results page of {name}, submit the zip for your tracker"
    return Benchmark(page, {"train": train, "test": test}, copies)


_TRAIN_16, _TEST_16 = (2, 4, 5, 9, 10, 11, 13), (1, 3, 6, 7, 8, 12, 14)

BENCHMARKS: Mapping[str, Benchmark] = {
    "MOT15": _motchallenge(
        "2D MOT 2015",
        train=(
            *("ADL-Rundle-6", "ADL-Rundle-8", "ETH-Bahnhof", "ETH-Pedcross2", "ETH-Sunnyday", "KITTI-13", "KITTI-17"),
            *("PETS09-S2L1", "TUD-Campus", "TUD-Stadtmitte", "Venice-2"),
        ),
        test=(
            *("ADL-Rundle-1", "ADL-Rundle-3", "AVG-TownCentre", "ETH-Crossing", "ETH-Jelmoli", "ETH-Linthescher"),
            *("KITTI-16", "KITTI-19", "PETS09-S2L2", "TUD-Crossing", "Venice-1"),
        ),
    ),
    "MOT16": _motchallenge("MOT16", _numbered("MOT16", *_TRAIN_16), _numbered("MOT16", *_TEST_16)),
    "MOT17": _motchallenge(
        "MOT17", _numbered("MOT17", *_TRAIN_16), _numbered("MOT17", *_TEST_16), copies=tuple(sorted(DETECTORS))
    ),
    "MOT20": _motchallenge("MOT20", _numbered("MOT20", 1, 2, 3, 5), _numbered("MOT20", 4, 6, 7, 8)),
    # their servers compare with the folder of the data set, so that the folder is the list
    "DanceTrack": Benchmark("the evaluation server of DanceTrack, which its repository links to", folder="tracker"),
    "SportsMOT": Benchmark("the evaluation server of SportsMOT, which its repository links to"),
}
"""Every server that a submission can be made for."""


def expected_videos(benchmark: Benchmark, split: str, root: Path) -> dict[str, SequenceInfo]:
    """What `seqinfo.ini` says of each video that the server wants.

    Args:
        benchmark: the server.
        split: a name in `SPLITS`.
        root: the data set's folder, which holds `test/` or `train/`.

    Raises:
        FileNotFoundError: a folder is not there, or a video that belongs to the benchmark is not in it.
        MotFormatError: a broken `seqinfo.ini`.
    """
    found: dict[str, SequenceInfo] = {}
    for part in SPLITS[split]:
        folders = {video_of(folder.name): folder for folder in find_sequences(root, None, "auto", part)}
        wanted = benchmark.videos.get(part, tuple(folders))
        missing = [video for video in wanted if video not in folders]
        if missing:
            raise FileNotFoundError(
                f"{root / part}: has no sequence {missing[0]} ({len(missing)} of {len(wanted)} are missing), whose "
                "seqinfo.ini says how many frames there are; complete the data set, or correct data.root or benchmark"
            )
        found |= {video: _info(folders[video]) for video in wanted}
    return found


def _info(folder: Path) -> SequenceInfo:
    ini = folder / "seqinfo.ini"
    return read_seqinfo(ini) if ini.is_file() else info_without_file(folder, frame_rate=1.0)
