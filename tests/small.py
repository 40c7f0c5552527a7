"""Every recipe made small, and data of its kind that fit in memory and are learnt in a second."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor

from cardigan.abilities import Translates
from cardigan.data import avatars
from cardigan.data.dataset import Attribute, Dataset
from cardigan.data.stream import Stream, Together
from cardigan.game import Game
from cardigan.randomness import generator
from cardigan.recipe import Recipe, Training, flatten
from cardigan.recipes import RECIPES
from cardigan.recipes.options import Augmentation, Restraints
from cardigan.recipes.r3gan import ByCount

ABOUT = {
    "seed", "data", "data_sha256", "network", "network_sha256", "resize", "device", "precision",
    "cardigan", "torch", "processes",
}  # fmt: skip
"""What every result says of how it came about, beside its counts."""


def _training(batch: int, rounds: int, kind: type[Training] = Training) -> Any:
    return kind(
        images=rounds * batch,
        batch=batch,
        precision="float32",
        device="cpu",
        log_every=batch,
        picture_every=10 * batch,
        checkpoint_every=10 * batch,
        measure_share=0,
    )


_DCGAN = {"size": 16, "latents": 8, "width": 8, "lr": 1e-2, "training": _training(16, 80)}
_GREY = _DCGAN | {"channels": 1, "ema_halflife": 100}
_PIX = {
    "size": 8, "channels": 1, "width": 4, "layers": 1, "sources": 128, "lr": 2e-2,
    "training": _training(4, 20),
}  # fmt: skip
_CYCLE = _PIX | {
    "blocks": 1, "constant_images": 80, "decay_images": 80, "training": _training(4, 40),
}  # fmt: skip
_SNGAN = {
    "size": 16,
    "channels": 1,
    "latents": 8,
    "width": 4,
    "discriminator_steps": 1,
    "generator_lr": 8e-3,
    "discriminator_lr": 4e-3,
    "ema_halflife": 0,
    "training": _training(16, 40),
}
_BIG = {
    "size": 16, "channels": 1, "latents": 8, "width": 4, "classes": 10, "shared": 4, "standing": 2,
    "discriminator": Restraints(steps=1), "generator_lr": 8e-3, "discriminator_lr": 4e-3,
    "ema_halflife": 100, "training": _training(16, 40),
}  # fmt: skip
_BIGBI = {
    "size": 16, "channels": 1, "latents": 8, "width": 4, "encoder_width": 4, "judge_width": 16,
    "judge_blocks": 1, "discriminator_steps": 1, "generator_lr": 8e-3, "encoder_lr": 8e-3,
    "discriminator_lr": 4e-3, "ema_halflife": 100, "training": _training(16, 60),
}  # fmt: skip
_BIGBI_DEEP = _BIGBI | {"size": 32, "generator_size": 16, "encoder_units": 16}
_DEEP = _BIG | {"discriminator_lr": 8e-3}
_R3GAN = {
    "size": 16, "channels": 1, "latents": 8, "width": 8, "gamma": 0.1, "lr": 1e-2,
    "ema_share": 0.1, "burn_in": 640,
    "augmentation": Augmentation(kind="ada-cutout", probability=0.1, ramp=640),
    "training": _training(16, 40, ByCount),
}  # fmt: skip
_GROWING = {
    "size": 16, "channels": 1, "latents": 8, "base": 32, "stable_images": 160,
    "fading_images": 80, "lr": 1e-2, "ema_halflife": 100, "training": _training(16, 90),
}  # fmt: skip
_STYLE = {
    "size": 16, "channels": 1, "latents": 8, "base": 32, "depth": 2, "gamma": 1.0, "lr": 1e-2,
    "ema_halflife": 100, "training": _training(16, 60),
}  # fmt: skip
_GROWING_STYLE = _STYLE | {"stable_images": 160, "fading_images": 80}
_POINTS = {
    "latents": 8,
    "width": 32,
    "generator_lr": 5e-3,
    "discriminator_lr": 5e-3,
    "training": _training(64, 80),
}

_FEW_LABELS = {
    "size": 16, "channels": 1, "width": 8, "classes": 10, "labels": 20, "ensemble_images": 256,
    "ensemble_ramp": 64, "lr": 1e-2, "ema_halflife": 100, "training": _training(16, 80),
}  # fmt: skip
_FEW_LABELS_GAN = _FEW_LABELS | {"latents": 8, "generator_lr": 1e-2}
_BIGAN = {
    "size": 16, "channels": 1, "latents": 8, "width": 8, "lr": 2e-2, "discriminator_lr": 5e-3,
    "ema_halflife": 100, "training": _training(16, 80),
}  # fmt: skip
_FLAT = {
    "size": 8, "channels": 1, "latents": 8, "width": 32, "lr": 5e-3, "discriminator_lr": 5e-3,
    "ema_halflife": 100,
}  # fmt: skip
_VAE = {
    "size": 8, "channels": 1, "latents": 4, "width": 8, "units": 32, "figure_draws": 3, "lr": 1e-2,
    "ema_halflife": 100, "training": _training(16, 80),
}  # fmt: skip
_GLOW = {
    "size": 8, "channels": 1, "scales": 2, "steps": 2, "width": 8, "lr": 1e-2, "warmup": 0,
    "first": 64, "ema_halflife": 100, "training": _training(16, 60),
}  # fmt: skip
_VQVAE = {
    "size": 8, "channels": 1, "codes": 16, "dimensions": 4, "width": 16, "residual": 8,
    "prior_width": 8, "prior_layers": 2, "codebook_images": 100_000, "prior_images": 0,
    "first": 64, "lr": 1e-2, "ema_halflife": 100, "training": _training(16, 80),
}  # fmt: skip
_PIXELS = {
    "size": 8, "channels": 1, "width": 12, "layers": 2, "lr": 1e-2, "ema_halflife": 100,
    "training": _training(16, 100),
}  # fmt: skip
_PLANE = {"width": 32, "lr": 3e-3, "training": _training(64, 140)}

# Recipes that are others' with other numbers: they learn the toy data, and the rest is known.
VARIANTS = {
    "dcgan-gap": _GREY, "dcgan-leaky": _GREY, "lsgan": _GREY, "dragan": _GREY, "roth-gan": _GREY,
    "rsgan": _GREY, "ralsgan": _GREY, "rahinge": _GREY,
    "rsgan-gp": _GREY, "rasgan-gp": _GREY, "ralsgan-gp": _GREY, "rahinge-gp": _GREY,
    "beta-vae": _VAE,
    "biggan-unconditional": {k: v for k, v in _BIG.items() if k not in ("classes",)},
    "biggan-128": _BIG, "biggan-deep-128": _DEEP,
    "bigbigan-128": _BIGBI_DEEP, "bigbigan-revnet-128": _BIGBI_DEEP,
    "stylegan-1024": _GROWING_STYLE, "stylegan2-256": _STYLE, "stylegan2-1024": _STYLE,
    "progressive-gan-logistic": _GROWING, "progressive-gan-1024": _GROWING,
    "r3gan-32": _R3GAN, "r3gan-64": _R3GAN, "r3gan-256": _R3GAN,
}  # fmt: skip

# A new recipe adds one row. Its learning rates and its number of images let it learn the toy
# data: fewer do where learning is not the point.
SMALL: dict[str, Recipe] = {
    name: replace(RECIPES[name], **changes)
    for name, changes in {
        "gan": {
            "size": 8, "channels": 1, "latents": 8, "lr": 0.2, "training": _training(16, 140),
        },
        "dcgan": _GREY,
        "dcgan-64": _DCGAN | {"channels": 3},
        "wgan": _GREY | {
            "lr": 2e-3, "discriminator": Restraints(steps=2, early_steps=3, clip=0.1),
            "discriminator_norm": "none", "training": _training(16, 240),
        },
        "wgan-gp": _GREY | {"lr": 5e-3, "training": _training(16, 160)},
        "r1-gan": _GREY | {
            "augmentation": Augmentation(kind="diffaugment", target=0.6, speed=1_000),
        },
        "rasgan": _GREY,
        "improved-gan": _GREY | {
            "kernels": 2, "historical": 1e-3, "virtual_discriminator": True, "lr": 2e-3,
            "training": _training(16, 120),
        },
        "upsample-gan": {
            "channels": 1, "latents": 64, "lr": 3e-4, "training": _training(4, 60),
        },
        "sgan": _FEW_LABELS_GAN,
        "sgan-two-heads": _FEW_LABELS_GAN,
        "feature-matching": _FEW_LABELS_GAN,
        "feature-matching-ensembling": _FEW_LABELS_GAN,
        "tangent-invariant": _FEW_LABELS_GAN | {
            "codes": 4, "tangents": 2, "invariant_images": 2, "start": 32,
        },
        "classifier": _FEW_LABELS,
        "temporal-ensembling": _FEW_LABELS,
        "egan": _DCGAN | {
            "channels": 1, "ema_halflife": 100, "evaluation": 16, "training": _training(16, 60),
        },
        "infogan": {
            "channels": 1, "latents": 8, "categories": 4, "numbers": 1, "information": 0.1,
            "width": 16, "generator_lr": 5e-3, "discriminator_lr": 1e-2, "ema_halflife": 100,
            "training": _training(16, 120),
        },
        "unrolled-gan": _POINTS | {"unroll": 2},
        "unrolled-dcgan": _DCGAN | {"channels": 1, "ema_halflife": 100, "unroll": 1},
        "bigan": _BIGAN | {"training": _training(16, 100)},
        "ali": _BIGAN,
        "augmented-bigan": _BIGAN,
        "flat-bigan": _FLAT | {"training": _training(32, 100)},
        "ali-grid": _PLANE,
        "cyclegan": _CYCLE,
        "cyclegan-256": _CYCLE | {"channels": 3, "identity": 0.0},
        "pix2pix": _PIX,
        "pix2pix-256": _PIX | {"channels": 3},
        "cgan": _GREY | {"classes": 10},
        "cgan-attributes": _GREY | {"attributes": sum(map(len, avatars.TRAITS.values()))},
        "cgan-pictures": _GREY | {"copy": 2},
        "sngan": _SNGAN,
        "sngan-64": _SNGAN,
        "sngan-128": _SNGAN | {"channels": 3},
        "sngan-projection": _SNGAN | {"classes": 10},
        "sagan": _SNGAN | {"classes": 10, "ema_halflife": 100},
        "r3gan": _R3GAN,
        "r3gan-classes": _R3GAN | {"classes": 10},
        "progressive-gan": _GROWING,
        "stylegan": _GROWING_STYLE,
        "stylegan2": _STYLE,
        "vae": _VAE,
        "bernoulli-vae": _VAE,
        "iwae": _VAE,
        "pixelcnn": _PIXELS,
        "glow": _GLOW,
        "vqvae": _VQVAE,
        "glow-32": _GLOW | {"channels": 3},
        "gated-pixelcnn": _PIXELS | {"channels": 3, "levels": 16},
        "biggan": _BIG,
        "bigbigan": _BIGBI,
        "biggan-deep": _DEEP,
        "ring-gan": _POINTS,
        "grid-gan": _POINTS,
        **VARIANTS,
    }.items()
}  # fmt: skip
PLAYED = {name: recipe for name, recipe in SMALL.items() if name not in VARIANTS}


def start(name: str, seed: int = 0, copies: int = 1) -> tuple[Game, Stream | Together]:
    """The small recipe's game, new from `seed`, and a stream of toy data at its beginning.

    Arguments:
        copies: Of a round, that share a batch.
    """
    torch.manual_seed(seed)
    recipe = SMALL[name]
    held = recipe.training.batch // copies
    recipe = replace(recipe, training=replace(recipe.training, microbatch=held))
    game, data = recipe.game(), toy(recipe)
    if isinstance(game, Translates):
        recipe.prepare(game, data)
    return game, recipe.stream(data, torch.device("cpu"))


def toy(recipe: Recipe, n: int = 256) -> Dataset:
    """Data of the recipe's kind: discs for what sees pictures, else Gaussians in the plane."""
    data = POINTS[recipe.data](n) if recipe.data in POINTS else discs(n, recipe)
    label = torch.arange(n) % 4
    sources = Dataset("toy negatives", 255 - data) if data.dtype == torch.uint8 else None
    known = {k: Attribute(torch.arange(n) % len(v), (*v,)) for k, v in avatars.TRAITS.items()}
    name = f"toy {recipe.data}"
    return Dataset(name, data, label, (*"abcd",), "toy", attributes=known, sources=sources)


