"""Verdicts and calculations of the claims on networks that grow."""

from math import exp, log
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from benchmarks.claims import growing, pggan_faster, pggan_variation, stylegan_loss
from benchmarks.claims import stylegan_mixing as mixing
from benchmarks.claims.frame import CONFIRMED, REFUTED, UNDECIDED, stored
from cardigan.nets.layers import MinibatchDeviation
from cardigan.nets.stylegan import Generator

NOISE = (-0.01, 0.0, 0.01)
PICTURE = stored(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), 2)


def words(claim, rows):
    """Its verdict, once its table and its picture were made."""
    heading, *lines = claim.table(rows)
    assert lines and all(len(line) == len(heading) for line in lines)
    claim.draw(rows, Figure().add_subplot())
    return claim.judge(rows).words


def curve(pace, back):
    """Six distances that halve so often in 100 seconds; the second lies above the first."""
    return [2.0 ** -(pace * k) * (2.0**pace * exp(back) if k == 2 else 1) for k in range(1, 7)]


@pytest.mark.parametrize(
    ("pace", "calm", "verdict"),
    [(2.0, 0.2, CONFIRMED), (1.0, 0.2, REFUTED), (0.5, 0.2, REFUTED), (2.0, -0.2, REFUTED),
     (2.0, 0.0, UNDECIDED)],
)  # fmt: skip
def test_pggan_faster(pace, calm, verdict):
    rows = [
        {"seed": seed, "case": case, "images": 100 * k, "seconds": 100.0 * k, "recall": 0.1,
         "frechet": distance, "swd": 10 * distance, "samples": PICTURE}
        for seed, noise in enumerate(NOISE)
        for case, distances in (
            (pggan_faster.GROWN, curve(pace + noise, 0.3)),
            (pggan_faster.WHOLE, curve(1.0, 0.3 + calm + noise)),
        )
        for k, distance in enumerate(distances, 1)
    ]  # fmt: skip
    assert words(pggan_faster.CLAIM, rows) == verdict
    found = pggan_faster.parts(rows)
    assert found["setback"][1] == pytest.approx(calm)
    assert found["frechet"][1] == pytest.approx(log(pace), abs=1e-9) == found["swd"][1]


def test_a_distance_is_reached_between_two_clocks_and_setbacks_are_none_on_the_way_down():
    assert pggan_faster.reached([10, 20, 30], [5.0, 3.0, 4.0], 4.0) == 15
    assert pggan_faster.reached([10, 20], [1.0, 2.0], 1.0) == 10
    assert pggan_faster.setback([4.0, 2.0, 1.0]) == 0
    assert pggan_faster.setback([4.0, 2.0, 3.0, 1.0]) == pytest.approx(log(1.5))


def test_it_grows_to_full_size_on_the_way_or_is_there_from_the_second_move_on():
    games: list[Any] = [r.fitted().game() for r in pggan_faster.RECIPES.values()]
    growing_up, whole = (game.clock for game in games)
    last = growing.CLOCKS[-1]
    assert growing_up.stage(74_999).level == 3 and growing_up.stage(74_999).fade < 1
    assert growing_up.stage(75_000) == (3, 1.0) == whole.stage(16)
    assert last == growing.IMAGES and growing_up.stage(growing.CLOCKS[0]).level == 2


@pytest.mark.parametrize(
    ("four", "batch", "verdict"),
    [(0.1, 0.1, CONFIRMED), (0.1, -0.1, REFUTED), (0.1, 0.001, UNDECIDED)],
)
def test_pggan_variation(four, batch, verdict):
    less = {pggan_variation.NONE: 0.0, pggan_variation.FEW: four, pggan_variation.BATCH: batch}
    rows = [
        {"seed": seed, "case": case, "ms_ssim": 0.3 - value + noise * (value == 0.0),
         "recall": 0.2, "frechet": 1.0, "swd": 9.0, "samples": PICTURE}
        for seed, noise in enumerate(NOISE)
        for case, value in less.items()
    ]  # fmt: skip
    assert words(pggan_variation.CLAIM, rows) == verdict


