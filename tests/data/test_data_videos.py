from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from data.conftest import write_video
from fairmot_pl.data import videos
from fairmot_pl.data.images import read_image
from fairmot_pl.data.videos import read_videos
from fairmot_pl.mot_format import MotFormatError, read_mot
from fairmot_pl.seqinfo import read_seqinfo

ROWS = ["1,1,5,5,9,9,1,1,1", "4,1,6,5,9,9,1,1,1", "4,2,-3,5,9,60,1,1,0.5"]


@pytest.fixture
def make_clip(tmp_path):
    def make(name="a", *, suffix=".mp4", truth="{}.txt", rows=ROWS, **more):
        root = tmp_path / "clips"
        write_video(root / f"{name}{suffix}", **more)
        if truth:
            path = root / truth.format(name)
            path.parent.mkdir(exist_ok=True)
            path.write_text("\n".join(rows) + "\n")
        return root

    return make


@pytest.mark.parametrize("truth", ["{}.txt", "gt/{}.txt"])
@pytest.mark.parametrize("suffix", [".mp4", ".AVI"])
def test_a_video_becomes_a_sequence(make_clip, truth, suffix):
    root = make_clip(truth=truth, suffix=suffix)
    (sequence,) = read_videos(root)
    assert (sequence.name, sequence.frame_rate, len(sequence), sequence.is_video) == ("a", 20, 6, True)
    assert [frame.identities.tolist() for frame in sequence.frames] == [[1], [], [], [1, 2], [], []]
    np.testing.assert_allclose(sequence.frames[3].boxes[1], [-3, 5, 6, 65])
    for number, frame in enumerate(sequence.frames):
        pixels = read_image(frame.image_path)
        assert pixels.shape[:2] == frame.image_size == (48, 80)
        assert abs(pixels.mean() - (20 + 30 * number)) < 6  # frame by frame, none lost, none twice
    # whoever evaluates finds a MOTChallenge sequence
    assert sequence.folder.name == "a"
    assert len(read_mot(sequence.folder / "gt" / "gt.txt")) == 3
    assert read_seqinfo(sequence.folder / "seqinfo.ini").length == 6


def test_frames_are_taken_out_once(make_clip, monkeypatch):
    root = make_clip()
    (first,) = read_videos(root)
    monkeypatch.setattr(videos, "decode_frames", None)
    (root / "a.txt").write_text("2,5,5,5,9,9,1,1,1\n")  # a mended annotation needs no new frames
    (second,) = read_videos(root)
    assert second.folder == first.folder
    assert [len(frame) for frame in second.frames] == [0, 1, 0, 0, 0, 0]
    assert len(read_mot(second.folder / "gt" / "gt.txt")) == 1


def test_another_cut_has_frames_of_its_own(make_clip):
    (first,) = read_videos(make_clip())
    (second,) = read_videos(make_clip(frames=5))
    assert (len(first), len(second)) == (6, 5)
    assert first.folder != second.folder


def test_an_interrupted_run_goes_on(make_clip, monkeypatch):
    root = make_clip()
    real, written = videos._write_jpeg, []

    def write(target, pixels, quality):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(target.name)
        real(target, pixels, quality)

    monkeypatch.setattr(videos, "_write_jpeg", write)
    with pytest.raises(KeyboardInterrupt):
        read_videos(root)
    assert written == ["000001.jpg", "000002.jpg", "000003.jpg"]
    written.clear()
    monkeypatch.setattr(videos, "_write_jpeg", lambda *given: (written.append(given[0].name), real(*given)))
    (sequence,) = read_videos(root)
    assert written == ["000001.jpg", "000004.jpg", "000005.jpg", "000006.jpg"]
    assert {path.name for path in (sequence.folder / "img1").iterdir()} == {f"{n:06d}.jpg" for n in range(1, 7)}


def test_processes_at_once_come_to_the_same(make_clip):
    root = make_clip()
    with ThreadPoolExecutor(3) as pool:
        found = [sequence for (sequence,) in pool.map(read_videos, [root] * 3)]
    assert {sequence.folder for sequence in found} == {found[0].folder}
    assert sorted(path.name for path in (found[0].folder / "img1").iterdir()) == [f"{n:06d}.jpg" for n in range(1, 7)]


def test_frames_that_cannot_be_written_are_no_half_files(make_clip, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(videos.os, "replace", full)
    root = make_clip()
    with pytest.raises(OSError, match=r"000001\.jpg could not be written: No space left on device; .*cache="):
        read_videos(root)
    assert not [path for path in (root / "frames").rglob("*") if path.is_file()]


def test_options(make_clip, tmp_path):
    for name in "abcd":
        root = make_clip(name)
    assert [found.name for found in read_videos(root, sequences=["c", "a"])] == ["a", "c"]
    (only,) = read_videos(root, split={"fold": 1, "folds": 4, "part": "val"}, cache=str(tmp_path / "other"))
    assert only.name == "b"
    assert only.folder.is_relative_to(tmp_path / "other")
    assert read_videos(root, sequences=["a"], frame_rate=5)[0].frame_rate == 5


@pytest.mark.parametrize(
    ("clip", "options", "error", "message"),
    [
        ({"truth": None}, {}, FileNotFoundError, r"a\.txt: no such file, nor is there .*gt/a\.txt; a\.mp4 needs"),
        ({"rows": ["7,1,5,5,9,9,1,1,1"]}, {}, MotFormatError, r"a\.txt: 1 rows lie beyond the sequence's 6 frames"),
        ({"rows": ["x"]}, {}, MotFormatError, r"a\.txt, line 1"),
        ({}, {"sequences": ["b"]}, ValueError, "has no video 'b'; .*there are a"),
        ({}, {"quality": 0}, ValueError, "quality is 0; allowed: 1 to 100"),
        ({}, {"frame_rate": 0}, ValueError, "frame_rate is 0; a positive number"),
        ({}, {"split": "third"}, ValueError, "split is 'third'; allowed"),
    ],
)
def test_what_cannot_be_met_is_refused(make_clip, clip, options, error, message):
    with pytest.raises(error, match=message):
        read_videos(make_clip(**clip), **options)


def test_what_is_not_there_or_there_twice_is_named(make_clip, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder; expected ROOT/NAME\.mp4"):
        read_videos(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"holds no video; expected ROOT/NAME\.mp4"):
        read_videos(tmp_path)
    root = make_clip()
    (root / "b.mp4").write_bytes(b"nothing")
    (root / "b.txt").write_text(ROWS[0])
    with pytest.raises(ValueError, match=r"b\.mp4: not a video that can be decoded"):
        read_videos(root)
    make_clip(suffix=".avi")
    with pytest.raises(ValueError, match=r"a\.mp4: there is a\.avi too; videos need different names"):
        read_videos(root)
    (root / "a.avi").unlink()
    make_clip(truth="gt/{}.txt")
    with pytest.raises(ValueError, match=r"a\.txt: there is .*gt/a\.txt too; delete the one"):
        read_videos(root)
