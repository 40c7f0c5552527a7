"""Measuring beside training: within its share of the time, on record, and the best is kept."""

import json
import os
import signal
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from cardigan import distributed
from cardigan import measuring as beside
from cardigan.__main__ import main
from cardigan.errors import UserError
from cardigan.measuring import Budget, beside_training, measurer
from cardigan.metrics import measure as measuring
from cardigan.metrics.figures import Figure
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
    few = DATA()._replace(test=None)
    few = few._replace(train=replace(few.train, images=few.train.images[:9], labels=None))
    with pytest.raises(UserError, match="at least 6 samples and reals for density, got 4"):
        beside_training(few, "density")


def lines(run):
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


def trained(folder, name="ring-gan", *words, code=0):
    options = {
        "images": 4096, "batch": 256, "checkpoint_every": 512, "keep": 1,
        "measure_share": 1, "measure_images": 300, "device": "cpu",
    }  # fmt: skip
    given = [f"--training.{k}={v}" for k, v in options.items()]
    try:
        ended = main(["train", name, "--out", str(folder), "--measure", "0", *given, *words])
    except SystemExit as error:
        ended = error.code
    assert ended == code
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


def test_the_end_is_measured_wherever_the_clock_stands(tmp_path):
    """The last state competes for the best, and a run that goes on measures it no second time."""
    run = trained(tmp_path / "run", "ring-gan", "--training.checkpoint_every=1536")
    assert [line["seen"] for line in lines(run)] == [1536, 3072, 4096]
    (run.path / "metrics.jsonl").write_text(
        "".join(json.dumps(line | {COST: -line["seen"]}) + "\n" for line in lines(run))
    )
    assert run.best() == run.newest() == run.checkpoints / f"{4096:09}"
    trained(tmp_path / "run", "ring-gan", "--training.checkpoint_every=1536")
    assert [line["seen"] for line in lines(run)] == [1536, 3072, 4096]


def test_nobody_waits_for_measuring_once_a_signal_came(tmp_path, monkeypatch):
    append = Run.append_log

    def asks(run, line):
        append(run, line)
        if line["seen"] == 1536:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Run, "append_log", asks)
    words = ("--training.log_every=512", "--training.checkpoint_every=1024")
    trained(tmp_path / "run", "ring-gan", *words, code=128 + signal.SIGTERM)
    run = Run(tmp_path / "run")
    assert run.newest().name == f"{1792:09}"
    assert [line["seen"] for line in lines(run)] == [1024]


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


def test_too_little_time_measures_nothing_not_even_a_pilot(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(beside, "measure", lambda *args, **options: asked.append(args))
    run = trained(tmp_path / "run", "ring-gan", "--training.measure_share=1e-9")
    assert not (run.path / "metrics.jsonl").exists() and run.best() is None and not asked


@pytest.mark.parametrize(("share", "count"), [(0.05, 1000), (0.2, 300), (0.5, 20)])
def test_the_pilot_waits_and_counts(share, count, tmp_path, monkeypatch):
    """Where looking takes as long as training, the share is kept from the first moment on."""
    clock, counts = Clock(), []

    def measure(n, *args, **options):
        counts.append(n)
        clock.now += 7 * n  # a second a picture
        return {"score": {"value": 1.0, "floor": 1.0, "better": "lower"}}

    monkeypatch.setattr(beside, "measure", measure)
    game, budget = SimpleNamespace(seen=5000), Budget(share, clock)
    figures = {"score": Figure(measure)}
    call = measurer(Run(tmp_path), DATA(), figures, "score", count, 0, budget, start=game.seen)
    while len(counts) < 4:
        clock.now += 100
        game.seen += 100
        call(game, {})
        assert budget.spent <= share * clock.now + 1e-6
    assert counts == [min(64, count), count, count, count]


def test_a_measurement_that_fails_is_told_and_training_goes_on(tmp_path, monkeypatch, capsys):
    measure, calls = beside.measure, []

    def fails(*args, **options):
        calls.append(args)
        if len(calls) == 2:
            raise RuntimeError("out of\nmemory")
        return measure(*args, **options)

    monkeypatch.setattr(beside, "measure", fails)
    run = trained(tmp_path / "run")
    assert [line["seen"] for line in lines(run)] == [512, *range(1536, 4097, 512)]
    assert "nothing was measured at 1,024 images: RuntimeError" in capsys.readouterr().err
    assert run.newest().name == f"{4096:09}"


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
        (
            "--training.best=precision --training.measure_images=3",
            "at least 4 samples and reals for precision, got 3: raise --training.measure_images",
        ),
        ("--training.best=cas", "got classification_accuracy, which trains"),
        ("--training.best=ms_ssim --size=10", "11 pixels or more for ms_ssim, got 10"),
        ("--training.best=swd --size=15", "16 pixels or more for sliced_wasserstein, got 15"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path, capsys, word, told):
    words = ["train", "gan", "--out", str(tmp_path / "run"), "--training.device=cpu"]
    assert main([*words, *word.split()]) == 2
    assert not (tmp_path / "run").exists()
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


def test_points_are_compared_with_points_alone(tmp_path, capsys):
    """Told in a line, whatever command is asked, before anything is drawn."""
    run = str(trained(tmp_path / "run", "ring-gan", "--training.images=512").path)
    told = "expected points in the plane to compare those of run with, got fashion-mnist-mini"
    for command in ("evaluate", "neighbours", "audit", "diagnose"):
        assert main([command, run, "--against", "fashion-mnist-mini"]) == 2
        assert told in capsys.readouterr().err
    page = str(tmp_path / "page.html")
    words = ["compare", run, "fashion-mnist-mini", "--out", page]
    assert main([*words, "--against", "fashion-mnist-mini"]) == 2
    assert told in capsys.readouterr().err
    assert main([*words, "--against", "ring8"]) == 2
    assert "expected pictures to compare those of fashion-mnist-mini" in capsys.readouterr().err
