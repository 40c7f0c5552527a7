"""What a classifier makes of samples, and which of a toy's modes they hit."""

import math

import pytest
import torch
from scipy.stats import binom, binomtest
from torchmetrics.image.inception import InceptionScore

from cardigan.data.dataset import Modes
from cardigan.metrics.classes import (
    class_shares,
    classifier_score,
    divergence,
    divergence_interval,
    law,
    score_interval,
    score_over_splits,
    share_interval,
)
from cardigan.metrics.modes import CEILING, mode_coverage

torch.set_num_threads(1)
N = 2500


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_score_of_what_all_looks_alike_is_one(classes):
    one = torch.rand(classes, generator=torch.Generator().manual_seed(0)).softmax(0)
    assert classifier_score(one.expand(50, -1)) == pytest.approx(1, abs=1e-6)
    assert classifier_score(torch.eye(classes)[:1].expand(50, -1)) == pytest.approx(1)


@pytest.mark.parametrize(("classes", "kinds"), [(10, 10), (10, 3), (1000, 1000)])
def test_score_of_clear_samples_is_the_number_of_their_kinds(classes, kinds):
    assert classifier_score(torch.eye(classes)[:kinds].repeat(5, 1)) == pytest.approx(kinds)


def test_score_lies_between_one_and_the_classes():
    p = torch.randn(200, 10, generator=torch.Generator().manual_seed(0)).softmax(1)
    assert 1 < classifier_score(p) < 10


