"""Recorded network outputs: what is read is what was written, or an error that names the file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from fairmot_pl.inference.cache import OutputCache, RecordedFrame, read_recording, sequence_key, write_recording
from fairmot_pl.structures import AnnotatedSequence, Detections, FrameAnnotation, FrameOutput


def sequence(folder: Path, count: int = 3, name: str = "A") -> AnnotatedSequence:
    """A video of small grey images with one person."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = []
    for number in range(1, count + 1):
        path = folder / f"{number:03}.png"
        cv2.imwrite(str(path), np.full((20, 30, 3), number, np.uint8))
        frames.append(
            FrameAnnotation(
                image_path=path,
                frame=number,
                image_size=(20, 30),
                boxes=[[1, 2, 11, 12]],
                identities=[4],
                classes=[0],
                visibility=[1],
            )
        )
    return AnnotatedSequence(name=name, frames=tuple(frames), frame_rate=30)


def recorded(counts=(2, 0, 5), people=(1, 0, 3), dim=6) -> list[RecordedFrame]:
    random = np.random.default_rng(3)
    frames = []
    for number, (count, known) in enumerate(zip(counts, people, strict=True), start=1):
        detections = Detections(
            boxes=random.normal(size=(count, 4)),
            scores=random.random(count),
            embeddings=random.normal(size=(count, dim)),
            classes=random.integers(3, size=count),
        )
        output = FrameOutput(
            detections=detections,
            truth_embeddings=random.normal(size=(known, dim)),
            truth_identities=random.integers(9, size=known),
        )
        frames.append(RecordedFrame(number, output, "" if count else f"{number}.jpg is no image"))
    return frames


def assert_same(one: list[RecordedFrame], other: list[RecordedFrame]) -> None:
    for mine, theirs in zip(one, other, strict=True):
        assert (mine.frame, mine.broken) == (theirs.frame, theirs.broken)
        for name in ("truth_embeddings", "truth_identities"):
            np.testing.assert_array_equal(getattr(mine.output, name), getattr(theirs.output, name), strict=True)
        for name in ("boxes", "scores", "embeddings", "classes"):
            found = [getattr(each.output.detections, name) for each in (mine, theirs)]
            np.testing.assert_array_equal(*found, strict=True)


@pytest.mark.parametrize(
    ("counts", "people", "dim"),
    [((2, 0, 5), (1, 0, 3), 6), ((0, 0, 0), (0, 0, 0), 6), ((1, 1, 1), (0, 0, 0), 0), ((0, 0, 1), (2, 2, 2), 1)],
)
def test_what_is_read_is_what_was_written(tmp_path, counts, people, dim):
    frames = recorded(counts, people, dim)
    write_recording(tmp_path / "new" / "entry.npz", frames)
    assert_same(read_recording(tmp_path / "new" / "entry.npz", sequence(tmp_path)), frames)


def test_every_damaged_byte_is_noticed_or_changes_nothing(tmp_path):
    entry, of = tmp_path / "entry.npz", sequence(tmp_path)
    frames = recorded()
    write_recording(entry, frames)
    sound = entry.read_bytes()
    noticed = 0
    for position in range(0, len(sound), 17):
        content = bytearray(sound)
        content[position] ^= 0x55
        entry.write_bytes(bytes(content))
        try:
            assert_same(read_recording(entry, of), frames)
        except ValueError as error:
            noticed += str(error).startswith(f"{entry} is damaged")
    assert noticed > 0.5 * len(sound) / 17


@pytest.mark.parametrize("kept", [0, 10, 400, -200, -1])
def test_a_file_cut_short_is_damaged(tmp_path, kept):
    entry = tmp_path / "entry.npz"
    write_recording(entry, recorded())
    entry.write_bytes(entry.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"entry\.npz is damaged"):
        read_recording(entry, sequence(tmp_path))


def test_a_file_of_other_frames_is_refused(tmp_path):
    write_recording(tmp_path / "entry.npz", recorded())
    with pytest.raises(ValueError, match="does not hold the frames of A"):
        read_recording(tmp_path / "entry.npz", sequence(tmp_path, count=4))


def test_pickled_content_is_refused(tmp_path):
    np.savez(tmp_path / "entry.npz", frames=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="is damaged"):
        read_recording(tmp_path / "entry.npz", sequence(tmp_path))


def test_a_sequence_is_told_by_content_not_by_place(tmp_path):
    here, there = sequence(tmp_path / "here"), sequence(tmp_path / "there", name="B")
    assert sequence_key(here) == sequence_key(there)
    cv2.imwrite(str(tmp_path / "there" / "002.png"), np.full((20, 30, 3), 99, np.uint8))
    assert sequence_key(here) != sequence_key(there)
    (tmp_path / "there" / "002.png").unlink()
    assert len({sequence_key(here), sequence_key(there), sequence_key(sequence(tmp_path / "c", count=2))}) == 3


def test_other_annotations_are_another_sequence(tmp_path):
    before = sequence(tmp_path)
    moved = sequence(tmp_path)
    moved.frames[1].boxes[0, 0] += 1
    assert sequence_key(before) != sequence_key(moved)


def test_the_cache_says_what_is_damaged_and_finds_nothing(tmp_path, caplog):
    cache, of = OutputCache(tmp_path / "cache", "abc"), sequence(tmp_path / "images")
    entry = cache.entry(of)
    assert cache.find(entry, of) is None
    assert not caplog.records
    entry.parent.mkdir(parents=True)
    entry.write_bytes(b"nothing of the kind")
    assert cache.find(entry, of) is None
    assert f"{entry} is damaged" in caplog.text
    write_recording(entry, recorded())
    found = cache.find(entry, of)
    assert found is not None
    assert_same(found, recorded())
