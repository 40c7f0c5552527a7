"""Precision, recall, density and coverage: closed forms, ties, and an independent package."""

import time
from contextlib import redirect_stdout
from io import StringIO

import prdc
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_tools import grown
from sklearn.neighbors import NearestNeighbors

from cardigan import comparison
from cardigan.data.dataset import Dataset
from cardigan.metrics import nearest as nearest_module
from cardigan.metrics import readings
from cardigan.metrics.looking import Looked
from cardigan.metrics.manifold import (
    coverage_interval,
    expected_coverage,
    manifold,
    overlap,
    realism,
    recall_interval,
)
from cardigan.metrics.nearest import nearest, radii, squared_distances
from cardigan.metrics.sets import Sets

FIGURES = ("precision", "recall", "density", "coverage")


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def compared(real, fake, k=5):
    return overlap(manifold(real, k), manifold(fake, k))


def by_prdc(real, fake, k):
    with redirect_stdout(StringIO()):
        found = prdc.compute_prdc(real.numpy(), fake.numpy(), k)
    return [float(found[name]) for name in FIGURES]


def by_definition(real, fake, k):
    """From all differences at once, float64."""
    far = torch.cdist(real, fake, compute_mode="donot_use_mm_for_euclid_dist")
    r, s = (
        torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").kthvalue(k + 1, 1).values
        for x in (real, fake)
    )
    inside = far < r[:, None]
    figures = inside.any(0), (far < s).any(1), inside.sum(0).double() / k, inside.any(1)
    return [values.double().mean().item() for values in figures]


@pytest.fixture
def small_blocks(monkeypatch):
    """So that sets of a few hundred span several blocks, and the last is ragged."""
    monkeypatch.setattr(nearest_module, "BLOCK", 64)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(
    ("n", "m", "d", "offset", "scale"),
    [
        (300, 300, 16, 0.0, 1.0),
        (257, 130, 3, 0.0, 1.0),
        (90, 400, 200, 0.0, 1.0),
        (300, 300, 8, 1e4, 1.0),  # far from the origin, where products cancel
        (300, 300, 8, 0.0, 1e-30),
        (300, 300, 8, 0.0, 1e18),
    ],
)
def test_equal_to_the_authors_package(n, m, d, offset, scale, k, small_blocks):
    real = draw(n, d, seed=1)
    fake = draw(m, d, seed=2) * 0.9 + 0.1
    found = compared(real * scale + offset, fake * scale + offset, k)
    assert found[:4] == pytest.approx(by_prdc(real, fake, k), abs=1e-12)
    assert found[:4] == pytest.approx(by_definition(real, fake, k), abs=1e-12)


@given(st.integers(2, 30), st.integers(2, 30), st.integers(1, 4), st.integers(0, 99), st.data())
@settings(max_examples=30)
def test_equal_to_the_definition_on_lattices_full_of_ties(n, m, d, seed, data):
    """Whole numbers: distances repeat, points too, and float64 is exact."""
    k = data.draw(st.integers(1, min(n, m) - 1))
    g = torch.Generator().manual_seed(seed)
    real, fake = (torch.randint(3, (c, d), generator=g).double() for c in (n, m))
    assert compared(real, fake, k)[:4] == pytest.approx(by_definition(real, fake, k), abs=1e-12)


def test_clusters_that_float32_cannot_tell_apart(small_blocks):
    """Two tight clusters far apart: nearly every pair is decided in float64."""
    where = torch.tensor([0.0, 1e3]).double().repeat(100)[:, None]
    real, fake = where + 1e-4 * draw(200, 10, seed=1), where + 1e-4 * draw(200, 10, seed=2)
    assert compared(real, fake, 3)[:4] == pytest.approx(by_definition(real, fake, 3), abs=1e-12)


@pytest.mark.parametrize("k", [1, 5])
def test_a_set_and_its_copy(k, small_blocks):
    """A ball holds its own point and the k - 1 nearest others; the k-th lies on its edge."""
    x = draw(300, 32)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    for copy in (x, x.clone(), x[order]):
        assert compared(x, copy, k)[:4] == (1, 1, 1, 1)


def test_a_set_with_each_point_twice_has_balls_that_hold_nothing_at_k_1():
    """The nearest other point is the twin, at distance 0, and nothing is nearer than that."""
    x = draw(100, 32).repeat(2, 1)
    assert torch.equal(radii(x, 1), torch.zeros(200).double())
    assert compared(x, x, 1)[:4] == (0, 0, 0, 0)
    assert compared(x, x, 3)[:4] == pytest.approx(by_definition(x, x, 3), abs=1e-12)


