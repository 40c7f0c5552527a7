"""Each symptom on evidence that has it and on evidence that has not; and the command on runs."""

import json
from dataclasses import replace

import pytest
import torch
from small import ABOUT, start

from cardigan.__main__ import main
from cardigan.data import catalogue
from cardigan.diagnosis import IN_LOG, IN_SAMPLES, Evidence, neighbours, of_images, of_run
from cardigan.diagnosis.balance import saturation, vanishing
from cardigan.diagnosis.blank import blank
from cardigan.diagnosis.blind import blind
from cardigan.diagnosis.classes import lost_classes
from cardigan.diagnosis.collapse import collapse, similarities, way
from cardigan.diagnosis.divergence import divergence, not_finite
from cardigan.diagnosis.evidence import Judged, Scale, scale_of
from cardigan.diagnosis.gathering import Reference
from cardigan.diagnosis.log import read, table
from cardigan.diagnosis.modes import lost_modes
from cardigan.diagnosis.oscillation import oscillation, turns
from cardigan.diagnosis.overfitting import overfitting, overfitting_share
from cardigan.losses import HINGE, LEAST_SQUARES, NON_SATURATING, WASSERSTEIN
from cardigan.metrics.features import fashion_classifier
from cardigan.metrics.looking import look

NET = fashion_classifier()
CLOTHES = catalogue.load("fashion-mnist-mini", "test")
ORDER = torch.randperm(2000, generator=torch.Generator().manual_seed(0))


def looked(index):
    return look(CLOTHES.images[index], CLOTHES.labels[index], NET)


REALS, OTHERS = looked(ORDER[:400]), looked(ORDER[400:800])
SCALE = scale_of(NON_SATURATING)


def log(**columns):
    """Forty lines; a column is a function of how far the run has come, from 0 to 1."""
    rows = [
        {"seen": 100 * (i + 1)}
        | {name.replace("_gradient", "/gradient"): of(i / 39) for name, of in columns.items()}
        for i in range(40)
    ]
    return table(rows)


HEALTHY = log(
    discriminator=lambda t: 1.1 - 0.2 * t,
    real=lambda t: 0.4,
    fake=lambda t: -0.4,
    generator_gradient=lambda t: 2.0 - t,
)
GOOD = Evidence(
    HEALTHY,
    SCALE,
    OTHERS,
    REALS,
    torch.full((10,), 0.1),
    CLOTHES.classes,
    judged=Judged(torch.randn(200) + 1, torch.randn(200) + 0.9, torch.randn(200) - 1),
    seen=4000,
)


def test_a_collapse_tells_how_alike_random_pairs_are():
    one = ORDER[:1].repeat(400)
    noise = torch.randint(0, 40, CLOTHES.images[one].shape, dtype=torch.uint8)
    samples = look(CLOTHES.images[one] // 2 + noise, None, NET)
    found = collapse(GOOD._replace(samples=samples))
    assert found is not None and len(found.evidence) == 3
    assert found.numbers["ms_ssim"] > 0.5 > found.numbers["ms_ssim_reals"]
    assert way(*similarities(REALS.images, REALS.images)) == 0 and way(1.0, 0.3) == 1
    assert similarities(torch.randn(9, 2), torch.randn(9, 2)) == (0, 0)


def test_nothing_is_wrong_where_nothing_is():
    assert not [s.__name__ for s in (*IN_LOG, *IN_SAMPLES) if s(GOOD)]


def test_nothing_is_said_without_evidence():
    assert not [s.__name__ for s in (*IN_LOG, *IN_SAMPLES) if s(Evidence(table([])))]


def with_log(**columns):
    return GOOD._replace(log=log(**columns))


WRONG_LOGS = {
    "not-finite": (
        not_finite,
        with_log(generator_gradient=lambda t: float("inf") if t > 0.8 else 1.0),
    ),
    "divergence": (
        divergence,
        with_log(real=lambda t: 1000 * t**2, fake=lambda t: -1000 * t**2),
    ),
    "saturated-discriminator": (
        saturation,
        with_log(
            discriminator=lambda t: 1.3 if t < 0.3 else 1e-3,
            real=lambda t: 9.0,
            fake=lambda t: -9.0,
        ),
    ),
    "vanishing-gradient": (
        vanishing,
        with_log(generator_gradient=lambda t: 1.0 if t < 0.4 else 1e-5),
    ),
    "oscillation": (
        oscillation,
        with_log(discriminator=lambda t: 3.0 if int(39 * t) % 4 < 2 else 0.1),
    ),
}


@pytest.mark.parametrize("name", WRONG_LOGS)
def test_what_a_log_tells(name):
    symptom, evidence = WRONG_LOGS[name]
    found = symptom(evidence)
    assert found.name == name and found.what and found.evidence and found.advice
    assert json.dumps(found.numbers) and 100 <= found.since <= 4000
    assert symptom(evidence._replace(log=evidence.log.until(600))) is None or name == "not-finite"


def test_since_is_when_it_began():
    symptom, evidence = WRONG_LOGS["saturated-discriminator"]
    assert 1200 <= symptom(evidence).since <= 1600


ONE = OTHERS.pick(torch.zeros(400, dtype=torch.long))
GREY = look(torch.full_like(OTHERS.images, 60) + (OTHERS.images > 128), None, NET)
WITHOUT = looked(ORDER[CLOTHES.labels[ORDER] != 1][:600])
WRONG_SAMPLES = {
    "mode-collapse": (collapse, GOOD._replace(samples=ONE)),
    "blank-samples": (blank, GOOD._replace(samples=GREY)),
    "lost-classes": (lost_classes, GOOD._replace(samples=WITHOUT, reals=REALS)),
    "blind-discriminator": (
        blind,
        with_log(discriminator=lambda t: 1.386)._replace(samples=GREY),
    ),
    "overfitting-discriminator": (
        overfitting,
        GOOD._replace(
            judged=Judged(torch.randn(200) + 5, torch.randn(200) - 2, torch.randn(200) - 3)
        ),
    ),
}


@pytest.mark.parametrize("name", WRONG_SAMPLES)
def test_what_samples_tell(name):
    symptom, evidence = WRONG_SAMPLES[name]
    found = symptom(evidence)
    assert found.name == name and found.evidence and found.advice and json.dumps(found.numbers)


def test_lost_classes_are_named():
    found = lost_classes(WRONG_SAMPLES["lost-classes"][1])
    assert found.what == "Samples lack Trouser."


def test_lost_modes_of_a_toy():
    toy = catalogue.load("ring8")
    points = look(toy.images[:1000], None, None)
    evidence = Evidence(table([]), samples=points, reals=points, modes=toy.modes)
    assert lost_modes(evidence) is None
    few = points.pick(toy.labels[:1000] < 3)
    assert "3 of 8" in lost_modes(evidence._replace(samples=few)).what


def test_the_share_of_overfitting():
    judged = Judged(torch.full((9,), 4.0), torch.full((9,), 1.0), torch.full((9,), -2.0))
    assert overfitting_share(judged) == pytest.approx(0.5)
    assert overfitting_share(judged._replace(fake=torch.full((9,), 9.0))) == 0


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (NON_SATURATING, Scale(0, 2 * torch.tensor(2.0).log().item())),
        (HINGE, Scale(0, 2)),
        (LEAST_SQUARES, Scale(0, 0.25)),
        (WASSERSTEIN, None),
    ],
)
def test_scales_of_losses(loss, expected):
    found = scale_of(loss)
    assert found is expected or found == pytest.approx(expected, abs=1e-6)


