"""Schedules, priors and mixed seeds: functions with values that are known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cardigan import priors, schedule
from cardigan.randomness import generator, mix, seeded

FALLING = {
    "linear": schedule.linear(3.0, 1.0, over=100),
    "cosine": schedule.cosine(3.0, 1.0, over=100),
    "exponential": schedule.exponential(3.0, halflife=50, floor=1.0),
}
falling = pytest.mark.parametrize("value", FALLING.values(), ids=FALLING.keys())
CPU = torch.device("cpu")


@falling
def test_schedules_go_from_their_start_to_their_end_and_stay(value):
    assert value(0) == 3.0
    assert value(100) == value(101) == value(10**12) == pytest.approx(1.0)


@falling
def test_schedules_never_turn_back(value):
    values = [value(seen) for seen in range(0, 200, 5)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(("name", "middle"), [("linear", 2.5), ("cosine", 2 + 0.5**0.5)])
def test_a_quarter_of_the_way(name, middle):
    assert FALLING[name](25) == pytest.approx(middle)


def test_rising_schedules_are_as_good():
    values = [schedule.linear(0.5, 0.7, over=10)(seen) for seen in (0, 5, 10, 20)]
    assert values == pytest.approx([0.5, 0.6, 0.7, 0.7])


def test_constant():
    assert {schedule.constant(0.3)(seen) for seen in (0, 1, 10**9)} == {0.3}


def test_exponential_halves_at_each_halflife():
    value = schedule.exponential(8.0, halflife=10)
    assert [value(seen) for seen in (0, 10, 20, 30)] == [8.0, 4.0, 2.0, 1.0]


def test_a_held_rate_falls_by_equal_ratios_over_as_many_images_again():
    value = schedule.held(schedule.falling(4.0, 1.0, over=10), over=10)
    assert [value(seen) for seen in (0, 10, 15, 20, 99)] == pytest.approx([4, 4, 2, 1, 1])


def test_warmup_rises_from_nothing_to_what_it_wraps():
    value = schedule.warmup(schedule.constant(2.0), over=10)
    assert [value(seen) for seen in (0, 1, 5, 10, 99)] == pytest.approx([0, 0.2, 1, 2, 2])


@pytest.mark.parametrize(
    ("prior", "most", "variance", "fourth"),
    [(priors.normal(50), float("inf"), 1, 3), (priors.uniform(50), 1, 1 / 3, 1 / 5)],
    ids=["normal", "uniform"],
)
def test_priors_have_their_range_and_moments(prior, most, variance, fourth):
    z = prior(4_000, CPU)
    assert z.shape == (4_000, 50) and z.dtype == torch.float32
    assert z.abs().max() <= most
    assert z.mean().item() == pytest.approx(0, abs=0.01)
    assert z.square().mean().item() == pytest.approx(variance, rel=0.02)
    assert z.pow(4).mean().item() == pytest.approx(fourth, rel=0.05)
    covariance = z.T.cov().fill_diagonal_(0)
    assert covariance.abs().max() < 0.1  # each latent by itself


GOLDEN = {
    (0,): 1835504127, (0, 0): 2834126987, (1,): 1189033389, (1, 2, 3): 1612568899,
    (2**40,): 2946415092,
}  # fmt: skip


@pytest.mark.parametrize(("numbers", "seed"), GOLDEN.items())
def test_mixed_seeds_are_the_same_for_ever(numbers, seed):
    """Resumed runs and saved seeds depend on these values: they may never change."""
    assert mix(*numbers) == seed


def test_the_global_generator_draws_the_same_from_a_mixed_seed_for_ever():
    assert torch.randint(2**31, (3,), generator=generator(1, 2, 3)).tolist() == [
        381847645, 1425096730, 1431996708,
    ]  # fmt: skip


@given(st.lists(st.integers(0, 2**63 - 1), max_size=4))
def test_mixed_seeds_fit_in_32_bits(numbers):
    assert 0 <= mix(*numbers) < 2**32 and mix(*numbers) == mix(*numbers)


def test_near_numbers_mix_to_seeds_far_apart():
    seeds = np.array([mix(0, rank, seen) for rank in range(8) for seen in range(0, 64_000, 64)])
    assert len(set(seeds)) == len(seeds)
    bits = (seeds[:, None] >> np.arange(32)) & 1
    assert np.abs(bits.mean(0) - 0.5).max() < 0.03
    assert len({mix(1, 2), mix(2, 1), mix(1, 2, 0), mix(0), mix(0, 0), mix(0, 0, 0)}) == 6


def test_seeded_draws_repeat_and_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    draws = []
    for _ in range(2):
        with seeded(7, CPU):
            draws.append(torch.randn(3))
    assert torch.equal(*draws) and torch.equal(torch.get_rng_state(), before)


def test_seeded_with_nothing_draws_from_the_global_generator():
    torch.manual_seed(3)
    expected = torch.randn(3)
    torch.manual_seed(3)
    with seeded(None, CPU):
        assert torch.equal(torch.randn(3), expected)
