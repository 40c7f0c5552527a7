"""Fairness: closed forms, SciPy and fairlearn, and tests that hold what they promise."""

import math

import numpy as np
import pytest
import torch

from cardigan.metrics import fairness, groups
from cardigan.metrics.fairness import Judged, corrected, same_law, wilson

HALVES = torch.tensor([0.5, 0.5]).double()
ERRS = torch.tensor([[0.9, 0.07, 0.03], [0.1, 0.8, 0.1], [0.0, 0.05, 0.95]], dtype=torch.float64)


def judged(counts, confusion):
    return Judged(torch.tensor(counts).double(), torch.as_tensor(confusion).double())


def perfect(counts, held_out=1_000_000):
    return judged(counts, held_out * torch.eye(len(counts)))


def drawn(law, errs, n, held_out, reals, seed, times=1):
    """What `times` audits of a generator of this law count: samples, confusion, reals."""
    draw = np.random.default_rng(seed)
    rows = [draw.multinomial(held_out // len(law), row, times) for row in errs.numpy()]
    counts = draw.multinomial(n, (errs.T @ law).numpy(), times)
    laws = draw.multinomial(reals, law.numpy(), times) / reals
    return tuple(torch.from_numpy(a).double() for a in (counts, np.stack(rows, 1), laws))


# ------------------------------------------------------------------------- shares and intervals


@pytest.mark.parametrize("k", (2, 3, 10))
def test_the_discrepancy_of_one_value_against_the_uniform_law(k):
    one = torch.eye(k)[0]
    assert fairness.discrepancy(one, torch.full((k,), 1 / k)) == pytest.approx(
        math.sqrt(1 - 1 / k), abs=1e-7
    )
    assert fairness.discrepancy(one, one) == 0


def test_the_noise_of_shares_is_what_draws_show():
    law, n = torch.tensor([0.6, 0.3, 0.1]).double(), 50
    counts = np.random.default_rng(0).multinomial(n, law.numpy(), 200_000)
    seen = ((counts / n - law.numpy()) ** 2).sum(1).mean()
    assert fairness.discrepancy_noise(law, n) == pytest.approx((1 - 0.46) / 50)
    assert seen == pytest.approx(fairness.discrepancy_noise(law, n), rel=0.01)
    assert fairness.discrepancy_noise(law, math.inf) == 0


@pytest.mark.parametrize("counts", [(30, 70), (0, 50), (1, 5000)])
def test_wilson_is_scipys(counts):
    stats = pytest.importorskip("scipy.stats")
    level = 1 - 0.05 / 2  # Bonferroni over two values
    for count, interval in zip(counts, wilson(torch.tensor(counts)), strict=True):
        theirs = stats.binomtest(count, sum(counts)).proportion_ci(level, "wilson")
        assert interval.tolist() == pytest.approx(list(theirs), abs=1e-9)


def test_all_intervals_hold_at_once_as_often_as_was_said():
    law, times = torch.tensor([0.5, 0.2, 0.2, 0.1]).double(), 1000
    counts = np.random.default_rng(1).multinomial(400, law.numpy(), times)
    low, high = torch.stack([wilson(torch.from_numpy(c)) for c in counts]).unbind(2)
    held = ((low < law) & (law < high)).all(1).double().mean()
    assert 0.935 < held < 0.985


def test_chi_square_is_scipys():
    stats = pytest.importorskip("scipy.stats")
    for statistic, freedom in ((0.1, 1), (10.8, 1), (30, 9), (200, 4), (0, 2)):
        ours = fairness.chi_square_tail(statistic, freedom)
        assert ours == pytest.approx(stats.chi2.sf(statistic, freedom), rel=1e-9)


# ----------------------------------------------------------------- through a classifier that errs


def test_what_a_classifier_gets_wrong_is_taken_out():
    law = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    found = corrected(judged((1e6 * ERRS.T @ law).tolist(), 1e4 * ERRS))
    assert (found.shares - law).abs().max() < 1e-12
    assert found.shares.sum().item() == pytest.approx(1)
    assert (found.covariance @ torch.ones(3).double()).abs().max() < 1e-12
    own = corrected(perfect((250, 750)))
    assert own.shares.tolist() == pytest.approx([0.25, 0.75], abs=1e-12)
    wald = math.sqrt(0.25 * 0.75 / 1000)
    assert own.covariance[0, 0].sqrt().item() == pytest.approx(wald, rel=0.01)


def test_the_covariance_is_that_of_repeated_audits():
    law = torch.tensor([0.2, 0.3, 0.5]).double()
    counts, tables, _ = drawn(law, ERRS, 3000, 900, 10, 2, 800)
    found = [corrected(Judged(c, t)) for c, t in zip(counts, tables, strict=True)]
    shares = torch.stack([f.shares for f in found])
    said = torch.stack([f.covariance for f in found]).mean(0).diagonal().sqrt()
    assert said.tolist() == pytest.approx(shares.std(0).tolist(), rel=0.1)
    low, high = torch.stack([f.intervals for f in found]).unbind(2)
    held = ((low < law) & (law < high)).all(1).double().mean()
    assert 0.93 < held < 0.99


def test_a_perfect_classifier_leaves_pearsons_test():
    stats = pytest.importorskip("scipy.stats")
    law = torch.tensor([0.5, 0.3, 0.2]).double()
    ours = same_law(perfect((5200, 2900, 1900), 10**9), law)
    theirs = stats.chisquare([5200, 2900, 1900], (10_000 * law).tolist())
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-4)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-2)