def test_a_generator_that_repeats_one_point(small_blocks):
    """Its balls are points: recall is 0, also on top of a real, and density counts balls."""
    real = draw(300, 32)
    fake = real[:1].expand(200, -1)
    found = compared(real, fake, 5)
    assert torch.equal(radii(fake.contiguous(), 5), torch.zeros(200).double())
    assert found.recall == 0 and found.precision == 1
    assert found.density == by_definition(real, fake.contiguous(), 5)[2]
    assert found.coverage == found.balls[0].item() / 300


def test_far_samples_meet_nothing():
    assert compared(draw(100, 8), draw(100, 8, seed=1) + 1e3)[:4] == (0, 0, 0, 0)


def test_swapping_the_sets_swaps_precision_and_recall():
    x, y = draw(200, 8), draw(150, 8, seed=1) * 0.7
    there, back = compared(x, y), compared(y, x)
    assert (there.precision, there.recall) == (back.recall, back.precision)
    assert there.precision > there.recall


def test_moved_turned_and_scaled_together_nothing_changes():
    x, y = draw(200, 8), draw(200, 8, seed=1)
    turn = torch.linalg.qr(draw(8, 8, seed=2)).Q
    assert compared(3 * x @ turn + 5, 3 * y @ turn + 5)[:4] == compared(x, y)[:4]


@pytest.mark.parametrize(("limit", "value"), [("BLOCK", 7), ("NUMBERS", 100), ("KEPT", 0)])
def test_the_block_changes_nothing(limit, value, monkeypatch):
    x, y = draw(150, 8), draw(130, 8, seed=1)
    whole = compared(x, y)
    monkeypatch.setattr(nearest_module, limit, value)
    parts = compared(x, y)
    assert all(torch.equal(torch.as_tensor(a), torch.as_tensor(b)) for a, b in zip(whole, parts))  # noqa: B905


@pytest.mark.parametrize(("n", "m", "k"), [(200, 200, 5), (200, 100, 3), (100, 300, 1)])
def test_samples_of_one_law_have_density_one_and_the_expected_coverage(n, m, k):
    trials = [compared(draw(n, 6, seed=i), draw(m, 6, seed=1000 + i), k) for i in range(40)]
    for name, expected in (("density", 1.0), ("coverage", expected_coverage(n, m, k))):
        values = torch.tensor([getattr(t, name) for t in trials]).double()
        error = (values.std() / len(values) ** 0.5).item()
        assert abs(values.mean().item() - expected) < 4 * error
        assert error < 0.02


def test_expected_coverage_tends_to_one_minus_a_power_of_two():
    assert expected_coverage(10**9, 10**9, 5) == pytest.approx(1 - 2**-5, abs=1e-7)
    assert expected_coverage(1, 1, 1) == 1.0


def test_items_add_up_to_the_figures_and_give_intervals():
    real, samples = manifold(draw(300, 6)), draw(200, 6, seed=1) + 0.5
    found = overlap(real, manifold(samples))
    assert found.balls.shape == (200,) and found.recalled.shape == found.covered.shape == (300,)
    assert (found.balls > 0).double().mean().item() == found.precision
    far = torch.cdist(real.points, samples) < real.radii[:, None]
    assert torch.equal(found.alone, (far & (far.sum(1) == 1)[:, None]).sum(0))
    recall = recall_interval(real, samples, found.recall)
    assert recall == recall_interval(real, samples, found.recall)
    assert 0 < recall.low < found.recall < recall.high < 1
    coverage = coverage_interval(found)
    assert 0 < coverage.low < found.coverage < coverage.high < 1


def test_nothing_of_fifty_is_not_surely_nothing():
    real, samples = manifold(torch.randn(50, 2)), torch.randn(50, 2) + 99
    apart = overlap(real, manifold(samples))
    for bounds in (coverage_interval(apart), recall_interval(real, samples, apart.recall)):
        assert bounds.low == 0 < bounds.high < 0.1
    assert recall_interval(real, samples[:11], 0.0) == (0, 1), "so few bound nothing"


def told(real, samples):
    """The four figures of samples beside reals, as a comparison reads them."""
    shown = Looked(samples, samples)
    sets = Sets(shown, [Looked(real, real)], shown, Dataset("points", real), 0, shared={})
    return {name: getattr(readings, name)(sets) | {"floor": 0.0} for name in FIGURES}


