"""The audit, through its classifier and at the command line, on small avatars."""

import json
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from small import ABOUT

from cardigan.__main__ import main
from cardigan.data import avatars, catalogue
from cardigan.data.dataset import Attribute, Dataset
from cardigan.errors import UserError
from cardigan.metrics import attributes, learnt
from cardigan.metrics.audit import audit, question

SQUARE = 16
ALPHA = 0.001
FEW = 6_000  # images that classifiers are trained on here


def squares(n, seed, bright=0.5, follows=0.0):
    """Dim or bright squares, left or right of the middle: brightness is a class, side a group.

    Arguments:
        bright: The share of bright ones.
        follows: How often the bright ones stand right because they are bright.
    """
    draw = torch.Generator().manual_seed(seed)
    uniform = torch.rand(3, n, generator=draw)
    light = (uniform[0] < bright).long()
    side = torch.where(uniform[2] < follows, light, (uniform[1] < 0.5).long())
    images = torch.randint(0, 60, (n, 1, SQUARE, SQUARE), generator=draw, dtype=torch.uint8)
    for i in range(n):
        left = 2 + 7 * int(side[i])
        images[i, 0, 5:10, left : left + 5] += 60 + 90 * light[i].byte()
    known = {"side": Attribute(side, ("left", "right"))}
    return Dataset("squares", images, light, ("dim", "bright"), "", attributes=known)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(attributes, "SEEN", FEW)


@pytest.fixture(scope="module")
def reals():
    return squares(1500, 1), squares(800, 2)


@pytest.fixture(scope="module")
def asked(reals):
    return question(*reals, "label")


@pytest.fixture(scope="module")
def judge(asked):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attributes, "SEEN", FEW)
        return attributes.learn(asked.train.images, asked.train.values, 2)


def careless(judge):
    """Overlooks one bright square in five, of reals and samples alike."""
    draw = torch.Generator().manual_seed(0)

    def said(images):
        bright = judge(images).argmax(1).bool()
        bright &= torch.rand(len(images), generator=draw) > 0.2
        return torch.stack([~bright, bright], 1).double()

    return said


@pytest.mark.parametrize("errs", (False, True))
def test_a_planted_imbalance_is_found_and_a_balanced_generator_left_alone(asked, judge, errs):
    told = {False: judge, True: careless(judge)}[errs]
    for trial in range(3):
        fair = audit(squares(2000, 10 + trial).images, asked, classifier=told)
        unfair = audit(squares(2000, 10 + trial, 0.7).images, asked, classifier=told)
        assert not fair["accused"] and fair["p_value"] >= ALPHA
        assert unfair["accused"] and unfair["p_value"] < ALPHA
        bright = unfair["values"]["bright"]
        assert bright["low"] < 0.7 < bright["high"]
        assert unfair["discrepancy"]["value"] > 2 * unfair["discrepancy"]["floor"]
        assert fair["discrepancy"]["value"] < 3 * fair["discrepancy"]["floor"]
    accuracy = unfair["classifier"]["accuracy_by_value"]["bright"]
    assert (accuracy > 0.95) is not errs
    if errs:
        assert abs(bright["uncorrected"] - 0.7) > 0.08, "the correction did something"


def test_a_share_is_never_told_outside_its_range(asked, judge):
    """No sample is bright, though a fifth of the dim reals are taken for bright."""

    def rash(images):
        bright = judge(images).argmax(1).bool()
        if len(images) == len(asked.held_out.images):
            bright |= torch.arange(len(images)) % 5 == 0
        return torch.stack([~bright, bright], 1).double()

    found = audit(squares(500, 5, 0.0).images, asked, classifier=rash)
    dim, bright = found["values"]["dim"], found["values"]["bright"]
    assert bright["unclipped"] < 0 < 1 < dim["unclipped"]
    assert (bright["samples"], dim["samples"]) == (0, 1)
    for row in (dim, bright):
        assert 0 <= row["low"] <= row["samples"] <= row["high"] <= 1
    assert any("outside 0 % to 100 %" in note for note in found["classifier"]["notes"])


