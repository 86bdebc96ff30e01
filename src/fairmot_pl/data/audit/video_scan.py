"""Video files with their text files, sound or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fairmot_pl.data.audit.findings import Findings
from fairmot_pl.data.audit.mot_scan import scan_mot_sequence
from fairmot_pl.data.audit.sequence import AuditedSequence
from fairmot_pl.data.videos import find_truth, take_apart
from fairmot_pl.mot_format import MotFormatError


def scan_video(
    files: Sequence[Path], cache: Path, findings: Findings, *, quality: int = 95, frame_rate: float | None = None
) -> AuditedSequence | None:
    """Take a video apart and read it as a sequence.

    Args:
        files: those of its name; one, where all is well.
        cache: where frames go.
        findings: where to.
        quality: of the JPEG files, 1 to 100.
        frame_rate: frames per second, where the file does not say or says it wrong.

    Returns:
        None where it cannot be read, which is a finding.

    Raises:
        OSError: frames cannot be written.
    """
    video, *others = files
    if others:
        findings.add("video-twice", others[0], f"there is {video.name} too")
        return None
    try:
        truth = find_truth(video)
    except FileNotFoundError:
        findings.add("missing-labels", video.with_suffix(".txt"), f"no such file, nor is there gt/{video.stem}.txt")
        return None
    except ValueError as error:
        findings.add("video-twice", video.with_suffix(".txt"), _reason(error, video.with_suffix(".txt")))
        return None
    try:
        folder = take_apart(video, truth, cache, quality=quality, frame_rate=frame_rate)
    except MotFormatError as error:
        findings.add("unreadable-labels", truth, _reason(error, truth))
        return None
    except ValueError as error:
        findings.add("unreadable-video", video, _reason(error, video))
        return None
    return scan_mot_sequence(folder, findings, truth=truth)


def _reason(error: ValueError, file: Path) -> str:
    """What it says, without the file that the finding names."""
    return str(error).removeprefix(f"{file}: ")