def test_of_a_group_of_one_nothing_is_told():
    x = torch.randn(8, 3, 4, 4)
    assert torch.equal(MinibatchDeviation(1)(x)[:, 3], torch.full((8, 4, 4), 1e-4))
    assert [r.group for r in pggan_variation.RECIPES.values()] == [1, 0]
    assert growing.GROWING.group == 4


@pytest.mark.parametrize(
    ("clothes", "avatars", "verdict"),
    [(0.5, -0.5, CONFIRMED), (-0.5, 0.5, CONFIRMED), (0.5, 0.3, REFUTED), (-0.5, -0.3, REFUTED),
     (0.5, 0.0, UNDECIDED)],
)  # fmt: skip
def test_stylegan_loss(clothes, avatars, verdict):
    ratios = dict(zip(stylegan_loss.SEEN, (clothes, avatars), strict=True))
    rows = [
        {"seed": seed, "data": data, "loss": loss, "case": f"{data}, {loss}", "log": value,
         "frechet": exp(value), "floor": 0.1, "samples": PICTURE}
        for seed, noise in enumerate(NOISE)
        for data, ratio in ratios.items()
        for loss, value in (
            (stylegan_loss.ORIGINAL, float(seed)),
            (stylegan_loss.WASSERSTEIN, seed + ratio + noise),
        )
    ]  # fmt: skip
    assert words(stylegan_loss.CLAIM, rows) == verdict


@pytest.mark.parametrize(
    ("shapes", "colours", "kept", "finer", "verdict"),
    [(0.4, 0.4, 0.97, 0.3, CONFIRMED), (0.0, 0.4, 0.97, 0.3, REFUTED),
     (0.4, -0.2, 0.97, 0.3, REFUTED), (0.4, 0.4, 0.7, 0.3, REFUTED),
     (0.4, 0.4, 0.97, 0.0, REFUTED), (0.4, 0.1, 0.97, 0.3, UNDECIDED)],
)  # fmt: skip
def test_stylegan_mixing(shapes, colours, kept, finer, verdict):
    coarse, _, fine = mixing.LAYERS
    rows = []
    for seed, noise in enumerate(NOISE):
        rows.append({"seed": seed, "changed": mixing.OWN, "samples": PICTURE})
        for what in (*mixing.LAYERS, mixing.NOISE):
            row = {"seed": seed, "changed": what, "samples": PICTURE}
            row |= {"kept": kept + noise, "detail": 0.2 + finer * (what == mixing.NOISE)}
            if what in mixing.LAYERS:
                row |= dict.fromkeys(mixing.KINDS, 0.5)
                row["shapes"] += (shapes + noise) * (what == coarse)
                row["colours"] += (colours + noise) * (what == fine)
            rows.append(row)
    assert words(mixing.CLAIM, rows) == verdict


def test_what_follows_is_counted_where_sample_and_source_differ():
    was = {"hat": torch.tensor([0, 1]), "skin": torch.tensor([2, 2])}
    given = {"hat": torch.tensor([1, 1, 0]), "skin": torch.tensor([2, 2, 3])}
    now = {
        "hat": torch.tensor([[1, 0, 0], [1, 1, 0]]),
        "skin": torch.tensor([[2, 2, 3], [2, 3, 2]]),
    }
    assert mixing.followed(["hat"], now, was, given) == pytest.approx(2 / 3)
    assert mixing.followed(["skin"], now, was, given) == 1 / 2
    assert mixing.followed(["hat", "skin"], now, was, given) == 3 / 5


def test_detail_is_the_share_of_short_waves():
    x = torch.arange(32)
    waves = [torch.sin(2 * torch.pi * x / length) for length in (4, 16)]
    short, long = (wave.expand(1, 1, 32, 32) for wave in waves)
    assert mixing.detail(short) == pytest.approx(1) and mixing.detail(long) < 1e-6
    assert mixing.detail(short + long) == pytest.approx(0.5)
    white = torch.randn(50, 3, 32, 32)
    assert mixing.detail(white) == pytest.approx(1 - (9 / 32) ** 2, abs=0.01)


def test_layers_are_all_that_a_stylegan_of_32_pixels_has():
    with torch.device("meta"):
        net = Generator(8, 32, 3, 32)
    assert sorted(i for part in mixing.LAYERS.values() for i in part) == [*range(net.layers)]
