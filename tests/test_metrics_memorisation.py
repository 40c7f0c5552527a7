"""Copiers are found out and nobody else is: closed forms, oracles, and real clothes."""

import itertools
import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy.stats import binom, mannwhitneyu

from cardigan.data import catalogue
from cardigan.errors import UserError
from cardigan.metrics.copying import copying, nearer_than_reals, z_score
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.memorisation import (
    FALSE_ALARM,
    _dealt,
    authentic,
    duplicates,
    nearer_to_training,
    support,
    verdict,
)
from cardigan.metrics.nearest import nearest


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def share(flags):
    return flags.double().mean().item()


# Authenticity, C_T and the share that is nearer


def test_copies_are_not_authentic_however_small_the_noise():
    train = draw(400, 5)
    assert share(authentic(train, train)) == 0
    assert share(authentic(train + 1e-3 * draw(400, 5, seed=1), train)) < 0.01


@pytest.mark.parametrize(("d", "expected"), [(1, 1 / 3), (2, 0.41), (8, 0.60), (64, 0.82)])
def test_authenticity_of_perfect_samples_is_no_half(d, expected):
    """On a line exactly 1/3; the others were simulated."""
    found = [share(authentic(draw(600, d, seed=s), draw(600, d, seed=s + 500))) for s in range(20)]
    assert np.mean(found) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("n", "m"), [(400, 400), (100, 700)])
def test_c_t_of_copies_in_one_cell(n, m):
    train = draw(m, 5)
    found = copying(train, train, draw(n, 5, seed=1), cells=1)
    assert found.statistic == pytest.approx(-math.sqrt(3 * n * m / (n + m + 1)), rel=1e-12)


def test_c_t_of_good_samples_is_about_normal_in_one_cell_and_narrower_in_three():
    for cells, width in ((1, 1.0), (3, 3**-0.5)):
        found = torch.tensor(
            [
                copying(*(draw(150, 4, seed=3 * s + i) for i in range(3)), cells=cells).statistic
                for s in range(60)
            ]
        )
        assert abs(found.mean().item()) < 4 * width / 60**0.5
        assert 0.7 * width < found.std().item() < 1.5 * width


def test_c_t_of_wide_samples_is_far_above_zero_and_of_narrow_ones_below():
    train, test = draw(400, 5), draw(400, 5, seed=1)
    assert copying(2 * draw(400, 5, seed=2), train, test, cells=1).statistic > 15
    assert copying(0.5 * draw(400, 5, seed=2), train, test, cells=1).statistic < -10


def test_c_t_weighs_cells_by_held_out_reals_and_leaves_small_ones_out():
    centres = torch.tensor([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]]).double()

    def clusters(seed, *counts):
        return centres.repeat_interleave(torch.tensor(counts), 0) + draw(sum(counts), 2, seed=seed)

    train, test = clusters(0, 200, 200, 200), clusters(1, 150, 100, 50)
    samples = clusters(2, 200, 200, 20)
    found = copying(samples, train, test)
    assert sorted(found.weights.tolist()) == pytest.approx([1 / 6, 1 / 3, 1 / 2])
    told = ~found.cells.isnan()
    assert told.sum() == 2 and found.weights[~told].item() == pytest.approx(1 / 6)
    weighed = (found.weights * found.cells)[told].sum() / found.weights[told].sum()
    assert found.statistic == pytest.approx(weighed.item())
    assert math.isnan(copying(samples[:15], train, test).statistic)


def test_c_t_repeats_itself_and_leaves_the_global_state_alone():
    sets = [draw(100, 80, seed=s) for s in range(3)]
    state = torch.get_rng_state()
    assert copying(*sets, seed=1).statistic == copying(*sets, seed=1).statistic
    assert torch.equal(state, torch.get_rng_state())


def test_ranks_are_those_of_scipy_also_with_ties():
    a, b = draw(80).abs().round(decimals=1), draw(130, seed=1).abs().round(decimals=1) + 0.1
    u = mannwhitneyu(a.numpy(), b.numpy()).statistic
    assert nearer_than_reals(a, b) == pytest.approx(1 - u / (80 * 130), abs=1e-12)
    sigma = math.sqrt(80 * 130 * 211 / 12)
    assert z_score(a, b) == pytest.approx((u - 80 * 130 / 2) / sigma, abs=1e-12)


# The birthday test


