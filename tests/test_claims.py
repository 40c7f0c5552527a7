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

from benchmarks import families
from benchmarks.claims import __main__ as command
from benchmarks.claims import (
    alternatives,
    biggan_classes,
    biggan_interpolation,
    biggan_truncation,
    collapse_solved,
    d_overfits,
    dcgan_features,
    dcgan_gap,
    dcgan_relu,
    egan_stable,
    fakes_difficulty,
    few,
    fm_ensembling,
    frame,
    gan_optimum,
    infogan,
    lsgan,
    models,
    names,
    no_sigmoid,
    noise_decay,
    points,
    recall_precision,
    relativistic,
    sgan_labels,
    sgan_pictures,
    stylegan_w,
    swd_msssim,
    tangents,
    unrolled,
    upsample,
    vanishing,
    wgan_collapse,
)
from benchmarks.claims import spread as processes
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
from cardigan.data import catalogue
from cardigan.data.stream import as_floats
from cardigan.data.subset import pick
from cardigan.nets.dcgan import Discriminator
from cardigan.recipes.dcgan import DCGAN

every_claim = pytest.mark.parametrize("name", names.NAMES)


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


@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0], [0.1, 0.2, 0.15, 0.3, 0.1], [*range(7)]])
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
    told = names.find(name)
    assert len(told.seeds) >= 3 and all(
        len(text) > 30 for text in (told.says, told.how, told.rule)
    )
    assert "onfirmed if" in told.rule


PAGES = names.HERE.parent.parent / "docs" / "claims"
with_page = pytest.mark.parametrize("name", sorted(p.stem for p in PAGES.glob("[a-z]*.md")))


@with_page
def test_a_page_has_its_claim_and_picture(name):
    page = (PAGES / f"{name}.md").read_text()
    assert re.search(r"\*\*(Confirmed|Refuted|Undecided)\*\*", page)
    assert f"> {names.find(name).says}" in page
    assert (PAGES / f"{name}.png").exists()


def test_the_index_is_of_all_claims_and_tells_which_were_not_run():
    assert (PAGES / "README.md").read_text() == command.index(PAGES)
    assert len(names.NAMES) >= 27


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
    assert frame.every([(spread(m), 0.0) for m in middles]) == words


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


# ----------------------------------------------------------------------------------- few labels


def accuracies(claim, beyond):
    """Made-up rows: accuracy rises with labels, and some methods are better by so much."""
    return [
        {"seed": seed, "method": m, "labels": n,
         "accuracy": 0.6 + n / 10_000 + 0.01 * seed + beyond.get(m, 0.0) + noise / 10}
        for seed, noise in enumerate(spread(0.0)[:3])
        for m in claim.METHODS
        for n in few.LABELS
    ]  # fmt: skip


def one_more(claim, rows, seed):
    """The rows of a seed as `measure` returns them."""
    return [{k: v for k, v in r.items() if k != "seed"} for r in rows if r["seed"] == seed]


def look_at(claim, rows, path):
    """Writes page and picture out of made-up rows, and returns the page."""
    told = claim.CLAIM._replace(measure=lambda seed, _: one_more(claim, rows, seed))
    settle("made-up", told, path / "work", path)
    assert (path / "made-up.png").stat().st_size > 5000
    return (path / "made-up.md").read_text()


@pytest.mark.parametrize(
    ("together", "ensembling", "words"),
    [(0.05, 0.02, CONFIRMED), (0.0, 0.02, REFUTED), (0.021, 0.02, CONFIRMED)],
)
def test_fm_ensembling(together, ensembling, words):
    beyond = {fm_ensembling.BOTH: together, "temporal-ensembling": ensembling}
    rows = accuracies(fm_ensembling, beyond)
    assert fm_ensembling.judge(rows).words == words


def test_what_differs_between_seeds_leaves_fm_ensembling_undecided(tmp_path):
    rows = accuracies(fm_ensembling, {})
    for row in rows:
        row["accuracy"] += 0.02 * row["seed"] * (row["method"] == fm_ensembling.BOTH)
    assert fm_ensembling.judge(rows).words == UNDECIDED
    page = look_at(fm_ensembling, rows, tmp_path)
    assert "| method | 50 labels | 100 labels | 1,000 labels |" in page


