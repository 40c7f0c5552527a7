"""How a claim becomes a verdict: the frame, and every claim that is written in it."""

import math
import re
import sys
from dataclasses import replace
from statistics import stdev

import pytest
import scipy.stats
import torch
from matplotlib.figure import Figure
from small import SMALL

from benchmarks.claims import __main__ as command
from benchmarks.claims import (
    d_overfits,
    dcgan_features,
    dcgan_gap,
    dcgan_relu,
    frame,
    infogan,
    models,
    recall_precision,
    swd_msssim,
    upsample,
)
from benchmarks.claims.frame import (
    CONFIRMED,
    REFUTED,
    UNDECIDED,
    Claim,
    above,
    interval,
    means,
    settle,
)
from cardigan.data.stream import as_floats
from cardigan.nets.dcgan import Discriminator
from cardigan.recipes.dcgan import DCGAN

every_claim = pytest.mark.parametrize("name", command.NAMES)


def claim(measure, seeds=(0, 1, 2)):
    return Claim(
        says="Seeds are small.",
        how="We look.",
        rule="Their mean lies above 0.",
        seeds=seeds,
        measure=measure,
        judge=lambda rows: above([row["value"] for row in rows], 0.0, "the seed"),
        table=lambda rows: means(rows, "case", ("value",)),
        draw=lambda rows, axes: axes.plot([row["value"] for row in rows]),
    )


@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0], [0.1, 0.2, 0.15, 0.3, 0.1], [*range(10)]])
def test_an_interval_is_students(values):
    n, middle = len(values), sum(values) / len(values)
    error = stdev(values) / n**0.5
    low, high = scipy.stats.t.interval(0.95, n - 1, middle, error)
    assert interval(values) == pytest.approx((middle, low, high), rel=1e-3)


def test_a_verdict_needs_the_whole_interval_on_one_side():
    assert above([1.0, 1.1, 0.9], 0.5, "it").words == CONFIRMED
    assert above([0.1, 0.2, 0.1], 0.5, "it").words == REFUTED
    assert above([0.1, 0.9, 0.6], 0.5, "it").words == UNDECIDED


