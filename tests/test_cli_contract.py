"""The command line as users and scripts know it, on tiny settings, from end to end."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from process_tools import (
    BATCH,
    TINY,
    cardigan,
    done,
    hashed,
    lines,
    offline,
    one_line,
    pictures_in,
    state,
    tree,
)

from cardigan.recipes import RECIPES

HEAVY = "import sys; from cardigan.__main__ import main; code = main({!r}); " + (
    "heavy = sorted({{'torch', 'numpy', 'matplotlib', 'rich', 'PIL'}} & {{*sys.modules}}); "
    "print(heavy, file=sys.stderr); sys.exit(code)"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A data set and a run, both made without a network."""
    folder = tmp_path_factory.mktemp("place")
    pictures_in(folder / "data", 60)
    words = ("train", "dcgan", *TINY[:-1], "--measure=16", "--data", folder / "data")
    words += ("--images", 4 * BATCH, "--training.checkpoint_every", 2 * BATCH)
    ended = done(*words, "--out", folder / "run", folder=folder, setup=offline)
    return folder, words, ended


@pytest.fixture
def call(tmp_path):
    def run(*words):
        return done(*words, folder=tmp_path / "child", setup=offline)

    return run


@pytest.mark.parametrize("words", (["--help"], ["--version"], ["list", "--json"], []))
def test_help_and_lists_load_nothing_heavy(words):
    program = [sys.executable, "-X", "importtime", "-c", HEAVY.format(words)]
    ended = subprocess.run(program, capture_output=True, text=True, check=True)
    assert ended.stdout and ended.stderr.splitlines()[-1] == "[]"


IMPORT = "import time; t = time.process_time(); import cardigan; print(time.process_time() - t)"


@pytest.mark.parametrize(("words", "limit"), [(("--help",), 0.5), (("list",), 2.0)])
def test_help_and_list_answer_at_once(words, limit):
    program = [sys.executable, "-m", "cardigan", *words]

    def seconds() -> float:
        before = os.times()
        subprocess.run(program, check=True, capture_output=True)
        after = os.times()
        return after.children_user + after.children_system - before[2] - before[3]

    assert min(seconds() for _ in range(3)) < limit


def test_importing_costs_next_to_nothing():
    program = [sys.executable, "-c", IMPORT]
    took = [float(subprocess.check_output(program, text=True)) for _ in range(3)]
    assert min(took) < 0.05


def test_every_recipe_is_listed(call):
    table = call("list").out
    rows = json.loads(call("list", "--json").out)
    assert rows.keys() == RECIPES.keys()
    names = [line.split()[0] for line in table.splitlines() if re.match(r"  \S", line)]
    assert sorted(names) == sorted(RECIPES)
    assert max(map(len, table.splitlines())) <= 80
    assert re.search(r"  dcgan-leaky +leaky=True\n", table)
    words = " ".join(table.split())
    for row in rows.values():
        assert f"{row['paper']}; can {', '.join(row['can'])} " in words
        assert row.keys() >= {"summary", "paper", "can", "fields"}
        assert row["fields"]["training"].keys() >= {"images", "batch", "seed"}


@pytest.mark.parametrize("name", RECIPES)
def test_help_documents_every_field(name, call):
    told = " ".join(call("train", name, "--help").out.split())
    own = [f.name for f in fields(RECIPES[name]) if f.name != "training"]
    nested = [f"training.{f.name}" for f in fields(RECIPES[name].training)]
    for key in (*own, *nested, "config", "out", "override", "epochs", "images", "measure"):
        assert f"--{key}" in told
    assert "Real images to train on" in told
    assert ("Size of the latent vector" in told) == ("latents" in own)


def test_training_leaves_a_whole_run(place):
    folder, _, ended = place
    run = folder / "run"
    assert ended.out.splitlines()[-2:] == [
        f"picture  {run / 'pictures' / '000000016.png'}",
        f"report   {run / 'report.html'}",
    ]
    names = {"recipe.json", "checkpoints", "log.jsonl", "metrics.jsonl", "pictures", "report.html"}
    assert names <= {p.name for p in run.iterdir()}
    assert [p.name for p in sorted((run / "checkpoints").iterdir())] == ["000000008", "000000016"]
    assert json.loads((run / "metrics.jsonl").read_text())["seen"] == 16
    assert [row["seen"] for row in lines(run / "log.jsonl")] == [4, 8, 12, 16]