@pytest.mark.parametrize(
    ("gain", "digits", "right", "words"),
    [
        (0.03, "", 0.0, CONFIRMED),
        (0.03, "mnist", 0.98, CONFIRMED),
        (0.03, "mnist", 0.96, REFUTED),
        (0.03, "mnist-5k", 0.96, UNDECIDED),
        (0.03, "mnist-5k", 0.98, CONFIRMED),
        (0.0, "", 0.0, REFUTED),
        (-0.03, "mnist", 0.98, REFUTED),
    ],
)
def test_sgan_labels(gain, digits, right, words, tmp_path):
    rows = accuracies(sgan_labels, dict.fromkeys(sgan_labels.SGANS, gain))
    if digits:
        rows += [
            {"seed": seed, "digits": digits, "half": 30_000, "right": right + noise / 10}
            for seed, noise in enumerate(spread(0.0)[:3])
        ]
    assert sgan_labels.judge(rows).words == words
    if digits == "mnist-5k":
        assert "On mnist-5k with 30,000 labels" in look_at(sgan_labels, rows, tmp_path)


def test_one_form_alone_leaves_sgan_labels_undecided():
    assert sgan_labels.judge(accuracies(sgan_labels, {"sgan": 0.05})).words == UNDECIDED


def test_a_plain_table_tells_the_mean_and_each_seed():
    rows = [
        {"seed": seed, "method": "sgan", "labels": 50, "accuracy": 0.7 + 0.01 * seed}
        for seed in range(3)
    ]
    assert few.table(rows) == [["method", "50 labels"], ["`sgan`", "71.0 (70.0, 71.0, 72.0)"]]


@pytest.mark.parametrize(
    ("ratio", "less", "words"),
    [(0.8, 0.1, CONFIRMED), (1.2, 0.1, REFUTED), (0.8, -0.1, REFUTED), (1.0, 0.1, UNDECIDED)],
)
def test_sgan_pictures(ratio, less, words, tmp_path):
    rows = []
    for seed, noise in enumerate(spread(0.0)):
        gap = {"on train": 0.95, "on test": 0.8, "gap": 0.15 + noise}
        plain = {"frechet": 5 + seed, "floors": 100.0}
        drawn = {"frechet": (5 + seed) * (ratio + noise), "floors": 100.0}
        own = gap | {"gap": 0.15 - less + 2 * noise}
        rows += [{"seed": seed, "model": m, **drawn, **own} for m in sgan_pictures.SGANS]
        rows += [{"seed": seed, "model": sgan_pictures.PLAIN, **plain}]
        rows += [{"seed": seed, "model": m, **gap} for m in sgan_pictures.CLASSIFIERS]
    assert sgan_pictures.judge(rows).words == words
    if words == CONFIRMED:
        assert "| plain GAN |" in look_at(sgan_pictures, rows, tmp_path)


@pytest.mark.parametrize(
    ("gain", "words"), [(0.05, CONFIRMED), (-0.05, REFUTED), (0.002, UNDECIDED)]
)
def test_fakes_difficulty(gain, words, tmp_path):
    rows = [
        {"seed": seed, "strength": s, "accuracy": 0.7 + 0.01 * seed + (gain + noise if s else 0)}
        for seed, noise in enumerate(spread(0.0))
        for s in (0.0, *fakes_difficulty.STRENGTHS)
    ]
    assert fakes_difficulty.judge(rows).words == words
    if words == CONFIRMED:
        assert "| none | 72.0 |" in look_at(fakes_difficulty, rows, tmp_path)


@pytest.mark.parametrize(
    ("closer", "better", "degrees", "words"),
    [
        (0.05, 0.02, 20, CONFIRMED),
        (-0.05, 0.02, 20, REFUTED),
        (0.05, -0.02, 20, REFUTED),
        (0.05, 0.02, -5, REFUTED),
        (0.05, 0.0, 20, UNDECIDED),
    ],
)
def test_tangents(closer, better, degrees, words, tmp_path):
    rows = []
    for seed, noise in enumerate(spread(0.0)[:3]):
        for name, sign in zip(tangents.BIGANS, (0, 1), strict=True):
            rows.append(
                {"seed": seed, "model": name, "distance": 0.2 - sign * closer + noise / 5 * sign,
                 "same class": 0.6, "squared error": 0.05, "decoder": 81 - degrees + noise,
                 "encoder": 81 - degrees / 2, "another's decoder": 73.0, "random": 81.0}
            )  # fmt: skip
        for name, sign in zip(tangents.LEARNERS, (0, 1), strict=True):
            error = 0.25 - sign * better + noise / 5 * sign
            rows.append({"seed": seed, "model": name, "error": error, "seconds": 1.0 + sign})
    assert tangents.judge(rows).words == words
    if words == CONFIRMED:
        assert "| feature-matching |" in look_at(tangents, rows, tmp_path)


