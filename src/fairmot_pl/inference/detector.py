"""The detector: images in, detections in the pixels of those images out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairmot_pl.codec.decode import Sight, decode_sight, sight_of
from fairmot_pl.data.images import letterbox_pixels, to_unit
from fairmot_pl.inference.precision import AUTOCAST, check_precision, resolve_precision
from fairmot_pl.letterbox import Letterbox, checked_input_size
from fairmot_pl.models.compiling import compile_parts
from fairmot_pl.models.fairmot import FairMOT
from fairmot_pl.models.folding import folded
from fairmot_pl.structures import Detections


class Prepared(NamedTuple):
    """Images on their way into the network.

    Attributes:
        planes: `(B, 3, H, W)` uint8 RGB of the network's input size, channels-last, in pinned memory where a GPU waits
            for it.
        letterboxes: how each image was fitted in.
    """

    planes: Tensor
    letterboxes: list[Letterbox]


class Detector:
    """A network, ready to look at images of any size.

    `detector(image)` and `detector.batch(images)` do everything; `prepare`, `network` and `decode` are their three
    steps, for whoever lets them overlap. The first may run in several threads at once.

    The model is moved to the device and put into eval mode; it stays the caller's object otherwise. A `FairMOT` is
    copied, with its batch norms folded into the convolutions: later changes of its weights do not count.

    Args:
        model: maps float32 images `(B, 3, H, W)` in [0, 1] to `HeadMaps`, as `FairMOT` does. Its `reid_sampling`, if it
            has that attribute, tells where embeddings are read.
        input_size: `(height, width)` of the network input; multiples of 32.
        score_threshold: only detections strictly above it are kept. Trackers that also use faint detections
            (`"byte"`) need it below their own threshold.
        device: `"auto"` (CUDA where there is one, else CPU) or any torch device.
        precision: `"float32"`, or autocast to `"bfloat16"` or `"float16"`; `"auto"` is bfloat16 where
            the GPU or the processor (avx512_bf16, AMX) multiplies it, and float32 elsewhere.
        k: at most so many detections an image.
        compile: let torch.compile fuse the network, a `FairMOT`; its first call then takes a minute or two. Needs a
            compiler.

    Raises:
        ValueError: an argument that cannot work; the message names it and what is allowed.

    Examples:
        >>> import numpy as np
        >>> from fairmot_pl import Detector, build_fairmot
        >>> model = build_fairmot(backbone="mobilenetv3_small_050", reid_dim=16, deformable=False, head_channels=8)
        >>> detector = Detector(model, input_size=(96, 160), score_threshold=0.1)  # or load_fairmot(FILE)
        >>> image = np.zeros((480, 640, 3), np.uint8)
        >>> detections = detector(image)
        >>> detections.boxes.shape[1], detections.embeddings.shape[1]
        (4, 16)
        >>> len(detector.batch([image, image[:240]]))
        2
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        input_size: tuple[int, int] = (608, 1088),
        score_threshold: float = 0.4,
        device: str | torch.device = "auto",
        precision: str = "auto",
        k: int = 500,
        compile: bool = False,
    ) -> None:
        self.input_size, self.device = check_detector(input_size, device, precision)
        self.precision = resolve_precision(precision, self.device)
        if not 0 <= score_threshold <= 1:
            raise ValueError(f"score_threshold is {score_threshold}; allowed: 0 to 1")
        if k < 1:
            raise ValueError(f"k is {k}; at least 1 detection an image is needed")
        if compile and not isinstance(model, FairMOT):
            raise ValueError(f"compile is for a FairMOT, this is a {type(model).__name__}; compile it beforehand")
        self.score_threshold = score_threshold
        self.k = k
        self.model = model.to(self.device).eval()
        if isinstance(model, FairMOT):
            self.model = folded(model).to(memory_format=torch.channels_last)
            if compile:
                compile_parts(self.model)

    def __call__(self, image: NDArray[np.uint8]) -> Detections:
        """Detect in one `(H, W, 3)` uint8 RGB image.

        Returns:
            Detections with boxes in pixels of that image, best first.

        Raises:
            TypeError: not a uint8 array.
            ValueError: not of shape `(H, W, 3)`.
        """
        return self.batch([image])[0]

    def batch(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Detect in several images, whose sizes may differ, in one pass of the network.

        Returns:
            One `Detections` an image, each in pixels of its own image.

        Raises:
            TypeError: an image is not a uint8 array; its position is named.
            ValueError: an image is not of shape `(H, W, 3)`; its position is named.
        """
        if len(images) == 0:
            return []
        prepared = self.prepare(images)
        return self.decode(self.network(prepared), prepared.letterboxes)

    def prepare(self, images: Sequence[NDArray[np.uint8]]) -> Prepared:
        """Check at least one image and fit each into the network's input.

        Raises:
            TypeError, ValueError: as `batch`.
        """
        for position, image in enumerate(images):
            _check_image(image, position)
        letterboxes = [Letterbox(image.shape[:2], self.input_size) for image in images]
        pixels = torch.empty(
            (len(images), *self.input_size, 3), dtype=torch.uint8, pin_memory=self.device.type == "cuda"
        )
        for place, image, letterbox in zip(pixels.numpy(), images, letterboxes, strict=True):
            place[:] = letterbox_pixels(image, letterbox)
        return Prepared(pixels.permute(0, 3, 1, 2), letterboxes)

    @torch.inference_mode()
    def network(self, prepared: Prepared) -> Sight:
        """What the network says of prepared images; bytes travel to the device, floats are made there."""
        dtype = AUTOCAST[self.precision]
        images = to_unit(prepared.planes.to(self.device, non_blocking=True))
        with torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None):
            if isinstance(self.model, FairMOT):
                return self.model.look(images)
            images = images.contiguous()  # rows of planes, as any other network may count on
            return sight_of(self.model(images), reid_sampling=getattr(self.model, "reid_sampling", "center"))

    @torch.inference_mode()
    def decode(self, sight: Sight, letterboxes: Sequence[Letterbox]) -> list[Detections]:
        """One `Detections` an image, each in pixels of its own image."""
        found = decode_sight(sight, k=self.k, score_threshold=self.score_threshold)
        return [locate(*pair) for pair in zip(found, letterboxes, strict=True)]

    def wait(self) -> None:
        """Until the device has done what it was given; what follows can then be timed on its own."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def check_detector(
    input_size: tuple[int, int], device: str | torch.device, precision: str
) -> tuple[tuple[int, int], torch.device]:
    """Input size and device that a detector would work with, checked before any network is read.

    Raises:
        ValueError: an argument that cannot work, the precision too; the message names it and what is allowed.
    """
    check_precision(precision)
    return checked_input_size(input_size), resolve_device(device)


def locate(detections: Detections, letterbox: Letterbox) -> Detections:
    """Carry detections from network-input pixels back to pixels of the image that `letterbox` fitted in."""
    boxes = letterbox.to_image(detections.boxes.astype(np.float64))
    return Detections(
        boxes=boxes.astype(np.float32),
        scores=detections.scores,
        embeddings=detections.embeddings,
        classes=detections.classes,
    )


def resolve_device(device: str | torch.device) -> torch.device:
    """A device by name; `"auto"` is CUDA where there is one.

    Raises:
        ValueError: no such device.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device is {device!r}; allowed: 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'") from error
    if resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device is {str(device)!r}, but torch sees {torch.cuda.device_count()} CUDA devices; use 'auto'"
        )
    return resolved


def _check_image(image: Any, position: int) -> None:
    wanted = "a detector takes (H, W, 3) uint8 RGB arrays"
    if not isinstance(image, np.ndarray):
        raise TypeError(f"image {position} is of type {type(image).__name__}; {wanted}")
    if image.dtype != np.uint8:
        raise TypeError(f"image {position} has dtype {image.dtype}; {wanted}")
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"image {position} has shape {image.shape}; {wanted}")