def test_rare_values_get_the_exact_test():
    stats = pytest.importorskip("scipy.stats")
    law = torch.tensor([0.02, 0.98]).double()
    for count in (4, 8, 11):
        ours = same_law(perfect((count, 200 - count)), law).p_value
        above = stats.binom.sf(count - 1, 200, 0.02)
        assert above * 0.9 - 1e-4 <= ours <= 2.2 * above + 1e-4


# The classifier's errors, rows the truth; samples, held-out reals, and reals of the reference.
SIZES = {
    "never errs": ([[1, 0], [0, 1]], 5000, 2000, 10_000),
    "errs 1 in 500": ([[0.998, 0.002], [0, 1]], 5000, 2000, 10_000),
    "errs 1 in 500, many samples": ([[0.998, 0.002], [0, 1]], 100_000, 2000, 10_000),
    "errs one way": ([[0.98, 0.02], [0.15, 0.85]], 5000, 2000, 10_000),
    "errs, few held out": ([[0.9, 0.1], [0.3, 0.7]], 20_000, 200, 1000),
    "hardly tells": ([[0.55, 0.45], [0.45, 0.55]], 5000, 2000, 10_000),
}


@pytest.mark.parametrize("case", SIZES)
def test_a_balanced_generator_is_not_accused(case):
    """0.001 in 100,000 audits, give or take five standard errors; less is no fault."""
    errs, *sizes = SIZES[case]
    counts, tables, laws = drawn(HALVES, torch.tensor(errs).double(), *sizes, 3, 100_000)
    statistic = fairness.wald(counts, tables, laws, sizes[2])
    assert (statistic > 10.8276).double().mean() < 0.0015


def test_the_plain_test_would_accuse_it():
    """What this module is for: taken at its word, the classifier accuses every time."""
    stats = pytest.importorskip("scipy.stats")
    errs, *sizes = SIZES["errs one way"]
    counts, *_ = drawn(HALVES, torch.tensor(errs).double(), *sizes, 3, 100)
    assert max(stats.chisquare(c).pvalue for c in counts.numpy()) < 0.001


@pytest.mark.parametrize("known", (False, True))
@pytest.mark.parametrize("case", ["never errs", "errs one way"])
def test_a_planted_imbalance_is_found_as_often_as_theory_has_it(case, known):
    """55 to 45 at 5,000 samples: P(|Z + gap / std| > 3.29), with the gap that the classifier sees.

    Of errors as the second case has them it is missed now and then: nothing is left out of V.
    """
    from statistics import NormalDist

    table, n, held_out, reals = SIZES[case]
    errs, planted, times = torch.tensor(table).double(), torch.tensor([0.45, 0.55]).double(), 4000
    counts, _, _ = drawn(planted, errs, n, held_out, reals, 4, times)
    _, tables, laws = drawn(HALVES, errs, n, held_out, reals, 5, times)
    (a, _), (b, _) = errs.tolist()
    seen = (a + b) / 2
    gap = 0.05 * (a - b)
    variance = seen * (1 - seen) / n + (a * (1 - a) + b * (1 - b)) / 4 / (held_out / 2)
    variance += 0 if known else 0.25 * (a - b) ** 2 / reals
    power = NormalDist().cdf(gap / variance**0.5 - 3.2905)
    law, size = {True: (HALVES.expand(times, 2), math.inf), False: (laws, reals)}[known]
    found = (fairness.wald(counts, tables, law, size) > 10.8276).double().mean()
    assert found.item() == pytest.approx(power, abs=0.03)
    assert power > {"never errs": 0.99, "errs one way": 0.75}[case]


def test_one_audit_is_one_of_many():
    counts, tables, laws = drawn(torch.tensor([0.2, 0.3, 0.5]).double(), ERRS, 900, 300, 99, 6, 5)
    many = fairness.wald(counts, tables, laws, 99)
    for i in range(5):
        one = same_law(Judged(counts[i], tables[i]), laws[i], 99)
        assert one.statistic == pytest.approx(many[i].item(), rel=1e-9)