def test_tangents_of_a_plane_are_nearer_to_movements_than_random_ones():
    """A decoder whose samples are the image's own movements."""
    images = torch.randn(3, 1, 28, 28)
    ways = torch.stack(tangents.movements(images), 1).mean(0).flatten(1)  # [3, D]
    pad = torch.cat([ways, torch.randn(tangents.K - 3, 784)])
    codec = tangents.Codec(
        lambda x: x.flatten(1) @ pad.T, lambda z: (z @ pad).unflatten(1, (1, 28, 28))
    )  # fmt: skip
    found = tangents.angles(codec, images, 0)
    assert found["decoder"] < found["random"] and found["encoder"] < found["random"]


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
    ("gain", "loss", "words"), [(0.2, 0.2, CONFIRMED), (0.2, 0.0, REFUTED), (0.05, 0.2, UNDECIDED)]
)
def test_biggan_truncation(gain, loss, words):
    cut = biggan_truncation.CUT
    rows = [
        {"seed": seed, "threshold": name, "precision": seed + (name == cut) * g,
         "recall": seed - (name == cut) * d}
        for seed, (g, d) in enumerate(zip(spread(gain), spread(loss), strict=True))
        for name in biggan_truncation.THRESHOLDS
    ]  # fmt: skip
    assert biggan_truncation.judge(rows).words == words


@pytest.mark.parametrize(
    ("order", "words"), [([0, 0, 0], CONFIRMED), ([0, 1, 2], REFUTED)]
)  # one order of classes for all seeds, or each seed its own
def test_biggan_classes(order, words):
    rows = []
    for seed, kind in enumerate(order):
        ranks = torch.randperm(10, generator=torch.Generator().manual_seed(kind)).tolist()
        rows += [
            {"seed": seed, "class": str(k), "left": 1.0 + rank, "floor": 0.1, "variety": k}
            for k, rank in enumerate(ranks)
        ]
    assert biggan_classes.judge(rows).words == words
    assert biggan_classes.parts(rows)["ratio"] == [10.0] * 3


def test_ranks_correlate_as_spearman_has_it():
    a, b = [0.3, 2.0, 1.0, 9.0, 4.0], [1.0, 5.0, 7.0, 6.0, 2.0]
    expected = scipy.stats.spearmanr(a, b).statistic
    assert biggan_classes.correlation(a, b) == pytest.approx(expected)


@pytest.mark.parametrize(("more", "words"), [(0.3, CONFIRMED), (0.0, REFUTED), (0.1, UNDECIDED)])
def test_biggan_interpolation(more, words):
    both = ((biggan_interpolation.DRAWN, 0.0), (biggan_interpolation.MEMORY, 1.0))
    rows = [
        {"seed": seed, "case": f"{kind}, {what}", "leap": 0.1 + sign * value}
        for seed, value in enumerate(spread(more))
        for kind in biggan_interpolation.KINDS
        for what, sign in both
    ]
    assert biggan_interpolation.judge(rows).words == words


@pytest.mark.parametrize(
    ("anywhere", "ends", "words"),
    [(1.0, 0.5, CONFIRMED), (1.0, -0.5, REFUTED), (1.0, 0.0, UNDECIDED)],
)
def test_stylegan_w(anywhere, ends, words):
    rows = [
        {"seed": seed, "case": f"trained, {space}", "log, anywhere": share * a,
         "log, ends": share * e}
        for seed, (a, e) in enumerate(zip(spread(anywhere), spread(ends), strict=True))
        for space, share in (("Z", 3), ("W", 2))
    ]  # fmt: skip
    assert stylegan_w.judge(rows).words == words


@pytest.mark.parametrize(
    ("more", "worse", "words"),
    [(0.3, 2.0, CONFIRMED), (-0.3, 2.0, REFUTED), (0.3, 0.0, REFUTED), (0.05, 2.0, UNDECIDED)],
)
def test_alternatives(more, worse, words):
    rows = []
    for seed, (a, b) in enumerate(zip(spread(more), spread(worse), strict=True)):
        rows += [
            {"seed": seed, "model": "dcgan", "log, detail": seed + a},
            {"seed": seed, "model": "vae", "log, detail": seed, "error": 2 * math.exp(b) - 1},
            {"seed": seed, "model": "glow", "log, detail": 0.0, "error": 1.0},
        ]
    assert alternatives.judge(rows).words == words


