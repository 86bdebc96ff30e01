"""How the camera moved through an annotated sequence, worked out once for trackers that ask, live or replayed."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.images import read_picture
from fairmot_pl.data.progress import progress
from fairmot_pl.files import write_bytes
from fairmot_pl.inference.cache import sequence_key
from fairmot_pl.inference.camera_motion import CameraMotion
from fairmot_pl.structures import AnnotatedSequence

log = logging.getLogger(__name__)

FOLDER = "camera-1"
"""Below the folder of recorded outputs, since no network has a part in it; the number is that of the estimate."""

Affines = NDArray[np.float64]


def camera_of(sequence: AnnotatedSequence, records: Path | None) -> Affines:
    """The camera's motion in every frame of a sequence.

    Args:
        sequence: whose images are read, unless it is recorded.
        records: folder of recorded outputs, where it is read from and written to; None for neither.

    Returns:
        `(F, 2, 3)` affine maps from each frame's predecessor; identity for the first frame and for broken images.

    Raises:
        OSError: the record cannot be written.
    """
    if records is None:
        return estimate_camera(sequence)
    entry = records / FOLDER / f"{sequence.name}-{sequence_key(sequence)}.npy"
    try:
        found: Affines = np.load(entry, allow_pickle=False)
        if found.shape == (len(sequence), 2, 3) and found.dtype == np.float64 and np.isfinite(found).all():
            return found
        log.warning("%s is damaged (it holds an array of shape %s); it is made again", entry, found.shape)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, EOFError) as error:
        log.warning("%s is damaged (%s); it is made again", entry, " ".join(str(error).split()))
    affines = estimate_camera(sequence)
    stream = io.BytesIO()
    np.save(stream, affines, allow_pickle=False)
    write_bytes(entry, stream.getvalue())
    return affines


def estimate_camera(sequence: AnnotatedSequence) -> Affines:
    """As `camera_of`, from the images."""
    motion = CameraMotion()
    affines = np.tile(np.eye(2, 3), (len(sequence), 1, 1))
    for index, frame in enumerate(progress(sequence.frames, f"camera motion of {sequence.name}", len(sequence))):
        try:
            image = read_picture(frame.image_path, frame.image_size).pixels
        except (OSError, ValueError):  # the data module counts and names it
            continue
        affines[index] = motion.step(image)
    return affines
