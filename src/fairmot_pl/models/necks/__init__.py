"""Necks, by name: four maps of the trunk in, one map at stride 4 out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fairmot_pl.models.backbone import Backbone
from fairmot_pl.models.necks.aggregation import AggregationNeck
from fairmot_pl.models.necks.concatenation import ConcatenationNeck
from fairmot_pl.models.necks.csp import CSPNeck
from fairmot_pl.models.necks.deconvolution import DeconvolutionNeck, PyramidDeconvolutionNeck
from fairmot_pl.models.necks.neck import Neck

NECKS: Mapping[str, Callable[..., Neck]] = {
    "aggregation": AggregationNeck,
    "deconv": DeconvolutionNeck,
    "deconv_fpn": PyramidDeconvolutionNeck,
    "concat": ConcatenationNeck,
    "csp": CSPNeck,
}
WITHOUT_DEFORMABLE = ("concat", "csp")
READS_BRANCHES = "concat"
"""The neck that takes the branches of a multi-resolution trunk as they are."""


def check_neck(name: str, *, deformable: bool) -> None:
    """Refuse a neck that does not exist or cannot be had in this form.

    Raises:
        ValueError: unknown name, or `deformable` for a neck without a convolution to deform.
    """
    if name not in NECKS:
        raise ValueError(f"neck is {name!r}; allowed: {', '.join(NECKS)}")
    if deformable and name in WITHOUT_DEFORMABLE:
        raise ValueError(f"neck {name!r} has no 3x3 convolution that could be deformable; use deformable=False with it")


def build_neck(name: str, backbone: Backbone, *, deformable: bool) -> Neck:
    """Build a neck by name for a trunk.

    Raises:
        ValueError: see `check_neck`; or the neck would leave parts of the trunk without a use.
    """
    check_neck(name, deformable=deformable)
    if name == "deconv" and backbone.keeps_resolutions:
        raise ValueError(
            f"neck 'deconv' reads the map at stride 32 alone, and backbone {backbone.name!r} works at four resolutions "
            "side by side, most of which would learn nothing; use neck 'concat', 'aggregation' or 'deconv_fpn'"
        )
    kind = NECKS[name]
    return kind(backbone.channels) if name in WITHOUT_DEFORMABLE else kind(backbone.channels, deformable=deformable)