def test_equal_shares_are_another_question():
    reals = question(squares(1500, 1, 0.7), squares(800, 2, 0.7), "label")
    samples = squares(2000, 3, 0.7).images
    assert not audit(samples, reals)["accused"]
    asked = audit(samples, reals, uniform=True)
    assert asked["accused"] and asked["reference"] == "uniform"
    assert asked["values"]["dim"]["reals"] == 0.5


def test_results_survive_json_and_repeat_themselves(asked):
    samples = squares(300, 4).images
    state = torch.get_rng_state()
    first = audit(samples, asked, seed=3)
    assert json.loads(json.dumps(first, allow_nan=False)) == first
    assert audit(samples, asked, seed=3) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert first["samples"] == 300 and first["held_out"] == 800 and first["reals"] == 1500


def test_pictures_that_do_not_look_real_are_told(asked, judge):
    dim, bright = (squares(500, 9, share).images.float() for share in (0.0, 1.0))
    found = audit((0.5 * dim + 0.5 * bright).byte(), asked, classifier=judge)
    assert any("surer of reals" in note for note in found["classifier"]["notes"])


def test_an_attribute_that_no_picture_shows_accuses_nobody(reals):
    train, test = reals
    coin = [torch.arange(len(d)) % 2 for d in reals]
    known = [{"coin": Attribute(c, ("heads", "tails"))} for c in coin]
    blind = [
        Dataset("d", d.images, attributes=k) for d, k in zip((train, test), known, strict=True)
    ]
    try:
        found = audit(squares(1000, 5, 0.9).images, question(*blind, "coin"))
        assert not found["accused"] and any(
            "too little" in n for n in found["classifier"]["notes"]
        )
    except UserError as error:
        assert "sees one value only" in str(error)


def test_without_a_test_set_a_third_is_held_out(reals):
    asked = question(reals[0], None, "side")
    assert (len(asked.train.images), len(asked.held_out.images)) == (1000, 500)


# --------------------------------------------------------------------- a classifier of the samples


def test_a_classifier_learns_a_shortcut_from_samples_and_is_found_out(reals):
    """Where only bright squares stand right, place is learnt in brightness's stead."""
    asked = question(*reals, "side")
    fair, unfair = squares(1500, 6), squares(1500, 6, follows=1.0)
    good = learnt.treated(fair.images, fair.labels, asked)
    bad = learnt.treated(unfair.images, unfair.labels, asked)
    for name in ("demographic_parity_difference", "equalised_odds_difference"):
        assert bad[name]["value"] > 0.3 > 0.15 > good[name]["value"]
        assert bad[name]["low"] <= bad[name]["value"] <= bad[name]["high"]
        assert good[name]["floor"] < 0.15
    assert bad["demographic_parity_ratio"]["value"] < 0.7
    assert good["accuracy"]["value"] > bad["accuracy"]["value"]
    json.dumps([good, bad], allow_nan=False)


# ----------------------------------------------------------------------------- at the command line


