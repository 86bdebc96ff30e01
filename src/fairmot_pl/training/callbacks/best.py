"""The best checkpoint by HOTA, also after the run's folder has moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytorch_lightning.callbacks import ModelCheckpoint


class BestCheckpoint(ModelCheckpoint):
    """Keeps `checkpoints/best.ckpt`, the weights with the highest `val/HOTA`.

    It is written right after a validation, before the resume point, which so knows the best score.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__(
            Path(folder) / "checkpoints",
            filename="best",
            monitor="val/HOTA",
            mode="max",
            enable_version_counter=False,
            save_on_train_epoch_end=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the best score; Lightning forgets it when the folder has another path."""
        best = str(Path(str(self.dirpath)) / "best.ckpt")
        moved = {
            **state_dict,
            "dirpath": self.dirpath,
            "best_model_path": best if state_dict["best_model_path"] else "",
        }
        if moved["best_k_models"]:
            moved["best_k_models"] = {best: next(iter(state_dict["best_k_models"].values()))}
            moved["kth_best_model_path"] = best
        super().load_state_dict(moved)
