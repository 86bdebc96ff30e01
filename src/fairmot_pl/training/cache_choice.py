"""Which cache of resized images training reads, as `data.cache` says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairmot_pl.data.dataset import TrainingSamples
from fairmot_pl.data.image_cache import FOLDER, FORMATS, ImageCache


@dataclass(frozen=True, kw_only=True)
class CacheChoice:
    """Where resized images of some data lie, if they are wanted.

    Args:
        setting: `"auto"` is a folder below `root` that is used if it is there; a path must be; `"off"` is none.
        root: of the data.
        input_size: `(height, width)` of the network input.

    Raises:
        ValueError: the setting is true.
    """

    setting: str | bool
    root: Path
    input_size: tuple[int, int]

    def __post_init__(self) -> None:
        if self.setting is True:
            raise ValueError("data.cache is true; allowed: auto, off, or the path of a folder")

    def find(self, format: str = "auto") -> ImageCache | None:
        """The cache, which need not be there; None if it is off.

        Args:
            format: of its entries; `"auto"` is the fastest that is there.
        """
        if not self.setting or self.setting == "off":  # YAML reads off as false
            return None
        folder = self.root / FOLDER if self.setting == "auto" else Path(str(self.setting)).expanduser()
        caches = [ImageCache(folder, self.input_size, found) for found in (FORMATS if format == "auto" else [format])]
        return next((cache for cache in caches if cache.entries.is_dir()), caches[0])

    def check(self, samples: TrainingSamples) -> None:
        """Refuse a cache that was asked for by its path and has nothing for these samples.

        Raises:
            ValueError: naming the path.
        """
        if self.setting and self.setting not in ("auto", "off") and not samples.cached:
            raise ValueError(
                f"data.cache={self.setting} holds none of the training images at {self.input_size[0]} x "
                f"{self.input_size[1]}; fill it with python -m fairmot_pl.prepare_data, or use data.cache=auto"
            )

    def use(self, samples: TrainingSamples) -> str:
        """How many training images come from the cache, in words, for the record of a run."""
        cache = self.find()
        if cache is None or not samples.cached:
            return "not used"
        return f"{samples.cached} of {len(samples)} images from {cache.entries}"
