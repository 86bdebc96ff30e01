"""Frames in: folders, MOTChallenge sequences, video files, and what stands behind `source=`."""

from __future__ import annotations

import logging
import struct

import cv2
import numpy as np
import pytest

from fairmot_pl.inference.sources.frame import FrameClock
from fairmot_pl.inference.sources.opening import open_sources
from fairmot_pl.inference.video_writer import VideoWriter
from fairmot_pl.mot_format import MotFormatError
from fairmot_pl.seqinfo import SequenceInfo, write_seqinfo


def save_image(path, value=0, size=(24, 32)):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((*size, 3), value, np.uint8))


def make_video(path, frames=6, size=(48, 64), frame_rate=25.0):
    with VideoWriter(path, frame_rate=frame_rate, quality=5) as writer:
        for index in range(frames):
            image = np.full((*size, 3), 20 * index, np.uint8)
            image[: size[0] // 2, : size[1] // 2] = (255, 0, 0)
            writer.write(image)
    return path


def open_source(given, **more):
    (source,) = open_sources(given, **more)
    return source


def test_a_folder_is_read_in_natural_order(tmp_path):
    for number in (10, 2, 1, 33):
        save_image(tmp_path / f"frame{number}.png", number)
    for noise in ("notes.txt", "._frame1.png", "Thumbs.db"):
        (tmp_path / noise).write_text("x")
    source = open_source(tmp_path, frame_rate=12)
    assert (source.name, source.frame_rate, source.frame_count) == (tmp_path.name, 12, 4)
    frames = list(source)
    assert [frame.number for frame in frames] == [1, 2, 3, 4]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 2, 10, 33]
    assert len(list(source)) == 4, "a source can be read again"


def test_images_come_as_rgb(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    image[:] = (255, 0, 10)
    cv2.imwrite(str(tmp_path / "1.png"), image[:, :, ::-1])
    (frame,) = open_source(tmp_path, frame_rate=1)
    np.testing.assert_array_equal(frame.image, image)


def test_a_folder_without_a_frame_rate_says_what_it_assumes(tmp_path, caplog):
    save_image(tmp_path / "1.jpg")
    with caplog.at_level(logging.WARNING):
        assert open_source(tmp_path).frame_rate == 25
    assert "does not say its frame rate; 25 frames per second" in caplog.text
    assert str(tmp_path) in caplog.text


@pytest.mark.parametrize("inner", ["", "img1"])
def test_a_motchallenge_sequence_brings_its_frame_rate_and_name(tmp_path, inner):
    sequence = tmp_path / "SEQ-01"
    save_image(sequence / "img1" / "000001.jpg")
    write_seqinfo(sequence / "seqinfo.ini", SequenceInfo("SEQ-01", 14.0, 1, (24, 32)))
    source = open_source(sequence / inner)
    assert (source.name, source.frame_rate, source.frame_count) == ("SEQ-01", 14.0, 1)
    assert open_source(sequence / inner, frame_rate=7).frame_rate == 7, "a given frame rate wins"


def test_a_sequence_without_seqinfo_is_still_found(tmp_path):
    save_image(tmp_path / "SEQ-02" / "img1" / "000001.jpg")
    source = open_source(tmp_path / "SEQ-02", frame_rate=30)
    assert (source.name, source.frame_count) == ("SEQ-02", 1)


def test_a_video_is_read_frame_by_frame(tmp_path):
    source = open_source(make_video(tmp_path / "clip.mp4", frames=7, frame_rate=29.97))
    assert (source.name, source.frame_count) == ("clip", 7)
    assert source.frame_rate == pytest.approx(29.97)
    for _ in range(2):
        frames = list(source)
        assert [frame.number for frame in frames] == list(range(1, 8))
        for number, image in ((frame.number, frame.image) for frame in frames):
            assert image.shape == (48, 64, 3)
            assert image.dtype == np.uint8
            np.testing.assert_allclose(image[40, 50], 20 * (number - 1), atol=4)
            np.testing.assert_allclose(image[5, 5], (255, 0, 0), atol=8)


def test_reading_can_stop_early(tmp_path):
    source = open_source(make_video(tmp_path / "clip.mp4", frames=7))
    assert next(iter(source)).number == 1
    assert len(list(source)) == 7


def test_a_video_that_was_cut_off_says_so(tmp_path, caplog):
    path = tmp_path / "clip.mp4"
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 96, 3)).astype(np.uint8)
    with VideoWriter(path, frame_rate=10) as writer:
        for image in noise:
            writer.write(image)
    with caplog.at_level(logging.WARNING):
        assert len(list(open_source(path))) == 40
        assert caplog.text == ""
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        count = len(list(open_source(path)))
    assert 0 < count < 40
    assert f"clip.mp4 ends after frame {count} of 40; it may be cut off" in caplog.text