def test_detail_is_what_blur_takes():
    flat = torch.full((1, 1, 5, 5), 100, dtype=torch.uint8)
    dot = torch.zeros(1, 1, 5, 5, dtype=torch.uint8)
    dot[..., 2, 2] = 90
    assert alternatives.detail(flat) == 0
    assert alternatives.detail(dot) == pytest.approx((4 * 90 + 4 * 90) / 9)


def test_an_even_way_does_not_leap_and_one_step_is_a_leap():
    even = torch.arange(5.0).view(1, 5, 1).expand(2, 5, 3)
    step = (torch.arange(5) > 2).float().view(1, 5, 1)
    assert biggan_interpolation.leap(even) == pytest.approx(1 / 4)
    assert biggan_interpolation.leap(step) == 1


# ------------------------------------------------------------------------------ points and losses


def found(case, middle, **more):
    """Rows of points in which a case finds a share of the modes."""
    return [
        {"case": case, "data": data, "seed": seed, "found": value, "restless": 0.2, **more}
        for data in ("ring8", "grid25")
        for seed, value in enumerate(spread(middle))
    ]


@pytest.mark.parametrize(("best", "words"), [(0.97, CONFIRMED), (0.3, REFUTED), (0.9, UNDECIDED)])
def test_wgan_collapse(best, words):
    rows = found("minimax", 0.3) + found("wasserstein, clipped", 0.1)
    rows += found("wasserstein, unit slope", best)
    assert wgan_collapse.judge(rows).words == words


@pytest.mark.parametrize(
    ("noise", "calm", "words"),
    [(0.7, 0.1, CONFIRMED), (0.7, 0.3, REFUTED), (0.3, 0.1, UNDECIDED)],
)
def test_noise_decay(noise, calm, words):
    def restless(rows, value):
        return [{**r, "restless": value + r["seed"] / 1000} for r in rows]

    rows = found("neither", 0.3) + restless(found("noise", noise), calm)
    rows = restless(found("neither", 0.3), 0.2) + restless(rows[10:], calm)
    rows += restless(found("decay", 0.7), 0.1)
    if noise == 0.3:  # as good as neither, give or take
        rows = [
            {**r, "found": r["found"] + 0.02 * (-1) ** r["seed"]} if r["case"] == "noise" else r
            for r in rows
        ]
    assert noise_decay.judge(rows).words == words


@pytest.mark.parametrize(("ahead", "words"), [(0.8, CONFIRMED), (0.3, REFUTED), (None, UNDECIDED)])
def test_unrolled(ahead, words):
    rows = found("no look ahead", 0.3)
    ahead_rows = found("five steps ahead", 0.4 if ahead is None else ahead)
    if ahead is None:
        ahead_rows = [{**r, "found": r["found"] + r["seed"] / 20 - 0.1} for r in ahead_rows]
    assert unrolled.judge(rows + ahead_rows).words == words


def test_points_find_more_the_longer_they_are_played(tmp_path):
    recipe = points.PLAIN
    one = points.played(recipe, 0, tmp_path, 64)
    assert one == points.played(recipe, 0, tmp_path, 64) and len(one["looks"]) == points.LOOKS
    assert len([*(tmp_path / "points").iterdir()]) == 1, "and what was played is read"
    assert all(sum(look["shares"]) == pytest.approx(1) for look in one["looks"])
    assert 0 <= one["restless"] <= 1


def test_spread_is_the_number_of_modes_in_effect():
    assert points._spread([0.25] * 4) == pytest.approx(1)
    assert points._spread([1.0, 0.0, 0.0, 0.0]) == pytest.approx(1 / 4)
    assert points._distance([0.5, 0.5], [1.0, 0.0]) == pytest.approx(0.5)


def test_logits_are_right_where_probabilities_are_not():
    rows = [{"seed": 0, **row} for row in no_sigmoid.measure(0, None)]
    far = [r for r in rows if r["deviation"] == 40 and r["loss"].startswith("fakes")]
    assert far[0]["behind a sigmoid in float32"] > 0.3 and far[0]["on logits in float32"] == 0
    near = [r for r in rows if r["deviation"] == 1]
    assert all(r["behind a sigmoid in float32"] == 0 for r in near), "near 0 both will do"