@pytest.mark.parametrize("out", ("grid.png", "deep/er/samples.npz", "folder"))
def test_sampling(out, place, call, tmp_path):
    folder, *_ = place
    path, again, other = (tmp_path / name / out for name in ("first", "again", "other"))
    words = ("sample", folder / "run", "-n", 9, "--out")
    assert call(*words, path).out.splitlines()[-1] == str(path)
    call(*words, again)
    call(*words, other, "--seed", 1)
    assert contents(path) == contents(again) != contents(other), "the seed decides"
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            assert arrays["samples"].shape == (9, 16, 16, 1)
            assert arrays["samples"].dtype == np.uint8
    if not path.suffix:
        assert [p.name for p in sorted(path.iterdir())] == [f"{i:06}.png" for i in range(9)]
        with Image.open(path / "000000.png") as image:
            assert image.size == (16, 16)


def contents(path: Path) -> list[bytes]:
    if path.suffix == ".npz":  # whose members carry the time
        with np.load(path) as arrays:
            return [arrays["samples"].tobytes()]
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [file.read_bytes() for file in files]


def test_a_checkpoint_is_a_run(place, call, tmp_path):
    folder, *_ = place
    first, last = sorted((folder / "run" / "checkpoints").iterdir())
    pictures = []
    for i, path in enumerate((folder / "run", last, first)):
        call("sample", path, "--out", tmp_path / f"{i}.png")
        pictures.append((tmp_path / f"{i}.png").read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]
    before = hashed(first), hashed(last)
    told = json.loads(call("evaluate", first, "-n", 8, "--json").out)
    assert told["seen"] == 8 and (hashed(first), hashed(last)) == before


def test_evaluating(place, call):
    folder, *_ = place
    told = json.loads(call("evaluate", folder / "run", "-n", 16, "--json").out)
    assert told["seen"] == 16 and told["about"]["samples"] == 16
    assert told["frechet_distance"].keys() >= {"value", "floor"}
    words = ("evaluate", folder / "run", "-n", 16, "--json", "--metrics", "fid", "kid")
    some = json.loads(call(*words).out)
    assert some.keys() == {"seen", "about", "frechet_distance", "kernel_distance"}
    assert some["frechet_distance"] == told["frechet_distance"], "it repeats itself"
    assert "frechet_distance" in call("evaluate", folder / "run", "-n", 16).out
    words = ("evaluate", folder / "data", "--against", folder / "data", "-n", 16, "--json")
    assert json.loads(call(*words).out)["about"]["samples"] == 16


def test_comparing_runs_and_folders(place, call, tmp_path):
    folder, *_ = place
    again = shutil.copytree(folder / "data", tmp_path / "a, b: 1")  # a name that is no YAML
    words = ("compare", folder / "run", again, "-n", 16, "--metrics", "fid", "kid", "--json")
    told = json.loads(call(*words, "--out", tmp_path / "page.html").out)
    assert told["subjects"].keys() == {"run", "a, b: 1"}
    assert told["figures"].keys() == {"frechet_distance", "kernel_distance"}
    assert "<table" in (tmp_path / "page.html").read_text()


def test_a_curve_at_given_values(place, call, tmp_path):
    folder, *_ = place
    words = ("curve", folder / "run", "truncation", "--values", 0.5, 1, "-n", 16, "--json")
    told = json.loads(call(*words, "--out", tmp_path / "curve.png").out)
    assert [point["truncation"] for point in told["points"]] == [0.5, 1]
    assert (tmp_path / "curve.png").exists()


def test_data(place, call, tmp_path):
    folder, *_ = place
    rows = json.loads(call("data", "list", "--json").out)
    assert {"fashion-mnist-mini", "ring8", "grid25"} <= {row["name"] for row in rows}
    assert "fashion-mnist-mini" in call("data", "list").out
    assert json.loads(call("data", "check", folder / "data", "--json").out)
    told = call("data", "show", folder / "data", "--out", tmp_path / "data.png").out
    assert "count    60" in told and (tmp_path / "data.png").exists()
    call("data", "show", "ring8", "--out", tmp_path / "ring.png")


