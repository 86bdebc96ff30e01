"""Cameras and streams: a sender on this machine that breaks off, comes back, or never was there."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np
import pytest

from fairmot_pl.inference.sources import live
from fairmot_pl.inference.sources.live import LiveSource, is_address, without_password
from fairmot_pl.inference.sources.opening import open_sources

RATE = 25


def encoded(frames, *, container_format="mpegts", size=(48, 64)) -> bytes:
    """Frames of one grey each, 5 brighter than the one before."""
    content = io.BytesIO()
    with av.open(content, "w", format=container_format) as container:
        options = {"tune": "zerolatency", "crf": "5", "g": "5"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for index in range(frames):
            image = np.full((*size, 3), 5 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return content.getvalue()


class Sender:
    """An HTTP server; each connection gets the next of some replies and is then closed.

    Args:
        replies: bytes to send, or None to hang up without a word.
        header: HTTP header lines.
        reset: whether to break the connection instead of ending it.
    """

    def __init__(self, *replies, header=b"Content-Type: video/mp2t", reset=False):
        self.replies, self.header, self.reset = list(replies), header, reset
        self.connections = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://me:secret@127.0.0.1:{self._server.getsockname()[1]}/live.ts?key=secret"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self):
        while self.replies:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            reply = self.replies.pop(0)
            with connection, contextlib.suppress(OSError):
                connection.recv(4096)
                if reply is not None:
                    connection.sendall(b"HTTP/1.0 200 OK\r\n" + self.header + b"\r\n\r\n" + reply)
                    if self.reset:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._server.close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(live, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(live, "LONGEST_PAUSE", 0.1)


def test_a_stream_is_read_to_its_end():
    with Sender(encoded(30)) as sender:
        (source,) = open_sources(sender.address, reconnect_seconds=0)
        assert (source.live, source.frame_count, source.frame_rate) == (True, None, RATE)
        frames = list(source)
    assert [frame.number for frame in frames] == list(range(1, 31))
    assert [frame.time for frame in frames] == pytest.approx([index / RATE for index in range(30)])
    assert [int(frame.image[20, 20, 0]) for frame in frames] == pytest.approx([5 * index for index in range(30)], abs=3)
    assert (source.reconnects, sender.connections) == (0, 1)
    assert "dropped after frame 30 (" in source.note


@pytest.mark.parametrize("reset", [False, True])
def test_a_stream_that_drops_is_reconnected_and_time_runs_on(caplog, reset):
    content = encoded(30)
    cut = len(content) // 2
    with Sender(content[:cut], None, None, encoded(10), reset=reset) as sender, caplog.at_level(logging.WARNING):
        source = LiveSource(sender.address, reconnect_seconds=20)
        frames = []
        for frame in source:
            frames.append(frame)
            if source.reconnects and frame.image[20, 20, 0] > 40:
                source.close()
    assert [frame.number for frame in frames] == list(range(1, len(frames) + 1))
    greys = [int(frame.image[20, 20, 0]) for frame in frames]
    back = next(index for index in range(1, len(greys)) if greys[index] < greys[index - 1])
    assert 5 <= back < 30
    times = [frame.time for frame in frames]
    assert times == sorted(set(times)), "time never stands still nor goes back"
    assert source.reconnects == 1
    assert sender.connections == 4
    assert f"dropped after frame {back}" in caplog.text
    assert "secret" not in caplog.text


def test_time_jumps_by_how_long_it_was_away(monkeypatch):
    """The clock on the wall is 100 s ahead when the stream is back, so that tracks are as old as they are."""
    now = [0.0]
    with Sender(encoded(10), encoded(10)) as sender:
        source = LiveSource(sender.address, reconnect_seconds=1000)
        monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
        times = []
        for frame in source:
            times.append(frame.time)
            if frame.number == 10:
                now[0] += 100
            if frame.number == 20:
                source.close()
    assert times[:10] == pytest.approx([index / RATE for index in range(10)])
    assert times[10:] == pytest.approx([100 + index / RATE for index in range(10)])


def test_a_stream_that_stays_away_ends_with_a_note():
    with Sender(encoded(10)) as sender:
        source = LiveSource(sender.address, reconnect_seconds=0.5)
        assert len(list(source)) == 10
    assert "dropped after frame 10" in source.note
    assert source.note.endswith("and did not come back")
    assert "secret" not in source.note


def test_closing_ends_the_attempts_to_reconnect():
    with Sender(encoded(10)) as sender:
        source = LiveSource(sender.address, reconnect_seconds=600)
        threading.Timer(0.3, source.close).start()
        assert len(list(source)) == 10
    assert source.note == ""


def test_a_file_on_a_web_server_is_a_file():
    content = encoded(20, container_format="matroska")
    header = b"Content-Length: %d" % len(content)
    with Sender(content, content, content, header=header) as sender:
        source = LiveSource(sender.address)
        assert not source.live
        assert len(list(source)) == 20
    assert (source.reconnects, source.note) == (0, "")


@pytest.mark.parametrize("flags", ["", "faststart"])
def test_a_file_on_a_server_that_sends_no_parts_of_files(tmp_path, caplog, flags):
    path = tmp_path / "an mp4.mp4"  # its index stands at its end, unless the flags say otherwise
    with av.open(str(path), "w", options={"movflags": flags} if flags else {}) as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        rng = np.random.default_rng(0)
        for _ in range(40):
            noise = rng.integers(0, 255, (240, 320, 3)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode())
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given):
            super().__init__(*given, directory=str(tmp_path))

        def log_message(self, *said):
            asked.append(self.headers.get("Authorization", ""))

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = LiveSource(f"http://me:secret@127.0.0.1:{server.server_address[1]}/an mp4.mp4")
        assert (source.live, source.frame_count) == (False, 40)
        assert [frame.number for frame in source] == list(range(1, 41))
        server.shutdown()
    assert ("it is fetched whole first" in caplog.text) == (flags == "")
    assert "secret" not in caplog.text
    if flags == "":
        assert asked[-1] == "Basic bWU6c2VjcmV0"


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OSError, match=rf"http://127\.0\.0\.1:{port}/x: cannot be opened \(.*refused\); is the address"):
        LiveSource(f"http://me:secret@127.0.0.1:{port}/x")
    with pytest.raises(OSError, match=rf"rtsp://127\.0\.0\.1:{port}/x: cannot be opened"):
        LiveSource(f"rtsp://127.0.0.1:{port}/x")


def test_something_else_there():
    with (
        Sender(b"<html>hello</html>" * 100, header=b"Content-Type: text/html") as sender,
        pytest.raises((OSError, ValueError), match=r"live\.ts: cannot be opened \(.*\); is the address right"),
    ):
        LiveSource(sender.address)


@pytest.mark.parametrize("given", [87, "87"])
def test_no_such_camera(given):
    with pytest.raises(OSError, match=r"camera 87: no such camera"):
        open_sources(given)


@pytest.mark.parametrize(
    ("address", "shown", "name"),
    [
        ("rtsp://user:pass@10.0.0.5:554/cam/1?channel=1&pw=x", "rtsp://10.0.0.5:554/cam/1", "10.0.0.5_554_cam_1"),
        ("udp://@239.0.0.1:1234", "udp://239.0.0.1:1234", "239.0.0.1_1234"),
        ("http://host/a b/video.mp4", "http://host/a b/video.mp4", "host_a_b_video.mp4"),
    ],
)
def test_addresses_lose_their_secrets(address, shown, name):
    assert is_address(address)
    assert without_password(address) == shown
    assert live._name(shown) == name


@pytest.mark.parametrize("path", ["a.mp4", "/x/y.mp4", "C:\\x.mp4", "clips/*.mp4", "0"])
def test_paths_are_no_addresses(path):
    assert not is_address(path)


def test_a_senseless_patience_is_refused():
    with pytest.raises(ValueError, match="reconnect_seconds is -1"):
        LiveSource("http://127.0.0.1:9/x", reconnect_seconds=-1)