@pytest.mark.parametrize(
    ("matrix", "corner"),
    [
        ((0, 1, -1, 0), (0, -1)),  # a quarter turn clockwise: top left goes to top right
        ((-1, 0, 0, -1), (-1, -1)),
        ((0, -1, 1, 0), (-1, 0)),
    ],
)
def test_a_turned_video_comes_out_upright(tmp_path, matrix, corner):
    """Telephones store the sensor's pixels and a display matrix, which is put into the track header here."""
    path = make_video(tmp_path / "clip.mp4")
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 44
    a, b, c, d = (value * 0x10000 for value in matrix)
    content[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(content)
    source = open_source(path)
    expected = (48, 64) if matrix[0] else (64, 48)
    image = next(iter(source)).image
    assert image.shape[:2] == expected
    assert image.flags.c_contiguous
    np.testing.assert_allclose(image[corner], (255, 0, 0), atol=8)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: None, FileNotFoundError, "no such file or folder"),
        (lambda path: path.mkdir(), ValueError, r"no image in this folder; allowed are .*\.jpg"),
        (lambda path: path.write_text("hello"), ValueError, "not a video that can be decoded"),
        (lambda path: path.write_bytes(b""), ValueError, "not a video that can be decoded"),
        (
            lambda path: path.write_bytes(bytes(range(256)) * 40),
            ValueError,
            "not a video that can be decoded",
        ),
        (
            lambda path: (
                save_image(path / "img1" / "1.jpg"),
                (path / "seqinfo.ini").write_text("[Sequence]\n"),
            ),
            MotFormatError,
            r"seqinfo\.ini: frameRate is None",
        ),
    ],
    ids=["missing", "empty folder", "text", "empty file", "noise", "broken seqinfo"],
)
def test_what_cannot_be_read_is_named(tmp_path, make, error, message):
    path = tmp_path / "source"
    make(path)
    with pytest.raises(error, match=message) as caught:
        open_source(path)
    assert str(path) in str(caught.value)


def test_a_sound_file_is_no_video(tmp_path):
    import av

    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ValueError, match=r"sound\.wav: not a video"):
        open_source(path)


@pytest.mark.parametrize("frame_rate", [0, -5, float("nan"), float("inf")])
def test_a_senseless_frame_rate_is_refused(tmp_path, frame_rate):
    save_image(tmp_path / "1.jpg")
    with pytest.raises(ValueError, match=r"frame_rate is .*; a positive number"):
        open_source(tmp_path, frame_rate=frame_rate)


@pytest.mark.parametrize("broken", [1, 2])
def test_an_unreadable_image_is_named_when_its_turn_comes(tmp_path, broken):
    save_image(tmp_path / "1.jpg")
    (tmp_path / f"{broken}.jpg").write_text("no image")
    frames = iter(open_source(tmp_path, frame_rate=1))
    assert [next(frames).number for _ in range(1, broken)] == list(range(1, broken))
    with pytest.raises(ValueError, match=rf"{broken}\.jpg: not a readable image"):
        next(frames)


def test_real_sequences_open(real_data):
    source = open_source(real_data / "MOT15" / "train" / "TUD-Campus")
    assert (source.frame_rate, source.frame_count) == (25, 71)


def write_uneven(path, times, frame_rate=25.0):
    with VideoWriter(path, frame_rate=frame_rate) as writer:
        for time in times:
            writer.write(np.full((32, 32, 3), 90, np.uint8), seconds=time)
    return path


