"""Decode: head maps to detections (FairMOT, section 3.4). Here data leaves torch for NumPy, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fairmot_pl.codec.maps import STRIDE, HeadMaps
from fairmot_pl.codec.sampling import Objects, at_cells, sample_embeddings
from fairmot_pl.structures import Detections


def top_peaks(heatmap: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The `k` highest cells that are the maximum of their 3x3 neighbourhood.

    Args:
        heatmap: `(B, C, h, w)` logits.
        k: how many; at most `C * h * w` are returned.

    Returns:
        scores `(B, k)` in [0, 1] descending (0 = fewer than `k` peaks), row-major cell index `(B, k)` and
        class `(B, k)`.
    """
    scores = heatmap.float().sigmoid()
    is_peak = F.max_pool2d(scores, 3, stride=1, padding=1) == scores
    flat = (scores * is_peak).flatten(1)
    best, position = flat.topk(min(k, flat.shape[1]))
    cells = heatmap.shape[2] * heatmap.shape[3]
    return best, position % cells, position // cells


def objects_at(maps: HeadMaps, image: Tensor, index: Tensor) -> Objects:
    """What the maps say of the objects at cells `index` `(N,)` of images `image` `(N,)`."""
    return Objects(image, index, at_cells(maps.offset, image, index), at_cells(maps.size, image, index))


class Sight(NamedTuple):
    """What a network says of a batch, the costly part of it only where it is asked.

    Attributes:
        heatmap: `(B, C, h, w)` centre logits.
        objects: from images `(N,)` and row-major cells `(N,)` to the objects centred there.
        embed: from N objects to their embeddings `(N, D)`, not normalised.
    """

    heatmap: Tensor
    objects: Callable[[Tensor, Tensor], Objects]
    embed: Callable[[Objects], Tensor]


def sight_of(maps: HeadMaps, *, reid_sampling: str = "center") -> Sight:
    """What the dense maps say; embeddings are read as `reid_sampling` has it."""
    return Sight(
        maps.heatmap, partial(objects_at, maps), partial(sample_embeddings, maps.embedding, sampling=reid_sampling)
    )


def decode_detections(
    maps: HeadMaps, *, k: int = 500, score_threshold: float = 0.0, reid_sampling: str = "center"
) -> list[Detections]:
    """Read the objects off the maps of a batch.

    Args:
        maps: head maps of B images.
        k: at most so many detections an image, over all classes.
        score_threshold: only scores strictly above it are kept.
        reid_sampling: where embeddings are read, a key of `fairmot_pl.codec.sampling.SAMPLINGS`; the one that the
            network was trained with.

    Returns:
        One `Detections` an image: boxes in network-input pixels (never clipped), descending scores, embeddings of
        unit length.

    Examples:
        >>> import torch
        >>> from fairmot_pl import HeadMaps, decode_detections
        >>> heatmap = torch.full((1, 1, 24, 40), -5.0)
        >>> heatmap[0, 0, 10, 8] = 5  # somebody at x = 8, y = 10 in cells of 4 pixels, two cells to each side
        >>> maps = HeadMaps(
        ...     heatmap, torch.full((1, 4, 24, 40), 2.0), torch.zeros(1, 2, 24, 40), torch.ones(1, 8, 24, 40)
        ... )
        >>> (found,) = decode_detections(maps, score_threshold=0.4)
        >>> found.boxes.tolist()
        [[24.0, 32.0, 40.0, 48.0]]
    """
    return decode_sight(sight_of(maps, reid_sampling=reid_sampling), k=k, score_threshold=score_threshold)


@torch.no_grad()
def decode_sight(sight: Sight, *, k: int = 500, score_threshold: float = 0.0) -> list[Detections]:
    """`decode_detections` of whatever can be read at the peaks."""
    scores, index, classes = top_peaks(sight.heatmap, k)
    kept = scores > score_threshold
    objects = sight.objects(kept.nonzero(as_tuple=True)[0], index[kept])
    boxes = objects.boxes(sight.heatmap.shape[3]) * STRIDE
    looks = F.normalize(sight.embed(objects).float(), dim=1)
    parts = (_per_image(values, kept) for values in (boxes, scores[kept], looks, classes[kept]))
    return [
        Detections(boxes=box, scores=score, embeddings=embedding, classes=kind)
        for box, score, embedding, kind in zip(*parts, strict=True)
    ]


@torch.no_grad()
def embed_boxes(sight: Sight, boxes: Sequence[Tensor], *, box_encoding: str = "ltrb") -> list[np.ndarray]:
    """Read the embeddings of boxes that are known, such as those of an annotation.

    Args:
        sight: of B images.
        boxes: B times `(G, 4)` xyxy in network-input pixels.
        box_encoding: of the network, `"ltrb"` or `"wh"`.

    Returns:
        B times `(G, D)` float32 of unit length, in the order of the boxes.
    """
    counts = torch.tensor([len(of_image) for of_image in boxes])
    image = torch.repeat_interleave(torch.arange(len(boxes)), counts).to(sight.heatmap.device)
    size = (sight.heatmap.shape[2], sight.heatmap.shape[3])
    objects = Objects.of_boxes(torch.cat(list(boxes)), image, map_size=size, box_encoding=box_encoding)
    embeddings = F.normalize(sight.embed(objects).float(), dim=1)
    return np.split(embeddings.cpu().numpy(), counts.cumsum(0)[:-1].numpy())


def _per_image(values: Tensor, kept: Tensor) -> list[np.ndarray]:
    """`(N, ...)` values of the detections that the mask `(B, K)` keeps, cut into B arrays."""
    return np.split(values.cpu().numpy(), kept.sum(dim=1).cumsum(0)[:-1].cpu().numpy())
