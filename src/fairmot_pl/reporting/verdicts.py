"""Which setting is the best by a metric, and which others are no worse as far as can be told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from fairmot_pl.reporting.grouping import RunGroup
from fairmot_pl.reporting.significance import LEVEL, Difference, holm, paired_difference, vary_alike
from fairmot_pl.reporting.wording import lower_is_better

Kind = Literal["best", "noise", "worse", "untested", "none"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a setting stands beside the best one.

    Args:
        kind: `"best"`; `"noise"`, not to be told from the best; `"worse"`, by more than noise; `"untested"`; `"none"`
            where there is no figure, or no best.
        difference: to the best, as mean over the common sequences; NaN where it was not tested.
        low: lower end of its 95 % interval.
        high: upper end.
        p: adjusted for all pairs of settings.
        why: why it was not tested.
    """

    kind: Kind
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    why: str = ""


def best_of(groups: Sequence[RunGroup], metric: str) -> frozenset[int]:
    """Places of the groups with the best mean; none if only one has a figure, or all are equal.

    Of training figures none is best: losses measure how a run was taught as much as what it learned.
    """
    means = {place: group.mean(metric) for place, group in enumerate(groups)}
    known = {place: mean for place, mean in means.items() if mean is not None and math.isfinite(mean)}
    if metric.startswith("train/") or len(set(known.values())) < 2:
        return frozenset()
    target = min(known.values()) if lower_is_better(metric) else max(known.values())
    return frozenset(place for place, mean in known.items() if mean == target)


def judge(groups: Sequence[RunGroup], metric: str) -> list[Verdict]:
    """A verdict for each group.

    All pairs of groups are compared on their common sequences, and their p adjusted together, since the best is picked
    after the fact.
    """
    best = best_of(groups, metric)
    if not best:
        return [Verdict(kind="none") for _ in groups]
    alike = _spreads_alike(groups, metric)
    pairs = {}
    for one, other in combinations(range(len(groups)), 2):
        helpful = [groups[place] for place in sorted(alike - {one, other})] if alike >= {one, other} else []
        pairs[one, other] = compare_groups(groups[one], groups[other], metric, helpful)
    tested = {pair: found for pair, found in pairs.items() if not isinstance(found, str)}
    adjusted = dict(zip(tested, holm(np.array([float(found.p) for found in tested.values()])), strict=True))
    reference = min(best)
    verdicts = []
    for place, group in enumerate(groups):
        if place in best:
            verdicts.append(Verdict(kind="best"))
            continue
        if not len(group.values(metric)):
            verdicts.append(Verdict(kind="none"))
            continue
        pair = (min(place, reference), max(place, reference))
        found = pairs[pair]
        if isinstance(found, str):
            verdicts.append(Verdict(kind="untested", why=found))
            continue
        sign = 1 if place > reference else -1
        low, high = sorted((sign * float(found.low), sign * float(found.high)))
        p = float(adjusted[pair])
        kind: Kind = "worse" if p < LEVEL else "noise"
        verdicts.append(Verdict(kind=kind, difference=sign * float(found.mean), low=low, high=high, p=p))
    return verdicts


def _spreads_alike(groups: Sequence[RunGroup], metric: str) -> set[int]:
    """Places of the groups whose seeds scatter alike, over the sequences common to all groups."""
    tested = {place: group for place, group in enumerate(groups) if group.tested(metric)}
    common = _common(tested.values(), metric)
    if not common:
        return set()
    alike = vary_alike([group.by_sequence(metric, common) for group in tested.values()])
    return {place for place, fits in zip(tested, alike, strict=True) if fits}


def _common(groups: Iterable[RunGroup], metric: str) -> list[str]:
    """The sequences that all tested runs of some groups have a figure for."""
    known = [RunGroup.sequences_of(run, metric) for group in groups for run in group.tested(metric)]
    return sorted(set.intersection(*known)) if known else []


def compare_groups(first: RunGroup, second: RunGroup, metric: str, others: Sequence[RunGroup] = ()) -> Difference | str:
    """The difference second - first over their common sequences, or why it cannot be tested.

    Args:
        first: one setting.
        second: another one.
        metric: such as `val/HOTA`.
        others: settings whose seeds scatter as theirs do; they help to estimate by how much.
    """
    runs = [*first.tested(metric), *second.tested(metric)]
    if not first.tested(metric) or not second.tested(metric):
        return "there are no figures of single sequences (sequences.json)"
    common = _common([first, second], metric)
    if not common:
        return "they were validated on other sequences"
    helpful = [group.by_sequence(metric, common) for group in others if set(common) <= set(_common([group], metric))]
    found = paired_difference(first.by_sequence(metric, common), second.by_sequence(metric, common), helpful)
    if math.isfinite(float(found.p)):
        return found
    if len(common) == 1 and len(runs) == 2:
        return "one seed each on one sequence measures no chance"
    return "the differences do not vary, so there is no measure of chance"
