"""Claims on BigGAN's batches, embeddings and collapses: their rules, and what they compute."""

from math import exp, log

import numpy as np
import pytest
from matplotlib.figure import Figure

from benchmarks.claims import biggan_batch, biggan_collapse, biggan_embedding, models, rates
from benchmarks.claims.frame import CONFIRMED, REFUTED, UNDECIDED
from cardigan.data import catalogue
from cardigan.guard import Diverged


def spread(value):
    return [value + d for d in (-0.01, 0.0, 0.01)]


def seen(claim, rows):
    """The table and the axes that made-up rows come to."""
    axes = Figure().add_subplot()
    claim.draw(rows, axes)
    heading, *lines = claim.table(rows)
    assert all(len(line) == len(heading) for line in lines)
    return lines, axes


@pytest.mark.parametrize(
    ("recall", "batch", "width", "words"),
    [
        (0.1, 0.2, 0.3, CONFIRMED),
        (0.0, 0.2, 0.3, REFUTED),
        (0.1, 0.0, 0.3, REFUTED),
        (0.1, 0.2, 0.0, REFUTED),
        (0.1, 0.8, 0.3, REFUTED),  # the batch helps more than the width
        (0.1, 0.2, 0.1, UNDECIDED),  # a doubling of it as much
    ],
)
def test_biggan_batch(recall, batch, width, words):
    claim, rows = biggan_batch, []
    noises = zip(spread(0.0), spread(0.0)[::-1], strict=True)
    for seed, (noise, against) in enumerate(noises):
        recalled, small, wide = recall + noise / 2, batch + noise, width + against
        worse = {claim.BATCH: small, claim.WIDTH: -wide, claim.DEPTH: 0.4}
        rows += [
            {"seed": seed, "variant": name, "moves": moves, "log": seed + worse.get(name, 0.0),
             "frechet": exp(seed + worse.get(name, 0.0)), "precision": 0.5, "rarest": 0.05,
             "recall": 0.5 - recalled * (name == claim.BATCH)}
            for name in claim.VARIANTS
            for moves in claim.MOVES
        ]  # fmt: skip
    assert claim.judge(rows).words == words
    assert claim.depth(rows) == pytest.approx([-0.4] * 3)
    lines, axes = seen(claim, rows)
    assert [line[0] for line in lines] == [*claim.VARIANTS]
    assert len(axes.lines) == 2 * len(claim.VARIANTS)


def test_variants_of_biggan_batch_move_as_often():
    moves = {
        tuple(n / v.recipe.training.batch for n in v.clocks)
        for v in biggan_batch.VARIANTS.values()
    }
    assert moves == {tuple(2.0 * n for n in biggan_batch.MOVES)}


@pytest.mark.parametrize(
    ("gain", "words"),
    [(0.3, CONFIRMED), (0.0, REFUTED), (-0.3, REFUTED), (biggan_embedding.BOUND, UNDECIDED)],
)
def test_biggan_embedding(gain, words):
    claim = biggan_embedding
    rows = [
        {"seed": seed, "variant": name, "images": images,
         "log": 5 + seed - log(images) - value * (name == claim.BOTH)}
        for seed, value in enumerate(spread(gain))
        for name in claim.VARIANTS
        for images in models.SMALL_CLOCKS
    ]  # fmt: skip
    assert claim.judge(rows).words == words
    assert claim.quality(rows, claim.BOTH) == pytest.approx(spread(gain))
    assert claim.speed(rows, claim.BOTH) == pytest.approx(spread(gain)), "distances go as 1 / n"
    lines, axes = seen(claim, rows)
    assert lines[-1][-2:] == ["1.00", "1.00"] and len(axes.lines) == len(claim.VARIANTS)


def test_images_to_a_distance_lie_on_straight_lines_of_logs():
    images, logs = (100, 300, 1000), (2.0, 1.0, 0.5)
    for target in (1.9, 1.0, 0.6, 0.5):
        expected = np.interp(-target, [-y for y in logs], np.log(images))
        assert biggan_embedding.reached(images, logs, target) == pytest.approx(expected)
    assert biggan_embedding.reached(images, logs, 2.5) == log(100), "no sooner than the first look"
    assert biggan_embedding.reached(images, (2.0, 1.0, 1.5), 1.5) < log(300), "the first time"


@pytest.mark.parametrize(
    ("free", "held", "better", "words"),
    [
        (1.5, 0.1, 0.3, CONFIRMED),
        (0.1, 0.1, 0.3, UNDECIDED),  # nothing collapses
        (1.5, 1.5, 0.3, REFUTED),  # all do
        (1.5, 0.1, -0.3, REFUTED),  # the penalty costs nothing
        (0.1, 0.1, -0.3, REFUTED),
        (1.5, 0.1, biggan_collapse.BOUND, UNDECIDED),
    ],
)
def test_biggan_collapse(free, held, better, words):
    claim, clocks = biggan_collapse, biggan_collapse.CLOCKS
    rises = {claim.FREE: free, claim.HELD: held}
    rows = [
        {"seed": seed, "run": run, "images": images,
         "floors": exp(3 + seed + value * (run == claim.HELD) + ((5 - k) * 0.2 if k < 5 else
                       (rises[run] + noise) * (k - 5) / (len(clocks) - 6)))}
        for seed, (value, noise) in enumerate(zip(spread(better), spread(0.0), strict=True))
        for run in claim.RESTRAINTS
        for k, images in enumerate(clocks)
    ]  # fmt: skip
    assert claim.judge(rows).words == words
    lines, axes = seen(claim, rows)
    assert lines[0][2] == "; ".join(["96,000"] * 3)
    assert len(axes.lines) == 2 * 3 * len(claim.RESTRAINTS)


def test_a_run_that_breaks_down_is_noise_from_there_on(monkeypatch, tmp_path):
    def scores(name, seed, work, at, recipe):
        if at[0] > 32_000:
            raise Diverged("not finite")
        return [{"floors": at[0] / 1000}]

    monkeypatch.setattr(biggan_collapse, "scores", scores)
    found = [*biggan_collapse.path(models.SMALL_BIGGAN, 0, tmp_path)]
    assert found == [16.0, 32.0] + [rates.LOST] * 6


def test_a_few_images_are_those_of_the_data_by_class(monkeypatch, tmp_path):
    monkeypatch.setattr(biggan_collapse, "FEW", 40)
    few = catalogue.load(biggan_collapse.few(0, tmp_path / "images"))
    data = catalogue.load("fashion-mnist-mini")
    assert len(few) == 40 and few.labels is not None and data.labels is not None
    known = {
        image.numpy().tobytes(): int(label)
        for image, label in zip(data.images, data.labels, strict=True)
    }
    assert all(
        known[image.numpy().tobytes()] == int(few.classes[label])
        for image, label in zip(few.images, few.labels, strict=True)
    )
