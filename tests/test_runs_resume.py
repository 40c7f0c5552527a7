"""A run that stops and goes on equals one that never stopped: every bit, image and number."""

import shutil
from pathlib import Path

import pytest
from process_tools import (
    BATCH,
    TINY,
    cardigan,
    done,
    hashed,
    lines,
    narrow,
    noting,
    pictures_in,
    plain,
    state,
)

ROUNDS = 20
LOSSES = ("non-saturating", "minimax", "least-squares", "wasserstein", "hinge")
POINTS = (
    f"--training.batch={BATCH}", f"--training.log_every={BATCH}", "--measure=0",
    "--training.measure_share=0",
)  # fmt: skip
EVERY = ("--training.checkpoint_every", BATCH, "--training.keep", 99)

# A way of training a row: recipe, options, and images that a round takes.
WAYS: dict[str, tuple[str, tuple, int]] = {
    **{f"dcgan, {loss}": ("dcgan", (*TINY, "--loss", loss), BATCH) for loss in LOSSES},
    "no average": ("dcgan", (*TINY, "--ema_halflife", 0), BATCH),
    "a short average": ("dcgan", (*TINY, "--ema_halflife", 8), BATCH),
    "smoothed labels": ("dcgan", (*TINY, "--label_smoothing", 0.1), BATCH),
    "accumulated": ("dcgan", (*TINY, "--training.microbatch", 2), BATCH),
    "bfloat16": ("dcgan", (*TINY, "--training.precision", "bfloat16"), BATCH),
    "float32": ("dcgan", (*TINY, "--training.precision", "float32"), BATCH),
    "tolerant": ("dcgan", (*TINY, "--training.tolerate", 2), BATCH),
    "two steps, momentum": (
        "gan",
        ("--size=16", "--latents=8", *POINTS, "--discriminator_steps=2", "--momentum_images=100"),
        2 * BATCH,
    ),
    "at once, clipped, dropout": ("upsample-gan", ("--latents=8", *POINTS, "--clip=0.01"), BATCH),
    "points": ("ring-gan", ("--width=8", "--latents=4", *POINTS), BATCH),
}


def at(folder: Path, seen: int, into: Path) -> Path:
    """A run as a kill would leave it just after the checkpoint of that clock."""
    shutil.copytree(folder, into)
    for path in (into / "checkpoints").iterdir():
        if int(path.name) > seen:
            shutil.rmtree(path)
    return into


@pytest.mark.parametrize("way", WAYS)
def test_a_resumed_run_equals_the_uninterrupted_one(way, tmp_path):
    recipe, options, images = WAYS[way]
    total = ROUNDS * images
    data = () if recipe == "ring-gan" else ("--data", pictures_in(tmp_path / "data"))
    words = ["train", recipe, *options, *data, "--images", total]

    def setup():
        plain()
        narrow()
        noting(tmp_path / "drawn")

    whole = tmp_path / "whole"
    done(*words, *EVERY, "--out", whole, folder=tmp_path / "child", setup=setup)
    final, log = state(whole), lines(whole / "log.jsonl")
    drawn = (tmp_path / "drawn").read_text().splitlines()
    hashes = {hashed(path) for path in (whole / "checkpoints").iterdir()}
    assert len(hashes) == ROUNDS, "each round changes the state"
    assert len(log) == ROUNDS

    for seen in range(images, total, images):
        run = at(whole, seen, tmp_path / str(seen))
        (tmp_path / "drawn").unlink()
        done(*words, "--out", run, folder=tmp_path / "child", setup=setup)
        assert state(run) == final, seen
        assert lines(run / "log.jsonl") == log, seen
        again = (tmp_path / "drawn").read_text().splitlines()
        assert again == drawn[-len(again) :] and int(again[0].split()[0]) == seen
        shutil.rmtree(run)


def test_pictures_and_measures_from_after_the_checkpoint_are_forgotten(tmp_path):
    data, run = pictures_in(tmp_path / "data"), tmp_path / "run"
    words = ("train", "dcgan", *TINY, "--data", data, "--images", 8 * BATCH, "--out", run)
    words += ("--training.picture_every", BATCH, *EVERY)
    done(*words, folder=tmp_path / "child")
    pictures = {p.name: p.read_bytes() for p in (run / "pictures").iterdir()}
    assert len(pictures) == 8
    with (run / "metrics.jsonl").open("w") as file:
        file.write('{"seen": 8}\n{"seen": 12}\n{"seen": 20}\n{"seen": 8')
    for path in sorted((run / "checkpoints").iterdir())[3:]:
        shutil.rmtree(path)

    def setup():
        from cardigan import session

        begin = session.train
        session.train = lambda game, *rest, **more: (seen_now(run), begin(game, *rest, **more))[1]

    def seen_now(run: Path) -> None:
        (tmp_path / "then").write_text(" ".join(sorted(p.name for p in run.glob("pictures/*"))))

    done(*words, folder=tmp_path / "child", setup=setup)
    seen = (tmp_path / "then").read_text().split()
    assert seen == [f"{BATCH * i:09}.png" for i in (1, 2, 3)]
    assert [row["seen"] for row in lines(run / "metrics.jsonl")] == [8, 12]
    assert {p.name: p.read_bytes() for p in (run / "pictures").iterdir()} == pictures


def test_a_finished_run_says_so_and_stays_as_it_is(tmp_path):
    data, run = pictures_in(tmp_path / "data"), tmp_path / "run"
    words = ("train", "dcgan", *TINY, "--data", data, "--images", 8, "--out", run)
    done(*words, folder=tmp_path / "child", setup=plain)
    before = state(run)
    ended = done(*words, folder=tmp_path / "child", setup=plain)
    assert "has seen its 8 images: give more --images to go on" in ended.err
    assert state(run) == before and len(lines(run / "log.jsonl")) == 2


def test_the_newest_checkpoint_that_is_whole_is_where_a_run_goes_on(tmp_path):
    data, run = pictures_in(tmp_path / "data"), tmp_path / "run"
    words = ("train", "dcgan", *TINY, "--data", data, "--images", 8 * BATCH, "--out", run)
    done(*words, *EVERY, folder=tmp_path / "child", setup=plain)
    final = state(run)
    newest = sorted((run / "checkpoints").iterdir())[-2:]
    for path in newest:
        (path / "game.safetensors").write_bytes(b"\0" * (path / "game.safetensors").stat().st_size)
    ended = cardigan(*words, folder=tmp_path / "child", setup=plain)
    assert ended.code == 0 and ended.err.count("is damaged") >= 2, ended.err
    assert "Traceback" not in ended.err and state(run) == final
    assert [row["seen"] for row in lines(run / "log.jsonl")] == list(range(4, 33, 4))
