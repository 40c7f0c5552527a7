"""What may change when a run goes on, field by field, and what changes on demand only."""

import json
import shutil
from dataclasses import MISSING, asdict, fields

import pytest
from process_tools import BATCH, TINY, cardigan, done, lines, one_line, pictures_in, plain, state

from cardigan import changes
from cardigan import run as runs
from cardigan.recipe import flatten, is_harmless
from cardigan.recipes import RECIPES
from cardigan.recipes.dcgan import DCGAN

DONE, MORE = 2 * BATCH, 4 * BATCH

# Each field of the recipe `dcgan` and of its training: another value; the first ones are safe.
SAFE = {
    "training.images": 6 * BATCH,
    "training.device": "cpu",
    "training.log_every": 7,
    "training.picture_every": 9,
    "training.checkpoint_every": 9,
    "training.keep": 3,
    "training.best": "fid",
    "training.measure_images": 5,
    "training.measure_share": 0.01,
}
UNSAFE = {
    "data": "fashion-mnist-mini",
    "size": 32,
    "channels": 3,
    "latents": 9,
    "width": 3,
    "pooled": True,
    "leaky": True,
    "enlarging": "bilinear",
    "generator_norm": "none",
    "discriminator_norm": "none",
    "loss": "hinge",
    "relativistic": "average",
    "codes.a": -1.0,
    "codes.b": 0.9,
    "codes.c": 0.0,
    "optimizer": "rmsprop",
    "label_smoothing": 0.2,
    "lr": 1e-3,
    "beta1": 0.6,
    "beta2": 0.9,
    "discriminator.steps": 2,
    "discriminator.early_steps": 3,
    "discriminator.penalty": "r1",
    "discriminator.penalty_weight": 2.0,
    "discriminator.penalty_halflife": 50.0,
    "discriminator.penalty_every": 2,
    "discriminator.clip": 0.1,
    "discriminator.decay": 0.1,
    "discriminator.noise": 0.1,
    "discriminator.noise_images": 99,
    "augmentation.kind": "diffaugment",
    "augmentation.probability": 0.5,
    "augmentation.target": 0.5,
    "augmentation.speed": 1000,
    "augmentation.ramp": 99,
    "ema_halflife": 99.0,
    "training.batch": 8,
    "training.microbatch": 2,
    "training.seed": 1,
    "training.precision": "bfloat16",
    "training.compile": True,
    "training.tolerate": 2,
}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A short run, and the command that goes on with it."""
    folder = tmp_path_factory.mktemp("begun")
    words = ["train", "dcgan", *TINY, "--training.precision=float32"]
    words += ["--data", pictures_in(folder / "data"), "--training.images"]
    done(*words, DONE, "--out", folder / "run", folder=folder, setup=plain)
    return words, folder / "run"


@pytest.fixture
def run(begun, tmp_path):
    return shutil.copytree(begun[1], tmp_path / "run")


def option(key, value):
    return f"--{key}={json.dumps(value) if isinstance(value, bool) else value}"


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_has_another_field_that_is_safe(name):
    """Of all recipes; those of `dcgan` are changed one by one below."""
    recipe = RECIPES[name]
    fields = flatten(asdict(recipe))
    assert {key for key in fields if is_harmless(type(recipe), key)} == {*SAFE}


def test_the_table_has_forty_keys():
    assert len({(type(r), key) for r in RECIPES.values() for key in flatten(asdict(r))}) >= 40


def test_every_field_is_here():
    assert SAFE.keys() | UNSAFE.keys() == flatten(asdict(DCGAN())).keys()
    assert all(f.default is not MISSING or f.default_factory is not MISSING for f in fields(DCGAN))


@pytest.mark.parametrize("key", SAFE)
def test_a_safe_field_passes_with_a_note(key, begun, run, tmp_path):
    words, _ = begun
    more = [MORE, option(key, SAFE[key]), "--out", run]
    ended = done(*words, *more, folder=tmp_path / "child", setup=plain)
    assert (
        f"note: changed since the run began: {key}: " in ended.err
        and f" -> {SAFE[key]}" in ended.err
    )
    record = json.loads((run / "recipe.json").read_text())
    assert record["fields"]["training"][key.removeprefix("training.")] == SAFE[key]
    assert not record.get("overrides")


@pytest.mark.parametrize("key", UNSAFE)
def test_an_unsafe_field_is_refused_and_can_be_overridden(key, begun, run, tmp_path):
    words, _ = begun
    change = option(key, UNSAFE[key])
    before, text = state(run), (run / "recipe.json").read_bytes()

    line = one_line(
        cardigan(*words, MORE, change, "--out", run, folder=tmp_path / "child", setup=plain)
    )
    assert f"{key}: " in line and f" -> {UNSAFE[key]}" in line and "--override" in line
    assert state(run) == before and (run / "recipe.json").read_bytes() == text

    more = [MORE, change, "--out", run, "--override"]
    ended = cardigan(*words, *more, folder=tmp_path / "child", setup=short)
    record = json.loads((run / "recipe.json").read_text())
    if ended.code == 0:
        assert len(record["overrides"]) == 1 and key in " ".join(record["overrides"][0])
        assert len(lines(run / "log.jsonl")) >= 3
        again = cardigan(
            *words, MORE, change, "--out", run, folder=tmp_path / "child", setup=short
        )
        assert again.code == 0, "what was overridden once is the run's own"
    else:  # another network: the checkpoint does not fit, and the run stays what it was
        assert "of another game" in one_line(ended) or "far larger" in one_line(ended)
        assert (run / "recipe.json").read_bytes() == text and state(run) == before


def short() -> None:
    """Compiling is not what is tested."""
    plain()
    from torch import nn

    nn.Module.compile = lambda *_, **__: None


def test_another_version_is_refused_and_can_be_overridden(begun, run, tmp_path):
    words, _ = begun

    def newer():
        plain()
        changes.__version__ = "99.0"

    words = [*words, MORE, "--out", run]
    assert "version: " in one_line(cardigan(*words, folder=tmp_path / "child", setup=newer))
    done(*words, "--override", folder=tmp_path / "child", setup=newer)
    assert "-> 99.0" in runs.Run(run).overrides[0][0] and runs.Run(run).version == "99.0"


def test_other_data_of_the_same_name_are_refused_and_can_be_overridden(run, begun, tmp_path):
    words, original = begun
    data = shutil.copytree(original.parent / "data", tmp_path / "data")
    words = [data if w == original.parent / "data" else w for w in words]
    words += [MORE, "--out", tmp_path / "other"]
    done(*words[:-3], DONE, *words[-2:], folder=tmp_path / "child", setup=plain)
    shutil.copy(data / "00.png", data / "01.png")
    text = (tmp_path / "other" / "recipe.json").read_bytes()
    line = one_line(cardigan(*words, folder=tmp_path / "child", setup=plain))
    assert "data: " in line and " -> " in line
    assert (tmp_path / "other" / "recipe.json").read_bytes() == text
    done(*words, "--override", folder=tmp_path / "child", setup=plain)
    (changes,) = runs.Run(tmp_path / "other").overrides
    assert any(change.startswith("data: ") for change in changes)
    done(*words, folder=tmp_path / "child", setup=plain)


def test_another_recipe_is_refused(begun, run, tmp_path):
    words, _ = begun
    words = ["train", "ring-gan", "--images", MORE, "--out", run]
    line = one_line(cardigan(*words, folder=tmp_path / "child", setup=plain))
    assert "recipe: dcgan -> ring-gan" in line


def test_another_number_of_threads_is_noted(begun, run, tmp_path):
    import torch

    def threads():
        plain()
        torch.get_num_threads = lambda: 7

    words, _ = begun
    more = (*words, MORE, "--out", run)
    ended = done(*more, folder=tmp_path / "child", setup=threads)
    assert "threads was 1, is 7: the run is not bitwise the same" in ended.err


@pytest.mark.parametrize("place", ("checkpoint", "files"))
def test_a_folder_that_is_no_run_is_left_alone(place, begun, run, tmp_path):
    words, _ = begun
    files = tmp_path / "files"
    files.mkdir()
    (files / "thesis.txt").write_text("dear")
    out = {"checkpoint": next((run / "checkpoints").iterdir()), "files": files}[place]
    before = {p: p.read_bytes() for p in out.iterdir()}
    line = one_line(cardigan(*words, MORE, "--out", out, folder=tmp_path / "child", setup=plain))
    assert "is a checkpoint" in line or "holds files that are no run" in line
    assert {p: p.read_bytes() for p in out.iterdir() if p.name != ".lock"} == before
