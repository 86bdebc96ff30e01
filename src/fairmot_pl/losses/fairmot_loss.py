"""The loss of FairMOT: detection and re-ID, balanced (FairMOT, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fairmot_pl.codec.maps import HeadMaps, Targets
from fairmot_pl.losses.box import cell_loss, check_box_loss
from fairmot_pl.losses.heatmap import heatmap_loss
from fairmot_pl.losses.identity import build_identity_loss
from fairmot_pl.losses.weighting import build_weighting


class FairMOTLoss(nn.Module):
    """Heatmap, size, offset and identity losses and their balance.

    The identity classifier and any parameters of the balance are submodules: give them to the optimiser and
    the checkpoint. Every term is computed in float32, and every output and parameter gets a gradient (perhaps
    0) from every batch, even one without objects or identities.

    Args:
        reid_dim: length of the embedding.
        num_identities: identity classes; 0 trains detection alone.
        num_classes: heatmap channels.
        heatmap_weight: weight of the heatmap within detection.
        size_weight: weight of the box size within detection.
        offset_weight: weight of the centre offset within detection.
        box_loss: how size and offset are regressed, `"l1"` or `"smooth_l1"`.
        identity: how identities are learned, a name that `build_identity_loss` knows.
        identity_options: its options.
        reid_sampling: where embeddings are read, see `fairmot_pl.codec.sampling`.
        weighting: how detection and re-ID are balanced, a name that `build_weighting` knows.
        weighting_options: its options.
    """

    def __init__(
        self,
        *,
        reid_dim: int,
        num_identities: int,
        num_classes: int = 1,
        heatmap_weight: float = 1.0,
        size_weight: float = 0.1,
        offset_weight: float = 1.0,
        box_loss: str = "l1",
        identity: str = "cross_entropy",
        identity_options: Mapping[str, float] | None = None,
        reid_sampling: str = "center",
        weighting: str = "uncertainty",
        weighting_options: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.heatmap_weight = heatmap_weight
        self.size_weight = size_weight
        self.offset_weight = offset_weight
        check_box_loss(box_loss)
        self.box_loss = box_loss
        self.identity = build_identity_loss(
            identity, identity_options, reid_dim=reid_dim, num_identities=num_identities, reid_sampling=reid_sampling
        )
        self.weighting = build_weighting(weighting, weighting_options)
        self._heatmap_loss = heatmap_loss

    def fuse(self) -> None:
        """Let torch.compile make the heatmap's loss, the one that sees every cell, in one pass; needs a compiler."""
        self._heatmap_loss = torch.compile(heatmap_loss, dynamic=False)

    def forward(self, maps: HeadMaps, targets: Targets) -> dict[str, Tensor]:
        """Compare what the network says with what it should say.

        Args:
            maps: of B images.
            targets: batched, see `Targets`.

        Returns:
            Scalars `heatmap`, `size`, `offset`, `detection`, `reid` and `total`, which is to be minimised;
            detached `identity_accuracy`. The factors with which the two tasks teach the shared part are in
            `weighting.weights`, once gradients have been computed.

        Raises:
            ValueError: maps and targets do not fit each other, or an identity is `num_identities` or more.
        """
        self._check(maps, targets)
        heatmap = self._heatmap_loss(maps.heatmap, targets.heatmap)
        objects, box_loss = (targets.index, targets.mask), self.box_loss
        size = cell_loss(maps.size, targets.size, *objects, box_loss=box_loss)
        offset = cell_loss(maps.offset, targets.offset, *objects, box_loss=box_loss)
        detection = self.heatmap_weight * heatmap + self.size_weight * size + self.offset_weight * offset
        reid = self.identity(maps.embedding, targets)
        return {
            "heatmap": heatmap,
            "size": size,
            "offset": offset,
            "detection": detection,
            "reid": reid.loss,
            "total": self.weighting(detection, reid.loss, has_reid=reid.objects > 0),
            "identity_accuracy": reid.accuracy,
        }

    def weighted(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What each raw loss of `forward` weighs in what is minimised, once gradients have been computed.

        `heatmap`, `size` and `offset` add up to `detection`.
        """
        detection, reid = self.weighting.weights.unbind()
        within = {"heatmap": self.heatmap_weight, "size": self.size_weight, "offset": self.offset_weight}
        return {
            "detection": detection * losses["detection"],
            **{task: detection * factor * losses[task] for task, factor in within.items()},
            "reid": reid * losses["reid"],
        }

    def _check(self, maps: HeadMaps, targets: Targets) -> None:
        batch, channels, height, width = maps.heatmap.shape
        wanted = (batch, self.num_classes, height, width)
        if tuple(targets.heatmap.shape) != wanted or channels != self.num_classes:
            raise ValueError(
                f"the network's heatmap is {tuple(maps.heatmap.shape)}, the targets' is "
                f"{tuple(targets.heatmap.shape)}, num_classes is {self.num_classes}: all must agree"
            )
        if targets.size.shape[-1] != maps.size.shape[1]:
            raise ValueError(
                f"size has {maps.size.shape[1]} channels in the network and {targets.size.shape[-1]} in the "
                "targets: both need the same box encoding"
            )