@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_optimal_discriminator_reaches_the_divergence(dimensions):
    world = gan_optimum.laws(dimensions)
    place = torch.full((dimensions,), 0.5, dtype=torch.float64)
    law = gan_optimum.fake_law(place, torch.zeros(1, dtype=torch.float64))
    best = world.data.log_prob(world.grid) - law.log_prob(world.grid)
    reached = gan_optimum.value(world, law, best).item()
    wanted = 2 * gan_optimum.jensen_shannon(world, law).item() - math.log(4)
    assert reached == pytest.approx(wanted, abs=1e-6)
    assert gan_optimum.value(world, law, best + 0.1).item() < reached


@pytest.mark.parametrize(
    ("cosine", "fall", "words"),
    [(0.98, 0.2, CONFIRMED), (0.5, 0.2, REFUTED), (0.98, 0.05, UNDECIDED)],
)
def test_gan_optimum(cosine, fall, words):
    rows = [
        {"kind": "play", "seed": seed, "k": k, "cosine": cosine + d, "gap": 1 / k + d}
        for seed, d in enumerate(spread(0.0))
        for k in gan_optimum.STEPS
    ] + [
        {"kind": "finite", "seed": seed, "n": 100, "dimensions": d, "held out": value}
        for seed, more in enumerate(spread(fall))
        for d in (1, 2)
        for value in (-0.1, 0.0, -more)
    ]
    assert gan_optimum.judge(rows).words == words


def paths(**last):
    """Gradients of each loss that end at a power of ten of their largest."""
    return [
        {"loss": loss, "seed": seed, "gradient": value}
        for loss in vanishing.LOSSES
        for seed, power in enumerate(spread(last.get(loss.split("-")[0], 0.0)))
        for value in (1.0, 10**power)
    ]


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ({"minimax": -2}, CONFIRMED),
        ({"minimax": -0.5}, REFUTED),
        ({"minimax": -2, "least": -2}, REFUTED),
        ({"minimax": -1}, UNDECIDED),
    ],
)
def test_vanishing(last, words):
    assert vanishing.judge(paths(**last)).words == words


def spans(**widths):
    """Floors over rates that span powers of ten."""
    return [
        {"loss": loss, "seed": seed, "lr": lr, "floors": floors}
        for loss, width in widths.items()
        for seed, power in enumerate(spread(width))
        for lr, floors in ((1e-3, 10.0), (1e-2, 10 * 10**power))
    ]


@pytest.mark.parametrize(("width", "words"), [(0.2, CONFIRMED), (0.8, REFUTED), (None, UNDECIDED)])
def test_lsgan(width, words):
    rows = paths(minimax=-2, non=-0.5, least=-0.1)
    own = spans(**{"non-saturating": 0.5, "least-squares": 0.5 if width is None else width})
    if width is None:  # narrower for some seeds and wider for others
        own = [
            {**r, "floors": r["floors"] * 2 ** (r["seed"] % 2 * 2 - 1)}
            if r["loss"] == "least-squares" and r["lr"] == 1e-2
            else r
            for r in own
        ]
    assert lsgan.judge(rows + own).words == words


@pytest.mark.parametrize(
    ("fall", "width", "words"),
    [(0.1, 0.2, CONFIRMED), (-0.1, 0.2, REFUTED), (0.0, 0.2, UNDECIDED), (0.1, 0.8, REFUTED)],
)
def test_relativistic(fall, width, words):
    rows = [
        {
            "loss": loss,
            "seed": seed,
            "before": 0.6,
            "after": 0.6 - more,
            "alike": 0.99 + more / 100,
        }
        for loss in relativistic.RECIPES
        for seed, more in enumerate(spread(fall))
    ]
    alone, pair, mean = relativistic.RECIPES
    rows += spans(**{alone: 0.5, pair: 0.5, mean: width})
    assert relativistic.judge(rows).words == words


@pytest.mark.parametrize(
    ("one", "four", "words"), [(0.9, 0.9, CONFIRMED), (0.5, 0.5, REFUTED), (0.9, 0.95, UNDECIDED)]
)
def test_egan_stable(one, four, words):
    values = {f"{name} alone": 0.7 for name in egan_stable.MUTATIONS}
    values |= {f"evolved, survivors: {n}": v for n, v in ((1, one), (2, one), (4, four))}
    rows = [
        {"case": case, "seed": seed, "setting": setting, "data": data, "found": v, "halfway": v}
        for case, middle in values.items()
        for seed, v in enumerate(spread(middle)[:: 1 if case.endswith("1") else -1])
        for setting in ("slow", "fast")
        for data in ("ring8", "grid25")
    ]
    assert egan_stable.judge(rows).words == words


