"""Draw docs/frames.svg: one person in every coordinate frame, all figures from the package's own functions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairmot_pl import encode_targets
from fairmot_pl.boxes import tlwh_to_xyxy
from fairmot_pl.codec.maps import STRIDE
from fairmot_pl.letterbox import Letterbox

FILE = Path(__file__).resolve().parents[1] / "docs" / "frames.svg"

LETTERBOX = Letterbox(image_size=(480, 640), input_size=(608, 1088))
TLWH = np.array([[240.0, 115.0, 90.0, 240.0]])

INK, MUTED, BOX, CENTRE, IMAGE, PADDING = "#22303c", "#5b6b78", "#d55e00", "#0072b2", "#dfe9f0", "#b9bec3"
CELL = 26
"""Width of an enlarged cell in the drawing."""


def figure(value: float) -> str:
    """A number with at most three decimals, as short as it goes."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def listed(values: np.ndarray) -> str:
    """Numbers in brackets."""
    return f"({', '.join(figure(value) for value in values)})"


@dataclass(frozen=True)
class Panel:
    """A frame of reference at a place of the drawing.

    Attributes:
        left: of the panel in the drawing.
        top: of the panel in the drawing.
        scale: units of the drawing per unit of the frame.
        size: `(height, width)` of the frame.
    """

    left: float
    top: float
    scale: tuple[float, float]
    size: tuple[float, float]

    def area(self, xyxy: np.ndarray, style: str) -> str:
        """A rectangle given in the frame."""
        x, y = self.left + xyxy[0] * self.scale[0], self.top + xyxy[1] * self.scale[1]
        width, height = (xyxy[2] - xyxy[0]) * self.scale[0], (xyxy[3] - xyxy[1]) * self.scale[1]
        return f'<rect x="{figure(x)}" y="{figure(y)}" width="{figure(width)}" height="{figure(height)}" {style}/>'

    def whole(self, fill: str) -> str:
        """The frame itself."""
        return self.area(np.array([0, 0, self.size[1], self.size[0]]), f'fill="{fill}" stroke="{INK}"')

    def person(self, xyxy: np.ndarray) -> str:
        """Somebody in a box."""
        x, y = self.left + xyxy[0] * self.scale[0], self.top + xyxy[1] * self.scale[1]
        wide, high = (xyxy[2] - xyxy[0]) * self.scale[0], (xyxy[3] - xyxy[1]) * self.scale[1]
        head = f'<ellipse cx="{figure(x + wide / 2)}" cy="{figure(y + 0.1 * high)}" rx="{figure(0.07 * high)}"'
        body = f'<rect x="{figure(x + 0.22 * wide)}" y="{figure(y + 0.2 * high)}" width="{figure(0.56 * wide)}"'
        return (
            f'{head} ry="{figure(0.08 * high)}" fill="{MUTED}"/>{body} height="{figure(0.78 * high)}" rx="6" '
            f'fill="{MUTED}"/>' + self.area(xyxy, f'fill="none" stroke="{BOX}" stroke-width="2.5"')
        )


def text(x: float, y: float, words: str, *, size: int = 13, colour: str = INK, bold: bool = False) -> str:
    """A line of text that begins at a place of the drawing."""
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{figure(x)}" y="{figure(y)}" font-size="{size}" fill="{colour}"{weight}>{words}</text>'


def arrow(x: float, y: float, *, back: bool = False) -> str:
    """An arrow between two panels, to the right or back."""
    start, end = (x + 52, x) if back else (x, x + 52)
    return f'<path d="M{start} {y}H{end}" stroke="{INK}" stroke-width="1.8" marker-end="url(#tip)"/>'


def captioned(panel: Panel, name: str, extent: str, lines: list[str]) -> list[str]:
    """What stands over a panel and under it; lines that end with a colon or begin with `in ` are labels."""
    parts = [text(panel.left, 26, name, size=16, bold=True), text(panel.left, 46, extent, colour=MUTED)]
    for number, words in enumerate(lines):
        colour = MUTED if words.endswith(":") or words.startswith("in ") else INK
        parts.append(text(panel.left, 240 + 20 * number, words, colour=colour))
    return parts


def way(x: float, there: str, back: str) -> list[str]:
    """The arrows between two panels."""
    parts = [arrow(x, 105), text(x, 95, there, size=11)]
    return parts + ([arrow(x, 145, back=True), text(x, 162, back, size=11)] if back else [])