def test_a_page_tells_all_and_what_was_measured_is_not_measured_again(tmp_path):
    measured = []

    def measure(seed, folder):
        if seed == 2 and len(measured) == 2:
            measured.append(None)
            raise KeyboardInterrupt
        measured.append(seed)
        return [{"case": "the seed", "value": 10.0 + seed}]

    with pytest.raises(KeyboardInterrupt):
        settle("small", claim(measure), tmp_path / "work", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    verdict = settle("small", claim(measure), tmp_path / "work", tmp_path / "out")
    assert measured == [0, 1, None, 2] and verdict.words == CONFIRMED
    page = (tmp_path / "out" / "small.md").read_text()
    for part in (
        "Confirmed",
        "| the seed | 11 |",
        "small.png",
        "Rule, set before the run",
        "0, 1, 2",
    ):
        assert part in page
    assert (tmp_path / "out" / "small.png").stat().st_size > 1000


@every_claim
def test_a_claim_tells_how_and_by_which_rule_before_it_is_run(name):
    told = command.find(name)
    assert len(told.seeds) >= 3 and all(
        len(text) > 30 for text in (told.says, told.how, told.rule)
    )
    assert "onfirmed if" in told.rule


@every_claim
def test_a_claim_has_its_page_and_picture(name):
    page = (command.HERE.parent.parent / "docs" / "claims" / f"{name}.md").read_text()
    assert re.search(r"\*\*(Confirmed|Refuted|Undecided)\*\*", page)
    assert f"> {command.find(name).says}" in page
    assert (command.HERE.parent.parent / "docs" / "claims" / f"{name}.png").exists()


def test_an_unknown_claim_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["claims", "no-such"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2 and "no claim is called no-such" in capsys.readouterr().err


def test_rows_are_paired_by_seed():
    rows = [
        {"seed": seed, "case": case, "value": 10.0 * seed + at}
        for case, at in (("one", 3), ("other", 1))
        for seed in (2, 0, 1)
    ]
    assert frame.paired(rows, "case", "one", "other", "value") == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("middles", "words"),
    [((1, 2), CONFIRMED), ((1, -1), REFUTED), ((1, 0), UNDECIDED), ((0, -1), REFUTED)],
)
def test_every_part_must_lie_above(middles, words):
    assert frame.every([spread(m) for m in middles], 0.0) == words


def test_pictures_are_kept_in_rows_and_shown_beside_the_plot():
    axes = Figure().add_subplot()
    whole, beside = frame.panels(axes, 0.5)
    images = torch.randint(256, (3, 1, 4, 4), dtype=torch.uint8)
    frame.show(beside, frame.stored(images, 3))
    (shown,) = beside.get_images()
    assert whole is axes and torch.equal(
        torch.tensor(shown.get_array()[1:5, 6:10, 0]), images[1, 0]
    )


def test_a_game_that_has_seen_more_is_played_once_more(tmp_path):
    small = replace(SMALL["dcgan"], size=28, width=2)
    seen = [models.trained("dcgan", 0, tmp_path, n, small).seen for n in (240, 64, 240, 64)]
    assert seen == [240, 64, 240, 64]
    folders = [path.name for path in tmp_path.rglob("*") if path.parent.name == "checkpoints"]
    assert sorted(folders) == ["000000064", "000000240"]


# --------------------------------------------------------------------------- verdicts of each rule


def spread(value):
    return [value + d for d in (-0.01, 0.0, 0.01, 0.005, -0.005)]


@pytest.mark.parametrize(
    ("own", "words"), [(0.3, CONFIRMED), (-0.3, CONFIRMED), (0.0, REFUTED), (0.05, UNDECIDED)]
)
def test_d_overfits(own, words):
    names = list(d_overfits.IMAGES)
    rows = [
        {"seed": seed, "discriminator": judge}
        | {
            maker: 0.6 + 0.1 * names.index(maker) + (value if maker == judge else 0)
            for maker in names
        }
        for seed, value in enumerate(spread(own))
        for judge in names
    ]
    assert d_overfits.own(rows) == pytest.approx(spread(own))
    assert d_overfits.judge(rows).words == words


def test_the_area_is_the_chance_that_a_real_is_above():
    real, fake = torch.tensor([3.0, 1.0]), torch.tensor([2.0, 0.0, -1.0])
    assert d_overfits.auc(real, fake) == pytest.approx(5 / 6)


@pytest.mark.parametrize(
    ("gap", "gain", "words"), [(0.2, 0.2, CONFIRMED), (-0.2, 0.2, REFUTED), (0.2, 0.05, UNDECIDED)]
)
def test_recall_precision(gap, gain, words):
    rows = [
        {"seed": seed, "of": model, "model": f"{model} at {t}", "truncation": t,
         "precision": 0.5 + (g if t < 1 else 0), "recall": 0.5 + d - (0.3 if t < 1 else 0)}
        for seed, (d, g) in enumerate(zip(spread(gap), spread(gain), strict=True))
        for model in recall_precision.IMAGES
        for t in recall_precision.TRUNCATIONS
    ]  # fmt: skip
    assert recall_precision.judge(rows).words == words


@pytest.mark.parametrize(
    ("collapse", "ratio", "words"),
    [(0.5, 3.0, CONFIRMED), (0.02, 3.0, REFUTED), (0.5, 1.0, REFUTED)],
)
def test_swd_msssim(collapse, ratio, words):
    cases = [*swd_msssim.FAULTS, *swd_msssim.LACKING]
    rows = [
        {"seed": seed, "samples": case,
         "ms_ssim": 0.2 + 0.8 * (collapse + noise if case == swd_msssim.COLLAPSE else 0.0),
         "swd": 10 * (1 if case == "untouched" else ratio + noise)}
        for seed, noise in enumerate(spread(0.0))
        for case in cases
    ]  # fmt: skip
    assert swd_msssim.judge(rows).words == words


@pytest.mark.parametrize(
    ("more", "words"), [(3.0, CONFIRMED), (0.0, REFUTED), (upsample.BOUND, UNDECIDED)]
)
def test_upsample(more, words):
    rows = [
        {"seed": seed, "case": f"{way}, {state}",
         "excess": 0.5 + (value if way == "transposed" and state == "trained"
                          else 4.0 * (way != "bilinear"))}
        for seed, value in enumerate(spread(more))
        for way in upsample.WAYS
        for state in upsample.STATES
    ]  # fmt: skip
    assert upsample.judge(rows).words == words


def test_a_checkerboard_lies_at_the_nyquist_frequencies():
    i = torch.arange(28)
    board = ((i[:, None] + i) % 2 * 255).to(torch.uint8)[None, None]
    stripes = (i % 2 * 255).to(torch.uint8).expand(28, 28)[None, None]
    slow = (i[:, None] // 14 * 255).to(torch.uint8).expand(28, 28)[None, None]
    for images, share in ((board, 1.0), (stripes, 1.0), (stripes.mT, 1.0), (slow, 0.0)):
        assert upsample.power(images)[0] == pytest.approx(share, abs=0.02)
    noise = torch.randint(256, (200, 1, 28, 28), dtype=torch.uint8)
    assert upsample.power(noise) == pytest.approx((3 * 9 / 783, 3 * 40 / 783), rel=0.05)


def test_samples_before_training_are_not_flat():
    images = upsample.untrained(DCGAN(size=28, channels=1, width=4).game(), 0)
    assert images.shape == (upsample.N, 1, 28, 28) and images.float().std() > 5


@pytest.mark.parametrize(
    ("range_", "late", "words"),
    [(0.5, 0.5, CONFIRMED), (-0.5, 0.5, REFUTED), (0.5, 0.0, REFUTED), (0.5, 0.1, UNDECIDED)],
)
def test_dcgan_gap(range_, late, words):
    def log(model, rate, images, more, later):
        if images == dcgan_gap.EARLY:
            return 1 + later * (model == "dcgan-gap")
        return 0.2 + (1 + more * (model == "dcgan")) * (rate > dcgan_gap.RATE)

    rows = [
        {"seed": seed, "model": model, "rate": rate, "images": images,
         "log": log(model, rate, images, *values)}
        for seed, values in enumerate(zip(spread(range_), spread(late), strict=True))
        for model in dcgan_gap.MODELS
        for rate in dcgan_gap.RATES
        for images in (dcgan_gap.EARLY, dcgan_gap.MIDDLE, dcgan_gap.LATE)
        if rate == dcgan_gap.RATE or images == dcgan_gap.MIDDLE
    ]  # fmt: skip
    assert dcgan_gap.judge(rows).words == words


def test_a_run_that_breaks_down_is_lost(tmp_path):
    recipe = replace(SMALL["dcgan"], lr=1e30)
    assert dcgan_gap.distance("dcgan", 0, tmp_path, 80, recipe) == dcgan_gap.LOST


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.3, CONFIRMED), (0.0, REFUTED), (dcgan_relu.BOUND, UNDECIDED)]
)
def test_dcgan_relu(ratio, words):
    rows = [
        {"seed": seed, "model": model, "log": seed + value * (model == "dcgan-leaky")}
        for model in dcgan_relu.MODELS
        for seed, value in enumerate(spread(ratio))
    ]
    assert dcgan_relu.judge(rows).words == words


