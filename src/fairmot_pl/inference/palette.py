"""Colours that stay apart for colour-blind eyes (Okabe and Ito, "Color Universal Design", 2008)."""

from __future__ import annotations

RGB = tuple[int, int, int]

OKABE_ITO: dict[str, RGB] = {
    "blue": (0, 114, 178),
    "orange": (230, 159, 0),
    "green": (0, 158, 115),
    "vermillion": (213, 94, 0),
    "purple": (204, 121, 167),
    "sky": (86, 180, 233),
    "yellow": (240, 228, 66),
}

_LIGHTNESS = (0.0, -0.35, 0.5)
"""The palette as it is, then darker, then lighter: 21 colours, all apart, before they repeat."""


def identity_colour(identity: int) -> RGB:
    """The RGB colour of a track: always the same for the same id, in every frame, video and plot."""
    turn, hue = divmod(int(identity), len(OKABE_ITO))
    return _shifted(tuple(OKABE_ITO.values())[hue], _LIGHTNESS[turn % len(_LIGHTNESS)])


def ink_on(colour: RGB) -> RGB:
    """Black or white, whichever can be read on `colour` (relative luminance, WCAG 2)."""
    linear = [(value / 255 / 12.92) if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in colour]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (0, 0, 0) if luminance > 0.179 else (255, 255, 255)


def hex_colour(colour: RGB) -> str:
    """`#rrggbb`, as CSS and matplotlib write it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _shifted(colour: RGB, lightness: float) -> RGB:
    """Mix `colour` with white (`lightness` > 0) or black (< 0)."""
    target = 255 if lightness > 0 else 0
    red, green, blue = (round(value + (target - value) * abs(lightness)) for value in colour)
    return red, green, blue