def draw() -> str:
    """The drawing, as SVG."""
    xyxy = tlwh_to_xyxy(TLWH)
    placed = LETTERBOX.to_input(xyxy)
    on_map = placed[0] / STRIDE
    (input_height, input_width), (height, width) = LETTERBOX.input_size, LETTERBOX.image_size
    map_height, map_width = input_height // STRIDE, input_width // STRIDE
    targets = encode_targets(placed, np.array([0]), map_size=(map_height, map_width), max_objects=1)
    index = int(targets.index[0])
    row, column = divmod(index, map_width)
    offset, sides = targets.offset[0].numpy(), targets.size[0].numpy()
    shares = xyxy[0] / [width, height, width, height]
    centred = np.concatenate([(shares[:2] + shares[2:]) / 2, shares[2:] - shares[:2]])
    left, top = LETTERBOX.padding

    share = Panel(20, 60, (200, 150), (1, 1))
    image = Panel(300, 60, (200 / width, 150 / height), (height, width))
    network = Panel(580, 60, (250 / input_width,) * 2, (input_height, input_width))
    cells = Panel(910, 60, (250 / map_width,) * 2, (map_height, map_width))
    inner = np.array([left, top, input_width - left, input_height - top])
    return framed(
        share.whole(IMAGE),
        share.person(shares),
        *captioned(
            share,
            "fractions",
            "0 to 1, of the image",
            [
                "centre x, y, width, height:",
                listed(centred),
                "in labels of JDE and YOLO",
                "in lines and areas of count=",
            ],
        ),
        image.whole(IMAGE),
        image.person(xyxy[0]),
        *captioned(
            image,
            "image pixels",
            f"{width} x {height}",
            ["tlwh:", listed(TLWH[0]), "in MOTChallenge files", "xyxy:", listed(xyxy[0]), "in Detections, Tracks"],
        ),
        network.whole(PADDING),
        network.area(inner, f'fill="{IMAGE}"'),
        network.person(placed[0]),
        *captioned(
            network,
            "network input",
            f"{input_width} x {input_height}, letterboxed",
            [
                f"ratio min({input_height}/{height}, {input_width}/{width}) = {figure(LETTERBOX.ratio)}",
                f"padding {listed(np.array([left, top]))}, not rounded",
                "xyxy, x ratio + padding:",
                listed(placed[0]),
                "in encode_targets, decode_detections",
            ],
        ),
        cells.whole(PADDING),
        cells.area(inner / STRIDE, f'fill="{IMAGE}"'),
        cells.person(on_map),
        *captioned(
            cells,
            "map cells",
            f"{map_width} x {map_height}, stride {STRIDE}",
            [
                f"xyxy {listed(on_map)}",
                f"cell ({column}, {row}), index {row} x {map_width} + {column} = {index}",
                f"offset {listed(offset)}",
                f"size, ltrb {listed(sides)}",
                f"size, wh {listed(sides[:2] + sides[2:])}",
                "in HeadMaps, Targets",
            ],
        ),
        *way(234, "x W, H", ""),
        *way(514, "to_input", "to_image"),
        *way(844, f"/ {STRIDE}", f"x {STRIDE}"),
        *enlarged(column, row, offset, sides, targets.heatmap[0].numpy()),
    )


def framed(*parts: str) -> str:
    """The whole file."""
    tip = '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1190 575" font-family="sans-serif">\n'
        "<title>One person in fractions, image pixels, network input and map cells</title>\n"
        f'<defs>{tip}<path d="M0 0L8 4L0 8z" fill="{INK}"/></marker></defs>\n'
        '<rect width="1190" height="575" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def enlarged(column: int, row: int, offset: np.ndarray, sides: np.ndarray, heatmap: np.ndarray) -> list[str]:
    """The cells around the centre, with what is learned there."""
    reach, origin, top = 4, 20 + 40, 380
    grid = Panel(origin - (column - reach) * CELL, top - (row - 3) * CELL, (CELL, CELL), (0, 0))
    radius = int((heatmap[row] > 0).sum()) // 2
    parts = [text(20, 368, "The cells around the centre", size=14, bold=True)]
    for y in range(row - 3, row + 4):
        for x in range(column - reach, column + reach + 1):
            style = f'fill="{CENTRE}" fill-opacity="{figure(0.85 * heatmap[y, x])}" stroke="{MUTED}" stroke-width="0.6"'
            parts.append(grid.area(np.array([x, y, x + 1, y + 1]), style))
    corner = grid.left + column * CELL, grid.top + row * CELL
    centre = corner[0] + offset[0] * CELL, corner[1] + offset[1] * CELL
    parts += [
        f'<rect x="{figure(corner[0])}" y="{figure(corner[1])}" width="{CELL}" height="{CELL}" fill="none" '
        f'stroke="{INK}" stroke-width="2"/>',
        f'<circle cx="{figure(corner[0])}" cy="{figure(corner[1])}" r="3" fill="{INK}"/>',
        f'<path d="M{figure(corner[0])} {figure(corner[1])}L{figure(centre[0])} {figure(centre[1])}" stroke="{BOX}" '
        'stroke-width="2.5"/>',
        f'<circle cx="{figure(centre[0])}" cy="{figure(centre[1])}" r="4" fill="{BOX}"/>',
    ]
    beside = origin + (2 * reach + 1) * CELL + 30
    lines = (
        ("heatmap", f"exactly 1 at cell ({column}, {row}), around it a Gaussian of radius {radius} cells"),
        ("offset", f"from the cell's corner to the centre of the box: {listed(offset)} cells, both in [0, 1)"),
        ("size", f"from the centre to the left, top, right and bottom edge: {listed(sides)} cells; edges may lie"),
        ("", "outside the image. A centre outside the map is moved to its border, then the four say more than wh"),
        ("embedding", "read at the same cell (model/reid_sampling=center), of unit length after decoding"),
        ("back", f"box = (cell + offset - (l, t), cell + offset + (r, b)) x {STRIDE}, then to_image: exact"),
    )
    for number, (name, words) in enumerate(lines):
        parts += [text(beside, 405 + 28 * number, name, bold=True), text(beside + 90, 405 + 28 * number, words)]
    return parts


if __name__ == "__main__":
    FILE.write_text(draw(), encoding="utf-8")
