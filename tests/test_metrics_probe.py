"""Probes of features, beside scikit-learn's; and what small classifiers learn from samples."""

import math

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from cardigan.data import catalogue
from cardigan.data.dataset import Dataset
from cardigan.metrics import readings
from cardigan.metrics.accuracy import LearntAccuracy, Shown, learnt_accuracy
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.looking import Looked
from cardigan.metrics.probe import (
    Labelled,
    linear_probe,
    logistic_regression,
    neighbour_probe,
    standardised,
)
from cardigan.metrics.sets import Sets

torch.set_num_threads(1)


def blobs(n, d=8, classes=4, apart=1.0, seed=0):
    """Gaussians whose centres are the same at every seed."""
    centres = torch.randn(classes, d, generator=torch.Generator().manual_seed(99)) * apart
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (n,), generator=draw)
    return Labelled((centres[labels] + torch.randn(n, d, generator=draw)).double(), labels)


@pytest.fixture(scope="module")
def clothes():
    train, test = (catalogue.load("fashion-mnist-mini", split) for split in ("train", "test"))
    assert train.labels is not None
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    return train.images[order], train.labels[order], test.images, test.labels


@pytest.fixture(scope="module")
def pixels(clothes):
    x, y, a, b = clothes
    small = [torch.nn.functional.avg_pool2d(i.double(), 4).flatten(1) for i in (x[:1000], a)]
    return Labelled(small[0], y[:1000]), Labelled(small[1], b)


@pytest.mark.parametrize("penalty", [0.1, 1e-3])
def test_regression_equals_scikit_learns(penalty):
    features, labels = blobs(400)
    found = logistic_regression(features, labels, penalty, 4, tolerance=1e-8)
    theirs = LogisticRegression(C=1 / (penalty * 400), tol=1e-8, max_iter=1000)
    theirs.fit(features.numpy(), labels.numpy())
    # Biases and weights move together by a constant without a change of probabilities
    weight = found.weight - found.weight.mean(1, keepdim=True)
    bias = found.bias - found.bias.mean()
    assert torch.allclose(weight.T, torch.tensor(theirs.coef_), atol=1e-4)
    assert torch.allclose(bias, torch.tensor(theirs.intercept_), atol=1e-3)


def test_probe_is_within_a_third_of_a_point_of_scikit_learns(pixels):
    train, test = pixels
    found = linear_probe(train, test, penalties=[0.1, 0.01])
    x, a = (part.numpy() for part in standardised(train.features, test.features))
    theirs = LogisticRegression(C=1 / (found.penalty * len(x)), max_iter=2000, tol=1e-6)
    expected = theirs.fit(x, train.labels.numpy()).score(a, test.labels.numpy())
    assert abs(found.accuracy - expected) <= 0.003
    assert found.interval.low < expected < found.interval.high
    assert found.permuted < 0.2  # chance is a tenth


def test_features_that_tell_classes_apart_score_all_and_permuted_labels_far_less():
    found = linear_probe(blobs(600, apart=10), blobs(2000, apart=10, seed=1))
    assert found.accuracy > 0.995
    assert found.permuted < 0.6  # four heaps: a class that is right by luck is right for all of it


def test_features_that_tell_nothing_score_chance():
    train, test = blobs(2000, apart=0), blobs(4000, apart=0, seed=1)
    found = linear_probe(train, test)
    assert found.accuracy == pytest.approx(0.25, abs=0.03)
    assert found.permuted == pytest.approx(0.25, abs=0.03)
    assert neighbour_probe(train, test) == pytest.approx(0.25, abs=0.03)


def test_penalty_is_strong_where_features_are_many_and_images_few():
    noisy = linear_probe(blobs(60, d=200, apart=0.2), blobs(500, d=200, apart=0.2, seed=1))
    plain = linear_probe(blobs(3000, d=2, apart=2), blobs(500, d=2, apart=2, seed=1))
    assert noisy.penalty > plain.penalty


def test_scale_and_place_of_features_do_not_matter():
    train, test = blobs(300), blobs(300, seed=1)
    moved = [Labelled(s.features * torch.arange(1.0, 9) * 1e3 - 5e4, s.labels) for s in (train, test)]  # fmt: skip  # noqa: E501
    one, other = linear_probe(train, test), linear_probe(moved[0], moved[1])
    assert one.accuracy == pytest.approx(other.accuracy, abs=1e-12)
    assert one.penalty == other.penalty


