"""Training samples as the network sees them: what is drawn is read back from the targets, not from the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fairmot_pl.codec.heatmap import with_heatmap
from fairmot_pl.codec.maps import STRIDE, Targets
from fairmot_pl.codec.sampling import Objects
from fairmot_pl.data.dataset import TrainingSample
from fairmot_pl.inference.drawing import Image, draw_heatmap, draw_tracks
from fairmot_pl.structures import Tracks

_GAP = 8
"""White pixels between the panels of a picture."""

_READABLE = 480
"""Pixels of height from which labels and peaks can be told apart."""

_INK = np.array([(255, 255, 255), (0, 0, 0)], np.uint8)


def sample_picture(augmented: TrainingSample, plain: TrainingSample) -> Image:
    """One sample four times: left as it is read, right augmented; above its boxes, below its heatmap.

    Boxes carry the identity class (-1 = trains detection only); a cross marks each centre that the network learns.

    Args:
        augmented: the sample as training has it.
        plain: the same without augmentation.

    Returns:
        `(2 h + 8, 2 w + 8, 3)` uint8 RGB; small inputs are shown a whole number of times larger.
    """
    columns = []
    for sample in (plain, augmented):
        pixels = sample.image.permute(1, 2, 0).numpy()
        times = max(1, round(_READABLE / pixels.shape[0]))
        large = np.ascontiguousarray(pixels.repeat(times, axis=0).repeat(times, axis=1))
        height, width = sample.image.shape[1:]
        targets = with_heatmap(
            sample.targets,
            map_size=(height // STRIDE, width // STRIDE),
            num_classes=int(sample.targets.layer.max()) + 1,
        )
        people, centres = read_targets(targets)
        boxed = draw_tracks(large, replace(people, boxes=times * people.boxes))
        heat = draw_heatmap(large, targets.heatmap.amax(dim=0).numpy())
        columns.append(_stack([_mark(boxed, times * centres), _mark(heat, times * centres)], axis=0))
    return _stack(columns, axis=1)


def read_targets(targets: Targets) -> tuple[Tracks, NDArray[np.float64]]:
    """The boxes and identity classes that targets hold, and `(N, 2)` x, y of the centres; network-input pixels."""
    slots = targets.mask.bool()
    objects = Objects.of_targets(Targets(*(field[None] for field in targets)), slots[None])
    width = targets.heatmap.shape[-1]
    people = Tracks(
        ids=targets.identity[slots].numpy(),
        boxes=STRIDE * objects.boxes(width).numpy(),
        scores=np.ones(len(objects.index), np.float32),
        classes=np.zeros(len(objects.index), np.int64),
    )
    return people, STRIDE * objects.centres(width).numpy().astype(np.float64)


def _mark(image: Image, centres: NDArray[np.float64]) -> Image:
    """White crosses with a black rim at the centres."""
    height, width = image.shape[:2]
    arm = max(2, min(height, width) // 150)
    for x, y in centres.round().astype(np.int64).tolist():
        for ink, reach, half in ((1, arm + 1, 1), (0, arm, 0)):
            for down, across in ((reach, half), (half, reach)):
                top, left = max(0, y - down), max(0, x - across)
                image[top : max(0, y + down + 1), left : max(0, x + across + 1)] = _INK[ink]
    return image


def _stack(images: Sequence[Image], axis: int) -> Image:
    first, second = images
    shape = list(first.shape)
    shape[axis] = _GAP
    return np.concatenate([first, np.full(shape, 255, np.uint8), second], axis=axis)
