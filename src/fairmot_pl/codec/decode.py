"""Decode: head maps to detections (FairMOT, section 3.4). Here data leaves torch for NumPy, once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fairmot_pl.codec.maps import BOX_CHANNELS, STRIDE, HeadMaps, gather_cells
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


def boxes_at(maps: HeadMaps, index: Tensor) -> Tensor:
    """`(B, K, 4)` xyxy in network-input pixels of the objects at cells `index` `(B, K)`."""
    width = maps.heatmap.shape[3]
    corner = torch.stack([index % width, index // width], dim=2)
    centre = corner + gather_cells(maps.offset, index).float()
    size = gather_cells(maps.size, index).float()
    if size.shape[2] == BOX_CHANNELS["ltrb"]:
        reach_back, reach_on = size[..., :2], size[..., 2:]
    else:
        reach_back = reach_on = size / 2
    return torch.cat([centre - reach_back, centre + reach_on], dim=2) * STRIDE


@torch.no_grad()
def decode_detections(maps: HeadMaps, *, k: int = 500, score_threshold: float = 0.0) -> list[Detections]:
    """Read the objects off the maps of a batch.

    Args:
        maps: head maps of B images.
        k: at most so many detections an image, over all classes.
        score_threshold: only scores strictly above it are kept.

    Returns:
        One `Detections` an image: boxes in network-input pixels (never clipped), descending scores, embeddings of
        unit length.
    """
    scores, index, classes = top_peaks(maps.heatmap, k)
    boxes = boxes_at(maps, index)
    embeddings = F.normalize(gather_cells(maps.embedding, index).float(), dim=2)
    return [
        Detections(
            boxes=_numpy(boxes[image][keep]),
            scores=_numpy(scores[image][keep]),
            embeddings=_numpy(embeddings[image][keep]),
            classes=_numpy(classes[image][keep]),
        )
        for image, keep in enumerate(scores > score_threshold)
    ]


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
