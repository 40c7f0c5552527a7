"""Claims on BigBiGAN: their verdicts, and what is measured of its encoder and samples."""

from dataclasses import replace
from math import exp

import pytest
import torch
from matplotlib.figure import Figure
from small import SMALL

from benchmarks.claims import (
    bigbigan,
    bigbigan_encoder,
    bigbigan_generator,
    bigbigan_unary,
)
from benchmarks.claims.frame import CONFIRMED, REFUTED, UNDECIDED, every, stored
from cardigan.metrics.features import extract
from cardigan.run import make

NOISE = (-0.005, 0.0, 0.005)
BLANK = torch.zeros(bigbigan.SHOWN, 1, 4, 4, dtype=torch.uint8)
UNARY, ENCODER = bigbigan_unary, bigbigan_encoder


def row(case, probe=0.8, log=0.0, score=5.0):
    return {
        "case": case, "probe": probe, "codes": 0.7, "frechet": exp(log), "score": score,
        "weights": 1.0, "samples": stored(BLANK, bigbigan.SHOWN),
    }  # fmt: skip


def seeded(rows):
    """Rows of three seeds out of what makes those of one from its noise."""
    return [{"seed": seed, **r} for seed, noise in enumerate(NOISE) for r in rows(noise)]


def shown(claim, rows):
    """What its table and picture make of rows: lines, and panels with their dots and strips."""
    axes = Figure().add_subplot()
    claim.draw(rows, axes)
    return claim.CLAIM.table(rows), axes.figure.axes


def unary(pictures, alone, codes):
    return seeded(
        lambda noise: [
            row(UNARY.WHOLE, 0.8 + noise, 1.0),
            row(UNARY.NO_CODES, 0.8 - codes),
            row(UNARY.NO_PICTURES, 0.8 - pictures, 1.0 + alone + noise),
            row(UNARY.NEITHER, 0.7),
        ]
    )


@pytest.mark.parametrize(
    ("pictures", "alone", "codes", "words"),
    [
        (0.1, 0.3, 0.0, CONFIRMED),
        (0.0, 0.3, 0.0, REFUTED),
        (0.1, 0.0, 0.0, REFUTED),
        (0.1, 0.3, 0.1, REFUTED),
        (0.1, 0.3, -0.1, REFUTED),
        (bigbigan.LITTLE, 0.3, 0.0, UNDECIDED),
        (0.1, UNARY.WORSE, 0.0, UNDECIDED),
        (0.1, 0.3, bigbigan.LITTLE, UNDECIDED),
    ],
)
def test_bigbigan_unary(pictures, alone, codes, words):
    rows = unary(pictures, alone, codes)
    assert UNARY.judge(rows).words == words
    means = {part: sum(values) / 3 for part, values in UNARY.parts(rows).items()}
    expected = {"pictures": pictures, "codes alone": alone, "codes": codes, "both": 0.1}
    assert means == pytest.approx(expected)


def test_cases_of_terms_are_lines_of_the_table_and_of_the_picture():
    (heading, *lines), panels = shown(UNARY, unary(0.1, 0.3, 0.0))
    assert [line[0] for line in lines] == list(UNARY.RECIPES)
    assert lines[0][heading.index("each seed")] == "0.795, 0.800, 0.805"
    probe, distance, strips = panels
    assert [label.get_text() for label in probe.get_yticklabels()] == list(UNARY.RECIPES)
    assert len(distance.get_lines()) == 4 * len(UNARY.RECIPES), "a dot a seed, and their mean"
    assert len(strips.child_axes) == len(UNARY.RECIPES)


def test_the_joint_score_alone_is_that_of_a_bigan():
    game = replace(SMALL["bigbigan"], terms=UNARY.NEITHER).fitted().game()
    net = game.players["discriminator"].net
    assert net.of_x is None and net.of_z is None and net.of_both is not None


