"""Who the people of a synthetic scene are: body, clothes and gait of each, and who looks like whom."""

from __future__ import annotations

import colorsys
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fairmot_pl.data.synthetic_config import Stream
from fairmot_pl.data.synthetic_drawing import Colour

PATTERNS = ("plain", "plain", "stripes", "halves", "panel", "print")
GARMENTS = ("trousers", "trousers", "trousers", "shorts", "skirt", "coat")
HAIR = ("short", "short", "long", "bun", "bald")
BAGS = ("none", "none", "backpack", "shoulder")
HATS = ("none", "none", "none", "cap", "beanie")

_SKIN = ((170, 200, 236), (140, 178, 224), (110, 150, 205), (80, 115, 170), (55, 80, 125), (40, 58, 95))
_HAIRS = ((25, 25, 30), (35, 45, 65), (45, 75, 110), (90, 150, 195), (150, 150, 155), (40, 60, 130))
_CANDIDATES = 16

_BODY = ("identity", "height", "build", "stride", "arm_swing", "phase")
_COLOURS = ("skin", "hair_colour", "top", "accent", "bottom", "shoes", "extra")


@dataclass(frozen=True)
class Appearance:
    """One identity. Lengths in metres, colours BGR; `twin_of` names the identity whose clothes these are."""

    identity: int
    twin_of: int | None
    height: float
    build: float
    stride: float
    arm_swing: float
    phase: float
    skin: Colour
    hair_colour: Colour
    top: Colour
    accent: Colour
    bottom: Colour
    shoes: Colour
    extra: Colour
    pattern: str
    garment: str
    long_sleeves: bool
    hair: str
    bag: str
    hat: str

    def signature(self) -> NDArray[np.float64]:
        """`(9,)` Lab colours of the clothes, weighted by how much of them shows."""
        accent = self.accent if self.pattern != "plain" else self.top
        colours = np.array([[self.top, accent, self.bottom]], np.float32) / 255
        lab = cv2.cvtColor(colours, cv2.COLOR_BGR2LAB)[0].astype(np.float64)
        return np.ravel(lab * np.array([[1.0], [0.5], [0.8]]))


class Wardrobe:
    """Dresses identities 1, 2, 3... so that strangers differ and the wanted share of people look alike."""

    def __init__(self, seed: int, lookalikes: float) -> None:
        self._seed = seed
        self._lookalikes = lookalikes
        self._people: list[Appearance] = []

    def person(self, identity: int) -> Appearance:
        """The look of an identity from 1; it depends on seed, share and identity alone."""
        while len(self._people) < identity:
            self._people.append(self._dress(len(self._people) + 1))
        return self._people[identity - 1]

    def _dress(self, identity: int) -> Appearance:
        rng = Stream.LOOKS.generator(self._seed, identity)
        twin = rng.random() < self._lookalikes
        if twin and self._people:
            return _twin(self._model(), _candidate(identity, rng), rng)
        choices = [_candidate(identity, rng) for _ in range(_CANDIDATES)]
        if not self._people:
            return choices[0]
        # the candidate farthest from everybody so far: strangers stay apart for as long as colours last
        worn = np.stack([person.signature() for person in self._people])
        distances = [np.linalg.norm(worn - choice.signature(), axis=1).min() for choice in choices]
        return choices[int(np.argmax(distances))]

    def _model(self) -> Appearance:
        """Whom to copy: of the clothes worn by fewest the latest, so that pairs are in view together."""
        worn_by = Counter(person.twin_of or person.identity for person in self._people)
        fewest = min(worn_by.values())
        return self._people[max(model for model, count in worn_by.items() if count == fewest) - 1]


def _candidate(identity: int, rng: np.random.Generator) -> Appearance:
    garment = str(rng.choice(GARMENTS))
    return Appearance(
        identity=identity,
        twin_of=None,
        height=min(1.96, max(1.5, rng.normal(1.72, 0.09))),
        build=min(1.35, max(0.85, rng.normal(1.04, 0.1))),
        stride=float(rng.uniform(0.88, 1.12)),
        arm_swing=float(rng.uniform(0.5, 1.15)),
        phase=float(rng.uniform(0, 2 * np.pi)),
        skin=_pick(_SKIN, rng),
        hair_colour=_pick(_HAIRS, rng),
        top=_cloth(rng),
        accent=_cloth(rng),
        bottom=_cloth(rng, dull=0.7),
        shoes=_cloth(rng, dull=0.8),
        extra=_cloth(rng),
        pattern=str(rng.choice(PATTERNS)),
        garment=garment,
        long_sleeves=bool(rng.random() < 0.6) or garment == "coat",
        hair=str(rng.choice(HAIR)),
        bag=str(rng.choice(BAGS)),
        hat=str(rng.choice(HATS)),
    )


def _pick(colours: tuple[tuple[int, int, int], ...], rng: np.random.Generator) -> Colour:
    blue, green, red = colours[int(rng.integers(len(colours)))]
    return float(blue), float(green), float(red)


def _cloth(rng: np.random.Generator, dull: float = 0.4) -> Colour:
    """A fabric colour; `dull` is the share of greys, navies and browns."""
    if rng.random() < dull:
        hue, saturation, value = (
            rng.choice((0.08, 0.1, 0.6, 0.62)),
            rng.uniform(0, 0.4),
            rng.uniform(0.1, 0.92),
        )
    else:
        hue, saturation, value = rng.random(), rng.uniform(0.4, 0.85), rng.uniform(0.3, 0.88)
    red, green, blue = colorsys.hsv_to_rgb(float(hue), float(saturation), float(value))
    return 255 * blue, 255 * green, 255 * red


def _twin(worn: Appearance, own: Appearance, rng: np.random.Generator) -> Appearance:
    """The clothes of one person, a shade off, on the body of another."""
    changes: dict[str, Any] = {name: getattr(own, name) for name in _BODY}
    for name in _COLOURS:
        changes[name] = tuple((np.array(getattr(worn, name)) + rng.normal(0, 2.5, 3)).clip(0, 255).tolist())
    return replace(worn, twin_of=worn.identity, **changes)
