"""Encode: boxes and identities to the maps the network learns from (CenterNet and FairMOT, section 3.2)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from fairmot_pl.codec.heatmap import covered, with_heatmap
from fairmot_pl.codec.maps import STRIDE, ObjectTargets, Targets, check_box_encoding

MIN_OVERLAP = 0.7

ROUNDING = 2e-5
"""Map cells that float32 boxes are uncertain by: a centre or an extent so near to a whole number is that number."""


def gaussian_radius(height: NDArray[np.float64], width: NDArray[np.float64]) -> NDArray[np.float64]:
    """Radius in map cells within which a shifted box still overlaps the true one.

    This is the wide radius of CornerNet's published code (its roots are divided by 2, not by 2a), with which all
    published figures of the family were made; in closed form only its third case matters, at an overlap of 0.7.

    Args:
        height: `(N,)` box heights in map cells.
        width: `(N,)` box widths in map cells.
    """
    perimeter = height + width
    loose = 2 * MIN_OVERLAP
    return (
        np.sqrt((loose * perimeter) ** 2 + 16 * MIN_OVERLAP * (1 - MIN_OVERLAP) * height * width) - loose * perimeter
    ) / 2


class PlacedBoxes(NamedTuple):
    """Boxes on the map.

    Attributes:
        index: `(N,)` row-major cell of the centre, which is moved into the map where it is not.
        offset: `(N, 2)` x, y from that cell's corner to the centre, in map cells.
        size: `(N, 4)` distances left, top, right, bottom from the centre, or `(N, 2)` width and height; in map cells.
        extent: `(N, 2)` width and height in map cells.
    """

    index: NDArray[np.int64]  # type: ignore[assignment]  # the field's term, as in `Targets`
    offset: NDArray[np.float64]
    size: NDArray[np.float64]
    extent: NDArray[np.float64]


def place_boxes(boxes: NDArray[np.float64], *, map_size: tuple[int, int], box_encoding: str) -> PlacedBoxes:
    """Find the cell of every box and describe the box from there.

    Args:
        boxes: `(N, 4)` xyxy in network-input pixels; never clipped.
        map_size: `(h, w)` of the map.
        box_encoding: `"ltrb"` or `"wh"`.

    Raises:
        ValueError: an unknown box encoding.
    """
    channels = check_box_encoding(box_encoding)
    height, width = map_size
    cells = boxes / STRIDE
    extent = cells[:, 2:] - cells[:, :2]
    centre = ((cells[:, :2] + cells[:, 2:]) / 2).clip(0, (width - 1, height - 1))
    corner = np.floor(centre + ROUNDING).astype(np.int64)
    size = np.concatenate([centre - cells[:, :2], cells[:, 2:] - centre], axis=1) if channels == 4 else extent
    return PlacedBoxes(corner[:, 1] * width + corner[:, 0], (centre - corner).clip(0), size, extent)


def encode_targets(
    boxes: NDArray[np.floating],
    identities: NDArray[np.integer],
    *,
    map_size: tuple[int, int],
    box_encoding: str = "ltrb",
    classes: NDArray[np.integer] | None = None,
    num_classes: int = 1,
    max_objects: int = 500,
) -> Targets:
    """Turn the boxes of one image into training targets.

    Boxes stay amodal: only the centre is moved into the map, so that `ltrb` distances still reach the true edges.
    A box without extent keeps its slot with mask 0. Boxes beyond `max_objects` are dropped with a warning.

    Args:
        boxes: `(N, 4)` xyxy in network-input pixels.
        identities: `(N,)` identity classes, -1 = unknown.
        map_size: `(h, w)` of the map: the network input divided by 4.
        box_encoding: `"ltrb"` or `"wh"`.
        classes: `(N,)` object classes from 0; all 0 by default.
        num_classes: heatmap channels.
        max_objects: slots K.

    Returns:
        Targets without a batch axis; see `Targets` for shapes.

    Raises:
        ValueError: arrays of different length, an unknown box encoding, or a class outside `num_classes`.

    Examples:
        >>> import numpy as np
        >>> from fairmot_pl import encode_targets
        >>> targets = encode_targets(np.array([[16, 8, 48, 72]]), np.array([3]), map_size=(24, 40))
        >>> tuple(targets.heatmap.shape), targets.heatmap[0, 10, 8].item(), targets.size[0].tolist()
        ((1, 24, 40), 1.0, [4.0, 8.0, 4.0, 8.0])
    """
    objects = encode_objects(
        boxes,
        identities,
        map_size=map_size,
        box_encoding=box_encoding,
        classes=classes,
        num_classes=num_classes,
        max_objects=max_objects,
    )
    return with_heatmap(objects, map_size=map_size, num_classes=num_classes)


def encode_objects(
    boxes: NDArray[np.floating],
    identities: NDArray[np.integer],
    *,
    map_size: tuple[int, int],
    box_encoding: str = "ltrb",
    classes: NDArray[np.integer] | None = None,
    num_classes: int = 1,
    max_objects: int = 500,
) -> ObjectTargets:
    """What `encode_targets` gives, but for the heatmap, which `with_heatmap` draws, on whatever device.

    Arguments and errors are those of `encode_targets`.
    """
    check_box_encoding(box_encoding)
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    identities = np.asarray(identities, np.int64).reshape(-1)
    classes = np.zeros(len(boxes), np.int64) if classes is None else np.asarray(classes, np.int64).reshape(-1)
    _check_objects(boxes, identities, classes, num_classes)
    surplus = len(boxes) - max_objects
    if surplus > 0:
        message = f"{len(boxes)} objects in one image, max_objects={max_objects}: the last {surplus} are dropped"
        warnings.warn(message, stacklevel=3)
        boxes, identities, classes = boxes[:max_objects], identities[:max_objects], classes[:max_objects]

    index, offset, size, extent = place_boxes(boxes, map_size=map_size, box_encoding=box_encoding)
    kept = (extent > 0).all(axis=1)
    radius = gaussian_radius(*np.ceil((extent - ROUNDING).clip(0)).T[::-1]).astype(np.int64).clip(0)

    def slots(values: NDArray[np.generic], dtype: type) -> torch.Tensor:
        padded = np.zeros((max_objects, *values.shape[1:]), dtype)
        padded[: len(values)][kept] = values[kept]
        return torch.from_numpy(padded)

    *_, rows, columns = covered(index, radius, map_size=map_size)
    return ObjectTargets(
        size=slots(size, np.float32),
        offset=slots(offset, np.float32),
        index=slots(index, np.int64),
        mask=slots(np.ones(len(boxes)), np.uint8),
        identity=slots(identities, np.int64),
        layer=slots(classes, np.int64),
        radius=slots(radius, np.int64),
        cells=int((rows * columns)[kept].sum()),
    )


def collate_objects(images: Sequence[ObjectTargets]) -> ObjectTargets:
    """Targets of several images as one batch, without the slots behind the last one that any image uses.

    One slot is kept at least.
    """
    used = torch.stack([objects.mask for objects in images]).any(dim=0).nonzero()
    slots = int(used[-1]) + 1 if len(used) else 1
    size, offset, index, mask, identity, layer, radius = (
        torch.stack([values[:slots] for values in field])
        for field in zip(*(objects[:-1] for objects in images), strict=True)
    )
    cells = sum(objects.cells for objects in images)
    return ObjectTargets(size, offset, index, mask, identity, layer, radius, cells)


def _check_objects(
    boxes: NDArray[np.float64], identities: NDArray[np.int64], classes: NDArray[np.int64], num_classes: int
) -> None:
    counts = {"boxes": len(boxes), "identities": len(identities), "classes": len(classes)}
    if len(set(counts.values())) > 1:
        raise ValueError(f"{', '.join(f'{count} {name}' for name, count in counts.items())}: must be equally many")
    if len(classes) and not (classes.min() >= 0 and classes.max() < num_classes):
        raise ValueError(
            f"classes reach from {classes.min()} to {classes.max()}; "
            f"num_classes={num_classes} allows 0 to {num_classes - 1}"
        )
