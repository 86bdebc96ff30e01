"""What is measured, and how thoroughly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of one benchmark.

    Args:
        device: where networks run.
        precisions: of the network, `"float32"` first.
        input_size: `(height, width)` of the network input, multiples of 32.
        backbone: a trunk that `build_fairmot` takes.
        deformable: deformable convolutions in the neck.
        laps: that count, of calls that take seconds; short calls have thirty times as many.
        batch_size: images of a training step and of batched inference.
        identities: classes of the identity classifier.
        seed: of weights, crowds and pictures.
        compile: measure the network compiled, too.
        quick: smaller crowds, fewer steps.
        scratch: a folder for rendered pictures.
    """

    device: torch.device
    precisions: tuple[str, ...]
    input_size: tuple[int, int]
    backbone: str
    deformable: bool
    laps: int
    batch_size: int
    identities: int
    seed: int
    compile: bool
    quick: bool
    scratch: Path

    @property
    def many_laps(self) -> int:
        """Of calls that take milliseconds."""
        return 30 * self.laps
