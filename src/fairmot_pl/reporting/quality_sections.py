"""Detection and re-identification on the page of a run: tables, figures, and what to see in them."""

from __future__ import annotations

from collections.abc import Sequence

from fairmot_pl.evaluation.embedding import GAPS
from fairmot_pl.evaluation.quality import Quality
from fairmot_pl.evaluation.summary import OVERALL
from fairmot_pl.reporting import page
from fairmot_pl.reporting.detection_plots import detection_figure
from fairmot_pl.reporting.embedding_plots import looks_figure, similarity_figure
from fairmot_pl.reporting.figures import plotted
from fairmot_pl.reporting.metric_tables import MetricTable, quality_tables


def table_parts(tables: Sequence[MetricTable]) -> list[str]:
    """Tables over their titles; the row of all sequences comes last."""
    parts = []
    for table in tables:
        header, *rows = table.cells()
        total = rows.pop() if rows and rows[-1][0] == OVERALL else None
        unit = f", {table.unit}" if table.unit else ""
        parts += [page.table(header, rows, total=total), page.caption(f"{table.title}{unit}.")]
    return parts


def detection_parts(quality: Quality) -> list[str]:
    """How well people are found, whoever they are."""
    figure = detection_figure(quality.curve, quality.overall)
    if figure is None:
        return [
            page.warning("Nothing that was detected is right at an IoU of 0.5: there is no precision to draw."),
            *_detection_tables(quality),
        ]
    return [
        plotted(figure, "Precision and the score needed over recall of detections at an IoU of 0.5, and AP by band"),
        page.caption(
            "Left: the area under the curve is the AP; where it ends, the remaining people are found at no score. A "
            "tracker's score threshold picks a point: read across at its height on the dashed line. Right: short bars "
            "tell who is missed, the small or the hidden."
        ),
        *_detection_tables(quality),
    ]


def reid_parts(quality: Quality) -> list[str]:
    """How well people are told apart, detected or not; says why where it cannot be known."""
    if not quality.full:
        return [
            page.note("Embeddings were not measured in this validation: it was one of those that look at AP alone.")
        ]
    if quality.looks is None:
        return [page.note("Nobody in the validation frames has an identity: there is nothing to tell apart.")]
    histogram = similarity_figure(quality.similarity, GAPS) if quality.similarity is not None else None
    parts = [
        plotted(histogram, "Histograms of the cosine similarity of boxes of one person and of two, by frames between")
    ]
    if histogram is None:
        parts.append(page.note("No frames hold both one person twice and two people: there are no pairs to compare."))
    else:
        parts.append(
            page.caption(
                "The further apart the two hills, the safer re-ID: what they have in common is pairs that no threshold "
                "sorts right. Blue that moves left from panel to panel is people who come to look different with time."
            )
        )
    parts += [
        plotted(looks_figure(quality.looks), "Map of the embeddings of annotated boxes in their principal plane"),
        page.caption(
            "Each point is one annotated box, projected on the two directions in which embeddings differ most (PCA). "
            "Good embeddings are tight islands of one person; islands that touch here may still be apart in the other "
            "dimensions. Sequences that lie apart mean that the network tells scenes apart, not only people."
        ),
    ]
    by_gap = table_parts(_tables(quality, "similarity"))
    return [
        *(*parts, *table_parts(_tables(quality, "reid"))),
        page.unfolding("Mean similarity by frames apart", "".join(by_gap)) if by_gap else "",
    ]


def _detection_tables(quality: Quality) -> list[str]:
    bands = table_parts(_tables(quality, "detection_bands"))
    return [
        *table_parts(_tables(quality, "detection")),
        page.unfolding("AP by height and visibility", "".join(bands)) if bands else "",
    ]


def _tables(quality: Quality, name: str) -> list[MetricTable]:
    return [table for table in quality_tables(quality) if table.name == name]