def test_a_file_of_options_lies_under_flags(place, call, tmp_path):
    folder, *_ = place
    file = tmp_path / "options.yaml"
    file.write_text("lr: 1e-3\nbeta1: 0.25\ntraining:\n  images: 4\n  seed: 3\n  batch: 4\n")
    words = ("train", "dcgan", *TINY, "--data", folder / "data")
    call(*words, "--config", file, "--lr", "0.5", "--out", tmp_path / "run")
    fields = json.loads((tmp_path / "run" / "recipe.json").read_text())["fields"]
    assert (fields["lr"], fields["beta1"], fields["size"]) == (0.5, 0.25, 16)
    assert fields["training"]["seed"] == 3 and fields["training"]["images"] == 4


def test_what_is_printed_as_config_can_be_read_as_one(place, call, tmp_path):
    folder, *_ = place
    words = ("train", "dcgan", *TINY, "--data", folder / "data", "--images", 4)
    printed = call(*words, "--lr=0.25", "--print_config").out
    (tmp_path / "printed.yaml").write_text(printed)
    call("train", "dcgan", "--config", tmp_path / "printed.yaml", "--out", tmp_path / "run")
    fields = json.loads((tmp_path / "run" / "recipe.json").read_text())["fields"]
    assert (fields["lr"], fields["width"], fields["training"]["batch"]) == (0.25, 2, BATCH)