def test_equal_generators_are_told_apart_in_one_pair_of_twenty():
    """At most 6 of 60: more come by chance in three of a hundred times."""
    false = dict.fromkeys(FIGURES, 0)
    for trial in range(60):
        real, *others = (draw(200, 2, seed=3 * trial + i) for i in range(3))
        first, second = (told(real, samples) for samples in others)
        for name in FIGURES:
            pair = {"a": first[name], "b": second[name]}
            false[name] += comparison.pairs(pair, "higher")[0].better is not None
    assert max(false.values()) <= 6, false


def test_realism_is_above_one_inside_a_ball_and_infinite_on_a_real(small_blocks):
    real, fake = manifold(draw(201, 4), 5), draw(100, 4, seed=1) * 1.3
    found = realism(real, fake)
    small = real.radii <= real.radii.median()
    far = torch.cdist(real.points[small], fake, compute_mode="donot_use_mm_for_euclid_dist")
    inside = (far < real.radii[small][:, None]).any(0)
    assert torch.equal(found > 1, inside) and 0 < inside.sum() < 100
    assert torch.allclose(found, (real.radii[small][:, None] / far).amax(0), rtol=1e-9)
    kept = real.points[real.radii.argmin()][None]
    assert realism(real, kept).item() == torch.inf


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.uint8])
def test_nearest_is_what_scikit_learn_finds(kind, small_blocks):
    points, queries = ((draw(300, 20, seed=s) * 40 + 128).to(kind) for s in (0, 1))
    found = nearest(queries, points, 4)
    model = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(points.double().numpy())
    distances, indices = model.kneighbors(queries.double().numpy())
    assert torch.allclose(found.distances, torch.from_numpy(distances), rtol=1e-9)
    assert torch.equal(found.indices, torch.from_numpy(indices))


def test_nearest_others_leave_the_point_itself_out(small_blocks):
    points = draw(200, 5)
    found = nearest(points, points, 3, exclude=torch.arange(200))
    assert not (found.indices == torch.arange(200)[:, None]).any()
    assert torch.equal(found.distances[:, 2], radii(points, 3))


def test_of_equals_the_first_is_nearest_and_a_copy_is_at_zero():
    points = draw(50, 300).repeat(3, 1)
    found = nearest(points[100:], points, 2)
    assert torch.equal(found.indices, torch.stack([torch.arange(50), torch.arange(50, 100)], 1))
    assert not found.distances.any()


def test_squared_distances_do_not_depend_on_what_is_summed_beside():
    x, y = draw(9, 4097), draw(9, 4097, seed=1)
    whole = squared_distances(x, y)
    assert torch.equal(whole, squared_distances(y, x))
    assert whole.tolist() == [squared_distances(a, b).item() for a, b in zip(x, y, strict=True)]
    assert torch.allclose(whole, (x - y).square().sum(1), rtol=1e-13)


MISTAKES = {
    "too few": (lambda: manifold(draw(5, 2), 5), "take more"),
    "no points": (lambda: manifold(draw(0, 2), 5), "none empty"),
    "images": (lambda: manifold(draw(9, 1, 2, 2), 5), r"\[N, D\]"),
    "unlike": (lambda: compared(draw(9, 2), draw(9, 3)), r"\[9, 3\]"),
    "unlike k": (lambda: overlap(manifold(draw(9, 2), 3), manifold(draw(9, 2), 5)), "3 and 5"),
    "not finite": (lambda: manifold(torch.full((9, 2), torch.nan)), "9 of 9"),
    "k of 0": (lambda: nearest(draw(3, 2), draw(3, 2), 0), "got 0"),
    "k too large": (lambda: nearest(draw(3, 2), draw(3, 2), 3, torch.arange(3)), "1 to 2"),
}


@pytest.mark.parametrize(("mistake", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told(mistake, words):
    with pytest.raises(ValueError, match=words):
        mistake()


@pytest.mark.slow
def test_twice_as_fast_as_the_package_on_half_the_memory():
    """10,000 x 2,048 Gaussians, on however many threads the test is given."""
    real, fake = draw(10_000, 2048), draw(10_000, 2048, seed=1)
    cost = {}
    for name, run in (("ours", lambda: compared(real, fake)[:4]), ("prdc", lambda: by_prdc(real, fake, 5))):  # fmt: skip  # noqa: E501
        figures, began = [], time.process_time()
        memory = grown(lambda run=run, figures=figures: figures.extend(run()))
        cost[name] = time.process_time() - began, memory, figures
    (seconds, memory, figures), (theirs, much, same) = cost["ours"], cost["prdc"]
    print(cost)
    assert figures == pytest.approx(same, abs=1e-12)
    assert seconds < theirs / 2 and memory < much / 2