@pytest.mark.parametrize(
    ("over", "near", "words"),
    [(0.1, 0.0, CONFIRMED), (0.1, -0.1, REFUTED), (-0.1, 0.0, REFUTED),
     (0.1, -dcgan_features.NEAR, UNDECIDED)],
)  # fmt: skip
def test_dcgan_features(over, near, words):
    rows = [
        {"seed": seed, "features": name, "accuracy": 0.8 - value}
        for seed, noise in enumerate(spread(0.0))
        for name, value in (
            (dcgan_features.PIXELS, over + noise),
            (dcgan_features.RANDOM, over),
            (dcgan_features.LAYERS, 0.0),
            (dcgan_features.TAUGHT, near + noise),
        )
    ]
    assert dcgan_features.judge(rows).words == words


def test_maps_of_all_layers_are_pooled_to_sixteen_places():
    net, x = Discriminator(28, 1, 3), torch.randn(2, 1, 28, 28)
    with torch.no_grad():
        found = dcgan_features.pooled_layers(net.eval(), x)
        first = net.net[1](net.net[0](x))
    assert found.shape == (2, 16 * (3 + 6))
    assert torch.equal(found[:, 0], first[:, 0, :4, :4].amax((1, 2)))


@pytest.mark.parametrize(
    ("accuracy", "glasses", "words"),
    [(0.7, 0.5, CONFIRMED), (0.5, 0.5, REFUTED), (0.7, 0.0, REFUTED),
     (infogan.ACCURACY, 0.5, UNDECIDED)],
)  # fmt: skip
def test_infogan(accuracy, glasses, words):
    rows = [
        row
        for seed, noise in enumerate(spread(0.0))
        for row in (
            {"seed": seed, "accuracy": accuracy + noise, "information": 2.2 + noise},
            {"seed": seed, "information": noise},
            {"seed": seed, "attribute": "glasses", "share": glasses + noise, "permuted": 0.01},
            {"seed": seed, "attribute": "hair", "share": 0.3 + noise, "permuted": 0.01},
        )
    ]
    assert infogan.judge(rows).words == words


def test_a_code_tells_all_of_what_it_is_and_nothing_of_what_it_is_not():
    values = torch.arange(2000) % 4
    half, other = values // 2, torch.randint(10, (2000,))
    assert infogan.information(values, values) == pytest.approx(math.log(4))
    assert infogan.information(half, values) == pytest.approx(math.log(2))
    found = infogan.shares([other, half], values, 0)
    assert found["share"] == pytest.approx(0.5) and found["permuted"] < 0.02


def test_codes_are_categories_and_tenths():
    game = SMALL["infogan"].fitted().game()
    images = torch.randint(256, (40, 1, 28, 28), dtype=torch.uint8)
    category, *numbers = infogan.codes_of(game, images)
    assert torch.equal(category, game.tell(as_floats(images)).argmax(1))
    assert all((part.bincount() == 4).all() and len(part) == 40 for part in numbers)
