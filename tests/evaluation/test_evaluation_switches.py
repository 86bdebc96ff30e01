import numpy as np
import pytest

from fairmot_pl.evaluation.clear_identity import clear_identity_counts, match_clear
from fairmot_pl.evaluation.hota import association_accuracy
from fairmot_pl.evaluation.preprocess import counted, number_ids, tell_benchmark
from fairmot_pl.evaluation.switches import SwitchDamage, find_fragments, find_switches, undone
from fairmot_pl.evaluation.tracking import evaluate_tracking
from fairmot_pl.mot_format import MotTable, read_mot


def parts(truth, results, benchmark="MOT15"):
    sequence = counted(MotTable.from_rows(truth), MotTable.from_rows(results), benchmark=benchmark)
    matched = match_clear(number_ids(sequence))
    return sequence, matched


def relabelled(rows, *spans):
    """Rows in which id `old` is called `new` from frame `start` to `stop`."""
    out = rows.copy()
    for old, new, start, stop in spans:
        out[(rows[:, 1] == old) & (rows[:, 0] >= start) & (rows[:, 0] <= stop), 1] = new
    return out


@pytest.mark.parametrize(
    ("spans", "gone", "expected"),
    [
        ([], (), []),
        ([(1, 9, 4, 10)], (), [(1, 3, 4, 10, 1, 9)]),
        ([(1, 9, 4, 6)], (), [(1, 3, 4, 6, 1, 9), (1, 6, 7, 10, 9, 1)]),
        ([(1, 9, 4, 10)], (4, 5), [(1, 3, 6, 10, 1, 9)]),
        ([(1, 2, 6, 10), (2, 1, 6, 10)], (), [(1, 5, 6, 10, 1, 2), (2, 5, 6, 10, 2, 1)]),
        ([(1, 9, 1, 10)], (), []),
    ],
    ids=["none", "new id", "there and back", "after a gap", "swap", "another name is no switch"],
)
def test_known_switches(standing, spans, gone, expected):
    truth = standing([1, 2], range(1, 11))
    results = relabelled(truth, *spans)
    results = results[~((truth[:, 1] == 1) & np.isin(truth[:, 0], gone))]
    found = find_switches(*parts(truth, results))
    values = [(one.identity, one.last_frame, one.frame, one.until, one.old_id, one.new_id) for one in found]
    assert values == expected
    assert [one.gap for one in found] == [frame - last - 1 for _, last, frame, *_ in expected]


def test_fragments_leave_out_frames_that_lack_results(standing):
    truth = standing([1, 2], range(1, 11))
    lost = (truth[:, 1] == 1) & np.isin(truth[:, 0], (3, 4, 8))
    results = truth[~(lost | (truth[:, 0] == 6))]
    found = find_fragments(*parts(truth, results))
    assert [(one.identity, one.last_frame, one.frame) for one in found] == [(1, 2, 5), (1, 7, 9)]


@pytest.mark.parametrize("seed", range(30))
def test_counts_and_damage_on_made_up_crowds(crowd, seed):
    truth, results = crowd(seed)
    sequence, matched = parts(truth, results)
    counts = clear_identity_counts(number_ids(sequence))
    switches = find_switches(sequence, matched)
    assert len(switches) == counts.idsw
    assert len(find_fragments(sequence, matched)) == counts.frag
    damage = SwitchDamage(sequence)
    score = evaluate_tracking({"A": truth}, {"A": results}, benchmark="MOT15").overall["AssA"]
    assert association_accuracy(damage.counts).mean() == pytest.approx(score, abs=1e-12)
    for switch in switches:
        mended = results.copy()
        mended[:, 1] = undone(switch, results[:, 0].astype(int), results[:, 1].astype(int))
        without = evaluate_tracking({"A": truth}, {"A": mended}, benchmark="MOT15").overall["AssA"]
        assert association_accuracy(damage.without(switch)).mean() == pytest.approx(without, abs=1e-9)


def test_undoing_a_lone_switch_leaves_nothing_to_mend(standing):
    truth = standing([1, 2], range(1, 11))
    results = relabelled(truth, (1, 2, 6, 10), (2, 1, 6, 10))  # a swap: undoing either half undoes both
    sequence, matched = parts(truth, results)
    damage = SwitchDamage(sequence)
    assert association_accuracy(damage.counts).mean() < 0.5
    for switch in find_switches(sequence, matched):
        assert association_accuracy(damage.without(switch)).mean() == 1


def test_together_is_no_mean_of_sequences(standing):
    truth = standing([1], range(1, 5))
    perfect, split = (SwitchDamage(parts(truth, rows)[0]).counts for rows in (truth, relabelled(truth, (1, 7, 3, 4))))
    together = association_accuracy(perfect, split, split)
    np.testing.assert_allclose(together, (4 * 1 + 8 * 0.5) / 12)


@pytest.mark.parametrize("benchmark", ["MOT17-train", "MOT15-train"])
def test_sums_equal_clear_on_real_results(real_data, benchmark):
    folder = real_data / "metrics"
    trackers = sorted((folder / "trackers" / benchmark).rglob("*.txt"))
    assert trackers
    switches = 0
    for file in trackers:
        truth = read_mot(folder / "gt" / benchmark / file.stem / "gt" / "gt.txt")
        rules = tell_benchmark(file.stem, truth)
        sequence = counted(truth, read_mot(file), benchmark=rules)
        matched = match_clear(number_ids(sequence))
        counts = clear_identity_counts(number_ids(sequence))
        found = find_switches(sequence, matched)
        assert len(found) == counts.idsw
        assert len(find_fragments(sequence, matched)) == counts.frag
        switches += len(found)
    assert switches > 10
