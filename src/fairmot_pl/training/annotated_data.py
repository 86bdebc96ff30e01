"""What a run trains and validates on: rendered if need be, read once, and everybody in it numbered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from fairmot_pl.data.identities import IdentityIndex, check_numbering
from fairmot_pl.data.sources import DataSource, read_sources
from fairmot_pl.structures import AnnotatedSequence
from fairmot_pl.training.data_checks import check_classes, check_training, check_validation
from fairmot_pl.training.rendering import render_world, world_folder


class AnnotatedData(pl.LightningDataModule):
    """Reads training and validation sets; what is made of them is for a subclass.

    Args:
        root: folder to which the `path` of every source is relative.
        train: data sets to train on by name, see `fairmot_pl.data.sources.read_source`.
        val: data sets to validate on; null for none.
        num_classes: of objects that may occur.
        identity_numbering: see `IdentityIndex`.
        synthetic: what to render under `root` when it is not there yet; see `fairmot_pl.data.synthetic`.

    Attributes:
        train_sets: after `setup("fit")`.
        val_sets: after `setup`.
        identities: of everybody in the training sets, after `setup("fit")`.
    """

    def __init__(
        self,
        *,
        root: str,
        train: Mapping[str, Mapping[str, Any]],
        val: Mapping[str, Mapping[str, Any]] | None,
        num_classes: int = 1,
        identity_numbering: str = "dense",
        synthetic: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.root = Path(root).expanduser()
        self.train_sources, self.val_sources = dict(train), dict(val or {})
        self.num_classes = num_classes
        check_numbering(identity_numbering)
        self.identity_numbering = identity_numbering
        self.synthetic = dict(synthetic) if synthetic is not None else None
        if self.synthetic is not None:
            # settings have a folder each, so that changing one never meets images of another
            self.root = world_folder(self.root, self.synthetic)
        self.train_sets: list[DataSource] = []
        self.val_sets: list[DataSource] = []
        self.identities = IdentityIndex.build([])

    def prepare_data(self) -> None:
        """Render the synthetic world, once, if that is what this module serves."""
        if self.synthetic is not None:
            render_world(self.root, self.synthetic)

    def setup(self, stage: str) -> None:
        """Read annotations: of training and validation for `"fit"`, of validation alone otherwise.

        Raises:
            ValueError: they cannot be trained or validated on. Readers raise their own errors.
        """
        if stage == "fit" and not self.train_sets:
            found = read_sources(self.train_sources, self.root)
            identities = IdentityIndex.build(
                [(each.name, list(each.sequences)) for each in found], numbering=self.identity_numbering
            )
            check_training(found, self.train_sources, self.root)
            check_classes(found, self.num_classes)
            self.train_sets, self.identities = found, identities
        if not self.val_sets:
            found = read_sources(self.val_sources, self.root)
            check_validation(_sequences(found), self.val_sources, self.root)
            self.val_sets = found

    @property
    def train_sequences(self) -> list[AnnotatedSequence]:
        """Every training sequence, in the order of the data sets."""
        return _sequences(self.train_sets)

    @property
    def val_sequences(self) -> list[AnnotatedSequence]:
        """Every validation sequence, in the order of the data sets."""
        return _sequences(self.val_sets)

    def state_dict(self) -> dict[str, Any]:
        """Which class is whom."""
        return {"identities": self.identities.state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Check that a resumed run meets the identities that it was started with.

        Raises:
            ValueError: the training data now hold other identities.
        """
        saved = IdentityIndex.from_state(state_dict["identities"])
        if self.train_sets and saved.state() != self.identities.state():
            raise ValueError(
                f"the checkpoint was trained on {saved.num_identities} identities, data.root={self.root} now gives "
                f"{self.identities.num_identities} or other ones: classes would not fit; resume on the same data"
            )


def _sequences(sets: list[DataSource]) -> list[AnnotatedSequence]:
    return [sequence for found in sets for sequence in found.sequences]
