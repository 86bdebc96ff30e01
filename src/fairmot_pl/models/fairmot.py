"""FairMOT: one network that detects people and embeds their identity, both to the same resolution.

Zhang et al., "FairMOT: On the Fairness of Detection and Re-identification in Multiple Object Tracking", IJCV
2021, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from fairmot_pl.codec.decode import Sight, sight_of
from fairmot_pl.codec.maps import HeadMaps, check_box_encoding
from fairmot_pl.codec.sampling import Objects, check_sampling
from fairmot_pl.models.backbone import STRIDES, Backbone, build_backbone
from fairmot_pl.models.heads import DetectionHead, ReIDHead, at_neighbourhoods, neighbourhoods
from fairmot_pl.models.necks import READS_BRANCHES, build_neck, check_neck
from fairmot_pl.models.necks.neck import Neck

if TYPE_CHECKING:
    from fairmot_pl.models.load_report import LoadReport

Branch = Callable[[Tensor], tuple[Tensor, Tensor]]
"""The shared map once for each head: where training may look at, or weigh, each task's gradient."""


def _alike(features: Tensor) -> tuple[Tensor, Tensor]:
    return features, features


class FairMOT(nn.Module):
    """Trunk, neck and the two heads; normalises its own input.

    Build it with `build_fairmot`, read it from a file with `load_fairmot`.

    Args:
        backbone: trunk; its `mean` and `std` normalise the images and are kept in the state dict.
        neck: makes one map at stride 4 of the trunk's four.
        detection_head: where people are.
        reid_head: who they are.
        config: the keywords of `build_fairmot` that decide the architecture.

    Attributes:
        config: as given; `build_fairmot(**model.config)` builds the same network with fresh weights.
        load_report: what `load_fairmot` read; None for a network built anew.

    Examples:
        >>> import torch
        >>> from fairmot_pl import build_fairmot
        >>> model = build_fairmot(backbone="mobilenetv3_small_050", deformable=False, head_channels=8)
        >>> with torch.no_grad():
        ...     maps = model.eval()(torch.rand(2, 3, 96, 160))
        >>> tuple(maps.heatmap.shape), tuple(maps.embedding.shape)
        ((2, 1, 24, 40), (2, 128, 24, 40))
    """

    mean: Tensor
    std: Tensor
    load_report: LoadReport | None

    def __init__(
        self,
        *,
        backbone: Backbone,
        neck: Neck,
        detection_head: DetectionHead,
        reid_head: ReIDHead,
        config: Mapping[str, str | int | bool],
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(backbone.mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(3, 1, 1))
        self.backbone = backbone
        self.neck = neck
        self.detection_head = detection_head
        self.reid_head = reid_head
        self.config = dict(config)
        self.load_report = None

    def forward(self, images: Tensor, branch: Branch = _alike, *, cells: Tensor | None = None) -> HeadMaps:
        """Look at a batch of images.

        Args:
            images: `(B, 3, H, W)` float, RGB in [0, 1], H and W multiples of 32.
            branch: gives the shared map `(B, c, H / 4, W / 4)` to the detection head and to the re-ID head.
            cells: `(B, K)` row-major cells of the maps. All heads but the heatmap's then work at these alone, which
                saves three quarters of their work and memory.

        Returns:
            Maps at stride 4, see `HeadMaps`; the heatmap as logits, the embedding not normalised. With `cells` all but
            the heatmap have one row of K cells, in their order.

        Raises:
            ValueError: `images` has another shape.
        """
        for_detection, for_reid = branch(self.shared_map(images))
        heatmap, size, offset = self.detection_head(for_detection, cells)
        return HeadMaps(heatmap=heatmap, size=size, offset=offset, embedding=self.reid_head(for_reid, cells))

    def shared_map(self, images: Tensor) -> Tensor:
        """Trunk and neck: images, as in `forward`, to the map `(B, c, H / 4, W / 4)` that both heads look at.

        Raises:
            ValueError: `images` has another shape.
        """
        _check_images(images)
        features: Tensor = self.neck(self.backbone((images - self.mean) / self.std))
        return features

    def look(self, images: Tensor) -> Sight:
        """The heatmap of a batch, and the other heads wherever they are then asked.

        The numbers are those of `forward`, under autocast more precise ones. Where embeddings are read at centres the
        heads work at the cells asked for instead of all, which saves three quarters of their work.
        """
        if self.reid_sampling != "center":
            return sight_of(self(images), reid_sampling=self.reid_sampling)
        features = self.shared_map(images)
        detection, reid = self.detection_head, self.reid_head

        def objects(image: Tensor, index: Tensor) -> Objects:
            around = neighbourhoods(features, image, index)
            size, offset = (at_neighbourhoods(branch, around) for branch in (detection.size, detection.offset))
            return Objects(image, index, offset, size)

        def embed(objects: Objects) -> Tensor:
            return at_neighbourhoods(reid.embedding, neighbourhoods(features, objects.image, objects.index))

        return Sight(detection.centres(features), objects, embed)

    @property
    def reid_sampling(self) -> str:
        """Where on the map embeddings are read, in training and at inference."""
        return str(self.config["reid_sampling"])

    def shared_parameters(self) -> list[nn.Parameter]:
        """The parameters that both tasks learn: those of trunk and neck that are not frozen."""
        every = (*self.backbone.parameters(), *self.neck.parameters())
        return [parameter for parameter in every if parameter.requires_grad]

    def last_shared_weight(self) -> nn.Parameter | None:
        """The weight of the last convolution that both tasks learn; None if the neck has none, or it is frozen."""
        weight = self.neck.last_weight
        return weight if weight is not None and weight.requires_grad else None


def _check_images(images: Tensor) -> None:
    coarsest = STRIDES[-1]
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images have shape {tuple(images.shape)}, expected (B, 3, H, W)")
    height, width = images.shape[2:]
    if height % coarsest or width % coarsest or not height or not width:
        near = " x ".join(str(max(round(side / coarsest), 1) * coarsest) for side in (height, width))
        raise ValueError(
            f"images are {height} x {width} pixels (H x W); both sides must be multiples of {coarsest}: "
            f"letterbox them, for example to {near}"
        )


def build_fairmot(
    *,
    backbone: str = "dla34",
    reid_dim: int = 128,
    box_encoding: str = "ltrb",
    deformable: bool = True,
    num_classes: int = 1,
    head_channels: int = 256,
    reid_sampling: str = "center",
    pretrained: bool = False,
    neck: str = "aggregation",
) -> FairMOT:
    """Build the network; the defaults are the paper's.

    Args:
        backbone: any timm model whose `features_only` form gives strides 4 to 32, or `yolov5s`.
        reid_dim: length of the identity embedding.
        box_encoding: `"ltrb"` (distances to the edges) or `"wh"`.
        deformable: deformable convolutions in the neck, or plain ones (faster on a CPU, easier to export).
        num_classes: heatmap channels.
        head_channels: channels between the two convolutions of each head branch.
        reid_sampling: where on the map embeddings are read, see `fairmot_pl.codec.sampling`.
        pretrained: start the trunk from timm's ImageNet weights and normalise images as they expect. Where
            the weights cannot be had, one warning is logged and the trunk starts from random weights, images
            untouched.
        neck: how the trunk's maps become one. `"aggregation"` (DLA-34 in the paper), `"deconv"` and `"deconv_fpn"`
            (its ResNets), `"concat"` (its HRNet, whose four branches are then read as they are), `"csp"` (its
            YOLOv5s). The last two have nothing to deform. Activation and initial weights of the heads follow it.

    Raises:
        ValueError: unknown or unsuitable backbone or neck, unknown box encoding, a size below 1.

    Examples:
        >>> from fairmot_pl import build_fairmot
        >>> model = build_fairmot(backbone="mobilenetv3_small_050", reid_dim=64, deformable=False, head_channels=8)
        >>> model.config["reid_dim"], build_fairmot(**model.config).config == model.config
        (64, True)
    """
    box_channels = check_box_encoding(box_encoding)
    check_sampling(reid_sampling)
    for name, value in {
        "reid_dim": reid_dim,
        "num_classes": num_classes,
        "head_channels": head_channels,
    }.items():
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be 1 or more")
    check_neck(neck, deformable=deformable)  # before any download
    trunk = build_backbone(backbone, pretrained=pretrained, branches=neck == READS_BRANCHES)
    merge = build_neck(neck, trunk, deformable=deformable)
    return FairMOT(
        backbone=trunk,
        neck=merge,
        detection_head=DetectionHead(
            merge.out_channels,
            head_channels,
            num_classes=num_classes,
            box_channels=box_channels,
            style=merge.head_style,
        ),
        reid_head=ReIDHead(merge.out_channels, head_channels, reid_dim=reid_dim, style=merge.head_style),
        config={
            "backbone": backbone,
            "neck": neck,
            "reid_dim": reid_dim,
            "box_encoding": box_encoding,
            "deformable": deformable,
            "num_classes": num_classes,
            "head_channels": head_channels,
            "reid_sampling": reid_sampling,
        },
    )
