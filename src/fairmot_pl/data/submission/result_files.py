"""Which file of a results folder is sent for which sequence of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.submission.benchmarks import SPLITS, Benchmark
from fairmot_pl.seqinfo import SequenceInfo, video_of


def pick_files(
    folder: Path, benchmark: Benchmark, videos: Mapping[str, SequenceInfo], findings: Findings, *, split: str = "test"
) -> dict[str, Path]:
    """The file to send for each sequence; what is missing, too much or ambiguous is a finding.

    Of a video with copies any copy may have been tracked: its file is sent for those that were not.

    Args:
        folder: holds `SEQ.txt` files.
        benchmark: whose sequences.
        videos: names without the ending of a copy, and what is known of the copy that is in the data set.
        findings: where to.
        split: a name in `SPLITS`, for advice.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; results=... names the folder that holds SEQ.txt files")
    given = {path.stem: path for path in sorted(folder.glob("[!.]*.txt"))}
    chosen: dict[str, Path] = {}
    known: set[str] = set()
    sources = " or ".join(f"source='SET/{part}/*'" for part in SPLITS[split])
    remedy = f"track it: python -m fairmot_pl.track {sources} checkpoint=...; every sequence is wanted"
    for video, info in videos.items():
        wanted = benchmark.files_of(video)
        there = {name: given[name] for name in (*wanted, video) if name in given}
        known |= set(there)
        if not there:
            name = info.name if info.name in wanted else wanted[-1]
            findings.add("result-missing", folder / f"{name}.txt", "no such file", remedy=remedy)
        elif len(there) < len(wanted) and len({path.read_bytes() for path in there.values()}) > 1:
            names = ", ".join(path.name for path in there.values())
            found = f"{names} differ, so that nobody can say which to send for the other copies"
            findings.add("result-copies", next(iter(there.values())), found)
        else:
            chosen |= {name: there.get(name, next(iter(there.values()))) for name in wanted}
    for name in sorted(set(given) - known):
        hint = f": {video_of(name)} is of another part" if video_of(name) in _all_videos(benchmark) else ""
        findings.add("result-extra", given[name], f"is no sequence that is asked for{hint}")
    return chosen


def _all_videos(benchmark: Benchmark) -> set[str]:
    return {video for names in benchmark.videos.values() for video in names}