def test_turns_pass_over_what_lies_between():
    assert turns(torch.tensor([2.0, 1.0, 0.1, 0.1, 0.9, 2.0])) == 2
    assert turns(torch.tensor([1.0, 0.9])) == 0


def test_logs_that_a_stranger_wrote(tmp_path):
    path = tmp_path / "log.jsonl"
    lines = ('{"seen": 5, "real": 1}', "{", "[]", '{"seen": "x"}', '{"seen": -1}', '{"seen": 1e9}')
    path.write_text(
        "\n".join(lines) + '\n{"seen": 7, "real": "much", "fake": 1e999}\n' + "[" * 9999
    )
    found = read(path)
    assert found.seen.tolist() == [5, 7] and found.broken.tolist() == [False, True]
    assert not read(tmp_path / "absent").seen.numel()


def test_images_of_anybody():
    assert not of_images(CLOTHES, "fashion-mnist-mini", 300).findings


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A generator that never moves, against a discriminator that does."""
    path = tmp_path_factory.mktemp("runs") / "dead"
    words = "--size 16 --width 4 --lr 1e-12 --images 1280 --training.log_every 64 --measure 0"
    more = "--training.measure_share 0 --training.checkpoint_every 640 --training.device cpu"
    assert main(["train", "dcgan", *words.split(), *more.split(), "--out", str(path)]) == 0
    return path


def test_a_run_is_told_in_words_and_in_json(run, capsys):
    assert main(["diagnose", str(run), "-n", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["findings"] and found["checkpoints"] == [640, 1280]
    assert all(found["about"][name] is not None for name in ABOUT)
    assert {"failure"} == {f["severity"] for f in found["findings"]}
    assert main(["diagnose", str(run), "-n", "200"]) == 0
    told = capsys.readouterr().out
    assert "evidence" in told and "try" in told and "None of the checkpoints" in told


def test_a_run_that_lost_its_checkpoints_still_has_a_log(run, tmp_path):
    import shutil

    bare = shutil.copytree(run, tmp_path / "bare")
    shutil.rmtree(bare / "checkpoints")
    found = of_run(bare, 200)
    assert any("no checkpoint" in note for note in found.notes) and found.seen == 1280


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing-here"], "--against"),
        (["nothing-here", "--against", "fashion-mnist-mini"], "expected a data set"),
        (["nothing-here", "-n", "5"], "-n from 100"),
    ],
)
def test_a_mistake_is_told_in_one_line(words, told, capsys):
    assert main(["diagnose", *words]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and told in lines[0]


def test_points_that_are_nowhere_are_far_from_all():
    """A run that diverged is looked at, too."""
    reals = torch.randn(20, 2, dtype=torch.float64)
    lost = torch.full((3, 2), torch.nan, dtype=torch.float64)
    assert (neighbours.to_nearest(lost, reals) > 1e20).all()
    assert (neighbours.to_next(torch.cat([reals, lost + torch.inf]))[:20] < 1e20).all()
    assert neighbours.covered(reals, lost).sum() == 0 and neighbours.covered(reals, reals).all()


def test_a_discriminator_is_told_classes_by_their_names():
    """Held-out data of another folder may number them otherwise."""
    game, _ = start("sngan-projection")
    data = catalogue.load("fashion-mnist-mini", "test", 16)
    held_out = replace(data, labels=9 - data.labels, classes=data.classes[::-1])
    device = torch.device("cpu")
    same, other = (Reference(data, test, 20, 0, 20, device) for test in (data, held_out))
    samples = same.draw(game)
    assert torch.equal(same.judged(game, samples).held_out, other.judged(game, samples).held_out)
    shares = [kind.evidence(table([]), samples).trained for kind in (same, other)]
    assert torch.equal(shares[1], shares[0].flip(0))
