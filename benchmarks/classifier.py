"""Memory and time of the identity losses with a million identities: `python benchmarks/classifier.py`.

Prints, for the classifier in parts and for the plain formula that holds all logits, the peak of resident memory during
forward and backward beyond weights and gradients, and the greatest difference between their gradients. Linux only.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from fairmot_pl.losses.identity import build_identity_loss
from fairmot_pl.losses.identity.base import IdentityLoss

MB = 2**20


def resident(kind: str) -> float:
    """Resident memory in MB: `VmRSS` now, or `VmHWM` the highest since the last reset."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(kind))
    return int(line.split()[1]) / 1024


def measured(
    loss: IdentityLoss, vectors: Tensor, identity: Tensor, *, plain: bool
) -> tuple[float, float, list[Tensor]]:
    """Extra megabytes, seconds, and the gradients of weight, bias (if any) and vectors."""
    loss.zero_grad(set_to_none=True)
    leaf = vectors.clone().requires_grad_()
    Path("/proc/self/clear_refs").write_text("5")  # the highest starts anew
    before, start = resident("VmRSS"), time.perf_counter()
    if plain:
        logits = F.linear(F.normalize(leaf) * loss.scale, loss.classifier.weight, loss.classifier.bias)
        F.cross_entropy(logits, identity, reduction="sum").backward()
    else:
        loss.criterion(leaf, identity).loss.backward()
    seconds = time.perf_counter() - start
    gradients = [*(parameter.grad for parameter in loss.parameters()), leaf.grad]
    size = sum(gradient.numel() * 4 for gradient in gradients) / MB
    return resident("VmHWM") - before - size, seconds, gradients


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--identities", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--objects", type=int, default=300)
    given = parser.parse_args()
    torch.manual_seed(0)
    vectors = torch.randn(given.objects, given.dim)
    identity = torch.randint(given.identities, (given.objects,))
    print(
        f"{given.identities} identities x {given.dim} dimensions x {given.objects} objects, torch {torch.__version__}"
    )
    for name in ("cross_entropy", "margin_softmax", "focal"):
        loss = build_identity_loss(name, reid_dim=given.dim, num_identities=given.identities)
        extra, seconds, gradients = measured(loss, vectors, identity, plain=False)
        print(f"{name:<16} in parts       {extra:8.0f} MB extra {seconds:7.2f} s")
        if name == "cross_entropy":
            extra, seconds, wanted = measured(loss, vectors, identity, plain=True)
            print(f"{name:<16} plain formula  {extra:8.0f} MB extra {seconds:7.2f} s")
            difference = max(
                float((found - want).abs().max() / want.abs().max())
                for found, want in zip(gradients, wanted, strict=True)
            )
            print(f"{name:<16} greatest difference of the gradients, relative to the greatest: {difference:.1e}")
        del loss, gradients


if __name__ == "__main__":
    main()