@pytest.mark.parametrize(
    ("best", "near", "words"),
    [
        (0.97, 50.0, CONFIRMED),
        (0.3, 50.0, REFUTED),
        (0.97, -50.0, REFUTED),
        (0.9, 50.0, UNDECIDED),
    ],
)
def test_collapse_solved(best, near, words):
    cures, rows = ("unit slope, averaged", "spectral norm, averaged"), found("plain", 0.3)
    for cure in cures:
        rows += found(cure, best)
    rows += [
        {"case": case, "data": "fashion-mnist-mini", "seed": seed, "floors": 100 + seed - closer}
        for case, closer in (("plain", 0), *((cure, near) for cure in cures))
        for seed in range(5)
    ]  # fmt: skip
    rows = [{**r, "floors": r["floors"] + r["seed"] / 10} if "floors" in r else r for r in rows]
    assert collapse_solved.judge(rows).words == words


def test_jobs_on_many_processes_tell_what_went_wrong():
    done = dict(processes.spread(divmod, [(7, 2), (1, 0), (5, 5)], 2))
    assert done[7, 2] == (3, 1) and done[5, 5] == (1, 0)
    assert isinstance(done[1, 0], ZeroDivisionError)


HOW = {"commit": "abc", "threads": 1, "machine": "M", "torch": "2", "date": "today"}
ROW = {"frechet": 1.0, "floors": 2.0, "precision": 0.5, "recall": 0.4, "rarest": 0.03} | HOW


def test_the_table_of_families_begins_with_the_nearest():
    floors = {"lsgan": (50, 50), "biggan": (20, 41), "dcgan": (60, 80)}
    found: families.Found = {
        name: {str(seed): ROW | {"images": 1000, "floors": far} for seed, far in enumerate(of)}
        for name, of in floors.items()
    }
    assert "images/s" not in families.page(found, 1000)
    found["biggan"]["speed"] = {"images_per_second": 912.3, **HOW}
    found["dcgan"]["2"] = {"lost": "nan", "images": 1000, **HOW}
    found["gan"] = {"0": {"lost": "nan", "images": 1000, **HOW}}
    text = families.page(found, 1000)
    order = ("`biggan` | 32 | 2 | 30 |", "`lsgan` | 28 | 2 | 50 |")
    order += ("`dcgan` | 28 | 2, and 1 lost | 70 |", "`gan` | 28 | 0, and 1 lost |")
    assert sorted(order, key=text.index) == [*order]
    assert "| 3.0 % | 912 |" in text and text.count("thread(s) of M") == 2
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {len(families.HEADING) + 2}
    assert "`sagan`" in text and "`egan`" in text, "what has not been measured is named"


def test_the_table_of_families_grows_by_what_is_not_there(tmp_path, monkeypatch):
    measured = []

    def spread(_, jobs, processes):
        for job in jobs:
            measured.append(job[:2])
            yield job, ROW | {"images": job[2]} if job[1] else OSError("lost")

    monkeypatch.setattr(families, "spread", spread)
    for seeds in ("2", "3"):
        command = ["families", "dcgan", "--seeds", seeds, "--out", str(tmp_path / "table.md")]
        monkeypatch.setattr("sys.argv", command)
        families.main()
    assert measured == [("dcgan", 0), ("dcgan", 1), ("dcgan", 0), ("dcgan", 2)]
    kept = (tmp_path / "table.md").read_text()
    assert "| `dcgan` | 28 | 2 |" in kept
    monkeypatch.setattr("sys.argv", [*command, "--images", "500"])
    with pytest.raises(SystemExit, match="2"):
        families.main()
    assert (tmp_path / "table.md").read_text() == kept


def test_families_are_those_that_draw_clothes():
    assert {"dcgan", "egan", "sagan", "bigan", "biggan"} <= {*families.NAMES}
    others = {"cyclegan", "ring-gan", "classifier", "cgan-attributes", "biggan-128", "r3gan-64"}
    assert not others & {*families.NAMES}


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


@pytest.mark.parametrize("size", [28, 32])
def test_samples_are_scored_against_reals_of_their_own_size(size, monkeypatch):
    """Held-out images in the place of samples are as far away as the floor has it."""
    held_out = catalogue.load("fashion-mnist-mini", "test", size)
    monkeypatch.setattr(models, "draw", lambda game, n, seed: pick(held_out, torch.arange(n)))
    monkeypatch.setattr(models, "N", 200)
    models._reals.cache_clear()
    assert models.score(None, 0)["floors"] == pytest.approx(1)
    models._reals.cache_clear()
