"""All figures together: samples of known faults beside their floor, and the command."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from small import ABOUT

from benchmarks import planted_faults
from cardigan import comparison
from cardigan.__main__ import main
from cardigan.commands.compare import compare
from cardigan.commands.evaluate import evaluate
from cardigan.data import catalogue
from cardigan.data.dataset import Dataset
from cardigan.errors import UserError
from cardigan.metrics import figures, readings
from cardigan.metrics.accuracy import LearntAccuracy
from cardigan.metrics.measure import chosen, measure
from cardigan.metrics.modes import placed
from cardigan.recipes import RECIPES
from cardigan.run import Run
from cardigan.subjects import Subject

torch.set_num_threads(1)
N = 400


def part(dataset, start, count):
    """A slice; the embedded sets are sorted or not, so they are spread out first."""
    index = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    index = index[start : start + count]
    return replace(dataset, images=dataset.images[index], labels=dataset.labels[index])


TRAIN = part(catalogue.load("fashion-mnist-mini"), 0, 2000)
TEST = part(catalogue.load("fashion-mnist-mini", "test"), 0, N)
OTHERS = part(catalogue.load("fashion-mnist-mini", "test"), N, N)


def noisy(x, by=40):
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)) * by
    return (x.float() + noise).clamp(0, 255).byte()


def test_held_out_reals_are_as_good_as_the_floor():
    found = measure(OTHERS.images, TRAIN, TEST)
    distance, kernel = found["frechet_distance"], found["kernel_distance"]
    assert 0.4 < distance["value"] / distance["floor"] < 2.5
    assert abs(kernel["value"]) < 0.003 and abs(kernel["floor"]) < 0.003
    assert found["classifier_score"]["value"] == pytest.approx(
        found["classifier_score"]["floor"], rel=0.1
    )
    assert found["class_histogram"]["value"] < 0.05


FAULTS = {
    "noise": (noisy(OTHERS.images), "frechet_distance", 10),
    "noise, by kernel": (noisy(OTHERS.images), "kernel_distance", 10),
    "blur": (
        torch.nn.functional.avg_pool2d(OTHERS.images.float(), 3, 1, 1).byte(),
        "frechet_distance",
        5,
    ),
    "half of the classes": (
        OTHERS.images[OTHERS.labels < 5].repeat(3, 1, 1, 1)[:N],
        "class_histogram",
        10,
    ),
    "one picture": (OTHERS.images[:1].expand(N, -1, -1, -1), "frechet_distance", 20),
}


@pytest.mark.parametrize(("samples", "name", "times"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_stands_far_above_the_floor(samples, name, times):
    found = measure(samples, TRAIN, TEST, figures=chosen(TRAIN, [name]))[name]
    assert found["value"] > times * abs(found["floor"])


def test_unclear_samples_score_far_below_reals():
    found = measure(noisy(OTHERS.images), TRAIN, TEST, figures=chosen(TRAIN, ["classifier_score"]))
    assert found["classifier_score"]["value"] < 0.6 * found["classifier_score"]["floor"]


def test_results_survive_json_and_say_what_they_depend_on():
    found = measure(TEST.images, TRAIN, OTHERS, seed=7)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    about = found["about"]
    assert all(about[name] is not None for name in ABOUT)
    assert about["samples"] == about["reals"] == N and about["seed"] == 7
    assert about["network"] == "fashion_classifier" and len(about["network_sha256"]) == 64
    assert about["torch"] == torch.__version__ and about["data"] == TRAIN.name
    assert about["notes"] == [
        "400 samples are few for frechet_distance: trust it from 2,000 on",
        "400 samples are few for precision, recall, density, coverage: trust them from 1,000 on",
        "400 samples are few for classifier_score, class_histogram: trust them from 500 on",
    ]
    assert sum(found["class_histogram"]["shares"].values()) == pytest.approx(1)


def test_results_follow_their_seed_and_nothing_else():
    few = OTHERS.images[:100]
    first = measure(few, TRAIN, TEST, seed=1)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert measure(few, TRAIN, TEST, seed=1) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert measure(few, TRAIN, TEST, seed=2)["frechet_distance"] != first["frechet_distance"]


def test_counts_are_made_equal_and_the_cut_is_told():
    found = measure(OTHERS.images, TRAIN, part(TEST, 0, 100))["about"]
    assert found["samples"] == found["reals"] == 100
    assert any("100 of 400 samples" in note for note in found["notes"])


def test_data_without_a_test_set_are_halved():
    found = measure(OTHERS.images, part(TRAIN, 0, 300))
    assert found["about"]["reals"] == 150
    assert any("two halves" in note for note in found["about"]["notes"])
    distance = found["frechet_distance"]
    assert 0.4 < distance["value"] / distance["floor"] < 2.5


def test_other_pictures_get_distances_and_a_note():
    foreign = replace(TRAIN, classes=("a", "b"))
    found = measure(OTHERS.images, foreign, TEST)
    overlap = {"precision", "recall", "density", "coverage"}
    assert set(found) == {"frechet_distance", "kernel_distance", "about"} | overlap
    assert any("stand in" in note for note in found["about"]["notes"])


@pytest.mark.parametrize(("toy", "modes"), [("ring8", 8), ("grid25", 25)])
def test_points_of_a_toy_cover_its_modes(toy, modes):
    dataset = catalogue.load(toy)
    results = measure(dataset.images[:2500], dataset)
    assert ABOUT <= results["about"].keys() and results["about"]["network"] is None
    found = results["mode_coverage"]
    assert found["value"] == found["floor"] == found["modes"] == modes
    assert found["high_quality"] == pytest.approx(0.98889, abs=0.007)
    assert found["high_quality_floor"] == pytest.approx(0.98889, abs=0.007)
    assert found["kl"] < 3 * (modes - 1) / 5000
    assert found["low"] <= found["value"] <= found["high"]


def test_toys_that_find_unlike_numbers_of_modes_are_told_apart():
    ring = catalogue.load("ring8")
    assert ring.modes is not None
    found = placed(ring.images, ring.modes)
    kept = {"all": found >= 0, "half": (found >= 0) & (found < 4)}
    told = {name: measure(ring.images[some][:1000], ring) for name, some in kept.items()}
    pairs = comparison.compared(told)["mode_coverage"]["pairs"]
    assert [pair["better"] for pair in pairs] == ["all"]


def test_figures_that_need_more_samples_are_left_out_and_that_is_told():
    found = measure(OTHERS.images[:4], TRAIN, TEST)
    assert {"precision", "recall"} <= found.keys() and not {"density", "coverage"} & found.keys()
    assert any("too few for density (at least 6), coverage" in n for n in found["about"]["notes"])


MISTAKES = {
    "far too few": (
        lambda: measure(TEST.images[:4], TRAIN, TEST, figures=chosen(TRAIN, ["density"])),
        "more samples and reals for density .at least 6., got 4",
    ),
    "too few": (lambda: measure(TEST.images[:1], TRAIN, TEST), "at least 2 samples"),
    "points": (lambda: measure(torch.zeros(50, 2), TRAIN, TEST), "compare pictures with"),
    "one class": (
        lambda: measure(
            TEST.images,
            TRAIN,
            TEST,
            figures=chosen(TRAIN, ["cas"]),
            labels=torch.zeros(len(TEST), dtype=torch.int64),
        ),
        "expected two classes or more to learn, got one: leave classification_accuracy out",
    ),
    "misspelt": (lambda: chosen(TRAIN, ["frechet_distence"]), "did you mean frechet_distance"),
    "not for pictures": (lambda: chosen(TRAIN, ["mode_coverage"]), "got mode_coverage"),
    "no modes": (lambda: chosen(Dataset("dots", torch.zeros(9, 2)), ["kid"]), "out of none"),
    "no --against": (lambda: evaluate("some/folder"), "--against"),
    "no samples": (lambda: evaluate("some/folder", n=1), "-n of 2"),
}


@pytest.mark.parametrize(("mistake", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(mistake, words):
    with pytest.raises(UserError, match=words) as told:
        mistake()
    assert "\n" not in str(told.value)


@pytest.fixture
def folder(tmp_path):
    for i, image in enumerate(OTHERS.images[:60, 0]):
        Image.fromarray(image.numpy()).save(tmp_path / f"{i}.png")
    return tmp_path


def test_a_folder_of_images_is_measured_against_data(folder, capsys):
    evaluate(str(folder), "fashion-mnist-mini", ["fid", "class_histogram"], n=50, json=True)
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"frechet_distance", "class_histogram", "about"}
    assert found["about"]["samples"] == 50
    assert 0.3 < found["frechet_distance"]["value"] / found["frechet_distance"]["floor"] < 3


@pytest.fixture(scope="module")
def classed(tmp_path_factory):
    """Data of three classes, samples of two of them, and samples of what is none of them."""
    place = tmp_path_factory.mktemp("classed")
    called = {"a-trouser": 1, "b-sandal": 5, "c-bag": 8}
    kinds = {"data": [*called], "lost": ["b-sandal", "c-bag"], "else": ["c-bag", "d-boot"]}
    for kind, names in kinds.items():
        for name in names:
            (place / kind / name).mkdir(parents=True)
            shown = TRAIN.images[TRAIN.labels == called.get(name, 9)]
            for i, image in enumerate(shown[:40] if kind == "data" else shown[40:60]):
                Image.fromarray(image[0].numpy()).save(place / kind / name / f"{i:02}.png")
    return {kind: str(place / kind) for kind in kinds}


def test_classes_of_folders_are_told_by_their_names(classed, capsys):
    evaluate(classed["lost"], classed["data"], ["fid"], by_class=True, json=True)
    found = json.loads(capsys.readouterr().out)["classes"]
    assert found["a-trouser"] == {"samples": 0}
    for name in ("b-sandal", "c-bag"):
        distance = found[name]["frechet_distance"]
        assert found[name]["samples"] >= 8 and distance["value"] < 4 * distance["floor"]


def test_what_learns_from_samples_learns_the_names_of_the_data(classed, tmp_path, monkeypatch):
    learnt = []

    def accuracy(train, test, seeds=()):
        if not seeds:  # those with seeds are of a part, and tell the interval
            learnt.append(train.labels.bincount(minlength=3).tolist())
        return LearntAccuracy(1.0, 0.0, None, {0: 1.0}, (1.0, 1.0))

    monkeypatch.setattr(readings, "learnt_accuracy", accuracy)
    evaluate(classed["lost"], classed["data"], ["cas"], json=True)
    page = str(tmp_path / "page.html")
    compare([classed["lost"], classed["data"]], classed["data"], ["cas"], out=page)
    assert len(learnt) == 6  # of samples and of reals, each time
    assert learnt[0][0] == learnt[2][0] == 0 and min(learnt[0][1:]) > 10 and min(learnt[1]) > 0


def test_a_class_that_the_data_do_not_have_is_refused_where_it_matters(classed, capsys):
    words = "expected classes out of a-trouser, b-sandal, c-bag, got 'd-boot'"
    for more in ({"metrics": ["cas"]}, {"metrics": ["fid"], "by_class": True}):
        with pytest.raises(UserError, match=words):
            evaluate(classed["else"], classed["data"], **more)
    evaluate(classed["else"], classed["data"], ["fid"])
    assert "frechet_distance" in capsys.readouterr().out


def test_a_run_names_its_classes_as_what_it_was_trained_on(classed):
    def names(data, classes):
        recipe = replace(RECIPES["cgan"], data=data, classes=classes)
        return Subject("run", SimpleNamespace(recipe=recipe)).classes

    assert names("fashion-mnist-mini", 10) == TRAIN.classes
    assert names(classed["data"], 3) == ("a-trouser", "b-sandal", "c-bag")
    assert names("a/folder/that/is/gone", 3) == ("0", "1", "2")


def test_pictures_that_were_enlarged_are_told(tmp_path, capsys):
    for i, image in enumerate(OTHERS.images[:60, 0, :5, :5]):
        Image.fromarray(image.numpy()).save(tmp_path / f"{i}.png")
    words = ["ms_ssim", "swd", "kid"]
    evaluate(str(tmp_path), "fashion-mnist-mini", words, n=50, json=True)
    notes = json.loads(capsys.readouterr().out)["about"]["notes"]
    told = "are smaller than 16 pixels, and were enlarged"
    assert any(
        note.startswith(f"60 pictures of {tmp_path.name}") and told in note for note in notes
    )
    assert any("from 1x28x28 to the shape of the samples, 1x16x16" in note for note in notes)


def test_pictures_of_their_own_size_need_no_note(folder, capsys):
    evaluate(str(folder), "fashion-mnist-mini", ["kid"], n=50, json=True)
    notes = json.loads(capsys.readouterr().out)["about"]["notes"]
    assert not [note for note in notes if "enlarged" in note or "brought" in note]


@pytest.fixture(scope="module", params=["gan", "ring-gan"])
def run(request, tmp_path_factory):
    """A run that has hardly begun, and what there is to measure of it."""
    path = tmp_path_factory.mktemp("runs") / request.param
    words = "--training.images 256 --training.device cpu --measure 0 --out"
    assert main(["train", request.param, *words.split(), str(path)]) == 0
    names = {"gan": ["frechet_distance", "classifier_score"], "ring-gan": ["mode_coverage"]}
    return Run(path), names[request.param]


def test_a_run_is_sampled_measured_and_told(run, capsys):
    run, names = run
    capsys.readouterr()
    evaluate(str(run.path), metrics=names, n=300, device="cpu")
    table = capsys.readouterr().out
    assert all(name in table for name in names) and "floor" in table
    evaluate(str(run.newest()), metrics=names, n=300, device="cpu", json=True)
    told = json.loads(capsys.readouterr().out)
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert rows[-2:] == [told, told], "the run and its newest checkpoint are one, to the bit"
    assert told["seen"] == run.load().seen and told["about"]["samples"] == 300
    assert set(told) == {"seen", "about", *names}


def test_faults_are_planted_for_every_measure_that_looks_at_samples():
    """A new measure of pictures has its column; stacked digits are data of their own."""
    assert {*figures.ANY_IMAGES, *figures.CLASSES, *figures.LABELLED} <= {*planted_faults.NAMES}


def test_faults_are_planted_in_images_that_no_real_shares():
    real = planted_faults.material("fashion-mnist-mini", 20, 0)
    assert real.n == 20 and len(real.train) == len(real.held_out) == len(real.fresh) == 100
    assert real.held_out.fingerprint != real.fresh.fingerprint
    whole = torch.cat([part.images.flatten(1) for part in (real.train, real.held_out, real.fresh)])
    assert len(whole.unique(dim=0)) == 300
    for name, fault in planted_faults.FAULTS.items():
        images, labels = fault(real)
        assert images.dtype == torch.uint8 and images.shape[1:] == (1, 28, 28)
        assert len(images) == len(labels) > 2, name
    assert torch.equal(planted_faults.memorised(real).images, real.train.images[:20])
    assert set(real.of([0, 1]).labels.tolist()) == {0, 1}
