"""Curves over the truncation: what changes along them, what stays, and what a user may ask for."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from cardigan import curve_picture, subjects
from cardigan.__main__ import main
from cardigan.commands import curve as command
from cardigan.commands.curve import VARIED, Varied, curve
from cardigan.data import catalogue
from cardigan.errors import UserError
from cardigan.metrics.measure import chosen, measure
from cardigan.recipe import to_json
from cardigan.recipes import RECIPES
from cardigan.subjects import Reals, Samples, Subject

N = 200
TINY = "--size=16 --width=2 --latents=8 --training.batch=4 --images=8 --measure=0"
FIGURES = ("precision", "recall", "frechet_distance")


def part(split, start, count):
    dataset = catalogue.load("fashion-mnist-mini", split)
    index = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    index = index[start : start + count]
    return replace(dataset, images=dataset.images[index], labels=dataset.labels[index])


def shrunk(subject, n, seed, truncation):
    """A generator whose truth is known: real pictures, each moved towards the mean of all."""
    images = subject.images.images[:n].float()
    mean = images.mean(0)
    return Samples((mean + truncation * (images - mean)).round().byte())


class Known(Subject):
    """Somebody's pictures, with the reals at hand."""

    def reals(self, against=""):
        return Reals(part("train", 0, N), part("test", N, N))


def test_less_variety_costs_recall_and_none_is_as_good_as_reals():
    known = Known("known", images=part("test", 0, N))
    values = [0.3, 0.65, 1.0]
    varied = Varied(0, 1, shrunk)
    found, shots = command.measured(known, "truncation", varied, values, N, 0, "", "", "cpu")
    recall, distance = (
        [point[name]["value"] for point in found["points"]] for name in FIGURES[1:]
    )
    assert recall[0] < recall[1] < recall[2] and distance[0] > distance[1] > distance[2]
    last = found["points"][-1]
    assert recall[2] == pytest.approx(last["recall"]["floor"], abs=0.1)
    assert distance[2] < 2.5 * last["frechet_distance"]["floor"]
    assert [point["truncation"] for point in found["points"]] == values
    assert torch.equal(shots[-1], known.images.images[: command.ROWS]), "the same at each"
    for point in found["points"]:
        assert all(point[k]["low"] <= point[k]["value"] <= point[k]["high"] for k in FIGURES)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "dcgan"
    words = ["train", "dcgan", *TINY.split(), "--training.device=cpu", "--out", str(path)]
    assert main(words) == 0
    return path


def test_a_run_is_plotted_and_told(run, tmp_path, capsys):
    out = tmp_path / "deep" / "curve.png"
    capsys.readouterr()
    curve(str(run), "truncation", [1.0, 0.5], n=50, seed=3, json=True, out=str(out), device="cpu")
    found = json.loads(capsys.readouterr().out)
    assert found["what"] == "truncation" and found["seen"] == 8
    assert [point["truncation"] for point in found["points"]] == [0.5, 1.0], "in order"
    subject = subjects.subject(str(run), "cpu")
    reals = subject.reals()
    alone = measure(subject.draw(50, 3).images, *reals, 3, chosen(reals.train, FIGURES))
    last = found["points"][-1]
    assert {k: last[k] for k in FIGURES} == json.loads(json.dumps({k: alone[k] for k in FIGURES}))
    with Image.open(out) as image:
        assert image.width == 1800 and not image.info
    curve(str(run), "truncation", steps=2, n=50, out=str(out), device="cpu")
    table = capsys.readouterr().out
    assert all(name in table for name in (*FIGURES, "floor", str(out)))


def figure(value, floor=0.5, reach=0.1):
    return {"value": value, "floor": floor, "low": value - reach, "high": value + reach}


@pytest.mark.parametrize(("count", "channels"), [(2, 1), (30, 3)])
def test_a_picture_holds_whatever_comes(count, channels):
    """Many values, an odd name, and what is not known."""
    values = np.linspace(0, 1, count).tolist()
    points = [{"truncation": t} | {name: figure(t) for name in FIGURES} for t in values]
    points[0]["recall"] = {"value": 0.0, "floor": None, "low": None, "high": None}
    results = {
        "run": "runs/$a_{b\x1b$",
        "what": "truncation",
        "points": points,
        "about": {"samples": 9, "reals": 9, "data": "$x$"},
    }
    shots = [torch.full((3, channels, 8, 8), 40 + 7 * i).byte() for i in range(count)]
    image = curve_picture.draw(results, shots)
    pixels = np.asarray(image)
    shown = [40 + 7 * i for i in range(count)]
    found = [g for g in shown if (pixels == g).all(2).sum() > 500]
    assert found[0] == shown[0] and found[-1] == shown[-1], "the first and the last are shown"
    assert len(found) == min(count, curve_picture.COLUMNS)


MISTAKES = {
    "misspelt": (("truncaton",), {}, "did you mean truncation"),
    "unknown": (("xyz",), {}, "what to vary .truncation., got 'xyz'"),
    "too great": (("truncation", [0.5, 1.5]), {}, "from 0 to 1, got 0.5, 1.5"),
    "not a number": (("truncation", [0.5, float("nan")]), {}, "from 0 to 1"),
    "one value": (("truncation", [0.5, 0.5]), {}, "two or more --values"),
    "one step": (("truncation",), {"steps": 1}, "--steps from 2"),
    "no picture": (("truncation",), {"out": "curve.svg"}, ".png"),
    "no samples": (("truncation",), {"n": 1}, "-n of 2"),
}


@pytest.mark.parametrize(("words", "options", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(run, words, options, says, tmp_path):
    options = {"out": str(tmp_path / "curve.png"), "device": "cpu"} | options
    with pytest.raises(UserError, match=says) as mistake:
        curve(str(run), *words, **options)
    assert "\n" not in str(mistake.value) and not (tmp_path / "curve.png").exists()


def test_points_have_no_curve(tmp_path):
    recipe = RECIPES["ring-gan"].fitted()
    (tmp_path / "recipe.json").write_text(to_json("ring-gan", recipe, "0"))
    with pytest.raises(UserError, match="pictures.*ring-gan draws points"):
        curve(str(tmp_path), "truncation", device="cpu")


def test_what_changes_nothing_has_no_curve(run, monkeypatch):
    deaf = Varied(0, 1, lambda subject, n, seed, _: subject.draw(n, seed))
    monkeypatch.setitem(VARIED, "truncation", deaf)
    with pytest.raises(UserError, match="draws the same at 0.125 and 1"):
        curve(str(run), "truncation", device="cpu")


def test_a_folder_is_no_run(tmp_path):
    with pytest.raises(UserError, match="not a run"):
        curve(str(tmp_path), "truncation", device="cpu")
