"""Measuring beside training: within its share of the time, on record, and the best is kept."""

import json
from functools import partial

import pytest
import torch

from cardigan import distributed
from cardigan.__main__ import main
from cardigan.errors import UserError
from cardigan.measuring import Budget, beside_training
from cardigan.metrics import measure as measuring
from cardigan.run import COST, Run
from cardigan.subjects import reals


class Clock:
    """Time that goes by when it is told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
@pytest.mark.parametrize("takes", [0.3, 2.0, 17.0])
def test_measuring_stays_within_its_share_at_every_moment(share, takes):
    clock = Clock()
    budget, measured = Budget(share, clock), 0
    for _ in range(2000):
        clock.now += 1.0  # a second of training
        if budget.affords(takes):
            with budget.spending():
                clock.now += takes
            measured += 1
            assert budget.last == pytest.approx(takes)
        assert budget.spent <= share * clock.now + 1e-9
    most = min(share, takes / (1 + takes))  # one a second
    assert budget.spent + takes >= 0.9 * most * clock.now, "and it makes use of its share"
    assert measured


def test_the_whole_share_affords_everything():
    assert Budget(1.0, Clock()).affords(1e9)


DATA = partial(reals, "fashion-mnist-mini")


def test_quick_figures_are_taken_and_the_first_tells_the_best():
    figures, best = beside_training(DATA(), "")
    assert best == "frechet_distance" and "precision" not in figures
    figures, best = beside_training(DATA(), "recall")
    assert best == "recall" and {"recall", "kernel_distance"} <= figures.keys()
    with pytest.raises(UserError, match="did you mean recall"):
        beside_training(DATA(), "recal")


def lines(run):
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


def trained(folder, name="ring-gan", *words):
    options = {
        "images": 4096, "batch": 256, "checkpoint_every": 512, "keep": 1,
        "measure_share": 1, "measure_images": 300, "device": "cpu",
    }  # fmt: skip
    given = [f"--training.{k}={v}" for k, v in options.items()]
    assert main(["train", name, "--out", str(folder), "--measure", "0", *given, *words]) == 0
    return Run(folder)


def test_every_checkpoint_is_measured_and_the_best_is_never_deleted(tmp_path):
    run = trained(tmp_path / "run")
    found = [line for line in lines(run) if COST in line]
    assert [line["seen"] for line in found] == [*range(512, 4097, 512)]
    costs = {line["seen"]: line[COST] for line in found}
    best = min(costs, key=lambda seen: (costs[seen], seen))
    assert run.best() == run.checkpoints / f"{best:09}"
    kept = sorted(int(path.name) for path in run.checkpoints.iterdir())
    assert kept == sorted({best, 4096}), "one is kept, and the best"
    assert all(line["best_by"] == "mode_coverage" for line in found)
    assert all(line[COST] == -line["mode_coverage"]["value"] for line in found), "more is better"


def test_a_resumed_run_measures_what_the_whole_run_measured(tmp_path):
    whole = trained(tmp_path / "whole")
    trained(tmp_path / "parts", "ring-gan", "--images", "1536")
    parts = trained(tmp_path / "parts")
    assert lines(parts) == lines(whole)
    assert parts.best().name == whole.best().name


def test_measuring_changes_nothing_that_is_learnt(tmp_path):
    with_it = trained(tmp_path / "with")
    without = trained(tmp_path / "without", "ring-gan", "--training.measure_share=0")
    assert not (without.path / "metrics.jsonl").exists()
    for name in ("game.safetensors", "optimizers.safetensors"):
        a, b = ((run.newest() / name).read_bytes() for run in (with_it, without))
        assert a == b


def test_too_little_time_measures_little(tmp_path):
    run = trained(tmp_path / "run", "ring-gan", "--training.measure_share=1e-9")
    assert not (run.path / "metrics.jsonl").exists() and run.best() is None


def test_images_are_measured_beside_training(tmp_path):
    run = trained(
        tmp_path / "run", "gan", "--training.images=1024", "--training.measure_images=64"
    )
    found = lines(run)
    assert [line["seen"] for line in found] == [512, 1024]
    assert {"frechet_distance", "class_histogram"} <= found[0].keys()
    assert found[0][COST] == found[0]["frechet_distance"]["value"]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("--training.best=fidd", "did you mean fid"),
        ("--training.measure_share=2", "between 0 and 1"),
        ("--training.measure_images=1", "at least 2"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path, capsys, word, told):
    words = ["train", "gan", "--out", str(tmp_path / "run"), "--training.device=cpu", word]
    assert main(words) == 2
    line = capsys.readouterr().err.strip()
    assert line.startswith("cardigan: error:") and told in line.splitlines()[-1]


def test_figures_of_another_kind_or_count_tell_no_best(tmp_path):
    """A run may go on with another measure, or with more samples."""
    run = Run(tmp_path)
    lines = [
        {"seen": 1, COST: 0.2, "best_by": "fid", "about": {"samples": 100}},
        {"seen": 2, COST: 0.9, "best_by": "fid", "about": {"samples": 1000}},
        {"seen": 3, COST: -0.5, "best_by": "recall", "about": {"samples": 1000}},
        {"seen": 4, COST: 0.4, "best_by": "fid", "about": {"samples": 1000}},
        {"seen": 5, COST: 0.5, "best_by": "fid", "about": {"samples": 1000}},
        {"seen": 6, "fid": {"value": 0.1}, "about": {"samples": 1000}},
    ]
    for line in lines:
        (run.checkpoints / f"{line['seen']:09}").mkdir(parents=True)
        run.append_metrics(line)
    best = run.best()
    assert best and best.name == f"{4:09}"


def test_lines_that_a_stranger_wrote_tell_no_best(tmp_path):
    run = trained(tmp_path / "run")
    best = run.best()
    with (run.path / "metrics.jsonl").open("a") as file:
        for line in (
            '{"cost": "x", "seen": 512}',
            '{"cost": -9}',
            "[]",
            "{",
            '{"cost": -9, "seen": 7}',
            '{"cost": -9, "seen": 7, "best_by": "mode_coverage", "about": []}',
        ):
            file.write(line + "\n")
    assert run.best() == best


def test_alone_means_alone(monkeypatch):
    monkeypatch.setenv("RANK", "3")
    assert distributed.rank() == 3
    with distributed.alone():
        assert (distributed.rank(), distributed.world()) == (0, 1)
    assert distributed.rank() == 3


def test_figures_do_not_depend_on_intervals():
    train, test = DATA()
    few = torch.arange(120)
    args = (test.images[few], train, test)
    names = ("frechet_distance", "kernel_distance", "recall")
    figures = measuring.chosen(train, names)
    with_them = measuring.measure(*args, figures=figures)
    without = measuring.measure(*args, figures=figures, intervals=False)
    for name in names:
        a, b = with_them[name], without[name]
        assert a["value"] == b["value"] and a["low"] <= a["value"] <= a["high"]
        assert "low" not in b
