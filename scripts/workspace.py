"""Make the wandb workspace that docs/dashboard.md describes: panels for what fairmot_pl logs, over a whole project.

pip install wandb-workspaces
python scripts/workspace.py ENTITY PROJECT            # creates it in an account, prints its address
python scripts/workspace.py ENTITY PROJECT --print    # only says what it would create; needs no account
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

NAME = "fairmot_pl"


class Panel(NamedTuple):
    """What one panel shows.

    Args:
        kind: `"line"`, `"media"`, `"table"` (one of those that charts and histograms are logged with), `"chart"`,
            `"scatter"` or `"scalar"`.
        title: over it.
        keys: that are shown together; a scatter has across and up, a chart its table.
        over: across a line panel, or the columns of a chart.
    """

    kind: str
    title: str
    keys: tuple[str, ...]
    over: tuple[str, ...] = ()


TASKS = ("heatmap", "size", "offset", "detection", "reid")
STEP, EPOCH, TRIAL = ("trainer/global_step",), ("epoch",), ("tune/trial",)

SECTIONS: dict[str, tuple[Panel, ...]] = {
    "Result": (
        Panel("scatter", "DetA against AssA", ("result/DetA", "result/AssA")),
        Panel("scalar", "Best HOTA", ("val/HOTA.max",)),
        Panel("scalar", "Best IDF1", ("val/IDF1.max",)),
    ),
    "Validation": (
        Panel("line", "HOTA and its parts", ("val/HOTA", "val/DetA", "val/AssA"), EPOCH),
        Panel("line", "MOTA and IDF1", ("val/MOTA", "val/IDF1"), EPOCH),
        Panel("line", "Identity switches", ("val/IDSW",), EPOCH),
        Panel("line", "Detection", ("val/AP50", "val/AP"), EPOCH),
        Panel("line", "Re-identification", ("val/TPR@FAR=0.1", "val/rank1", "val/mAP"), EPOCH),
        Panel("chart", "HOTA over the localisation threshold", ("val/hota_over_alpha_table",), ("alpha", "HOTA")),
        Panel("chart", "Precision over recall", ("val/precision_recall_table",), ("recall", "precision")),
        Panel("table", "Each sequence", ("val/sequences",)),
    ),
    "Look at it": (
        Panel("media", "Frames with tracks and annotation", ("val/frames",)),
        Panel("media", "Clip", ("val/clip",)),
        Panel("media", "Similarity, one person", ("val/similarity/same@1", "val/similarity/same@5")),
        Panel("media", "Similarity, two people", ("val/similarity/different@1", "val/similarity/different@5")),
    ),
    "Losses": (
        Panel("line", "Total", ("train/loss/total",), STEP),
        Panel(
            "line",
            "Raw",
            tuple(f"train/loss/{task}" for task in TASKS),
            STEP,
        ),
        Panel(
            "line",
            "Weighted",
            tuple(f"train/weighted/{task}" for task in TASKS),
            STEP,
        ),
        Panel("line", "Effective weights", ("train/weight/detection", "train/weight/reid"), STEP),
    ),
    "Fairness": (
        Panel("line", "Gradients at the shared part", ("train/grad_norm_det", "train/grad_norm_reid"), STEP),
        Panel("line", "Do the tasks agree? (cosine)", ("train/grad_cosine",), STEP),
        Panel("line", "Share of re-ID", ("train/grad_share_reid",), STEP),
        Panel("line", "Identity accuracy beside chance", ("train/identity_accuracy", "train/identity_chance"), STEP),
    ),
    "Machine": (
        Panel("line", "Learning rate", ("lr/network",), STEP),
        Panel("line", "Images per second", ("train/images_per_second",), STEP),
        Panel("line", "Peak memory, GB", ("train/peak_memory_gb",), STEP),
        Panel("line", "Validation, frames per second", ("val/frames_per_second",), EPOCH),
    ),
    "Tuning": (
        Panel("line", "Best so far", ("tune/fold_1/best", "tune/fold_2/best"), TRIAL),
        Panel("line", "Trials", ("tune/fold_1/objective", "tune/fold_2/objective"), TRIAL),
        Panel("table", "All trials", ("tune/trials",)),
        Panel("media", "History and slices", ("tune/history", "tune/slices")),
    ),
}
"""The workspace: sections, in order, and their panels."""

PINNED = ("result/HOTA", "result/IDF1", "result/MOTA", "result/IDSW", "result/AP50")
"""Columns of the table of runs."""


def build(entity: str, project: str) -> Any:
    """The workspace as an object of wandb-workspaces; nothing is sent."""
    try:
        import wandb_workspaces.reports.v2 as parts
        import wandb_workspaces.workspaces as workspaces
    except ImportError as error:
        raise SystemExit(f"{error}: pip install wandb-workspaces") from error

    def panel(of: Panel) -> Any:
        if of.kind == "line":
            return parts.LinePlot(title=of.title, x=of.over[0], y=list(of.keys))
        if of.kind == "scalar":
            return parts.ScalarChart(title=of.title, metric=parts.SummaryMetric(of.keys[0]), groupby_aggfunc="max")
        if of.kind == "scatter":
            across, up = map(parts.SummaryMetric, of.keys)
            return parts.ScatterPlot(title=of.title, x=across, y=up)
        if of.kind == "chart":
            across, up = of.over
            return parts.CustomChart(
                query={"summaryTable": {"tableKey": of.keys[0]}},
                chart_name="wandb/line/v0",
                chart_fields={"x": across, "y": up},
                chart_strings={"title": of.title},
            )
        if of.kind == "table":
            return parts.WeavePanelSummaryTable(table_name=of.keys[0])
        return parts.MediaBrowser(title=of.title, media_keys=list(of.keys))

    return workspaces.Workspace(
        name=NAME,
        entity=entity,
        project=project,
        sections=[
            workspaces.Section(name=name, panels=[panel(of) for of in panels], is_open=True)
            for name, panels in SECTIONS.items()
        ],
        runset_settings=workspaces.RunsetSettings(pinned_columns=[f"summary:{name}" for name in PINNED]),
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entity", help="user or team")
    parser.add_argument("project", nargs="?", default="fairmot_pl")
    parser.add_argument("--print", action="store_true", dest="only_print", help="create nothing; needs no account")
    asked = parser.parse_args()
    workspace = build(asked.entity, asked.project)
    if asked.only_print:
        for section in workspace.sections:
            print(f"{section.name}: {len(section.panels)} panels")
            for of in SECTIONS[section.name]:
                print(f"  {of.title}: {', '.join(of.keys)}")
        return
    print(workspace.save().url)


if __name__ == "__main__":
    main()