def test_features_that_never_fire_are_borne():
    train, test = (Labelled(torch.cat([s.features, torch.full((len(s.labels), 2), 0.1)], 1), s.labels) for s in (blobs(200), blobs(200, seed=1)))  # fmt: skip  # noqa: E501
    assert linear_probe(train, test).accuracy == linear_probe(blobs(200), blobs(200, seed=1)).accuracy  # fmt: skip  # noqa: E501
    assert standardised(train.features)[0][:, -2:].abs().max() == 0


@pytest.mark.parametrize("k", [1, 2, 3, 5, 10])
def test_neighbours_equal_scikit_learns_to_the_last_image(k, pixels):
    for train, test in (pixels, (blobs(300), blobs(500, seed=1))):
        theirs = KNeighborsClassifier(k).fit(train.features.numpy(), train.labels.numpy())
        expected = theirs.score(test.features.numpy(), test.labels.numpy())
        assert neighbour_probe(train, test, k, batch=333) == pytest.approx(expected, abs=1e-12)


def test_nearest_neighbour_of_itself_is_right():
    train = blobs(100, apart=0)
    assert neighbour_probe(train, train) == 1


def test_neighbours_and_lines_rank_features_alike(clothes, pixels):
    """A trained classifier's features know more of the classes than pixels do."""
    train, test = pixels
    x, y, a, b = clothes
    net = fashion_classifier()
    seen = Labelled(extract(net, x[:400]).features, y[:400])
    asked = Labelled(extract(net, a[:400]).features, b[:400])
    few = Labelled(train.features[:400], train.labels[:400])
    some = Labelled(test.features[:400], test.labels[:400])
    assert linear_probe(seen, asked).accuracy > linear_probe(few, some).accuracy + 0.05
    assert neighbour_probe(seen, asked) > neighbour_probe(few, some) + 0.05


def test_probe_is_a_function_of_the_seed():
    before = torch.random.get_rng_state()
    first, again, other = (linear_probe(blobs(200), blobs(200, seed=1), seed=s) for s in (1, 1, 2))
    assert first == again
    assert first.permuted != other.permuted
    assert torch.equal(before, torch.random.get_rng_state())


ONE = Labelled(torch.randn(10, 3), torch.zeros(10).long())
BAD = torch.full((10, 3), math.nan)


@pytest.mark.parametrize("probe", [linear_probe, neighbour_probe])
@pytest.mark.parametrize(
    ("train", "words"),
    [
        (ONE, "two classes"),
        (Labelled(ONE.features, ONE.labels[:9]), "labels"),
        (Labelled(ONE.features[:, 0], ONE.labels), "features"),
        (Labelled(BAD, torch.arange(10)), "finite"),
    ],
)
def test_what_cannot_be_probed_is_refused(probe, train, words):
    with pytest.raises(ValueError, match=words):
        probe(train, blobs(10, d=3))


@pytest.mark.parametrize("k", [0, 11])
def test_more_neighbours_than_there_are_are_refused(k):
    with pytest.raises(ValueError, match="1 to 10 neighbours"):
        neighbour_probe(blobs(10), blobs(10), k)


def shown(images, labels, n):
    return Shown(images[:n], labels[:n])


def test_learning_from_reals_from_one_image_a_class_and_from_shuffled_labels(clothes):
    x, y, a, b = clothes
    real, test = shown(x, y, 500), Shown(a[:500], b[:500])
    first = torch.stack([(real.labels == k).nonzero()[0, 0] for k in range(10)])
    few = Shown(real.images[first].repeat(50, 1, 1, 1), torch.arange(10).repeat(50))
    mixed = Shown(real.images, real.labels[torch.randperm(500)])

    def learnt(train):
        return learnt_accuracy(train, test, seeds=[0], images=1600)

    reals = learnt(real)
    assert reals.top1 > 0.55
    assert learnt(few).top1 < reals.top1 - 0.1
    assert learnt(mixed).top1 < 0.25
    assert reals.top5 is not None and reals.top1 < reals.top5 <= 1
    counts = torch.bincount(test.labels)
    weighted = sum(reals.by_class[k] * counts[k].item() for k in range(10)) / 500
    assert weighted == pytest.approx(reals.top1)


