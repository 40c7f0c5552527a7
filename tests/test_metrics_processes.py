"""Measures do not depend on how many processes share the work."""

import json

import pytest
import torch
from distributed_tools import Ranks, each
from process_tools import plain
from small import start

from cardigan import distributed
from cardigan.data import catalogue
from cardigan.metrics.measure import chosen, measure
from cardigan.subjects import draw

TRAIN = catalogue.load("fashion-mnist-mini", "test")
NAMES = ("fid", "kid", "precision", "recall", "density", "coverage", "classifier_score")
WORLDS = (1, 2, 4)


def test_rows_come_together_in_the_order_of_one(tmp_path):
    whole = torch.arange(22).view(11, 2)

    def work():
        mine = whole[distributed.rank() :: distributed.world()]
        assert torch.equal(distributed.interleaved(mine, 11), whole)
        assert distributed.all_true(True, torch.device("cpu"))
        first = distributed.rank() == 0
        assert distributed.all_true(first, torch.device("cpu")) == (distributed.world() == 1)

    for world in (1, 2, 3):
        each(world, tmp_path / f"{world}", work)


def test_samples_are_those_of_one_process(tmp_path):
    game, _ = start("gan")

    def work():
        drawn = draw(game, 1100, seed=3)
        torch.save(drawn.images, tmp_path / f"{distributed.world()}-{distributed.rank()}")

    for world in (1, 2, 3):
        each(world, tmp_path / "ranks", work)
    one = torch.load(tmp_path / "1-0", weights_only=True)
    assert len(one) == 1100 and len(one.unique(dim=0)) > 1000
    for world in (2, 3):
        for rank in range(world):
            assert torch.equal(torch.load(tmp_path / f"{world}-{rank}", weights_only=True), one)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """By the number of processes, and by the process: what it found."""
    folder, home = (tmp_path_factory.mktemp(name) for name in ("results", "home"))
    figures = chosen(TRAIN, NAMES)

    def work():
        import os

        os.environ["XDG_CACHE_HOME"] = str(home / f"{distributed.world()}")
        found = measure(TRAIN.images[1::5], TRAIN, figures=figures)
        name = f"{distributed.world()}-{distributed.rank()}.json"
        (folder / name).write_text(json.dumps(found))

    for world in WORLDS:
        each(world, folder / "ranks", work)
    read = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    return {w: [read[f"{w}-{r}"] for r in range(w)] for w in WORLDS}


def test_all_processes_find_the_same(results):
    for found in results.values():
        assert all(one == found[0] for one in found)


@pytest.mark.parametrize("world", WORLDS[1:])
def test_figures_are_those_of_one_process(results, world):
    one, many = results[1][0], results[world][0]
    assert many["about"].pop("processes") == world
    for figure in chosen(TRAIN, NAMES):
        for key in ("value", "floor", "low", "high"):
            assert many[figure][key] == pytest.approx(one[figure][key], rel=1e-5, abs=1e-9)


def test_the_command_prints_once(tmp_path):
    words = ["train", "ring-gan", "--images=512", "--out", tmp_path / "run", "--measure=0"]
    from process_tools import Child

    assert Child([*words, "--training.measure_share=0"], tmp_path, plain).wait().code == 0
    words = ["evaluate", tmp_path / "run", "-n", 600, "--json", "--device", "cpu"]
    alone = Child(words, tmp_path / "alone", plain).wait()
    ended = Ranks(2, words, tmp_path / "two", plain).wait()
    assert all(e.code == 0 for e in (alone, *ended)), ended
    told, silent = json.loads(ended[0].out), ended[1].out
    assert not silent
    expected = json.loads(alone.out)
    expected["about"]["processes"] = 2
    assert told == expected
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert len(rows) == 2, "one each"
