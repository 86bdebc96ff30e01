"""A network with two shared layers, two heads of one layer and two losses: small enough to know every gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fairmot_pl.losses.weighting.base import SharedPart, Weighting


class Toy(nn.Module):
    """The losses are means over `image`, so halves of it can be learned apart."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first, self.last = nn.Conv2d(2, 3, 1), nn.Conv2d(3, 4, 1)
        self.detection, self.reid = nn.Conv2d(4, 1, 1), nn.Conv2d(4, 2, 1)
        self.image = torch.randn(6, 2, 3, 3)
        self.wanted = torch.randn(6, 3, 3, 3)

    def shared(self) -> SharedPart:
        every = [*self.first.parameters(), *self.last.parameters()]
        last = self.last.weight if self.last.weight.requires_grad else None
        return SharedPart([parameter for parameter in every if parameter.requires_grad], last)

    def features(self) -> Tensor:
        return self.last(self.first(self.image).tanh()).tanh()

    def losses(self, for_detection: Tensor, for_reid: Tensor) -> tuple[Tensor, Tensor]:
        detection = (self.detection(for_detection) - self.wanted[:, :1]).square().mean()
        return detection, 3 * (self.reid(for_reid) - self.wanted[:, 1:]).square().mean()

    def forward(self, weighting: Weighting) -> Tensor:
        return weighting(*self.losses(*weighting.branch(self.features(), self.shared())))

    def backward(self, weighting: Weighting, scale: float = 1.0) -> None:
        (scale * self(weighting)).backward()

    def conflict(self) -> None:
        """Both heads say the same, and want it changed in opposite directions, almost."""
        with torch.no_grad():
            for mine, other in zip(self.reid.parameters(), self.detection.parameters(), strict=True):
                mine.copy_(other.expand_as(mine))
            said = self.detection(self.features())
            noise = torch.randn(6, 2, 3, 3, generator=torch.Generator().manual_seed(1))
            self.wanted[:, 1:] = 2 * said - self.wanted[:, :1] + 0.3 * noise


def shared_gradient(toy: Toy) -> Tensor:
    return torch.cat([parameter.grad.flatten() for parameter in toy.shared().parameters])