def test_learning_is_a_function_of_the_seeds_and_tells_their_mean(clothes):
    x, y, a, b = clothes
    sets = Shown(x[:64], y[:64] % 3), Shown(a[:50], b[:50] % 3)
    before = torch.random.get_rng_state()
    both, again = (learnt_accuracy(*sets, seeds=(1, 2), images=128) for _ in range(2))
    assert both == again
    assert torch.equal(before, torch.random.get_rng_state())
    assert both.top1 == pytest.approx(sum(both.by_seed) / 2)
    assert both.std == pytest.approx(abs(both.by_seed[0] - both.by_seed[1]) / math.sqrt(2))
    assert both.top5 is None
    assert learnt_accuracy(*sets, seeds=[2], images=128).by_seed == both.by_seed[1:]
    copies = Shown(sets[0].images.clone(), sets[0].labels.clone())  # memorising pays
    assert learnt_accuracy(copies, sets[1], seeds=(1, 2), images=128) == both


def test_the_interval_is_of_other_samples_and_other_seeds(monkeypatch, clothes):
    """Three classifiers of a third of the samples each: Student's t of two degrees of freedom."""
    x, y, a, b = clothes
    seen = []

    def learnt(train, test, seeds=(0, 1, 2)):
        seen.append((train, tuple(seeds)))
        shares = tuple(0.5 + 0.1 * seed for seed in seeds)
        return LearntAccuracy(sum(shares) / len(shares), 0.0, None, {}, shares)

    monkeypatch.setattr(readings, "learnt_accuracy", learnt)
    samples, test = (Looked(images, images, labels=labels) for images, labels in
                     ((x[:300], y[:300]), (a[:50], b[:50])))  # fmt: skip
    sets = Sets(samples, [test], test, Dataset("clothes", x, y, tuple("0123456789")), 0, shared={})
    found = readings.classification_accuracy(sets)
    assert found["value"] == pytest.approx(0.6)
    assert found["high"] - found["value"] == pytest.approx(4.303 * 0.1 / math.sqrt(3))
    parts = [train for train, seeds in seen if len(seeds) == 1]
    assert [seeds for _, seeds in seen if len(seeds) == 1] == [(0,), (1,), (2,)]
    assert all(len(part.labels.unique()) == 10 for part in parts)
    whole = torch.cat([part.images.flatten(1) for part in parts])
    assert torch.equal(whole.unique(dim=0), x[:300].flatten(1).unique(dim=0))
    seen.clear()
    told = readings.classification_accuracy(sets._replace(intervals=False))
    assert len(seen) == 2 and "low" not in told


@pytest.mark.slow
def test_learning_from_five_thousand_clothes(clothes):
    """Measured: 0.84 or more of real test images from reals."""
    x, y, a, b = clothes
    real, other, test = Shown(x[:5000], y[:5000]), Shown(x[5000:], y[5000:]), Shown(a, b)
    found = learnt_accuracy(real, test)
    assert found.top1 > 0.83
    assert found.std < 0.02
    assert found.top5 is not None and found.top5 > 0.98
    both = Shown(torch.cat([real.images, other.images]), torch.cat([real.labels, other.labels]))
    assert learnt_accuracy(both, test, seeds=[0], images=30_000).top1 > found.top1 - 0.01


def test_sizes_and_colours_are_borne():
    images = torch.randint(256, (20, 3, 40, 32), dtype=torch.uint8)
    data = Shown(images, torch.arange(20) % 2)
    assert 0 <= learnt_accuracy(data, data, seeds=[0], images=64).top1 <= 1


@pytest.mark.parametrize(
    ("train", "words"),
    [
        (Shown(torch.zeros(4, 1, 28, 28).byte(), torch.zeros(4).long()), "two classes"),
        (Shown(torch.zeros(4, 1, 28, 28).byte(), torch.arange(3)), "label for each"),
        (Shown(torch.zeros(4, 1, 28, 28), torch.arange(4)), "uint8"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(train, words):
    test = Shown(torch.zeros(4, 1, 28, 28).byte(), torch.arange(4))
    with pytest.raises(ValueError, match=words):
        learnt_accuracy(train, test, seeds=[0], images=64)
