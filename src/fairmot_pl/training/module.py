"""FairMOT as a LightningModule: the network, its losses and its optimiser, rebuilt from scalars alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from fairmot_pl.codec.decode import Sight, decode_sight, embed_boxes
from fairmot_pl.codec.maps import HeadMaps, Targets
from fairmot_pl.data.frames import FrameSample
from fairmot_pl.inference.detector import locate
from fairmot_pl.letterbox import Letterbox
from fairmot_pl.losses.fairmot_loss import FairMOTLoss
from fairmot_pl.losses.weighting.base import SharedPart
from fairmot_pl.models.compiling import compile_parts
from fairmot_pl.models.fairmot import Branch, build_fairmot
from fairmot_pl.structures import FrameOutput
from fairmot_pl.training.attached import profiler_of
from fairmot_pl.training.recordings import RecordedBatch
from fairmot_pl.training.stage_profiler import NETWORK

TASKS = ("heatmap", "size", "offset", "reid")


class FairMOTModule(pl.LightningModule):
    """Trains one network to detect people and to embed their identity.

    Everything it is built from is a plain scalar (or a list or dict of scalars), so a checkpoint rebuilds it under
    `weights_only=True`. The identity classifier and the loss-weight parameters are submodules and so part of the
    checkpoint.

    Args:
        num_identities: rows of the identity classifier; 0 trains detection alone.
        backbone: a timm model with features at strides 4 to 32.
        reid_dim: embedding dimension D.
        box_encoding: `"ltrb"` or `"wh"`.
        deformable: deformable convolutions in the neck, or plain ones.
        num_classes: object classes.
        head_channels: hidden channels of every head.
        pretrained: start the backbone from timm's ImageNet weights.
        neck: how the backbone's maps become one, see `build_fairmot`.
        heatmap_weight: weight of the focal loss within the detection loss.
        size_weight: weight of the box size loss within the detection loss.
        offset_weight: weight of the centre offset loss within the detection loss.
        box_loss: how size and offset are regressed, `"l1"` or `"smooth_l1"`.
        identity: how identities are learned, for example `"cross_entropy"` or `"triplet"`.
        identity_options: scalars of that loss.
        weighting: how detection and re-ID loss become one, for example `"uncertainty"` or `"fixed"`.
        weighting_options: scalars of that weighting.
        learning_rate: of Adam, at the full rate.
        lr_drop_epochs: epochs after which the rate is multiplied by `lr_drop_factor`.
        lr_drop_factor: see `lr_drop_epochs`.
        reid_sampling: where embeddings are read, in training and at inference; see `fairmot_pl.codec.sampling`.
        channels_last: memory layout in training; a third faster for plain convolutions on a CPU. Off by default:
            torch 2.14's CPU kernels crash on some backbones in it (seen with repvgg_a0).
        compile: let torch.compile fuse trunk, neck, heatmap branch and the heatmap's loss while training; the first
            steps then take a minute or two. Needs a compiler.
        warmup_steps: steps over which the rate rises linearly from 0; the paper has none.
        score_threshold: validation keeps detections with a score above it; low, since trackers may use low scores.
        max_detections: at most so many detections a frame.
    """

    def __init__(
        self,
        *,
        num_identities: int,
        backbone: str,
        reid_dim: int,
        box_encoding: str,
        deformable: bool,
        num_classes: int,
        head_channels: int,
        pretrained: bool,
        heatmap_weight: float,
        size_weight: float,
        offset_weight: float,
        weighting: str,
        weighting_options: dict[str, float],
        learning_rate: float,
        lr_drop_epochs: Sequence[int],
        lr_drop_factor: float,
        neck: str = "aggregation",
        box_loss: str = "l1",
        identity: str = "cross_entropy",
        identity_options: dict[str, float] | None = None,
        reid_sampling: str = "center",
        channels_last: bool = False,
        compile: bool = False,
        warmup_steps: int = 0,
        score_threshold: float = 0.1,
        max_detections: int = 500,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        # a checkpoint brings its own weights: rebuilding from it must not ask the hub for others
        self.hparams["pretrained"] = False
        self.model = build_fairmot(
            backbone=backbone,
            reid_dim=reid_dim,
            box_encoding=box_encoding,
            deformable=deformable,
            num_classes=num_classes,
            head_channels=head_channels,
            reid_sampling=reid_sampling,
            pretrained=pretrained,
            neck=neck,
        )
        if channels_last:
            self.model.to(memory_format=torch.channels_last)
        self.loss = FairMOTLoss(
            reid_dim=reid_dim,
            num_identities=num_identities,
            num_classes=num_classes,
            heatmap_weight=heatmap_weight,
            size_weight=size_weight,
            offset_weight=offset_weight,
            box_loss=box_loss,
            identity=identity,
            identity_options=identity_options,
            reid_sampling=reid_sampling,
            weighting=weighting,
            weighting_options=weighting_options,
        )
        self._raw: dict[str, Tensor] = {}

    def setup(self, stage: str) -> None:
        """Compile for a fit, if that is wanted."""
        if stage == "fit" and self.hparams["compile"]:
            self.fuse()

    def fuse(self) -> None:
        """Let torch.compile fuse what a training step computes densely; needs a compiler.

        Raises:
            ValueError: there is no compiler.
        """
        compile_parts(self.model, keeps_graph=True)  # for telemetry and balances
        self.loss.fuse()

    def forward(self, images: Tensor, *branch: Branch, cells: Tensor | None = None) -> HeadMaps:
        """Head maps of images `(B, 3, H, W)`, RGB in [0, 1]; for `branch` and `cells` see `FairMOT.forward`."""
        maps: HeadMaps = self.model(self._laid_out(images), *branch, cells=cells)
        return maps

    def look(self, images: Tensor) -> Sight:
        """See `FairMOT.look`."""
        return self.model.look(self._laid_out(images))

    def _laid_out(self, images: Tensor) -> Tensor:
        return images.contiguous(
            memory_format=torch.channels_last if self.hparams["channels_last"] else torch.contiguous_format
        )

    def losses(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        """What `FairMOTLoss` says of a batch.

        Where embeddings are read at centres, size, offset and embedding are computed at the objects' cells alone.

        Args:
            images: `(B, 3, H, W)` in [0, 1].
            targets: batched.
        """
        shared = SharedPart(self.model.shared_parameters(), self.model.last_shared_weight())
        branch = partial(self.loss.weighting.branch, shared=shared)
        if self.model.reid_sampling != "center":
            found: dict[str, Tensor] = self.loss(self(images, branch), targets)
            return found
        slots = torch.arange(targets.index.shape[1], device=targets.index.device).expand_as(targets.index)
        found = self.loss(self(images, branch, cells=targets.index), targets._replace(index=slots))
        return found

    def on_train_epoch_start(self) -> None:
        """Tell the balance of the tasks that an epoch starts."""
        self.loss.weighting.start_epoch(self.current_epoch)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Tell the balance of the tasks that its gradients are complete."""
        self.loss.weighting.before_step()

    def on_after_backward(self) -> None:
        """Log with which factors the tasks taught the shared part; some balances are struck in the backward pass."""
        detection, reid = self.loss.weighting.weights.unbind()
        self.log_dict({"train/weight/detection": detection, "train/weight/reid": reid})
        weighted = self.loss.weighted(self._raw)
        self.log_dict({f"train/weighted/{task}": value for task, value in weighted.items()})

    def training_step(self, batch: tuple[Tensor, Targets], batch_idx: int) -> Tensor:
        """One step; logs each task's raw loss, the effective weights and the total.

        Args:
            batch: images `(B, 3, H, W)` in [0, 1] and their batched targets.
            batch_idx: number of the step within the epoch.
        """
        images, targets = batch
        losses = self.losses(images, targets)
        self._raw = {name: losses[name].detach() for name in ("detection", *TASKS)}
        size = len(images)
        self.log("loss", losses["total"], prog_bar=True, logger=False, batch_size=size)
        for task in TASKS:
            self.log(task, losses[task], prog_bar=True, logger=False, batch_size=size)
        self.log_dict(
            {
                **{f"train/loss/{name}": losses[name] for name in ("total", "detection", *TASKS)},
                "train/identity_accuracy": losses["identity_accuracy"],
            },
            batch_size=size,
        )
        total: Tensor = losses["total"]
        return total

    def validation_step(self, batch: FrameSample | RecordedBatch, batch_idx: int) -> list[FrameOutput]:  # type: ignore[override]  # Lightning takes any arguments, a step of ours these
        """What is found in each frame, and what its people look like. What becomes of it is the callbacks' business.

        A frame whose image could not be read has no detections; one that is recorded needs no network.
        """
        if isinstance(batch, RecordedBatch):
            return batch.outputs
        with self._timed(NETWORK):
            sight = self.look(batch.image)
            if batch.image.is_cuda:  # decoding waits for it anyway
                torch.cuda.synchronize(batch.image.device)
        input_size = (batch.image.shape[-2], batch.image.shape[-1])
        letterboxes = [Letterbox((height, width), input_size) for height, width in batch.image_size.tolist()]
        found = decode_sight(sight, k=self.hparams["max_detections"], score_threshold=self.hparams["score_threshold"])
        people = torch.as_tensor(batch.people).tolist()
        boxes = [
            torch.from_numpy(letterbox.to_input(of_frame.cpu().double().numpy()))
            for letterbox, of_frame in zip(letterboxes, batch.boxes.split(people), strict=True)
        ]
        truth = embed_boxes(sight, boxes, box_encoding=self.hparams["box_encoding"])
        identities = np.split(batch.identities.cpu().numpy(), np.cumsum(people)[:-1])
        return [
            FrameOutput(
                detections=locate(detections.select(np.arange(0)) if broken else detections, letterbox),
                truth_embeddings=embeddings,
                truth_identities=identity,
            )
            for detections, broken, letterbox, embeddings, identity in zip(
                found, batch.broken, letterboxes, truth, identities, strict=True
            )
        ]

    def _timed(self, stage: str) -> AbstractContextManager[Any]:
        """Time a block as a stage of its own, where a trainer keeps times."""
        return profiler_of(self.trainer).profile(stage) if self._trainer is not None else nullcontext()

    def configure_optimizers(self) -> Any:
        """Adam over the network and, at the same rate, over the parameters of the loss; step decay by epoch."""
        loss_parameters = list(self.loss.parameters())
        groups = [{"params": list(self.model.parameters()), "name": "network"}]
        if loss_parameters:
            groups.append({"params": loss_parameters, "name": "loss"})
        optimizer = torch.optim.Adam(groups, lr=self.hparams["learning_rate"])
        drops = torch.optim.lr_scheduler.MultiStepLR(
            optimizer, list(self.hparams["lr_drop_epochs"]), self.hparams["lr_drop_factor"]
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": drops, "interval": "epoch", "name": "lr"},
        }

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """One step of Adam, at a share of the rate while warming up."""
        optimizer, warmup = self.trainer.optimizers[0], self.hparams["warmup_steps"]
        step = self.trainer.global_step
        if step >= warmup:
            super().optimizer_step(*args, **kwargs)
            return
        rates = [group["lr"] for group in optimizer.param_groups]
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * (step + 1) / warmup
        super().optimizer_step(*args, **kwargs)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
