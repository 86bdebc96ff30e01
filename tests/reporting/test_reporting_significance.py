"""Differences are claimed about as often as announced, and where there are some."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fairmot_pl.reporting.significance import LEVEL, holm, paired_difference, vary_alike

DRAWS = 500


def drawn(rng, seeds, sequences, *, seed_sd=0.5, sequence_sd=1.0, cell_sd=0.7, shift=0.0, draws=DRAWS):
    """Metrics of one setting: own reaction to each sequence, own seeds, and chance in every cell."""
    return (
        shift
        + seed_sd * rng.standard_normal((draws, seeds, 1))
        + sequence_sd * rng.standard_normal((draws, 1, sequences))
        + cell_sd * rng.standard_normal((draws, seeds, sequences))
    )


def claims(first, second):
    return float(np.mean(paired_difference(first, second).p < LEVEL))


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_of_500_pairs_without_a_difference_about_5_percent_are_claimed_to_have_one(seeds):
    rng = np.random.default_rng(11)
    seed_sd = 0.5 if seeds > 1 else 0  # one seed cannot tell its own luck from a difference: the page says so
    # 500 draws at exactly 0.05 stay within these bounds with a probability of 0.998
    assert 0.02 <= claims(*(drawn(rng, seeds, 7, seed_sd=seed_sd) for _ in range(2))) <= 0.08


@pytest.mark.parametrize("sequences", [2, 4, 7, 21])
@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("seed_sd", [0.0, 0.5, 2.0])
def test_the_rate_holds_whatever_varies(seeds, sequences, seed_sd):
    rng = np.random.default_rng(12)
    common = 10 * rng.standard_normal((4000, 1, sequences))  # hard and easy sequences, the same for both
    rate = claims(*(common + drawn(rng, seeds, sequences, seed_sd=seed_sd, draws=4000) for _ in range(2)))
    assert 0.015 <= rate <= 0.09  # the extremes are those of 2 sequences


@pytest.mark.parametrize("shape", ["heavy tails", "skewed", "counts"])
def test_other_distributions_do_not_raise_the_rate(shape):
    rng = np.random.default_rng(2)
    draw = {
        "heavy tails": lambda: rng.standard_t(3, (DRAWS, 3, 7)),
        "skewed": lambda: rng.exponential(size=(DRAWS, 3, 7)),
        "counts": lambda: rng.poisson(8, (DRAWS, 3, 7)).astype(float),
    }[shape]
    assert 0.01 <= claims(draw(), draw()) <= 0.08


def test_a_seed_that_is_lucky_on_all_sequences_is_no_difference():
    """Resampling sequences alone would call two seeds of one setting different."""
    rng = np.random.default_rng(5)
    first, second = (drawn(rng, 3, 7, seed_sd=2.0, sequence_sd=0.1, cell_sd=0.1) for _ in range(2))
    assert claims(first, second) < 0.085
    by_sequence = (second.mean(1) - first.mean(1)).T
    assert np.mean(stats.ttest_1samp(by_sequence, 0).pvalue < LEVEL) > 0.5


def test_power_grows_with_the_difference_and_with_seeds_and_sequences():
    rng = np.random.default_rng(3)

    def power(shift, seeds=3, sequences=7):
        return claims(drawn(rng, seeds, sequences), drawn(rng, seeds, sequences, shift=shift))

    rates = [power(shift) for shift in (0, 1, 2, 4)]
    assert rates == sorted(rates)
    assert rates[0] < 0.085
    assert rates[-1] > 0.9
    assert power(1, seeds=5, sequences=21) > power(1) + 0.15


def test_one_seed_each_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 1, 7))
    found = paired_difference(first, second)
    expected = stats.ttest_rel(second[0], first[0])
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(expected.confidence_interval(1 - LEVEL))


def test_one_sequence_is_the_t_test_of_the_seeds():
    rng = np.random.default_rng(0)
    first, second = rng.random((4, 1)), rng.random((3, 1))
    assert paired_difference(first, second).p == pytest.approx(stats.ttest_ind(first[:, 0], second[:, 0]).pvalue)


def test_the_spread_over_sequences_is_that_of_a_paired_bootstrap():
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 1, 7))
    resampled = rng.integers(0, 7, (40_000, 7))
    spread = (second[0] - first[0])[resampled].mean(axis=1).std() * np.sqrt(7 / 6)
    found = paired_difference(first, second)
    assert (found.high - found.mean) / stats.t.ppf(1 - LEVEL / 2, 6) == pytest.approx(spread, rel=0.02)


def test_the_interval_holds_zero_where_no_difference_is_claimed_and_covers_the_truth():
    rng = np.random.default_rng(4)
    found = paired_difference(drawn(rng, 3, 7), drawn(rng, 3, 7, shift=1.5))
    assert np.array_equal((found.low > 0) | (found.high < 0), found.p < LEVEL)
    assert 0.915 <= np.mean((found.low < 1.5) & (found.high > 1.5)) <= 0.98


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        ([[1.0]], [[2.0]], np.nan),  # one seed, one sequence
        ([[1.0]], [[1.0]], np.nan),
        ([[1.0, 2.0]], [[1.0, 2.0]], 1.0),  # the same network
        ([[1.0, 2.0]], [[2.0, 3.0]], np.nan),  # without variation there is no measure of chance
        ([[1.0], [1.0]], [[1.0]], 1.0),
    ],
)
def test_where_nothing_can_be_said_nothing_is(first, second, p):
    found = paired_difference(np.array(first), np.array(second))
    assert found.p == pytest.approx(p, nan_ok=True)


@pytest.mark.parametrize(("first", "second"), [((2, 3), (2, 4)), ((3,), (3,)), ((0, 3), (1, 3)), ((1, 0), (1, 0))])
def test_figures_that_do_not_pair_are_refused(first, second):
    with pytest.raises(ValueError, match="of the same sequences"):
        paired_difference(np.zeros(first), np.zeros(second))


def test_swapping_the_two_changes_the_sign_alone():
    rng = np.random.default_rng(6)
    first, second = rng.random((3, 5)), rng.random((2, 5))
    one, other = paired_difference(first, second), paired_difference(second, first)
    assert [*map(float, (one.mean, one.low, one.p))] == pytest.approx([-other.mean, -other.high, float(other.p)])


def test_holm():
    assert holm(np.array([0.01, 0.04, 0.03, np.nan])) == pytest.approx([0.03, 0.06, 0.06, np.nan], nan_ok=True)
    assert holm(np.array([0.6, 0.7])) == pytest.approx([1, 1])
    assert holm(np.zeros(0)).shape == (0,)


def all_pairs(settings, pooled):
    pairs = [(i, j) for i in range(len(settings)) for j in range(i)]
    return np.stack(
        [
            paired_difference(
                settings[i], settings[j], [s for k, s in enumerate(settings) if pooled and k not in (i, j)]
            ).p
            for i, j in pairs
        ]
    )


@pytest.mark.parametrize("pooled", [False, True])
def test_with_holm_the_best_of_five_equal_settings_is_seldom_claimed_to_be_better(pooled):
    rng = np.random.default_rng(8)
    p = all_pairs([drawn(rng, 3, 7) for _ in range(5)], pooled)
    assert np.mean((p < LEVEL).any(axis=0)) > 0.12, "unadjusted, among ten pairs one is often claimed to differ"
    adjusted = np.stack([holm(draw) for draw in p.T])
    assert np.mean((adjusted < LEVEL).any(axis=1)) <= 0.07


def test_seeds_of_all_settings_together_see_more():
    rng = np.random.default_rng(8)
    settings = [drawn(rng, 2, 7, sequence_sd=0.3, cell_sd=0.3) for _ in range(5)]
    better = settings[0] + 2
    alone, together = (paired_difference(settings[1], better, found).p for found in ((), settings[2:]))
    assert np.mean(together < LEVEL) > np.mean(alone < LEVEL) + 0.2
    null = paired_difference(settings[1], settings[0], settings[2:]).p
    assert 0.02 <= np.mean(null < LEVEL) <= 0.085


def test_a_collapsed_seed_is_told_from_chance_and_equal_spreads_are_not():
    rng = np.random.default_rng(9)
    settings = [drawn(rng, 3, 7, draws=1)[0] for _ in range(5)]
    assert vary_alike(settings) == [True] * 5
    settings[2][1] -= 50
    assert vary_alike(settings) == [True, True, False, True, True]
    assert vary_alike([s[:1] for s in settings]) == [True] * 5
    wrong = sum(not all(vary_alike(list(draw))) for draw in rng.standard_normal((400, 5, 3, 7)))
    assert wrong < 12