@pytest.mark.parametrize(
    ("gained", "words"),
    [(0.1, CONFIRMED), (0.0, REFUTED), (bigbigan.LITTLE, UNDECIDED)],
)
def test_bigbigan_generator(gained, words):
    claim = bigbigan_generator
    rows = seeded(
        lambda noise: [
            row(claim.LARGE, 0.7 + gained + noise),
            row(claim.SMALL, 0.7),
            {"case": claim.UNTRAINED, "probe": 0.6, "codes": 0.5},
        ]
    )
    assert claim.judge(rows).words == words
    (heading, *lines), (probe, distance, strips) = shown(claim, rows)
    assert lines[2][:2] == [claim.UNTRAINED, "0.6"] and lines[2][-1] == "-"
    assert len(probe.get_lines()) == 12 and len(strips.child_axes) == 2


def encoder(seen=0.05, rate=0.05, one=0.05, uniform=0.05, score=0.5, distance=0.0):
    return seeded(
        lambda noise: [
            row(ENCODER.WHOLE, 0.8 + noise, 1.0, 5.0 + noise),
            row(ENCODER.LOW, 0.8 - seen),
            row(ENCODER.SLOW, 0.8 - rate),
            row(ENCODER.ONE, 0.8 - one),
            row(ENCODER.UNIFORM, 0.8 - uniform),
            {"case": ENCODER.ALONE, "frechet": exp(1.0 + distance + noise), "score": 5.0 - score},
        ]
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, CONFIRMED),
        *[({part: 0.0}, UNDECIDED) for part in ("seen", "rate", "one", "uniform", "score")],
        *[({part: -0.1}, REFUTED) for part in ("seen", "rate", "one", "uniform", "score")],
        ({"distance": ENCODER.STAYS}, UNDECIDED),
        ({"distance": 0.6}, REFUTED),
        ({"distance": -0.6}, REFUTED),
    ],
)
def test_bigbigan_encoder(changed, words):
    assert ENCODER.judge(encoder(**changed)).words == words


def test_what_has_no_encoder_has_a_dash_in_its_place():
    (heading, *lines), panels = shown(ENCODER, encoder())
    assert lines[-1][:4] == [ENCODER.ALONE, "-", "-", "-"]
    probe, distance, score, strips = panels
    assert len(distance.get_lines()) == len(score.get_lines()) == 4 * len(lines)
    assert len(probe.get_lines()) == 4 * (len(lines) - 1) + 1


@pytest.mark.parametrize("case", ENCODER.RECIPES)
def test_encoders_tell_as_many_features_whatever_they_see(case):
    net = make(ENCODER.RECIPES[case].fitted()).players["encoder"].net
    size = ENCODER.RECIPES[case].size
    assert net.features(torch.zeros(2, 1, size, size)).shape == (2, 128)


@pytest.mark.parametrize(
    ("values", "words"),
    [((0.0, 0.1), CONFIRMED), ((2.0, 2.1), REFUTED), ((-2.0, -2.1), REFUTED), ((0, 2), UNDECIDED)],
)
def test_little_is_little_on_either_side(values, words):
    assert every(bigbigan.little([*values, sum(values) / 2], 1.0)) == words


def test_samples_that_were_enlarged_are_compared_as_they_were_drawn(monkeypatch):
    seen = []
    monkeypatch.setattr(bigbigan, "N", 20)
    monkeypatch.setattr(
        bigbigan, "extract", lambda net, images: seen.append(images) or extract(net, images)
    )
    game = replace(SMALL["bigbigan"], size=32, generator_size=16).fitted().game()
    bigbigan.drawing(game, 16, 0)
    assert [images.shape[-1] for images in seen] == [16, 16]
    drawn = bigbigan.draw(game, 20, 0).images
    assert torch.equal(seen[1].repeat_interleave(2, 2).repeat_interleave(2, 3), drawn)


def test_a_game_is_looked_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(bigbigan, "IMAGES", 64)
    monkeypatch.setattr(bigbigan, "N", 20)
    recipes = {"one": SMALL["bigbigan"]}
    first = bigbigan.measured(recipes, 0, tmp_path, side=16)
    monkeypatch.setattr(bigbigan, "drawing", None)
    assert bigbigan.measured(recipes, 0, tmp_path, side=16) == first
    assert 0 < first[0]["probe"] < 1 and first[0]["score"] >= 1
