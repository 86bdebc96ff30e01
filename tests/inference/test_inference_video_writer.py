"""Frames out: what is written can be read back, and a failure leaves nothing."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from fairmot_pl.inference.video_writer import VideoWriter

resource = pytest.importorskip("resource", reason="limits on file size are a thing of Unix")


def noise(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def write(path, frames, **options):
    with VideoWriter(path, **{"frame_rate": 25, **options}) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def failing_frames():
    yield noise((64, 64))
    raise RuntimeError("elsewhere")


def read(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return stream, images


@pytest.mark.parametrize(
    ("size", "max_side", "expected"),
    [
        ((48, 64), None, (48, 64)),
        ((47, 65), None, (48, 66)),
        ((1, 3), None, (2, 4)),
        ((48, 64), 64, (48, 64)),
        ((108, 192), 96, (54, 96)),
        ((101, 203), 51, (24, 50)),
        ((200, 20), 50, (50, 4)),
    ],
)
def test_size_is_even_and_shrunk(tmp_path, size, max_side, expected):
    path = write(tmp_path / "clip.mp4", [noise(size, seed) for seed in range(4)], max_side=max_side)
    stream, images = read(path)
    assert [image.shape for image in images] == [(*expected, 3)] * 4
    assert (stream.codec_context.name, stream.codec_context.pix_fmt, stream.frames) == ("h264", "yuv420p", 4)


@pytest.mark.parametrize("frame_rate", [25, 14, 29.97, 30000 / 1001, 7.5])
def test_frame_rate_survives(tmp_path, frame_rate):
    stream, _ = read(write(tmp_path / "clip.mp4", [noise((32, 32))] * 10, frame_rate=frame_rate))
    assert float(stream.average_rate) == pytest.approx(frame_rate, rel=1e-4)


def test_ntsc_rate_is_exact(tmp_path):
    stream, _ = read(write(tmp_path / "clip.mp4", [noise((32, 32))] * 3, frame_rate=30000 / 1001))
    assert stream.average_rate == Fraction(30000, 1001)


@pytest.mark.parametrize("colour", [(200, 40, 30), (30, 180, 60), (20, 50, 220), (255, 255, 255), (0, 0, 0)])
def test_colours_survive_and_are_declared(tmp_path, colour):
    image = np.full((64, 64, 3), colour, np.uint8)
    stream, images = read(write(tmp_path / "clip.mp4", [image] * 3, quality=5))
    np.testing.assert_allclose(images[1][32, 32], colour, atol=4)
    assert stream.codec_context.colorspace == 1, "BT.709"


def test_padding_repeats_the_border(tmp_path):
    image = np.full((33, 33, 3), 200, np.uint8)
    _, images = read(write(tmp_path / "clip.mp4", [image] * 2, quality=1))
    np.testing.assert_allclose(images[0], 200, atol=4)


def test_index_comes_first_so_that_browsers_start_at_once(tmp_path):
    content = write(tmp_path / "clip.mp4", [noise((32, 32))] * 3).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_folder_is_made_and_nothing_else_is_left_in_it(tmp_path):
    path = write(tmp_path / "new" / "folder" / "clip.mp4", [noise((32, 32))])
    assert [found.name for found in path.parent.iterdir()] == ["clip.mp4"]


def test_an_error_inside_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="elsewhere"):
        write(tmp_path / "clip.mp4", failing_frames())
    assert list(tmp_path.iterdir()) == []


def test_an_error_inside_keeps_the_video_that_was_there(tmp_path):
    before = write(tmp_path / "clip.mp4", [noise((32, 32))]).read_bytes()
    with pytest.raises(RuntimeError, match="elsewhere"):
        write(tmp_path / "clip.mp4", failing_frames())
    assert (tmp_path / "clip.mp4").read_bytes() == before


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    """The limit on file size stands in for a full disk: the system refuses to write more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError, match=r"clip\.mp4 could not be written after \d+ frames.*free space") as caught:
            write(tmp_path / "clip.mp4", (noise((160, 160), seed) for seed in range(120)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "File too large" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_at_the_very_end_is_named_too(tmp_path):
    writer = VideoWriter(tmp_path / "clip.mp4", frame_rate=25)
    for seed in range(4):
        writer.write(noise((160, 160), seed))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(OSError, match=r"clip\.mp4 could not be written after 4 frames"):
            writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(OSError, match=r"clip\.mp4 could not be written after 0 frames"):
        write(tmp_path / "folder" / "clip.mp4", [noise((32, 32))])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("clip.avi", {}, r"clip\.avi: the video writer makes \.mp4 files"),
        ("clip.mp4", {"frame_rate": 0}, "frame_rate is 0; a positive number"),
        ("clip.mp4", {"frame_rate": float("nan")}, "frame_rate is nan"),
        ("clip.mp4", {"max_side": 8}, "max_side is 8; at least 16"),
        ("clip.mp4", {"quality": 52}, r"quality is 52; allowed: 0 \(best\) to 51"),
    ],
)
def test_senseless_options_are_refused(tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        VideoWriter(tmp_path / name, **{"frame_rate": 25, **options})


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((32, 32), np.uint8), r"frame 2 has shape \(32, 32\)"),
        (np.zeros((32, 32, 3), np.float32), "frame 2 has .* dtype float32"),
        (np.zeros((32, 40, 3), np.uint8), "frame 2 is 40x32, the first was 32x32"),
    ],
)
def test_frames_that_do_not_fit_are_refused(tmp_path, image, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "clip.mp4", [noise((32, 32)), image])
    assert list(tmp_path.iterdir()) == []


def test_a_video_of_no_frames_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"clip\.mp4: no frame was written"):
        write(tmp_path / "clip.mp4", [])
