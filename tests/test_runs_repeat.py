"""The same command comes to the same bits, whatever the process, its hash seed and its folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from process_tools import state
from small import PLAYED, flags

ROUNDS = ("--training.batch=4", "--images=200", "--measure=0")  # 50 of them
LATENTS = "--latents=8"
_SMALL = ("--size=16", "--width=2", "--ema_halflife=20", LATENTS)
SMALL: dict[str, tuple[str, ...]] = {
    "gan": ("--size=16", LATENTS),
    "dcgan": _SMALL,
    "dcgan-64": ("--width=2", LATENTS),
    "wgan": (*_SMALL, "--discriminator.early_steps=6"),
    "wgan-gp": _SMALL,
    "r1-gan": _SMALL,
    "rasgan": _SMALL,
    "improved-gan": _SMALL,
    "upsample-gan": (LATENTS,),
    "bigan": ("--size=16", "--width=2", LATENTS),
    "ali": ("--size=16", "--width=2", LATENTS),
    "augmented-bigan": ("--size=16", "--width=2", LATENTS),
    "flat-bigan": ("--size=16", "--width=8", LATENTS),
    "ali-grid": ("--width=8",),
    "cgan": ("--size=16", "--width=2", LATENTS),
    "cgan-pictures": ("--size=16", "--width=2", LATENTS),
    "sngan": ("--size=16", "--width=2", LATENTS),
    "sngan-64": ("--size=16", "--width=2", "--discriminator_steps=1", LATENTS),
    "sngan-128": ("--size=16", "--width=2", "--discriminator_steps=1", LATENTS),
    "sngan-projection": ("--size=16", "--width=2", LATENTS),
    "sagan": ("--size=16", "--width=2", LATENTS),
    "egan": ("--size=16", "--width=2", "--evaluation=4", LATENTS),
    "infogan": ("--width=2", LATENTS),
    "unrolled-gan": ("--width=8", "--unroll=2", LATENTS),
    "unrolled-dcgan": ("--size=16", "--width=2", "--unroll=1", LATENTS),
    "cyclegan": ("--size=16", "--width=2", "--blocks=1", "--layers=1", "--sources=8"),
    "cyclegan-256": ("--size=16", "--width=2", "--blocks=1", "--layers=1", "--sources=8"),
    "pix2pix": ("--size=16", "--width=2", "--layers=1", "--sources=8"),
    "pix2pix-256": ("--size=16", "--width=2", "--layers=1", "--sources=8"),
    "sgan": ("--size=16", "--width=2", LATENTS),
    "sgan-two-heads": ("--size=16", "--width=2", LATENTS),
    "feature-matching": ("--networks=dense", LATENTS),
    "feature-matching-ensembling": ("--size=16", "--width=2", LATENTS),
    "tangent-invariant": ("--size=16", "--width=2", "--codes=4", "--tangents=2", "--start=4"),
    "classifier": ("--size=16", "--width=2"),
    "temporal-ensembling": ("--size=16", "--width=2"),
    "ring-gan": ("--width=8", LATENTS),
    "grid-gan": ("--width=8", LATENTS),
}

DRAWN = {"cgan-attributes"}  # its data are drawn by packages that need not be there
SMALL |= {
    name: tuple(w for w in flags(recipe) if not w.startswith(("--training", "--data")))
    for name, recipe in PLAYED.items()
    if name not in SMALL.keys() | DRAWN
}

PROGRAM = """
import sys, json, torch
torch.set_num_threads(1)
from cardigan.__main__ import main
sys.path.append(sys.argv[2])
from process_tools import plain
plain()
for words in json.loads(sys.argv[1]):
    assert main(words) == 0
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[Path]:
    """Every recipe, in three processes that share nothing."""
    folders = []
    for hash_seed in ("0", "1", "random"):
        folder = tmp_path_factory.mktemp(f"process-{hash_seed}")
        words = [["train", name, *SMALL[name], *ROUNDS, "--out", name] for name in SMALL]
        subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(words), str(Path(__file__).parent)],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
        )
        folders.append(folder)
    return folders


@pytest.mark.parametrize("name", SMALL)
def test_three_processes_agree_on_every_bit(name, runs):
    first, *others = (state(folder / name) for folder in runs)
    assert others == [first, first]


@pytest.mark.parametrize("name", SMALL)
def test_what_the_bits_depend_on_is_recorded(name, runs):
    (path,) = (runs[0] / name / "checkpoints").iterdir()
    about = json.loads((path / "manifest.json").read_text())["about"]
    assert about["threads"] == 1 and about["device"] == "cpu" and about["processes"] == 1
    assert about.keys() >= {"data", "version", "torch", "precision"}
