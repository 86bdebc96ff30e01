"""Training batches and validation frames of annotated data."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from fairmot_pl.codec.heatmap import with_heatmap
from fairmot_pl.codec.maps import STRIDE
from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.dataset import TrainingSample, TrainingSamples, collate_samples
from fairmot_pl.data.frames import FrameSample
from fairmot_pl.data.images import to_unit
from fairmot_pl.data.workers import prepare_worker, usable_cores
from fairmot_pl.inference.cache import OutputCache
from fairmot_pl.letterbox import checked_input_size
from fairmot_pl.training.annotated_data import AnnotatedData
from fairmot_pl.training.broken_images import BrokenImages
from fairmot_pl.training.cache_choice import CacheChoice
from fairmot_pl.training.epoch_order import EpochOrder
from fairmot_pl.training.recordings import (
    RecordedBatch,
    RecordedSample,
    Recordings,
    ValidationFrames,
    collate_validation,
)
from fairmot_pl.training.sharding import SequenceShard, shard_sequences

log = logging.getLogger(__name__)


class FairMOTDataModule(AnnotatedData):
    """Serves augmented training samples with identity classes, and validation sequences in frame order.

    Args:
        root: folder to which the `path` of every source is relative.
        train: data sets to train on by name, each a dict such as `{"format": "mot", "path": ".", "split": "full"}`.
        val: data sets whose videos are tracked in validation; null for none.
        input_size: `(height, width)` of the network input, multiples of 32.
        batch_size: images a training step and process.
        val_batch_size: frames a validation step.
        num_workers: loader processes, of which there are never more than cores; the batches do not depend on it.
        seed: of shuffling and augmentation.
        augmentation: strengths of `Augmentation`.
        box_encoding: `"ltrb"` or `"wh"`.
        num_classes: heatmap channels.
        max_objects: object slots an image.
        frames_per_sequence: so many random frames of one sequence follow one another in training, so that a batch holds
            the same people more than once; 1 draws every frame on its own.
        identity_numbering: `"dense"`, or `"reference"` for as many classes as FairMOT has; see `IdentityIndex`.
        synthetic: what to render under `root` when it is not there yet; see `fairmot_pl.data.synthetic`.
        cache: where `prepare_data` has put resized images; see `CacheChoice`.
        max_broken_share: the largest share of images that may be unreadable, one at least; 0 for none at all.

    Attributes:
        samples: the training samples, after `setup("fit")`.
        cache: of the resized images of this data at this input size.
        broken_training: the training images that could not be read; others have taken their place.
        broken_validation: the validation frames that could not be read; they are tracked as frames without anybody.
        outputs: a cache that network outputs of validation frames are read from, and written to; None for none.
        recordings: what it holds of this process's validation sequences, since their loader was made.
    """

    samples: TrainingSamples

    def __init__(
        self,
        *,
        root: str,
        train: Mapping[str, Mapping[str, Any]],
        val: Mapping[str, Mapping[str, Any]] | None,
        input_size: Sequence[int],
        batch_size: int,
        val_batch_size: int,
        num_workers: int,
        seed: int,
        augmentation: Mapping[str, Any],
        box_encoding: str = "ltrb",
        num_classes: int = 1,
        max_objects: int = 500,
        frames_per_sequence: int = 1,
        identity_numbering: str = "dense",
        synthetic: Mapping[str, Any] | None = None,
        cache: str | bool = "auto",
        max_broken_share: float = 0.01,
    ) -> None:
        super().__init__(
            root=root,
            train=train,
            val=val,
            num_classes=num_classes,
            identity_numbering=identity_numbering,
            synthetic=synthetic,
        )
        self.input_size = checked_input_size(input_size)
        self.batch_size, self.val_batch_size = batch_size, val_batch_size
        self.num_workers = min(num_workers, usable_cores())
        self.seed = seed
        if frames_per_sequence < 1 or batch_size % frames_per_sequence:
            raise ValueError(
                f"data.frames_per_sequence is {frames_per_sequence}; it must be 1 or more and divide "
                f"data.batch_size={batch_size}, so that frames of one sequence meet in a batch"
            )
        self.frames_per_sequence = frames_per_sequence
        self.augmentation = dict(augmentation)
        self.encoding: dict[str, Any] = {
            "box_encoding": box_encoding,
            "num_classes": num_classes,
            "max_objects": max_objects,
        }
        self.cache = CacheChoice(setting=cache, root=self.root, input_size=self.input_size)
        if not 0 <= max_broken_share <= 1:
            raise ValueError(f"data.max_broken_share is {max_broken_share}; it must be from 0 to 1")
        self.broken_training = BrokenImages("training", "another image took its place", max_broken_share)
        self.broken_validation = BrokenImages("validation", "tracked as an empty frame", max_broken_share)
        self.outputs: OutputCache | None = None
        self.recordings: Recordings | None = None

    def setup(self, stage: str) -> None:
        """Read annotations, and make the training samples of them for `"fit"`."""
        super().setup(stage)
        if self.train_sets and not hasattr(self, "samples"):
            self.samples = self.make_samples()

    def make_samples(self) -> TrainingSamples:
        """The training samples, after annotations have been read."""
        samples = TrainingSamples(
            self.train_sets,
            self.identities,
            augmentation=Augmentation(input_size=self.input_size, **self.augmentation),
            seed=self.seed,
            cache=self.cache.find(),
            **self.encoding,
        )
        self.cache.check(samples)
        return samples

    def train_dataloader(self) -> DataLoader[TrainingSample]:
        """Shuffled, augmented batches. After a resume in mid-epoch, the batches already seen are left out."""
        order = self._order()
        sampler = (
            order.resumed(self.trainer.fit_loop, self.batch_size) if self.trainer is not None else order.of_epoch(0)
        )
        return DataLoader(
            self.samples,
            batch_size=self.batch_size,
            sampler=sampler,
            collate_fn=collate_samples,
            # one odd small batch would disturb batch normalisation, unless it is all there is
            drop_last=len(sampler) >= self.batch_size,
            num_workers=self.num_workers,
            worker_init_fn=prepare_worker,
            persistent_workers=self.num_workers > 0,
            pin_memory=self._on_cuda(),
        )

    def steps_per_epoch(self) -> int:
        """Training steps of this process in an epoch, at least 1."""
        return max(1, sum(map(len, self.train_sequences)) // self._rank()[1] // self.batch_size)

    def val_dataloader(self) -> DataLoader[FrameSample | RecordedSample]:
        """This process's share of the validation sequences, whole and in frame order."""
        shard = self.val_shard()
        self.recordings = Recordings.look_up(self.outputs, shard.sequences) if self.outputs else None
        needs_images = self.recordings is None or not all(self.recordings.sound)
        return DataLoader(
            ValidationFrames(shard.sequences, input_size=self.input_size, recordings=self.recordings),
            batch_sampler=shard.frame_order(self.val_batch_size),
            collate_fn=collate_validation,
            num_workers=self.num_workers if needs_images else 0,
            worker_init_fn=prepare_worker,
            pin_memory=self._on_cuda(),
        )

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Pixels from bytes to [0, 1] and heatmaps from boxes, which loaders leave to the device; counts broken images.

        Raises:
            ValueError: more images are broken than `max_broken_share` allows.
        """
        if isinstance(batch, TrainingSample):
            self.broken_training.add(batch.broken, len(self.samples))
            height, width = self.input_size
            map_size = (height // STRIDE, width // STRIDE)
            return to_unit(batch.image), with_heatmap(batch.targets, map_size=map_size, num_classes=self.num_classes)
        if isinstance(batch, FrameSample | RecordedBatch):
            self.broken_validation.add(batch.broken, sum(map(len, self.val_sequences)))
        if isinstance(batch, FrameSample):
            return batch._replace(image=to_unit(batch.image))
        return batch

    def val_shard(self) -> SequenceShard:
        """The validation sequences of this process; every process has equally many batches."""
        return shard_sequences(self.val_sequences, *self._rank())

    def _rank(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def _on_cuda(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    def _order(self) -> EpochOrder:
        rank, world_size = self._rank()
        return EpochOrder(
            lengths=[len(sequence) for sequence in self.train_sequences],
            seed=self.seed,
            group_size=self.frames_per_sequence,
            rank=rank,
            world_size=world_size,
        )

    def order(self) -> Iterator[tuple[int, int]]:
        """Epoch and index of this process's training samples, in the order of the epoch that is running."""
        assert self.trainer is not None
        return iter(self._order().of_epoch(self.trainer.current_epoch))

    def training_images(self, batch: int) -> list[Path]:
        """The image files of this process's batch of the epoch that is running, in the batch's order.

        In the place of one that could not be read the batch holds another image.
        """
        start = batch * self.batch_size
        return [self.samples.image_path(index) for _, index in islice(self.order(), start, start + self.batch_size)]

    def state_dict(self) -> dict[str, Any]:
        """Which class is whom, the size the network was trained at, and what the images were so far."""
        return {
            **super().state_dict(),
            "input_size": list(self.input_size),
            "cached": self.samples.cached if self.train_sets else 0,
            "broken": list(self.broken_training.reasons),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Check that a resumed run meets the identities that it was started with, and go on counting broken images.

        Raises:
            ValueError: the training data now hold other identities.
        """
        super().load_state_dict(state_dict)
        self.broken_training.reasons = list(state_dict.get("broken", []))
        before = state_dict.get("cached", 0)
        if self.train_sets and before != self.samples.cached:
            log.warning(
                "the image cache held %d training images before the stop, now it holds %d: pixels differ a little",
                *(before, self.samples.cached),
            )