@pytest.mark.parametrize("kinds", [50, 400])
def test_support_from_a_birthday_test(kinds):
    g, s = torch.Generator().manual_seed(0), 200
    pictures = draw(kinds, 6)
    pairs = [duplicates(pictures[torch.randint(kinds, (s,), generator=g)]) for _ in range(40)]
    assert support(sum(pairs), 1) == 0 and support(0, s) == math.inf
    assert support(np.mean(pairs), s) == pytest.approx(kinds, rel=0.15)


def test_a_pair_is_as_likely_as_not_at_the_root_of_1_39_k():
    k = 10_000
    s = round(math.sqrt(1.39 * k))
    none = math.exp(sum(math.log1p(-i / k) for i in range(s)))
    assert none == pytest.approx(0.5, abs=0.005)


def test_duplicates_are_counted_in_pairs():
    x = draw(10, 3)
    assert duplicates(x) == 0 and duplicates(torch.cat([x, x])) == 10
    assert duplicates(x[:1].expand(5, -1)) == 10
    line = torch.arange(5.0).double()[:, None]
    assert duplicates(line, within=1.0) == 4 and duplicates(line, within=0.999) == 0


# The verdict


def test_hits_of_their_own_have_a_binomial_law():
    taken = torch.arange(40) < 33
    p, least = _dealt(torch.arange(40), taken, 0.6)
    assert p == pytest.approx(binom.sf(32, 40, 0.6), rel=1e-6)
    assert least == pytest.approx(0.6**40)


def test_hits_that_share_a_real_have_the_law_of_their_sum():
    """Reals with 3, 2, 2 and 1 hits, by all sixteen dealings."""
    which, q, p = torch.tensor([7, 7, 7, 1, 1, 4, 4, 9]), 0.3, {}
    for dealing in np.ndindex(2, 2, 2, 2):
        k = sum(h * b for h, b in zip((3, 2, 2, 1), dealing, strict=True))
        p[k] = p.get(k, 0) + q ** sum(dealing) * (1 - q) ** (4 - sum(dealing))
    for reals in ((7,), (1, 4), (7, 9), ()):
        taken = torch.isin(which, torch.tensor(reals, dtype=torch.int64))
        expected = sum(v for k, v in p.items() if k >= taken.sum())
        assert _dealt(which, taken, q)[0] == pytest.approx(expected, abs=1e-12)


def test_p_is_no_smaller_by_chance_than_it_says():
    """Whatever the generator: few kinds, all alike, blurred towards the middle, or good."""
    kinds = {
        "good": lambda s: draw(100, 3, seed=s),
        "blurred": lambda s: 0.3 * draw(100, 3, seed=s),
        "two pictures": lambda s: draw(2, 3, seed=s).repeat(50, 1),
        "one picture": lambda s: draw(1, 3, seed=s).expand(100, -1),
    }
    for make in kinds.values():
        piles = (draw(100, 3, seed=1000 + s).split([60, 40]) for s in range(100))
        p = torch.tensor([nearer_to_training(make(s), *pile).p for s, pile in enumerate(piles)])
        for alarm in (0.05, 0.2):
            assert (p <= alarm).sum() <= binom.ppf(0.999, 100, alarm)


def test_copies_of_some_share_are_told_as_that_share():
    train, held_out, others = draw(2000, 6), draw(1000, 6, seed=1), draw(700, 6, seed=2)
    found = nearer_to_training(torch.cat([train[:300], others]), train, held_out)
    assert found.expected == pytest.approx(2 / 3)
    assert found.copied == pytest.approx(0.3, abs=0.06)
    assert found.p < 1e-6


def test_a_real_that_is_in_both_piles_counts_as_held_out():
    train, held_out = draw(100, 6), draw(100, 6, seed=1)
    both = torch.cat([held_out, train])
    assert nearer_to_training(train, train, both).share == 0


def test_a_few_copies_stand_out():
    """80 of 1,000: too few to move the share of all, but they gather where copies would."""
    train, held_out, others = draw(2000, 6), draw(1000, 6, seed=1), draw(920, 6, seed=2)
    assert verdict({"": (torch.cat([train[:80], others]), train, held_out)}).copier
    assert not verdict({"": (draw(1000, 6, seed=3), train, held_out)}).copier


def test_too_few_are_not_judged():
    train, held_out = draw(1000, 6), draw(5, 6, seed=1)
    found = verdict({"": (train[:10], train, held_out)})
    assert found.copier is None and found.p > FALSE_ALARM
    assert verdict({"": (train[:50], train[:100], draw(100, 6))}).copier in (True, False)


