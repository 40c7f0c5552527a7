"""`cardigan neighbours`: copies are called so, nobody else is, and the picture shows why."""

import json

import pytest
import torch
from PIL import Image
from small import ABOUT

from cardigan.__main__ import main
from cardigan.commands.neighbours import neighbours
from cardigan.data import catalogue
from cardigan.errors import UserError
from cardigan.metrics import looking
from cardigan.metrics.features import fashion_classifier
from cardigan.neighbourhood import LARGEST, look, pixels, suspects
from cardigan.pictures import grid
from cardigan.run import Run
from cardigan.subjects import Reals

ORDER = torch.randperm(2000, generator=torch.Generator().manual_seed(0))
CLOTHES = catalogue.load("fashion-mnist-mini", "test").images[ORDER]
TRAIN, TEST, OTHERS = CLOTHES[:60], CLOTHES[60:120], CLOTHES[120:160]
FIGURES = {"distance", "authenticity", "nearer_than_reals", "c_t", "nearest_is_trained_on"}


def written(images, folder):
    folder.mkdir(parents=True)
    for i, image in enumerate(images):
        grid(image[None], gap=0, scale=1).save(folder / f"{i:04}.png")
    return str(folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Data with held-out images, the same without, copies, and images that are none."""
    place = tmp_path_factory.mktemp("place")
    written(TRAIN, place / "data" / "train")
    written(TEST, place / "data" / "test")
    written(TRAIN, place / "alone")
    written(TRAIN[:40], place / "copies")
    written(OTHERS, place / "others")
    return place


def asked(place, capsys, run="copies", against="data", **options):
    out = str(place / "picture.png")
    neighbours(str(place / run), str(place / against), out=out, json=True, **options)
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("run", "copier"), [("copies", True), ("others", False)])
def test_copies_are_called_so_and_nobody_else_is(run, copier, place, capsys):
    found = asked(place, capsys, run)
    assert found["copier"] is copier and (found["p"] <= found["false_alarm"]) is copier
    assert found["about"]["samples"] == 40
    assert found["about"]["train"] == found["about"]["held_out"] == 60
    assert all(found["about"][name] is not None for name in ABOUT)
    for space in found["spaces"].values():
        assert set(space) == FIGURES
        assert space["nearest_is_trained_on"]["expected"] == 0.5
        assert (space["distance"]["value"] == 0) is copier
        assert (space["authenticity"]["value"] == 0) is copier
        assert space["authenticity"]["held_out"] > 0.3
        assert (space["nearer_than_reals"]["value"] == 1) is copier
    assert found["duplicates"] == {"pairs": 0, "support": None}


def test_it_is_told_in_plain_words(place, capsys):
    for run, words in (("copies", "a copier: samples lie nearer"), ("others", "no copying was")):
        neighbours(str(place / run), str(place / "data"), out=str(place / "said.png"))
        told = capsys.readouterr().out
        assert words in told and ("100% were copies" in told) is (run == "copies")
        assert told.splitlines()[-1] == f"picture  {place / 'said.png'}"
        assert "authentic" in told and "C_T" in told


def test_the_answer_follows_its_seed_and_nothing_else(place, capsys):
    first = asked(place, capsys, "others", n=30, seed=1)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert asked(place, capsys, "others", n=30, seed=1) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert asked(place, capsys, "others", n=30, seed=2)["spaces"] != first["spaces"]


def test_what_was_seen_of_reals_is_remembered(place, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    looked, seen = [], looking.look
    monkeypatch.setattr(looking, "look", lambda *args: looked.append(len(args[0])) or seen(*args))
    first, again = (asked(place, capsys, "others") for _ in range(2))
    assert looked == [60, 60], "training images and held-out ones, once"
    assert again == first


def test_without_held_out_images_nothing_can_be_told(place, capsys):
    """The half of the data that a split would hold back has been trained on."""
    found = asked(place, capsys, against="alone")
    assert found["copier"] is None and found["p"] is None and found["about"]["held_out"] == 0
    assert all(set(s) == {"distance", "authenticity"} for s in found["spaces"].values())
    assert all(f["held_out"] is None for s in found["spaces"].values() for f in s.values())
    neighbours(str(place / "copies"), str(place / "alone"), out=str(place / "a.png"))
    line = [w for w in capsys.readouterr().out.splitlines() if "cannot be told" in w]
    assert len(line) == 1 and "holds no images back" in line[0]


def test_too_few_are_not_judged(place, capsys):
    found = asked(place, capsys, n=3, rows=5)
    assert found["copier"] is None and found["p"] > found["false_alarm"]
    assert found["spaces"]["pixels"]["c_t"] == {"value": None, "held_out": None}
    neighbours(str(place / "copies"), str(place / "data"), n=3, out=str(place / "few.png"))
    assert "too few samples" in capsys.readouterr().out


def test_a_generator_of_few_pictures_repeats_itself(tmp_path, place, capsys):
    written(OTHERS[:4].repeat(8, 1, 1, 1), tmp_path / "few")
    neighbours(str(tmp_path / "few"), str(place / "data"), out=str(tmp_path / "a.png"), json=True)
    found = json.loads(capsys.readouterr().out)
    assert not found["copier"]
    assert found["duplicates"]["pairs"] == 4 * 28
    assert found["duplicates"]["support"] == pytest.approx(32 * 31 / (2 * 112))


def test_the_picture_has_a_row_a_sample_and_grows_with_them(place, capsys):
    heights = []
    for rows in (1, 8):
        asked(place, capsys, rows=rows)
        with Image.open(place / "picture.png") as image:
            assert image.mode == "RGB" and image.width > 800
            heights.append(image.height)
    assert heights[1] > 4 * heights[0]


def test_what_stands_out_most_comes_first():
    data = catalogue.load("fashion-mnist-mini", "test")
    reals = Reals(*(type(data)("", x) for x in (TRAIN, TEST)))
    samples = torch.cat([OTHERS[:20], TRAIN[7:10], OTHERS[20:]])
    found = look(samples, reals, fashion_classifier())
    assert suspects(found)[:3].tolist() == [20, 21, 22]
    assert found.spaces["pixels"].nearest_train.indices[20:23, 0].tolist() == [7, 8, 9]


@pytest.mark.parametrize(("size", "channels"), [(16, 3), (80, 1)])
def test_other_shapes(size, channels, tmp_path, capsys):
    shaped = torch.nn.functional.interpolate(CLOTHES[:120].float(), size).byte()
    shaped = shaped.expand(-1, channels, -1, -1).clone()
    shaped[:, 0, 0, 0] = 7  # or Pillow would find that nothing is coloured
    written(shaped[:40], tmp_path / "data" / "train")
    written(shaped[40:80], tmp_path / "data" / "test")
    written(shaped[:40], tmp_path / "copies")
    words = [str(tmp_path / "copies"), "--against", str(tmp_path / "data")]
    out = str(tmp_path / "deep" / "er.png")
    assert main(["neighbours", *words, "--json", "--out", out]) == 0
    assert json.loads(capsys.readouterr().out)["copier"] is True
    with Image.open(out) as image:
        assert image.width > 500


def test_pixels_of_large_pictures_are_those_of_smaller_ones():
    images = CLOTHES[:4].repeat_interleave(5, 2).repeat_interleave(10, 3)
    assert pixels(images).shape == (4, LARGEST * LARGEST) and pixels(images).dtype == torch.uint8
    assert torch.equal(pixels(CLOTHES[:4]), CLOTHES[:4].flatten(1))


@pytest.fixture(scope="module")
def run(place, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "gan"
    words = "--images 128 --training.device cpu --measure 0 --data".split()
    assert main(["train", "gan", *words, str(place / "data"), "--out", str(path)]) == 0
    return Run(path)


def test_a_run_keeps_its_picture(run, capsys):
    capsys.readouterr()
    neighbours(str(run.path), n=40, json=True, device="cpu")
    found = json.loads(capsys.readouterr().out)
    assert found["about"]["seen"] == run.load().seen and not found["copier"]
    assert found["about"]["picture"] == str(run.path / "neighbours.png")
    assert (run.path / "neighbours.png").exists()
    neighbours(str(run.newest()), n=40, json=True, device="cpu")
    assert json.loads(capsys.readouterr().out) == found


MISTAKES = {
    "one sample": (["others", "--against", "data", "-n", "1"], "-n of 2"),
    "no rows": (["others", "--against", "data", "--rows", "0"], "--rows of 1"),
    "no picture": (["others", "--against", "data", "--out", "a.txt"], "to be a .png"),
    "no --against": (["others"], "--against"),
    "no data": (["others", "--against", "nothing"], "expected a data set"),
    "points": (["others", "--against", "ring8"], "points"),
    "one image": (["one", "--against", "data"], "at least 2 samples"),
    "one training image": (["others", "--against", "one"], "at least 2 training images"),
    "a network": (["others", "--against", "data", "--features", "clothes"], "feature network"),
}


@pytest.mark.parametrize(("words", "hint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(words, hint, place, capsys, monkeypatch):
    if not (place / "one").exists():
        written(OTHERS[:1], place / "one")
    monkeypatch.chdir(place)
    assert main(["neighbours", *words]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("cardigan: error: ") and hint in told
    assert not (place / "neighbours.png").exists()


def test_samples_of_another_shape_are_refused(run):
    with pytest.raises(UserError, match="points"):
        neighbours(str(run.path), against="grid25", n=10)
