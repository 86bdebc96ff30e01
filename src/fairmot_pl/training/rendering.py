"""The synthetic world of a run: its folder, and a bar while it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from fairmot_pl.data.progress import counting_bar
from fairmot_pl.data.synthetic import OF_THE_SET, dataset_folder, render_dataset
from fairmot_pl.data.synthetic_config import SyntheticConfig


class RenderingBar:
    """Context manager that shows one bar over the frames of all sequences.

    Args:
        frames: of all sequences together.
    """

    def __init__(self, frames: int) -> None:
        self._bar = counting_bar(stderr=False)
        self._job = self._bar.add_task("rendering", total=frames)

    def __enter__(self) -> RenderingBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, name: str, done: int, total: int) -> None:
        """Frame `done` of `total` of a sequence is there. Where all are there already, no bar is shown."""
        self._bar.start()
        self._bar.update(self._job, description=f"rendering {name}", advance=1)


def world_folder(root: Path, settings: Mapping[str, Any]) -> Path:
    """The folder of one choice of settings, those of the set included.

    Args:
        root: folder of all of them.
        settings: keywords of `render_dataset`.
    """
    scene = dataset_folder(root, SyntheticConfig(**{key: settings[key] for key in settings if key not in OF_THE_SET}))
    units = {"val_frame_rate": "fps"}
    given = [f"{settings[key]:g}{units.get(key, '')}" for key in OF_THE_SET if settings.get(key) is not None]
    return scene.with_name("-".join([scene.name, *given]))


def render_world(folder: Path, settings: Mapping[str, Any]) -> None:
    """Render what is not there yet, under a progress bar.

    Args:
        folder: of these settings, see `world_folder`.
        settings: keywords of `render_dataset`.
    """
    frames = settings.get("frames", SyntheticConfig.frames)
    total = settings["train"] * frames + settings["val"] * (settings.get("val_frames") or frames)
    with RenderingBar(total) as report:
        render_dataset(folder, **settings, progress=report)
