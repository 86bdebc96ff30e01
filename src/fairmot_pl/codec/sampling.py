"""Where on the embedding map an object is read: the same place in training and at inference.

The paper compares four ways and argues that reading at the centre is what keeps re-ID fair (FairMOT, section 3.1
and the ablation of feature sampling). Cell i of a map covers positions i to i + 1, so its value stands at i + 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import roi_align

from fairmot_pl.codec.maps import STRIDE, Targets
from fairmot_pl.codec.targets import place_boxes

ROI_BINS, SAMPLES_PER_BIN = 7, 2

ANCHOR_STRIDES = (8, 16, 32)
ANCHORS_PER_STRIDE = 4
ANCHOR_ASPECT = 3.0
"""JDE (Wang et al., ECCV 2020, section 3.2): anchors are 8 * 2^(k/2) pixels wide, k = 1 to 12, and 3 times as high."""


class Objects(NamedTuple):
    """N objects of a batch, wherever they come from: targets or decoded maps.

    Attributes:
        image: `(N,)` which image of the batch each is in.
        index: `(N,)` row-major map cell of its centre.
        offset: `(N, 2)` x, y from the cell's corner to the centre, in map cells.
        size: `(N, 4)` distances left, top, right, bottom, or `(N, 2)` width and height; in map cells.
    """

    image: Tensor
    index: Tensor  # type: ignore[assignment]  # the field's term, as in `Targets`
    offset: Tensor
    size: Tensor

    @classmethod
    def of_targets(cls, targets: Targets, which: Tensor) -> Objects:
        """The objects in the slots that the mask `which` `(B, K)` picks, image by image."""
        image, slot = which.nonzero(as_tuple=True)
        return cls(image, targets.index[image, slot], targets.offset[image, slot], targets.size[image, slot])

    @classmethod
    def of_boxes(cls, boxes: Tensor, image: Tensor, *, map_size: tuple[int, int], box_encoding: str) -> Objects:
        """The objects of boxes, as `encode_targets` would place them.

        Args:
            boxes: `(N, 4)` xyxy in network-input pixels.
            image: `(N,)` which image of the batch each is in; its device is that of the objects.
            map_size: `(h, w)` of the map.
            box_encoding: `"ltrb"` or `"wh"`.
        """
        placed = place_boxes(boxes.cpu().double().numpy(), map_size=map_size, box_encoding=box_encoding)
        index, offset, size = (torch.from_numpy(values).to(image.device) for values in placed[:3])
        return cls(image, index, offset.float(), size.float())

    def centres(self, map_width: int) -> Tensor:
        """`(N, 2)` x, y of the centres, in map cells."""
        corner = torch.stack([self.index % map_width, self.index // map_width], dim=1)
        return corner + self.offset.float()

    def boxes(self, map_width: int) -> Tensor:
        """`(N, 4)` xyxy in map cells."""
        centre, size = self.centres(map_width), self.size.float()
        back, on = (size[:, :2], size[:, 2:]) if size.shape[1] == 4 else (size / 2, size / 2)
        return torch.cat([centre - back, centre + on], dim=1)


def at_cells(maps: Tensor, image: Tensor, index: Tensor) -> Tensor:
    """`(N, C)` values of `maps` `(B, C, h, w)` at row-major cells `index` `(N,)` of images `image` `(N,)`."""
    return maps.flatten(2)[image, :, index]


def at_positions(maps: Tensor, image: Tensor, position: Tensor) -> Tensor:
    """`(N, C)` values of `maps` between its cells, bilinear; positions beyond the outermost values take those.

    Args:
        maps: `(B, C, h, w)`.
        image: `(N,)`.
        position: `(N, 2)` x, y in map cells.
    """
    height, width = maps.shape[2:]
    last = position.new_tensor([width - 1, height - 1])
    place = (position - 0.5).clamp(min=0).minimum(last)
    low = place.floor().minimum((last - 1).clamp(min=0))
    share = place - low
    column, row = low.long().unbind(1)
    right, below = (column + 1).clamp(max=width - 1), (row + 1).clamp(max=height - 1)
    x, y = share[:, :1], share[:, 1:]

    def value(rows: Tensor, columns: Tensor) -> Tensor:
        return at_cells(maps, image, rows * width + columns).float()

    above = (1 - x) * value(row, column) + x * value(row, right)
    return (1 - y) * above + y * ((1 - x) * value(below, column) + x * value(below, right))


def center(embedding: Tensor, objects: Objects) -> Tensor:
    """The value of the cell that holds the centre (the paper's choice)."""
    return at_cells(embedding, objects.image, objects.index)


def center_bilinear(embedding: Tensor, objects: Objects) -> Tensor:
    """The value at the centre itself, interpolated between the four nearest cells."""
    return at_positions(embedding, objects.image, objects.centres(embedding.shape[3]))


def roi_mean(embedding: Tensor, objects: Objects) -> Tensor:
    """The mean over the box, as two-step trackers read it (ROI-Align of Mask R-CNN, then average pooling).

    Boxes wholly outside the map, which hold nothing, are read at their centre's cell.
    """
    height, width = embedding.shape[2:]
    boxes = objects.boxes(width)
    inside = (boxes[:, :2] < boxes.new_tensor([width, height])).all(dim=1) & (boxes[:, 2:] > 0).all(dim=1)
    regions = torch.cat([objects.image[:, None].float(), boxes], dim=1)
    bins: Tensor = roi_align(
        embedding.float(), regions, output_size=ROI_BINS, sampling_ratio=SAMPLES_PER_BIN, aligned=True
    )
    return torch.where(inside[:, None], bins.mean(dim=(2, 3)), center(embedding, objects).float())


def pos_anchor(embedding: Tensor, objects: Objects) -> Tensor:
    """The value at the anchor that an anchor-based tracker would make responsible for the box (JDE).

    That is the anchor with the highest overlap of shape, which decides the stride, at the grid node whose cell of
    that stride holds the centre. Objects without any anchor of half their shape, which JDE leaves out of training,
    are read at the best there is, so that training and inference agree.
    """
    width = embedding.shape[3]
    boxes = objects.boxes(width)
    stride = anchor_strides(boxes[:, 2:] - boxes[:, :2])
    cells = (stride / STRIDE)[:, None]
    node = (objects.centres(width) / cells).floor()
    return at_positions(embedding, objects.image, (node + 0.5) * cells)


def anchor_strides(extent: Tensor) -> Tensor:
    """Stride in network-input pixels of the anchor most like each of the boxes `(N, 2)` width, height in map cells."""
    widths = 8 * 2 ** (torch.arange(1, len(ANCHOR_STRIDES) * ANCHORS_PER_STRIDE + 1, device=extent.device) / 2)
    anchors = torch.stack([widths, ANCHOR_ASPECT * widths], dim=1)
    pixels = (extent * STRIDE).clamp(min=0)
    shared = torch.minimum(pixels[:, None], anchors[None]).prod(dim=2)
    overlap = shared / (pixels.prod(dim=1)[:, None] + anchors.prod(dim=1)[None] - shared)
    strides = extent.new_tensor(ANCHOR_STRIDES)
    return strides[overlap.argmax(dim=1) // ANCHORS_PER_STRIDE]


SAMPLINGS: Mapping[str, Callable[[Tensor, Objects], Tensor]] = MappingProxyType(
    {"center": center, "center_bilinear": center_bilinear, "roi_align": roi_mean, "pos_anchor": pos_anchor}
)


def check_sampling(sampling: str) -> None:
    """Refuse what is no way to sample.

    Raises:
        ValueError: `sampling` is not one of `SAMPLINGS`.
    """
    if sampling not in SAMPLINGS:
        raise ValueError(f"reid_sampling is {sampling!r}; allowed: {', '.join(map(repr, SAMPLINGS))}")


def sample_embeddings(embedding: Tensor, objects: Objects, *, sampling: str = "center") -> Tensor:
    """Read the embedding of each object.

    Args:
        embedding: `(B, D, h, w)`.
        objects: N of them.
        sampling: a key of `SAMPLINGS`.

    Returns:
        `(N, D)` float32, not normalised. Gradients go to `embedding` alone: where an object is read is not learned.

    Raises:
        ValueError: an unknown way to sample.
    """
    check_sampling(sampling)
    fixed = objects._replace(offset=objects.offset.detach(), size=objects.size.detach())
    with torch.autocast(embedding.device.type, enabled=False):
        return SAMPLINGS[sampling](embedding, fixed).float()