def discs(n: int, recipe: Recipe) -> Tensor:
    """A bright disc somewhere near the middle of a dark picture: uint8 [N, C, H, W]."""
    axis = torch.linspace(-1, 1, recipe.size)
    centre = 0.6 * torch.rand(2, n, 1, 1, generator=generator(1)) - 0.3
    far = ((axis[:, None] - centre[0]) ** 2 + (axis - centre[1]) ** 2).sqrt()
    grey = ((0.6 - far) * recipe.size / 2).sigmoid() * 255
    return grey.byte()[:, None].repeat(1, recipe.channels, 1, 1)


def ring(n: int) -> Tensor:
    """Eight modes on a circle that does not lie about the origin: float [N, 2]."""
    angle = torch.arange(n) % 8 * torch.pi / 4
    return torch.stack([angle.cos(), angle.sin()], 1) + 2 + _noise(n)


def grid(n: int) -> Tensor:
    """Twenty-five modes on a grid that does not lie about the origin: float [N, 2]."""
    axis = torch.arange(-1, 1.1, 0.5)
    return torch.cartesian_prod(axis, axis)[torch.arange(n) % 25] + 2 + _noise(n)


def _noise(n: int) -> Tensor:
    return 0.02 * torch.randn(n, 2, generator=generator(2))


POINTS: dict[str, Callable[[int], Tensor]] = {"ring8": ring, "grid25": grid}


def flags(recipe: Recipe) -> list[str]:
    """The recipe as words of the command line."""
    return [f"--{name}={value}" for name, value in flatten(asdict(recipe)).items()]