def write(dataset, folder, sorted_by=None):
    for i, image in enumerate(dataset.images):
        place = folder
        if sorted_by:
            place = folder / sorted_by.names[sorted_by.values[i]]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).squeeze().numpy()).save(place / f"{i:04}.png")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Reals sorted by class, with a test set, and balanced and unbalanced samples."""
    folder = tmp_path_factory.mktemp("audit")
    for split, count, seed in (("train", 600, 1), ("test", 300, 2)):
        data = squares(count, seed)
        write(data, folder / "reals" / split, data.known["label"])
    write(squares(400, 3), folder / "fair")
    write(squares(400, 3, 0.8), folder / "unfair")
    write(squares(5, 3), folder / "few")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def call(*words, code=0):
    assert main([str(word) for word in ("audit", *words)]) == code


def test_a_folder_is_audited_against_data(place, tmp_path, capsys):
    for name, word in (("fair", "not accused"), ("unfair", "accused")):
        out = tmp_path / "deep" / f"{name}.png"
        call(place / name, "--against", place / "reals", "--attribute", "label", "--out", out)
        text = capsys.readouterr().out
        assert f"\n{word}: the shares of label" in text and "bright" in text
        with Image.open(out) as picture:
            assert picture.size[0] > 300
    words = (place / "unfair", "--against", place / "reals", "--json", "-n", 300)
    call(*words, "--out", tmp_path / "a.png")
    found = json.loads(capsys.readouterr().out)
    assert found["accused"] and found["samples"] == 300 and found["learnt"] is None
    assert ABOUT <= found["about"].keys() and found["about"]["samples"] == 300
    assert len(found["about"]["network_sha256"]) == 64


def test_a_run_is_audited_against_its_data(place, tmp_path, capsys):
    run = tmp_path / "run"
    words = f"--data {place / 'reals'} --size 16 --width 2 --latents 8 --images 64 --measure 0"
    assert main(["train", "dcgan", *words.split(), "--out", str(run)]) == 0
    call(run, "--attribute", "label", "-n", 200, "--json", "--out", tmp_path / "a.png")
    text = capsys.readouterr().out
    assert json.loads(text[text.index("{\n") :])["values"].keys() == {"bright", "dim"}


MISTAKES = {
    "no data": (("FAIR",), "--against"),
    "an unknown attribute": (("FAIR", "--against", "DATA", "--attribute", "labl"), "did you mean"),
    "data that know nothing": (("FAIR", "--against", "FAIR"), "neither"),
    "points": (("FAIR", "--against", "ring8"), "points"),
    "few samples": (("FEW", "--against", "DATA"), "at least 100 samples, got 5"),
    "few reals": (("FAIR", "--against", "FEW"), "neither"),
    "n": (("FAIR", "--against", "DATA", "-n", 3), "-n of 100"),
    "alpha": (("FAIR", "--against", "DATA", "--alpha", 2), "--alpha between"),
    "nan": (("FAIR", "--against", "DATA", "--alpha", "nan"), "expected a value of type float"),
    "out": (("FAIR", "--against", "DATA", "--out", "a.jpg"), ".png"),
    "nothing there": (("nowhere", "--against", "DATA"), "expected a data set"),
}


@pytest.mark.parametrize("words, hint", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_one_line(words, hint, place, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    there = {"FAIR": place / "fair", "DATA": place / "reals", "FEW": place / "few"}
    call(*(there.get(word, word) for word in words), code=2)
    told = [x for x in capsys.readouterr().err.splitlines() if x.startswith("cardigan: error")]
    assert len(told) == 1 and hint in told[0]
    assert not list(tmp_path.glob("*.png"))


def test_avatars_are_audited(tmp_path, monkeypatch, capsys):
    """A folder of faces, by expression, of whom 70 in 100 wear glasses; the data: half."""
    pytest.importorskip("dicebear")
    monkeypatch.setattr(avatars, "COUNTS", {"train": 700, "test": 300})
    samples = avatars.draw(400, 16, 1000, {"glasses": (0.3, 0.7)})
    write(samples, tmp_path / "faces", samples.known["mouth"])
    words = ("--against", "avatars", "--attribute", "glasses", "--json")
    call(tmp_path / "faces", *words, "--out", tmp_path / "audit.png")
    found = json.loads(capsys.readouterr().out)
    assert found["accused"] and found["values"]["with"]["samples"] == pytest.approx(0.7, abs=0.1)
    assert found["learnt"]["learnt_from"] == 400
    assert found["learnt"].keys() >= {"accuracy", "equalised_odds_difference", "groups"}


def test_classes_that_the_data_do_not_have_train_nothing(place, tmp_path, reals):
    from cardigan.commands.audit import _learnt
    from cardigan.subjects import Samples

    asked, drawn = question(*reals, "side"), squares(200, 7)
    found = SimpleNamespace(classes=("cat", "dog"))
    notes: list[str] = []
    assert _learnt(found, Samples(drawn.images, drawn.labels), asked, 0, notes) is None
    assert "no classifier was trained" in notes[0] and "'cat'" in notes[0]


def test_the_shares_of_the_catalogues_avatars_are_even():
    law = {name: 1 / len(trait) for name, trait in avatars.TRAITS.items()}
    for split in avatars.SEEDS:
        drawn = avatars.faces(2_000, avatars.SEEDS[split])
        for name, share in law.items():
            counts = torch.tensor([f.values[name] for f in drawn]).bincount() / 2_000
            assert (counts - share).abs().max() < 5 * (share / 2_000) ** 0.5
    assert catalogue.facts("avatars").count == avatars.COUNTS["train"]
