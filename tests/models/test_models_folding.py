"""Batch norms folded into convolutions, and heads read at cells: the numbers of the network as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fairmot_pl.codec.decode import decode_detections, decode_sight
from fairmot_pl.models.deform_conv import DeformConv
from fairmot_pl.models.fairmot import FairMOT, build_fairmot
from fairmot_pl.models.folding import folded


def lived_in(**options: object) -> FairMOT:
    """A network with statistics and offsets as training leaves them: nothing is 0 or 1."""
    torch.manual_seed(0)
    model = build_fairmot(reid_dim=16, head_channels=32, **options)  # type: ignore[arg-type]  # of several types
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
        if isinstance(module, DeformConv):
            nn.init.normal_(module.offset_mask.weight, std=0.02)
    return model.eval()


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@pytest.mark.parametrize(
    "options",
    [
        {"backbone": "dla34"},
        {"backbone": "resnet18", "neck": "deconv"},
        {"backbone": "repvgg_a0", "deformable": False},
        {"backbone": "hrnet_w18_small", "neck": "concat", "deformable": False},
    ],
    ids=lambda options: options["backbone"],
)
@torch.no_grad()
def test_folding_keeps_the_outputs(options: dict[str, object]) -> None:
    model = lived_in(**options)
    images = torch.rand(2, 3, 64, 96)
    twin = folded(model)
    for got, wanted in zip(twin(images), model(images), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def test_dla34_keeps_no_norm_and_the_original_all_of_them() -> None:
    model = lived_in()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert norms(folded(model)) == 0
    assert norms(model) == 53
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_convolution_with_two_readers_is_left_as_it_is() -> None:
    model = lived_in()

    class TwoReaders(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(64, 64, 1), nn.BatchNorm2d(64)

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            made = self.conv(features)
            return made + self.norm(made)

    extra = TwoReaders().eval()
    nn.init.uniform_(extra.norm.running_var, 2, 3)
    neck = model.neck
    model.neck = nn.Sequential(neck, extra)  # type: ignore[assignment]  # `shared_map` just calls it
    twin = folded(model)
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(twin.shared_map(images), model.shared_map(images))


@pytest.mark.parametrize("backbone", ["dla34", "resnet18"])
@torch.no_grad()
def test_heads_at_the_peaks_are_the_dense_heads(backbone: str) -> None:
    model = lived_in(backbone=backbone)
    images = torch.rand(2, 3, 64, 96)
    sparse = decode_sight(model.look(images), k=40)
    for got, wanted in zip(sparse, decode_detections(model(images), k=40), strict=True):
        for field in ("boxes", "scores", "embeddings"):
            torch.testing.assert_close(
                torch.as_tensor(getattr(got, field)), torch.as_tensor(getattr(wanted, field)), rtol=1e-4, atol=1e-4
            )


@torch.no_grad()
def test_no_peak_at_all() -> None:
    found = decode_sight(lived_in(backbone="resnet18").look(torch.rand(2, 3, 32, 32)), score_threshold=1.0)
    assert [detections.embeddings.shape for detections in found] == [(0, 16), (0, 16)]


@torch.no_grad()
def test_other_samplings_are_read_off_the_dense_map() -> None:
    model = lived_in(backbone="resnet18", reid_sampling="roi_align")
    images = torch.rand(1, 3, 64, 64)
    (got,) = decode_sight(model.look(images), k=9)
    (wanted,) = decode_detections(model(images), k=9, reid_sampling="roi_align")
    torch.testing.assert_close(torch.as_tensor(got.embeddings), torch.as_tensor(wanted.embeddings))
