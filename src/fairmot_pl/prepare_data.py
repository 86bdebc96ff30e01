"""`python -m fairmot_pl.prepare_data`: store the training images at the size that training needs."""

from __future__ import annotations

import json
import logging
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Literal

from omegaconf import DictConfig, OmegaConf
from rich.progress import track

from fairmot_pl.config.build import build_datamodule
from fairmot_pl.config.check import ConfigError, check_values
from fairmot_pl.config.entry import Outcome, output_folder, plain, run_command, task_overrides
from fairmot_pl.config.nodes import check_data
from fairmot_pl.data.image_cache import ImageCache
from fairmot_pl.data.sources import read_sources
from fairmot_pl.data.workers import usable_cores
from fairmot_pl.files import write_text
from fairmot_pl.structures import FrameAnnotation

log = logging.getLogger(__name__)

KEYS = {"name": str, "seed": int, "format": Literal["raw", "jpeg"], "workers": int | None}
JPEG_SHARE = 1 / 7
"""Bytes of an entry as JPEG against its raw pixels, on MOT17."""


def main() -> None:
    """Console entry."""
    run_command("prepare_data", prepare_data, check)


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be meant.

    Raises:
        ConfigError: naming the key and what is allowed.
    """
    check_data(config)
    check_values(plain(config), KEYS, nodes=("data",))
    if config.workers is not None and config.workers < 1:
        raise ConfigError(f"workers is {config.workers}; it must be 1 or more, or null for one a core")


def prepare_data(config: DictConfig) -> Outcome:
    """Fill the image cache of the data node; what is there already is kept."""
    folder = output_folder()
    datamodule = build_datamodule(config)
    datamodule.prepare_data()
    cache = datamodule.cache.find(config.format)
    if cache is None:
        raise ConfigError("data.cache is off: there is nowhere to write to; use auto, or the path of a folder")
    found = read_sources(datamodule.train_sources, datamodule.root)
    frames = [frame for source in found for sequence in source.sequences for frame in sequence.frames]
    larger = [frame for frame in frames if cache.placed_size(frame.image_size) is not None]
    missing = [frame for frame, entry in zip(larger, cache.find(larger), strict=True) if entry is None]
    check_space(cache, missing)
    figures = fill(cache, missing, config.workers or usable_cores())
    figures = {
        "images": len(frames),
        "images/small_enough": len(frames) - len(larger),
        "images/already_there": len(larger) - len(missing),
        **figures,
    }
    write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
    write_text(folder / "metrics.json", json.dumps(figures, indent=2) + "\n")
    log.info(
        "%(images)d images: %(images/written)d written (%(megabytes)d MB), %(images/already_there)d were there, "
        "%(images/small_enough)d are no larger than the network input, %(images/broken)d cannot be read",
        figures,
    )
    if figures["images/written"] or figures["images/already_there"]:
        log.info("they lie in %s", cache.entries)
    same_data = shlex.join(override for override in task_overrides() if override.startswith("data"))
    return Outcome(folder, next_steps=[f"python -m fairmot_pl.train {same_data}".rstrip()])


def check_space(cache: ImageCache, frames: Sequence[FrameAnnotation]) -> None:
    """Refuse to start what would fill the disk.

    Raises:
        ConfigError: the entries of `frames` need more space than there is.
    """
    sizes = [cache.placed_size(frame.image_size) or (0, 0) for frame in frames]
    needed = sum(height * width * 3 for height, width in sizes) * (1 if cache.format == "raw" else JPEG_SHARE)
    there = next(parent for parent in (cache.folder, *cache.folder.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise ConfigError(
            f"{len(frames)} images need about {needed / 1e9:.1f} GB, {cache.folder} has {free / 1e9:.1f} GB left; "
            "free space, or use data.cache=FOLDER on another disk or format=jpeg"
        )


def fill(cache: ImageCache, frames: Sequence[FrameAnnotation], workers: int) -> dict[str, float]:
    """Write the entries of `frames`, several at a time; a bar shows how far it is, and Ctrl-C leaves what is done.

    Returns:
        How many were written, how many images are broken (each is named in the log), and the megabytes.

    Raises:
        OSError: an entry cannot be written.
    """
    figures: dict[str, float] = {"images/written": 0, "images/broken": 0, "megabytes": 0.0}
    if not frames:
        return figures
    with ThreadPoolExecutor(workers) as pool:  # OpenCV lets go of the interpreter, so threads do
        try:
            for written in track(_results(pool, cache, frames), "preparing images", total=len(frames)):
                figures["images/written"] += written > 0
                figures["images/broken"] += written < 0
                figures["megabytes"] += max(written, 0) / 1e6
        except KeyboardInterrupt:
            held = signal.signal(signal.SIGINT, signal.SIG_IGN)  # images at work are done in a moment
            pool.shutdown(cancel_futures=True)
            signal.signal(signal.SIGINT, held)
            print(f"stopped after {figures['images/written']} images; the same command goes on", file=sys.stderr)
            raise SystemExit(130) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return figures


def _results(pool: ThreadPoolExecutor, cache: ImageCache, frames: Sequence[FrameAnnotation]) -> Iterator[int]:
    """Bytes written for each frame, in whatever order; -1 for an image that cannot be read."""
    jobs = [pool.submit(_write, cache, frame) for frame in frames]
    for job in as_completed(jobs):
        yield job.result()


def _write(cache: ImageCache, frame: FrameAnnotation) -> int:
    try:
        return cache.write(frame)
    except (FileNotFoundError, ValueError) as error:
        log.warning("left out: %s", error)
        return -1


if __name__ == "__main__":
    main()
