"""How far our views are from those of the plain pipeline, for the same draws.

    python benchmarks/fidelity.py

Frames as in `data.py`. For each source of pixels: mean and median difference in grey levels, distance of the colour
histograms (share of pixels in another of 32 bins), and energy of eight rings of frequency against the plain pipeline's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from plain_pipeline import plain_image

from data import sources
from fairmot_pl.data.augment import Augmentation
from fairmot_pl.data.image_cache import FORMATS, ImageCache
from fairmot_pl.data.images import read_picture

SIZE = (608, 1088)
VIEWS = 60


def rings(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Energy of the brightness by frequency, `(8,)`, from 0 to 0.5 a pixel."""
    grey = image.mean(axis=-1)
    energy = np.abs(np.fft.rfft2(grey - grey.mean())) ** 2
    radius = np.hypot(np.fft.fftfreq(grey.shape[0])[:, None], np.fft.rfftfreq(grey.shape[1])[None])
    return np.bincount((radius.ravel() * 16).astype(int).clip(0, 7), energy.ravel(), 8)


def histogram(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Share of pixels in 32 bins of each colour, `(3, 32)`."""
    return np.stack([np.histogram(image[..., colour], 32, (0, 256))[0] / image[..., 0].size for colour in range(3)])


def main() -> None:
    """Print the table."""
    cv2.setNumThreads(0)
    augmentation = Augmentation(input_size=SIZE)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        every = [frame for source in sources(scratch) for sequence in source.sequences for frame in sequence.frames]
        frames = every[:: max(1, len(every) // VIEWS)][:VIEWS]
        for kind in ("no cache", *FORMATS):
            cache = None if kind == "no cache" else ImageCache(scratch / "cache", SIZE, kind)
            levels, medians, bins, energy = [], [], [], []
            for number, frame in enumerate(frames):
                draw = augmentation.draw(np.random.default_rng(number))
                if cache is None:
                    detail = augmentation.detail(draw, frame.image_size)
                    picture = read_picture(frame.image_path, frame.image_size, detail=detail)
                else:
                    cache.write(frame)
                    picture = cache.read(cache.entry(frame.image_path), frame.image_size)
                ours = augmentation.view(picture, frame.boxes, draw).image
                theirs = plain_image(str(frame.image_path), draw, SIZE)[..., ::-1]
                difference = np.abs(ours.astype(int) - theirs)
                levels.append(difference.mean())
                medians.append(np.median(difference))
                bins.append((histogram(ours), histogram(theirs)))
                energy.append((rings(ours), rings(theirs)))
            both = np.mean(bins, axis=0)
            ratios = np.divide(*np.mean(energy, axis=0))
            print(
                f"{kind:<9} mean {np.mean(levels):.2f}, worst view {np.max(levels):.2f}, median {np.mean(medians):.1f} "
                f"levels; histograms {np.abs(both[0] - both[1]).sum(axis=1).mean() / 2:.4f}; energy by frequency "
                + " ".join(f"{ratio:.2f}" for ratio in ratios)
            )


if __name__ == "__main__":
    main()
