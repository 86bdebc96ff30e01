"""Pieces of a self-contained HTML page. What callers give is text, and is escaped here."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_IMAGE_SIDE = 1280
"""Larger pictures are shrunk, so that a report stays small enough to send."""


def page(title: str, body: Sequence[str]) -> str:
    """A whole HTML document with the style of reports; `body` is HTML."""
    style = files("fairmot_pl.reporting").joinpath("report.css").read_text(encoding="utf-8")
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>\n{style}</style>"
    )
    content = "\n".join(part for part in body if part)
    head = f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>'
    return f"{head}\n<body><main>\n{content}\n</main></body></html>\n"


def section(heading: str, *content: str, anchor: str = "") -> str:
    """A titled card around HTML, which links may name by its `anchor`; nothing where there is no content."""
    inner = "\n".join(part for part in content if part)
    attribute = f' id="{escape(anchor, quote=True)}"' if anchor else ""
    return f"<section{attribute}><h2>{escape(heading)}</h2>\n{inner}\n</section>" if inner else ""


def contents(places: Sequence[tuple[str, str]]) -> str:
    """Links to sections: (anchor, heading)."""
    links = "".join(f'<a href="#{escape(anchor, quote=True)}">{escape(heading)}</a>' for anchor, heading in places)
    return f'<nav aria-label="Contents">{links}</nav>' if links else ""


def subheading(text: str) -> str:
    """A heading within a section."""
    return f"<h3>{escape(text)}</h3>"


def note(text: str) -> str:
    """A remark."""
    return f'<p class="note">{escape(text)}</p>'


def note_lines(lines: Sequence[str]) -> str:
    """A remark of several lines; nothing without any."""
    return f'<p class="note">{"<br>".join(map(escape, lines))}</p>' if lines else ""


def warning(text: str) -> str:
    """A remark that must not be missed."""
    return f'<p class="note warning">{escape(text)}</p>'


def tiles(figures: Sequence[tuple[str, str, str]]) -> str:
    """Headline figures: (name, value, unit)."""
    cells = [
        f'<div class="tile{" first" if index == 0 else ""}"><div class="name">{escape(name)}</div>'
        f'<div class="value">{escape(value)}<span class="unit"> {escape(unit)}</span></div></div>'
        for index, (name, value, unit) in enumerate(figures)
    ]
    return f'<div class="tiles">{"".join(cells)}</div>' if cells else ""


class Cell(NamedTuple):
    """A cell of a table that is marked, as by `"best"`."""

    text: str
    mark: str = ""


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str | Cell]],
    *,
    total: Sequence[str] | None = None,
    figures: Sequence[bool] | None = None,
) -> str:
    """A table; figures are aligned right.

    Args:
        header: a name for each column.
        rows: as long as the header each.
        total: a last row, set apart.
        figures: whether each column holds figures; by default all but the first do.
    """
    aligned = figures if figures is not None else [index > 0 for index in range(len(header))]

    def line(cells: Sequence[str | Cell], tag: str) -> str:
        marked = []
        for cell, figure in zip(cells, aligned, strict=True):
            text, mark = (cell.text, cell.mark) if isinstance(cell, Cell) else (cell, "")
            kinds = " ".join(filter(None, ["figure" if figure else "", mark]))
            attribute = f' class="{kinds}"' if kinds else ""
            marked.append(f"<{tag}{attribute}>{escape(text)}</{tag}>")
        return "".join(marked)

    body = [f"<tr>{line(row, 'td')}</tr>" for row in rows]
    if total is not None:
        body.append(f'<tr class="total">{line(total, "td")}</tr>')
    head = f"<thead><tr>{line(header, 'th')}</tr></thead>"
    return f'<div class="wide"><table>{head}<tbody>{"".join(body)}</tbody></table></div>'


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """A table of names and values."""
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f'<div class="wide"><table class="facts"><tbody>{rows}</tbody></table></div>' if rows else ""


def caption(text: str) -> str:
    """Small print below something."""
    return f"<figcaption>{escape(text)}</figcaption>"


def folded(heading: str, text: str) -> str:
    """Preformatted text behind a click."""
    return f"<details><summary>{escape(heading)}</summary><pre>{escape(text)}</pre></details>" if text.strip() else ""


def unfolding(heading: str, content: str) -> str:
    """HTML behind a click."""
    return f"<details><summary>{escape(heading)}</summary>{content}</details>"


def plot(svg: str) -> str:
    """An SVG figure inside the page, so that it follows the page's colours."""
    return f'<div class="plot">{svg}</div>'


def picture(image: NDArray[np.uint8], caption: str) -> str:
    """An `(H, W, 3)` uint8 RGB image, embedded as JPEG.

    Raises:
        ValueError: no such image.
    """
    try:
        return photograph(jpeg(image), caption)
    except ValueError as error:
        raise ValueError(f"picture {caption!r} {error}") from error


def photograph(content: bytes, caption: str) -> str:
    """A JPEG, embedded as it is."""
    text = escape(caption, quote=True)
    address = data_address("image/jpeg", content)
    return f'<figure><img src="{address}" alt="{text}"><figcaption>{text}</figcaption></figure>'


def jpeg(image: NDArray[np.uint8], *, max_side: int | None = MAX_IMAGE_SIDE) -> bytes:
    """An `(H, W, 3)` uint8 RGB image as JPEG, its longer side at most `max_side` pixels, if that is given.

    Raises:
        ValueError: no such image.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"has shape {image.shape} and dtype {image.dtype}; (H, W, 3) uint8 is needed")
    ratio = max_side / max(image.shape[:2]) if max_side else 1.0
    if ratio < 1:
        image = np.asarray(cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA), np.uint8)
    _, encoded = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return encoded.tobytes()


def data_address(kind: str, content: bytes) -> str:
    """Content as a `data:` address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
