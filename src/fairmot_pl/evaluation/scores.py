"""What one sequence contributes to the metrics, and the metrics that counts make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fairmot_pl.evaluation.clear_identity import ClearIdentityCounts, clear_identity_counts
from fairmot_pl.evaluation.hota import ALPHAS, HotaCounts, association_accuracy, hota_counts
from fairmot_pl.evaluation.pairs import PairedSequence


@dataclass(frozen=True, kw_only=True)
class SequenceScores:
    """Plain counts of one sequence (or of several, added up), so that processes can exchange them.

    Args:
        truth_ids: tracks of the ground truth.
        truth_boxes: their boxes.
        result_ids: tracks of the results.
        result_boxes: their boxes.
        hota: matches at each of the 19 thresholds; None where the protocol has no HOTA.
        clear_identity: CLEAR and identity counts.
    """

    truth_ids: int
    truth_boxes: int
    result_ids: int
    result_boxes: int
    hota: HotaCounts | None
    clear_identity: ClearIdentityCounts


def count(sequence: PairedSequence) -> SequenceScores:
    """Counts of what `preprocess.prepare` left of a sequence."""
    return SequenceScores(
        truth_ids=len(np.unique(sequence.truth_ids)),
        truth_boxes=len(sequence.truth_ids),
        result_ids=len(np.unique(sequence.result_ids)),
        result_boxes=len(sequence.result_ids),
        hota=hota_counts(sequence),
        clear_identity=clear_identity_counts(sequence),
    )


def total(scores: Iterable[SequenceScores]) -> SequenceScores:
    """Counts of several sequences as if they were one: ids of different sequences never meet.

    Raises:
        ValueError: there are none.
    """
    parts = list(scores)
    if not parts:
        raise ValueError("no sequence to combine: give at least one")
    hota = [part.hota for part in parts if part.hota is not None]
    return SequenceScores(
        truth_ids=sum(part.truth_ids for part in parts),
        truth_boxes=sum(part.truth_boxes for part in parts),
        result_ids=sum(part.result_ids for part in parts),
        result_boxes=sum(part.result_boxes for part in parts),
        hota=HotaCounts(*(tuple(map(sum, zip(*of_all, strict=True))) for of_all in zip(*hota, strict=True)))
        if len(hota) == len(parts)
        else None,
        clear_identity=ClearIdentityCounts(*map(sum, zip(*(part.clear_identity for part in parts), strict=True))),
    )


def curves(scores: SequenceScores) -> dict[str, list[float]]:
    """HOTA, DetA, AssA and LocA at each of the 19 thresholds `alpha`; nothing where the protocol has none."""
    if scores.hota is None:
        return {}
    tp, _, iou = (np.array(values, np.float64) for values in scores.hota)
    detection = tp / np.maximum(1, scores.truth_boxes + scores.result_boxes - tp)
    association = association_accuracy(scores.hota)
    return {
        "alpha": ALPHAS.round(2).tolist(),
        "HOTA": np.sqrt(detection * association).tolist(),
        "DetA": detection.tolist(),
        "AssA": association.tolist(),
        # no match at all counts as perfectly placed
        "LocA": np.where(tp > 0, iou / np.maximum(1, tp), 1.0).tolist(),
    }


def figures(scores: SequenceScores) -> dict[str, float | int]:
    """The metrics, fractions as float and counts as int.

    Nothing is ever nan: a fraction without denominator is 0, as in TrackEval, and so is MOTA without ground
    truth; LocA without a match is 1.
    """
    counts = scores.clear_identity
    at_thresholds = curves(scores)
    errors = counts.fn + counts.fp + counts.idsw
    return {
        **{name: float(np.mean(values)) for name, values in at_thresholds.items() if name != "alpha"},
        "MOTA": 1 - errors / scores.truth_boxes if scores.truth_boxes else 0.0,
        "MOTP": counts.iou / max(1, counts.tp),
        "IDF1": 2 * counts.idtp / max(1, 2 * counts.idtp + counts.idfp + counts.idfn),
        "IDP": counts.idtp / max(1, counts.idtp + counts.idfp),
        "IDR": counts.idtp / max(1, counts.idtp + counts.idfn),
        "IDSW": counts.idsw,
        "FP": counts.fp,
        "FN": counts.fn,
        "MT": counts.mt,
        "ML": counts.ml,
        "Frag": counts.frag,
        "IDTP": counts.idtp,
        "IDFP": counts.idfp,
        "IDFN": counts.idfn,
        "TP": counts.tp,
        "PT": counts.pt,
        "GT_IDs": scores.truth_ids,
        "GT_Dets": scores.truth_boxes,
        "IDs": scores.result_ids,
        "Dets": scores.result_boxes,
    }
