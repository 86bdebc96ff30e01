"""The nouns of the package: what passes between its stages, as frozen NumPy records.

Boxes are `(N, 4)` float32 in xyxy order unless a name says otherwise; frames count from 1 as in MOTChallenge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import supervision

UNKNOWN_IDENTITY = -1
"""Identity of a box that trains detection only."""

Float = NDArray[np.float32]
Int = NDArray[np.int64]

_Record = TypeVar("_Record", bound="_ArrayRecord")


class _ArrayRecord:
    """Shared behaviour of records whose first axis runs over objects."""

    def _coerce(self, name: str, dtype: type, shape: tuple[int | None, ...]) -> None:
        array: NDArray[Any] = np.asarray(getattr(self, name), dtype=dtype)
        if len(array.shape) != len(shape) or any(map(_differ, shape, array.shape)):
            wanted = "(" + ", ".join("*" if size is None else str(size) for size in shape) + ")"
            raise ValueError(f"{type(self).__name__}.{name} has shape {array.shape}, expected {wanted}")
        object.__setattr__(self, name, array)

    def select(self: _Record, which: NDArray[Any] | slice) -> _Record:
        """The same record with only the objects that `which` (a mask, indices or a slice over N) picks."""
        return self.trusted(**picked_columns(self.__dict__, which))  # parts of what was checked need no check

    @classmethod
    def trusted(cls: type[_Record], **columns: NDArray[Any]) -> _Record:
        """A record without the checks, of columns known to have its types and shapes."""
        record = object.__new__(cls)
        record.__dict__.update(columns)
        return record


def picked_columns(columns: Mapping[str, NDArray[Any]], which: NDArray[Any] | slice) -> dict[str, NDArray[Any]]:
    """The rows of every column that `which` (a mask, indices or a slice over the rows) picks."""
    if isinstance(which, np.ndarray):
        if which.dtype == np.bool_ and {which.shape} == {column.shape[:1] for column in columns.values()}:
            (which,) = which.nonzero()
        if which.dtype == np.int64:
            return {name: column.take(which, axis=0) for name, column in columns.items()}  # three times as fast
    return {name: column[which] for name, column in columns.items()}


def _differ(wanted: int | None, given: int) -> bool:
    return wanted is not None and wanted != given


def _supervision(**arrays: Any) -> supervision.Detections:
    """The record of the package `supervision`, which is loaded only here.

    Raises:
        ModuleNotFoundError: it is not installed; the message says how.
    """
    try:
        from supervision import Detections as SupervisionDetections
    except ImportError as error:
        raise ModuleNotFoundError(
            f"to_supervision needs the package supervision ({error}): pip install --no-deps supervision defusedxml "
            "pydeprecate (with all its dependencies it would bring a second OpenCV)"
        ) from error
    return SupervisionDetections(**arrays)


@dataclass(frozen=True, kw_only=True)
class Detections(_ArrayRecord):
    """What the network sees in one frame, best first.

    Args:
        boxes: `(N, 4)` xyxy in pixels of the frame named by whoever made them (network input or image).
        scores: `(N,)` confidence in [0, 1].
        embeddings: `(N, D)` L2-normalised re-ID embeddings; `D` may be 0 for a detector without re-ID.
        classes: `(N,)` class index, from 0.

    Examples:
        >>> import numpy as np
        >>> from fairmot_pl import Detections
        >>> found = Detections(
        ...     boxes=[[10, 20, 50, 120], [60, 20, 100, 120]],
        ...     scores=[0.9, 0.3],
        ...     embeddings=np.eye(2),
        ...     classes=[0, 0],
        ... )
        >>> len(found), found.boxes.shape, len(found.select(found.scores > 0.5))
        (2, (2, 4), 1)
    """

    boxes: Float
    scores: Float
    embeddings: Float
    classes: Int

    def __post_init__(self) -> None:
        self._coerce("boxes", np.float32, (None, 4))
        count = len(self.boxes)
        self._coerce("scores", np.float32, (count,))
        self._coerce("embeddings", np.float32, (count, None))
        self._coerce("classes", np.int64, (count,))

    def __len__(self) -> int:
        return len(self.boxes)

    def without_embeddings(self) -> Detections:
        """The same detections with embeddings of no dimension."""
        return replace(self, embeddings=np.zeros((len(self), 0), np.float32))

    @classmethod
    def empty(cls, embedding_dim: int = 0) -> Detections:
        """A frame in which nothing was found."""
        return cls(
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            embeddings=np.zeros((0, embedding_dim), np.float32),
            classes=np.zeros(0, np.int64),
        )

    def to_supervision(self) -> supervision.Detections:
        """The same as `supervision.Detections`; embeddings, where there are any, are its `data["embeddings"]`.

        Raises:
            ModuleNotFoundError: the package `supervision` is not installed.
        """
        data = {"embeddings": self.embeddings} if self.embeddings.shape[1] else {}
        return _supervision(xyxy=self.boxes, confidence=self.scores, class_id=self.classes, data=data)


@dataclass(frozen=True, kw_only=True)
class Tracks(_ArrayRecord):
    """The confirmed tracks of one frame.

    Args:
        ids: `(M,)` track ids, from 1, unique within the frame.
        boxes: `(M, 4)` xyxy in image pixels: the filtered state, not the detection.
        scores: `(M,)` confidence of the last matched detection.
        classes: `(M,)` class index, from 0.

    Examples:
        >>> from fairmot_pl import Tracks
        >>> tracks = Tracks(ids=[1, 4], boxes=[[10, 20, 50, 120], [60, 20, 99, 120]], scores=[0.9, 0.8], classes=[0, 0])
        >>> len(tracks), tracks.select(tracks.ids == 4).boxes.tolist()
        (2, [[60.0, 20.0, 99.0, 120.0]])
    """

    ids: Int
    boxes: NDArray[np.float64]
    scores: Float
    classes: Int

    def __post_init__(self) -> None:
        self._coerce("ids", np.int64, (None,))
        count = len(self.ids)
        self._coerce("boxes", np.float64, (count, 4))
        self._coerce("scores", np.float32, (count,))
        self._coerce("classes", np.int64, (count,))

    def __len__(self) -> int:
        return len(self.ids)

    def to_supervision(self) -> supervision.Detections:
        """The same as `supervision.Detections`, whose `tracker_id` are the ids.

        Raises:
            ModuleNotFoundError: the package `supervision` is not installed.
        """
        return _supervision(
            xyxy=self.boxes.astype(np.float32), confidence=self.scores, class_id=self.classes, tracker_id=self.ids
        )


@dataclass(frozen=True, kw_only=True)
class FrameOutput:
    """All that one annotated frame leaves behind when the network has seen it; tracking and its figures need no more.

    Args:
        detections: in pixels of the image.
        truth_embeddings: `(G, D)` float32 L2-normalised, read where the annotated boxes have their centres; in the
            order of the frame's annotation. A frame whose image could not be read has none.
        truth_identities: `(G,)` raw identities of those boxes, unique within the sequence; -1 = unknown.
    """

    detections: Detections
    truth_embeddings: Float
    truth_identities: Int

    def __post_init__(self) -> None:
        for name, dtype, dimensions in (("truth_embeddings", np.float32, 2), ("truth_identities", np.int64, 1)):
            array = np.asarray(getattr(self, name), dtype)
            if array.ndim != dimensions:
                raise ValueError(f"FrameOutput.{name} has shape {array.shape}, expected {dimensions} axes")
            object.__setattr__(self, name, array)
        if len(self.truth_embeddings) != len(self.truth_identities):
            raise ValueError(
                f"FrameOutput has {len(self.truth_embeddings)} truth_embeddings and {len(self.truth_identities)} "
                "truth_identities; every annotated box needs both"
            )


@dataclass(frozen=True, kw_only=True)
class FrameAnnotation(_ArrayRecord):
    """One image and the people in it.

    Args:
        image_path: the image file.
        frame: frame number within its sequence, from 1.
        image_size: `(height, width)` in pixels.
        boxes: `(N, 4)` xyxy in image pixels; amodal, so they may reach outside the image.
        identities: `(N,)` raw ids as the data set writes them, unique within the sequence; -1 = unknown.
        classes: `(N,)` class index, from 0.
        visibility: `(N,)` visible share in [0, 1]; 1 where the data set does not say.
    """

    image_path: Path
    frame: int
    image_size: tuple[int, int]
    boxes: Float
    identities: Int
    classes: Int
    visibility: Float

    def __post_init__(self) -> None:
        self._coerce("boxes", np.float32, (None, 4))
        count = len(self.boxes)
        self._coerce("identities", np.int64, (count,))
        self._coerce("classes", np.int64, (count,))
        self._coerce("visibility", np.float32, (count,))

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, kw_only=True)
class AnnotatedSequence:
    """Frames that belong together: a video, or one set of still images.

    Args:
        name: unique within its data set, for example `MOT17-02-SDP`.
        frames: in frame order.
        frame_rate: frames per second; still images have 1.
        is_video: whether frames follow one another in time, so that tracking them makes sense.
        folder: the sequence's folder (it holds `gt/gt.txt` for MOTChallenge data), if it has one.
    """

    name: str
    frames: tuple[FrameAnnotation, ...]
    frame_rate: float
    is_video: bool = True
    folder: Path | None = None

    def __len__(self) -> int:
        return len(self.frames)
