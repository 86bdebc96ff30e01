"""A video that plays at any moment, also when the process that writes it is killed."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.images import letterbox_pixels
from fairmot_pl.inference.video_writer import VideoWriter, scratch_file
from fairmot_pl.letterbox import Letterbox

logger = logging.getLogger(__name__)


class GrowingVideoWriter(VideoWriter):
    """A `VideoWriter` whose file is there, and plays, from the first frame on.

    While it grows it is a fragmented mp4, a fragment a frame, encoded without looking ahead: a process that is
    killed loses the frame in its hands. Closing it copies the frames, without encoding them anew, into the plain
    mp4 with the index first that `VideoWriter` makes. An error inside the block keeps what was written.

    Frames of another size than the first, as a stream may send after it was reconnected, are fitted into it.
    """

    def discard(self) -> None:
        """Finish the file as it is."""
        if self._container is not None:
            with suppress(OSError):  # of a full disk: the fragments that are there play
                self._container.close()
        self._container = self._stream = None

    def _muxer_options(self) -> dict[str, str]:
        return {"movflags": "frag_every_frame+empty_moov+default_base_moof", "flush_packets": "1"}

    def _encoder_options(self) -> dict[str, str]:
        keyframes = str(max(1, round(2 * self.frame_rate)))
        return super()._encoder_options() | {"preset": "veryfast", "tune": "zerolatency", "g": keyframes}

    def _file_to_write(self) -> Path:
        return self.path

    def _put_in_place(self) -> None:
        scratch: Path | None = None
        try:
            scratch = scratch_file(self.path)
            _copy_frames(self.path, scratch)
            os.replace(scratch, self.path)
        except OSError as error:
            if scratch is not None:
                scratch.unlink(missing_ok=True)
            logger.warning("%s stays in fragments, which play too: %s", self.path, error.strerror or error)

    def _checked(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._container is not None and image.shape[:2] != self._image_size:
            image = letterbox_pixels(image, Letterbox((image.shape[0], image.shape[1]), self._image_size))
        return super()._checked(image)


def _copy_frames(source: Path, target: Path) -> None:
    import av

    with (
        av.open(str(source)) as before,
        av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as after,
    ):
        stream = before.streams.video[0]
        copied = after.add_stream_from_template(stream)
        for packet in before.demux(stream):
            if packet.dts is not None:  # the empty packet at the end
                packet.stream = copied
                after.mux(packet)
