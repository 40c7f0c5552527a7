"""Runs that classify: what evaluation tells and draws, also without a generator."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from process_tools import cardigan, done, offline, one_line

from cardigan import prediction_picture
from cardigan.commands.evaluate import measured
from cardigan.data import catalogue
from cardigan.data.stream import as_floats
from cardigan.run import Run

TINY = ("--images=16", "--training.batch=8", "--width=2", "--measure=0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two runs: one with a generator, one without."""
    folder = tmp_path_factory.mktemp("classifying")
    for name in ("sgan", "classifier"):
        done("train", name, *TINY, "--out", folder / name, folder=folder / "c", setup=offline)
    return folder


def test_accuracy_is_measured_and_noted(folder):
    run = Run(folder / "classifier")
    test = catalogue.load("fashion-mnist-mini", "test")
    told = run.load().classify(as_floats(test.images)).argmax(1)  # pyright: ignore
    right = (told == test.labels).double().mean().item()

    results = measured(str(run.path), "", [], 2000, 0, False, "", "cpu")
    assert results["test_accuracy"]["value"] == pytest.approx(right)
    assert {*results} == {"seen", "test_accuracy", "about"}
    last = json.loads((run.path / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["test_accuracy"]["value"] == pytest.approx(right)

    picture = run.path / "predictions.png"
    assert str(picture) in results["about"]["notes"][-1]
    with Image.open(picture) as image:
        assert image.width > 800 and image.mode == "RGB"
    page = (run.path / "report.html").read_text()
    assert "Predictions" in page and "Test accuracy" in page


def test_a_game_with_a_generator_is_measured_by_its_samples_as_well(folder):
    results = measured(str(folder / "sgan"), "", ["fid", "test_accuracy"], 50, 0, False, "", "cpu")
    assert {"frechet_distance", "test_accuracy"} <= results.keys()
    assert [*(folder / "sgan" / "pictures").iterdir()]


@pytest.mark.parametrize("command", (["sample"], ["neighbours"]))
def test_without_a_generator_nothing_can_be_drawn(command, folder, tmp_path):
    run = folder / "classifier"
    assert not (run / "pictures").exists()
    error = one_line(cardigan(*command, run, folder=tmp_path / "c", setup=offline))
    assert "no generator" in error


def test_wrong_predictions_are_framed():
    images = torch.zeros(9, 1, 8, 8, dtype=torch.uint8)
    truth = torch.zeros(9, dtype=torch.int64)
    right = prediction_picture.draw(images, truth, truth, ("cat", "dog"))
    told = truth.clone()
    told[3] = 1
    wrong = prediction_picture.draw(images, truth, told, ("cat", "dog"))
    assert right.size == wrong.size and right.tobytes() != wrong.tobytes()
    red = (180, 67, 47)
    colours = [{c for _, c in p.getcolors(2**20)} for p in (right, wrong)]  # pyright: ignore
    assert red not in colours[0] and red in colours[1]