def sorted_by_class(count=1000, classes=10):
    return torch.eye(classes, dtype=torch.float64).repeat_interleave(count // classes, 0)


def test_score_over_one_split_is_the_score():
    p = soft(200)
    whole = score_over_splits(p, splits=1)
    assert whole.mean == pytest.approx(classifier_score(p)) and whole.std == 0


def test_ten_splits_of_a_thousand_clear_samples_score_too_little():
    """10 exp(-KL) of 100 draws from their own law, to second order in 1 / n."""
    n, k = 100, 10
    expected = k * math.exp(-(k - 1) / (2 * n) - (k**2 - 1) / (12 * n**2))
    assert expected == pytest.approx(9.552, abs=1e-3)
    draws = [
        torch.randint(k, (1000,), generator=torch.Generator().manual_seed(i)) for i in range(40)
    ]
    found = [score_over_splits(torch.eye(k)[labels]) for labels in draws]
    assert sum(score.mean for score in found) / 40 == pytest.approx(expected, abs=0.03)
    assert all(0 < score.std < 0.5 for score in found)


def test_samples_sorted_by_class_are_shuffled():
    score = score_over_splits(sorted_by_class())
    assert 9.4 < score.mean < 9.8
    unshuffled = [classifier_score(part) for part in sorted_by_class().chunk(10)]
    assert unshuffled == pytest.approx([1] * 10)


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore` will save")
@pytest.mark.parametrize("splits", [2, 5])
def test_score_over_splits_equals_torchmetrics(monkeypatch, splits):
    """It shuffles by the global state: without any shuffle, both cut alike."""

    class Given(torch.nn.Module):
        def forward(self, logits):
            return logits

    logits = torch.randn(100, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    monkeypatch.setattr(torch, "randperm", lambda n, **_: torch.arange(n))
    metric = InceptionScore(Given(), splits=splits).set_dtype(torch.float64)
    metric.update(logits)
    found = score_over_splits(logits.softmax(1), splits)
    assert found.mean == pytest.approx(metric.compute()[0].item(), rel=1e-6)


def test_score_follows_its_seed_and_nothing_else():
    p, state = soft(100), torch.get_rng_state()
    assert score_over_splits(p, seed=1) == score_over_splits(p, seed=1)
    assert score_over_splits(p, seed=1) != score_over_splits(p, seed=2)
    assert score_interval(p, 20, seed=1) == score_interval(p, 20, seed=1)
    assert torch.equal(torch.get_rng_state(), state)


def soft(n, classes=10, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(n, classes, generator=draw, dtype=torch.float64)).softmax(1)


def covered(made, truth):
    return sum(low < truth < high for low, high in made) / len(made)


def test_score_interval_covers_the_mean_over_other_samples():
    samples = [soft(150, seed=seed) for seed in range(60)]
    truth = sum(map(classifier_score, samples)) / 60
    made = [score_interval(p, 50, seed) for seed, p in enumerate(samples)]
    assert covered(made, truth) >= 0.85
    low, high = score_interval(samples[0], 50)
    assert (low + high) / 2 == pytest.approx(classifier_score(samples[0]))
    assert score_interval(torch.eye(4)[:1].expand(9, -1), 20) == pytest.approx((1, 1))


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (torch.full((5, 4), math.nan), "rows sum to 1, 5 of 5 do not"),
        (torch.ones(5, 4), "rows sum to 1, 5 of 5 do not"),
        (torch.tensor([[1.5, -0.5], [0.5, 0.5]]), "rows sum to 1, 1 of 2 do not"),
        (torch.ones(4), r"\[N, K\], got \[4\]"),
        (torch.ones(0, 4), r"\[N, K\], got \[0, 4\]"),
    ],
)
@pytest.mark.parametrize("measure", [classifier_score, score_over_splits, score_interval])
def test_what_is_no_probability_is_told_in_words(measure, p, words):
    with pytest.raises(ValueError, match=words):
        measure(p)


def test_more_splits_than_samples_are_told_in_words():
    for splits in (0, 6):
        with pytest.raises(ValueError, match=f"1 to 5 splits of 5 samples, got {splits}"):
            score_over_splits(soft(5), splits)


def test_shares_count_the_likeliest_class():
    p = torch.tensor([[0.4, 0.3, 0.3], [0.1, 0.9, 0.0], [0.4, 0.6, 0.0], [0.0, 0.5, 0.5 - 1e-3]])
    assert class_shares(p).tolist() == [0.25, 0.75, 0.0]


def test_divergence_closed_forms():
    uniform = torch.full((10,), 0.1, dtype=torch.float64)
    half = torch.cat([torch.full((5,), 0.2), torch.zeros(5)]).double()
    assert divergence(uniform, uniform) == 0
    assert divergence(half, uniform).item() == pytest.approx(math.log(2))
    assert divergence(torch.eye(10).double(), uniform).tolist() == pytest.approx(
        [math.log(10)] * 10
    )
    assert divergence(uniform, half) == math.inf


def test_law_of_balanced_labels_is_uniform_and_of_any_labels_positive():
    assert law(torch.arange(10).repeat(7), 10).tolist() == pytest.approx([0.1] * 10)
    few = law(torch.tensor([0, 0, 1]), 4)
    assert few.tolist() == pytest.approx([3 / 7, 2 / 7, 1 / 7, 1 / 7])


def test_divergence_of_draws_from_their_own_law():
    """Its mean is about (K - 1) / (2 n)."""
    k, n, trials = 25, 2500, 200
    uniform = torch.full((k,), 1 / k, dtype=torch.float64)
    draws = torch.randint(k, (trials, n), generator=torch.Generator().manual_seed(0))
    counts = torch.nn.functional.one_hot(draws, k).sum(1).double()
    mean = divergence(counts / n, uniform).mean().item()
    assert mean == pytest.approx((k - 1) / (2 * n), rel=0.1)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (183, 2000)])
def test_share_interval_equals_scipy(hits, n):
    found = share_interval(hits / n, n)
    expected = binomtest(hits, n).proportion_ci(0.95, "wilson")
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.97])
@pytest.mark.parametrize("n", [50, 500])
def test_share_interval_covers_the_truth(share, n):
    """Exactly summed over all that could be drawn, 95 % within what steps of 1 / n allow."""
    hits = torch.arange(n + 1)
    inside = [low <= share <= high for low, high in (share_interval(h / n, n) for h in hits)]
    assert 0.91 <= binom.pmf(hits.numpy(), n, share)[inside].sum() <= 0.99


def test_a_share_that_cannot_be_is_told_in_words():
    for share, n in ((1.2, 5), (-0.1, 5), (0.5, 0), (math.nan, 5)):
        with pytest.raises(ValueError, match="a share in"):
            share_interval(share, n)


LAWS = {
    "the law itself": ([0.1] * 10, 0.985, 1.0),
    "near it": ([0.12] * 5 + [0.08] * 5, 0.9, 0.96),
    "far from it": ([0.15] * 5 + [0.05] * 5, 0.92, 0.97),
    "one class lost": ([1 / 9] * 9 + [0], 0.985, 1.0),
}


@pytest.mark.parametrize(("true", "least", "most"), LAWS.values(), ids=LAWS)
def test_divergence_interval_covers_the_mean_over_other_draws(true, least, most):
    """The chi-squared law at the law itself is no Gaussian: there it covers more than 95 %."""
    n, trials, uniform = 500, 600, torch.full((10,), 0.1, dtype=torch.float64)
    draw = torch.Generator().manual_seed(0)
    labels = torch.multinomial(torch.tensor(true), trials * n, True, generator=draw)
    shares = torch.nn.functional.one_hot(labels.view(trials, n), 10).sum(1).double() / n
    values = divergence(shares, uniform)
    made = [divergence_interval(s, uniform, n) for s in shares]
    assert least <= covered(made, values.mean().item()) <= most
    reach = sum(high - v for (_, high), v in zip(made, values.tolist(), strict=True)) / trials
    assert 0.9 < reach / (1.96 * values.std().item()) < 1.35
    assert all(low >= 0 for low, _ in made)


def ring8():
    angle = 2 * math.pi * torch.arange(8) / 8
    return Modes(torch.stack([angle.cos(), angle.sin()], 1) * 2 / 1.414, 0.02 / 1.414)


def grid25():
    line = torch.arange(-4.0, 5.0, 2.0) / 2.828
    return Modes(torch.cartesian_prod(line, line), 0.05 / 2.828)


TOYS = pytest.mark.parametrize("modes", [ring8(), grid25()], ids=["ring8", "grid25"])


def real(modes, n=N, seed=0, only=None):
    draw = torch.Generator().manual_seed(seed)
    which = torch.randint(only or len(modes.centres), (n,), generator=draw)
    return modes.centres[which] + modes.std * torch.randn(n, 2, generator=draw)


@TOYS
@pytest.mark.parametrize("seed", range(3))
def test_real_points_reach_the_ceiling_and_no_more(modes, seed):
    k, found = len(modes.centres), mode_coverage(real(modes, seed=seed), modes)
    assert pytest.approx(0.98889, abs=1e-5) == CEILING
    assert found.captured == found.touched == k
    assert abs(found.high_quality - CEILING) < 3 * math.sqrt(CEILING * (1 - CEILING) / N)
    assert 0 < found.kl < 3 * (k - 1) / (2 * N)


@TOYS
@pytest.mark.parametrize("kept", [1, 4])
def test_a_generator_that_drops_modes_is_found_out(modes, kept):
    k, found = len(modes.centres), mode_coverage(real(modes, only=kept), modes)
    assert found.captured == found.touched == kept
    assert found.kl == pytest.approx(math.log(k / kept), abs=0.01)


@TOYS
def test_a_mode_is_captured_from_ten_points_on(modes):
    points = torch.cat([modes.centres[i].expand(n, 2) for i, n in enumerate([9, 10, 1, 0])])
    found = mode_coverage(points, modes)
    assert (found.captured, found.touched, found.high_quality) == (1, 3, 1.0)


@TOYS
@pytest.mark.parametrize(("radius", "share"), [(2.99, 1.0), (3.01, 0.0)])
def test_high_quality_ends_at_three_std(modes, radius, share):
    angle = torch.linspace(0, 6, 100)
    circle = torch.stack([angle.cos(), angle.sin()], 1) * radius * modes.std
    assert mode_coverage(modes.centres[0] + circle, modes).high_quality == share


@TOYS
def test_points_far_from_everything_are_the_worst(modes):
    found = mode_coverage(torch.full((100, 2), 50.0), modes)
    assert found[:3] == (0, 0, 0.0) and found.kl == math.log(len(modes.centres))