def test_a_law_without_a_value_finds_it():
    law = torch.tensor([1.0, 0.0]).double()
    assert same_law(perfect((900, 100)), law, 1000).p_value < 0.001
    assert same_law(perfect((1000, 0)), law, 1000).p_value > 0.5


def test_what_makes_no_sense_is_told():
    with pytest.raises(ValueError, match="tells the values apart"):
        corrected(judged((5, 5), torch.full((2, 2), 9)))
    for wrong in (
        judged((5,), torch.ones(1, 1)),
        judged((0, 0), torch.eye(2)),
        judged((5, 5), torch.tensor([[9, 1], [0, 0]])),
        judged((5, 5), torch.eye(3)),
    ):
        with pytest.raises(ValueError, match="expected"):
            same_law(wrong, HALVES)
        with pytest.raises(ValueError, match="expected"):
            corrected(wrong)


# --------------------------------------------------------------------------------- between groups


def table(rows):
    """[A, 2, 2] from group, truth, prediction."""
    group, truth, said = torch.tensor(rows).T
    return groups.table(group, truth, said, int(group.max()) + 1, 2)


def test_gaps_are_fairlearns():
    fairlearn = pytest.importorskip("fairlearn.metrics")
    draw = np.random.default_rng(0)
    for trial in range(6):
        y, said = draw.integers(2, size=(2, 300))
        a = draw.integers(2 + trial % 3, size=300)
        counts = table(np.stack([a, y, said], 1).tolist())
        pairs = {
            groups.demographic_parity_difference: fairlearn.demographic_parity_difference,
            groups.demographic_parity_ratio: fairlearn.demographic_parity_ratio,
            groups.equalised_odds_difference: fairlearn.equalized_odds_difference,
            groups.equal_opportunity_difference: fairlearn.equal_opportunity_difference,
        }
        for ours, theirs in pairs.items():
            expected = theirs(y, said, sensitive_features=a)
            assert ours(counts)[1].item() == pytest.approx(expected, abs=1e-12)


def test_parity_without_equal_odds():
    """Half of each group is chosen: of one, the half that should be; of the other, the half that
    should not."""
    counts = table([(0, 1, 1), (0, 0, 0), (1, 1, 0), (1, 0, 1)])
    assert groups.demographic_parity_difference(counts).tolist() == [0, 0]
    assert groups.demographic_parity_ratio(counts).tolist() == [1, 1]
    assert groups.equalised_odds_difference(counts).tolist() == [1, 1]
    assert groups.equal_opportunity_difference(counts).tolist() == [1, 1]


def test_a_perfect_classifier_has_equal_odds_and_the_gap_of_base_rates():
    counts = table([(0, 1, 1)] * 3 + [(0, 0, 0)] + [(1, 1, 1)] + [(1, 0, 0)] * 3)
    assert groups.equalised_odds_difference(counts).tolist() == [0, 0]
    assert groups.demographic_parity_difference(counts).tolist() == [0.5, 0.5]
    assert groups.demographic_parity_ratio(counts)[1].item() == pytest.approx(1 / 3)


def test_odds_can_be_unequal_by_false_positives_alone():
    counts = table([(0, 1, 1), (0, 0, 1), (1, 1, 1), (1, 0, 0)])
    assert groups.equal_opportunity_difference(counts)[1] == 0
    assert groups.equalised_odds_difference(counts)[1] == 1


def test_an_empty_group_is_unknown_and_not_zero():
    rows = torch.tensor([(0, 1, 1), (0, 0, 0)])
    counts = groups.table(*rows.T, 2, 2)  # nobody in the second group
    for gap in (
        groups.demographic_parity_difference,
        groups.demographic_parity_ratio,
        groups.equalised_odds_difference,
        groups.equal_opportunity_difference,
    ):
        assert gap(counts).isnan().all()
    nobody_to_find = table([(0, 1, 1), (0, 0, 0), (1, 0, 0)])  # no positive in the second group
    assert groups.equal_opportunity_difference(nobody_to_find)[1].isnan()
    assert not groups.demographic_parity_difference(nobody_to_find).isnan().any()


def test_weights_are_repetitions():
    rows = torch.tensor([(0, 1, 1), (0, 0, 1), (1, 1, 0), (1, 0, 0)])
    weight = torch.tensor([3, 0, 2, 1])
    repeated = rows.repeat_interleave(weight, 0)
    ours = groups.table(*rows.T, 2, 2, weight.double())
    assert ours.equal(groups.table(*repeated.T, 2, 2))