def test_epochs_are_passes_over_the_data(place, call, tmp_path):
    folder, *_ = place
    words = ("train", "dcgan", *TINY, "--data", folder / "data", "--epochs", "0.2")
    call(*words, "--out", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert record["fields"]["training"]["images"] == 12
    assert [row["seen"] for row in lines(tmp_path / "run" / "log.jsonl")] == [4, 8, 12]


def test_the_same_command_goes_on(place, call, tmp_path):
    folder, words, _ = place
    call(*words, "--out", tmp_path / "run", "--images", 2 * BATCH)
    call(*words, "--out", tmp_path / "run")
    assert state(tmp_path / "run") == state(folder / "run")
    told = call(*words, "--out", tmp_path / "run").err
    assert "has seen its 16 images: give more --images to go on" in told


def test_the_default_folder_is_named_after_the_recipe(place, tmp_path):
    _, words, _ = place
    work = tmp_path / "work"
    work.mkdir()
    done(*words[:-2], folder=tmp_path / "child", setup=lambda: (offline(), os.chdir(work)))
    assert (work / "runs" / "dcgan" / "report.html").exists()
    assert all(name.startswith("runs") for name in tree(work))


OF_PICTURES = (
    "expected pictures to compare those of run with, got ring8, which holds points in the plane: "
    "leave --against away to take "
)


@pytest.mark.parametrize(
    "words, hint",
    [
        (("sample", "nothing-here"), "is not a run"),
        (("sample", "RUN", "--label", 3), "without classes"),
        (("evaluate", "nothing-here"), "--against"),
        (("evaluate", "nothing-here", "--against", "ring8"), "expected a data set"),
        (("evaluate", "RUN", "--metrics", "fidd"), "did you mean"),
        (("evaluate", "RUN", "--against", "ring8"), OF_PICTURES),
        (("neighbours", "RUN", "--against", "ring8"), OF_PICTURES),
        (("audit", "RUN", "--against", "ring8"), OF_PICTURES),
        (("evaluate", "RUN", "--device", "gpu"), "auto, cpu, cuda"),
        (("evaluate", "RUN", "--by-class"), "(did you mean --by_class?): `cardigan evaluate --h"),
        (("compare", "RUN"), "two or more"),
        (("compare", "RUN", "nothing-here"), "nothing-here"),
        (("compare",), "required: subjects"),
        (("curve", "RUN", "trunc"), "did you mean truncation"),
        (("curve", "RUN", "truncation", "--values", 0.5), "two or more --values"),
        (("neighbours", "nothing-here"), "--against"),
        (("audit", "RUN", "--attribute", "colour", "--alpha", 2), "--alpha"),
        (("diagnose", "nothing-here"), "--against"),
        (("diagnose", "RUN", "--against", "ring8"), OF_PICTURES),
        (("data", "show", "nothing-here"), "expected a data set"),
        (("data", "fetch", "nothing-here"), "nothing-here"),
        (("sample", "RUN", "--out", "PNG"), "Not a directory"),
        (("sample", "RUN", "--out", "a\0b.png"), "name of a file"),
        (("sample", "RUN", "--out", "x.jpg"), "a .png, a .npz or a folder, got 'x.jpg'"),
        (("sample", "RUN", "--out", "DATA"), "holds files already"),
        (("sample", "RUN", "--out", "RUN"), "holds files already"),
        (("translate", "RUN", "DATA", "--out", "DATA"), "holds files already"),
        (("compare", "RUN", "DATA", "--out", "HTML"), "Not a directory"),
        (("curve", "RUN", "truncation", "--out", "PNG"), "Not a directory"),
        (("neighbours", "RUN", "--out", "PNG"), "Not a directory"),
        (("interpolate", "RUN", "--out", "PNG"), "Not a directory"),
        (("invert", "RUN", "nothing-here"), "expected a data set"),
        (("invert", "RUN", "missing.png"), "'missing.png', where nothing is: give another path"),
        (("evaluate", "RUN", "--against", "not/here"), "'not/here', where nothing is: give"),
        (("train", "dcgan", "--data", "DATA", "--out", "PNG"), "Not a directory; what was saved"),
        (("audit", "RUN", "--out", "PNG"), "Not a directory"),
        (("data", "show", "ring8", "--out", "PNG"), "choose another name"),
        (("train", "dcgan", "--config", "x" * 300), "config"),
        (("evaluate", "RUN", "--features", "inception:" + "x" * 300), "expected a file"),
        (("data", "check", "nothing-here"), "folder or a zip"),
        (("data", "check", "DATA", "--limit", 7), "--limit from 0 to 1"),
        (("train", "upsample-gan", "--size", 16), "size must be 28"),
        (("train", "dcgan", "--width", 10**12, "--out", "OUT"), "such networks cannot be made"),
        (("train", "dcgan", "--data", "ring8"), "points"),
        (("train", "ring-gan", "--data", "DATA"), "points"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_mistakes_are_one_line(words, hint, place, tmp_path):
    folder, *_ = place
    file = folder / "data" / "00.png"  # which is no folder to write into
    places = {"RUN": folder / "run", "DATA": folder / "data", "OUT": folder / "x"}
    places |= {"PNG": file / "x.png", "HTML": file / "x.html"}
    words = [places.get(word, word) for word in words]
    setup = lambda: (offline(), os.chdir(tmp_path))  # noqa: E731
    before = tree(folder)
    assert hint in one_line(cardigan(*words, folder=tmp_path / "child", setup=setup))
    assert tree(tmp_path) == ["child", "child/err", "child/out"]
    assert tree(folder) == before


@pytest.mark.parametrize("count", [1, 2])
def test_pictures_that_are_too_few_to_measure_are_learnt_all_the_same(count, call, tmp_path):
    pictures_in(tmp_path / "data", count)
    words = ("train", "dcgan", *TINY[:-1], "--data", tmp_path / "data", "--images", BATCH)
    told = call(*words, "--out", tmp_path / "run")
    assert "warning: trained, but not measured: expected at least 2" in told.err
    assert "report " in told.out and (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize(
    "words, hint",
    [
        (("dcgan", "--data", "DATA", "--training.best", "class_histogram"), "class_histogram"),
        (("dcgan", "--data", "DATA", "--width", 10**12), "such networks cannot be made"),
        (("sgan", "--labels", 99_999), "choose fewer --labels"),
    ],
)
def test_what_only_the_data_can_tell_leaves_no_run_behind(words, hint, place, tmp_path):
    folder, *_ = place
    words = [{"DATA": folder / "data"}.get(word, word) for word in words]
    words = ("train", *words, "--out", tmp_path / "run", "--training.device=cpu")
    assert hint in one_line(cardigan(*words, folder=tmp_path / "child", setup=offline))
    assert tree(tmp_path) == ["child", "child/err", "child/out"]