def test_frames_of_constant_rate_have_the_times_of_a_folder(tmp_path):
    make_video(tmp_path / "clip.mp4", frames=12, frame_rate=30000 / 1001)
    for number in range(1, 13):
        save_image(tmp_path / "clip" / f"{number}.png")
    video = open_source(tmp_path / "clip.mp4")
    folder = open_source(tmp_path / "clip", frame_rate=video.frame_rate)
    assert [frame.time for frame in video] == [frame.time for frame in folder]


def test_frames_of_uneven_rate_come_when_they_came(tmp_path):
    times = [0, 0.04, 0.08, 0.28, 0.32, 1.0, 1.04]
    source = open_source(write_uneven(tmp_path / "clip.mp4", times))
    assert [frame.time for frame in source] == pytest.approx(times, abs=0.02)


def test_a_given_frame_rate_wins_over_time_stamps(tmp_path):
    source = open_source(write_uneven(tmp_path / "clip.mp4", [0, 0.04, 0.4, 0.5]), frame_rate=10)
    assert [frame.time for frame in source] == pytest.approx([0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([0, 0.1, 0.2, 0.3], [0, 0.1, 0.2, 0.3]),
        ([0, 0.101, 0.199, 0.305], [0, 0.1, 0.2, 0.3]),
        ([0, 0.1, 0.5, 0.6], [0, 0.1, 0.5, 0.6]),
        ([0, None, None, 0.9], [0, 0.1, 0.2, 0.9]),
        ([0, 0.1, 0.05, 0.1], [0, 0.1, 0.2, 0.3]),  # back in time, or twice the same
        ([0, 0.05, 0.1, 0.15], [0, 0.05, 0.1, 0.15]),  # twice as fast as the header says
        ([3, 3.1], [0, 3.1]),
    ],
)
def test_clock(stamps, expected):
    clock = FrameClock(10)
    assert [clock.next(stamp) for stamp in stamps] == pytest.approx(expected)


def test_clock_never_drifts():
    clock = FrameClock(25)
    for index in range(10_000):
        assert abs(clock.next(index / 24.9) - index / 24.9) <= 0.1 / 25 + 1e-9


def test_rounded_stamps_are_regular():
    """Matroska rounds to milliseconds, which at 240 frames a second is a quarter of a step."""
    clock = FrameClock(240, tick=1e-3)
    times = [clock.next(round(index / 240, 3)) for index in range(500)]
    assert times == [index / 240 for index in range(500)]


def test_many_sources_have_names_of_their_own(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        make_video(tmp_path / folder / "clip.mp4", frames=2)
    make_video(tmp_path / "a" / "other.mp4", frames=2)
    given = [str(tmp_path / "b" / "clip.mp4"), str(tmp_path / "a" / "*.mp4")]
    sources = open_sources(given)
    assert [source.name for source in sources] == ["clip", "clip-2", "other"]
    assert [str(source.path.parent.name) for source in sources] == ["b", "a", "a"]


def test_a_glob_of_images_is_one_source(tmp_path):
    for number in (10, 9, 11):
        save_image(tmp_path / "shots" / f"{number}.png", number)
    save_image(tmp_path / "shots" / "cover.jpg")
    source = open_source(str(tmp_path / "shots" / "*.png"), frame_rate=5)
    assert (source.name, source.frame_count) == ("shots", 3)
    assert [int(frame.image[0, 0, 0]) for frame in source] == [9, 10, 11]


def test_a_glob_of_folders_is_a_source_each(tmp_path):
    for name in ("one", "two"):
        save_image(tmp_path / name / "img1" / "1.png")
    assert [source.name for source in open_sources(str(tmp_path / "*"), frame_rate=1)] == ["one", "two"]


def test_a_path_with_brackets_is_no_pattern(tmp_path):
    assert open_source(make_video(tmp_path / "a[1].mp4", frames=2)).name == "a[1]"


def test_globs_and_lists_that_mean_nothing_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"\*\.mp4: nothing matches; quote the pattern"):
        open_sources(str(tmp_path / "*.mp4"))
    with pytest.raises(ValueError, match="source is an empty list"):
        open_sources([])
    make_video(tmp_path / "clip.mp4", frames=2)
    save_image(tmp_path / "x.png")
    with pytest.raises(ValueError, match=r"matches images \(x\.png\) and others"):
        open_sources(str(tmp_path / "*"))
