"""StyleGANs of clothes and of avatars at 32 pixels, and what sees them: shared by claims."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from cardigan.data import catalogue
from cardigan.metrics.attributes import Learnt, learn
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.recipes import RECIPES
from cardigan.recipes.stylegan import StyleGAN

CLOTHES, AVATARS = "fashion-mnist-mini", "avatars"
SIZE, STEP, IMAGES = 32, 15_000, 90_000
BASE = RECIPES["stylegan"]
assert isinstance(BASE, StyleGAN)
STYLED = replace(BASE, size=SIZE, stable_images=STEP, fading_images=STEP)
"""At full size after four steps, which are 60,000 images."""


@cache
def judges() -> Mapping[str, Learnt]:
    """A classifier of each attribute of avatars, the same for all seeds."""
    data = catalogue.load(AVATARS, size=SIZE)
    return {
        name: learn(data.images, values, len(names))
        for name, (values, names) in data.attributes.items()
    }


def seen_in_clothes(images: Tensor) -> Tensor:
    """What the shipped classifier sees: float64 [N, D]."""
    return extract(fashion_classifier(), images).features


@torch.no_grad()
def seen_in_avatars(images: Tensor) -> Tensor:
    """What the last maps of all classifiers of attributes hold, as means: float64 [N, D]."""
    x = (images.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
    maps = [judge.net[:-2] for judge in judges().values()]  # pyright: ignore[reportIndexIssue]
    parts = [torch.cat([net(part).mean((2, 3)) for net in maps], 1) for part in x.split(500)]
    return torch.cat(parts).double()


SEEN = {CLOTHES: seen_in_clothes, AVATARS: seen_in_avatars}