def test_spaces_are_paid_for():
    sets = (draw(200, 6, seed=2), draw(300, 6), draw(300, 6, seed=1))
    once, twice = verdict({"a": sets}), verdict({"a": sets, "b": sets})
    assert twice.p == min(1, 2 * once.p) and twice.evidence["a"] == once.evidence["a"]


MISTAKES = {
    "one held-out real": lambda: nearer_to_training(draw(9, 2), draw(9, 2), draw(1, 2)),
    "dimensions": lambda: nearer_to_training(draw(9, 2), draw(9, 3), draw(9, 3)),
    "not finite": lambda: authentic(draw(9, 2) * math.nan, draw(9, 2)),
    "none": lambda: nearest(draw(0, 2), draw(9, 2)),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told(mistake):
    with pytest.raises(ValueError, match="expected"):
        mistake()


# Real clothes


def noisy(x, seed, by):
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)) * by
    return (x + noise).round().clamp(0, 255).byte()


def blurred(x):
    return torch.nn.functional.avg_pool2d(x.float(), 3, 1, 1).byte()


COPIERS = {
    "replayed": lambda x, seed: x,
    "with noise of 10 in 255": lambda x, seed: noisy(x, seed, 10),
    "with noise of 25 in 255": lambda x, seed: noisy(x, seed, 25),
    "moved by a pixel": lambda x, seed: x.roll(1, 3),
    "mirrored": lambda x, seed: x.flip(3),
    "blurred": lambda x, seed: blurred(x),
}


def seen(images):
    return images.flatten(1), extract(fashion_classifier(), images).features


def judged(samples, train, held_out):
    """In both spaces; `train` and `held_out` as `seen` gives them."""
    spaces = zip(("pixels", "features"), seen(samples), train, held_out, strict=True)
    return verdict({name: sets for name, *sets in spaces})


class Clothes(NamedTuple):
    train: torch.Tensor
    test: torch.Tensor
    looked: tuple  # training images and held-out ones as they are seen


def clothes(train, test):
    return Clothes(train, test, (seen(train), seen(test)))


def trial(seed, change, copy, data, n=500):
    """Another draw of samples each time, and of held-out reals: at most 2,000 of the others."""
    g = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(data.test), generator=g)
    rows, beside = order[:n], order[n : n + 2000]
    copied = torch.randperm(len(data.train), generator=g)[:n]
    images = data.train[copied] if copy else data.test[rows]
    held_out = [space[beside] for space in data.looked[1]]
    return judged(change(images, seed), data.looked[0], held_out)


@pytest.fixture(scope="module")
def few():
    train, test = (catalogue.load("fashion-mnist-mini", s).images for s in ("train", "test"))
    g = torch.Generator().manual_seed(0)
    return clothes(*(x[torch.randperm(len(x), generator=g)[:1000]] for x in (train, test)))


@pytest.fixture(scope="module")
def all_():
    """The 10,000 training images that ship; all 10,000 held-out ones where they are installed."""
    try:
        test = catalogue.load("fashion-mnist", "test")
    except UserError:
        test = catalogue.load("fashion-mnist-mini", "test")
    return clothes(catalogue.load("fashion-mnist-mini").images, test.images)


@pytest.mark.parametrize("name", ["replayed", "moved by a pixel"])
def test_a_replay_is_copying_and_held_out_reals_are_not(name, few):
    for copy in (True, False):
        assert trial(0, COPIERS[name], copy, few, n=200).copier is copy


@pytest.mark.slow
@pytest.mark.parametrize("name", COPIERS)
def test_twenty_of_twenty(name, all_):
    """Copiers in disguise, and held-out reals in the same disguise."""
    found = {
        copy: [trial(seed, COPIERS[name], copy, all_) for seed in range(20)]
        for copy in (True, False)
    }
    called = {copy: sum(bool(v.copier) for v in vs) for copy, vs in found.items()}
    for copy, space in itertools.product(found, ("pixels", "features")):
        evidence = [v.evidence[space] for v in found[copy]]
        copied, p = np.mean([e.copied for e in evidence]), max(e.p for e in evidence)
        alarms = sum(2 * e.p <= FALSE_ALARM for e in evidence)
        print(f"\n{name} | copies {copy} | {space} | {alarms} of 20 | {copied:.2f} | {p:.1e}")
    print(f"{name}: called copiers {called}", flush=True)
    assert called == {True: 20, False: 0}
