"""Does a generator that never saw a class find it odd? Inversion errors as anomaly scores.

    python -m benchmarks.anomaly [--recipe dcgan] [--images 350000] [--classes 0 1 ...]

Each class of Fashion-MNIST in turn is left out of training. Test images are inverted as AnoGAN
(Schlegl et al. 2017, arXiv:1703.05921) does it, by descent of (1 - lambda) |x - G(z)| + lambda
|f(x) - f(G(z))| in L1 with f the discriminator's features, and the loss that is left is the score.
The target is the mean of the area under the ROC curve over classes. Beside it stand the parts of
the score, the score by an encoder where the recipe has one, and scores that need no generator:
distances to the mean image, to the principal components and to the nearest training image.
Classes that are done are kept in the folder --work.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor

from cardigan import device as devices
from cardigan.abilities import Encodes, Reconstructs
from cardigan.data.dataset import Dataset
from cardigan.data.stream import as_floats
from cardigan.data.subset import pick
from cardigan.explore.inversion import Search, invert
from cardigan.explore.spaces import spaces
from cardigan.game import Game
from cardigan.games import GAN
from cardigan.metrics.anomaly import anogan_score, auroc
from cardigan.recipe import Recipe
from cardigan.recipes import RECIPES
from cardigan.train import train

from .step import facts

TARGET, WEIGHT, COMPONENTS = 0.7, 0.1, 50
CHOSEN = "AnoGAN"  # the score that the target is about

Features = Callable[[Tensor], Tensor]


def trained(recipe: Recipe, data: Dataset) -> Game:
    """What the recipe learns of these images."""
    device = devices.pick(recipe.training.device)
    torch.manual_seed(recipe.training.seed)
    game = recipe.game().to(device, memory_format=torch.channels_last)  # pyright: ignore
    recipe.prepare(game, data)
    stream = recipe.stream(data, device)
    settings = recipe.training
    precision = devices.fastest(device)
    train(game, stream, settings.images, seed=settings.seed, precision=precision)
    return game


def features_of(game: Game) -> Features | None:
    """What the last layer of the game's discriminator judges by, where it judges images alone."""
    net = game.discriminator.eval_net if isinstance(game, GAN) else None
    return getattr(net, "features", None)


def inverted(game: Game, x: Tensor, starts: int, steps: int) -> dict[str, Tensor]:
    """AnoGAN's score, and its parts."""
    f = features_of(game)

    def look(images: Tensor) -> Tensor:
        parts = [(1 - WEIGHT) * images.flatten(1)]
        return torch.cat([*parts, WEIGHT * f(images).flatten(1)], 1) if f else parts[0]

    search = Search(look, power=1.0, starts=starts, steps=steps)
    made = invert(game, spaces(game)["z"], x, search).images
    seen = [f(images) if f else x.new_zeros(len(x), 1) for images in (x, made)]
    weights = {CHOSEN: WEIGHT, "residual alone": 0.0} | ({"features alone": 1.0} if f else {})
    return {name: anogan_score(x, made, *seen, weight=weight) for name, weight in weights.items()}


def encoded(game: Game, x: Tensor) -> dict[str, Tensor]:
    """The error of what is rebuilt of an encoder's codes."""
    if not isinstance(game, Encodes) or not isinstance(game, Reconstructs):
        return {}
    return {"encoder": (game.reconstruct(x) - x).abs().flatten(1).sum(1)}


def plain(known: Tensor, x: Tensor) -> dict[str, Tensor]:
    """Scores that need no generator, by training images [M, ...]."""
    known, x = known.flatten(1), x.flatten(1)
    centre = known.mean(0)
    basis = torch.linalg.eigh((known - centre).T @ (known - centre)).eigenvectors[:, -COMPONENTS:]
    left = (x - centre) - (x - centre) @ basis @ basis.T
    nearest = [torch.cdist(part, known).amin(1) for part in x.split(200)]
    return {
        "mean image": (x - centre).norm(dim=1),
        f"{COMPONENTS} principal components": left.norm(dim=1),
        "nearest training image": torch.cat(nearest),
    }


@torch.no_grad()
def scored(recipe: Recipe, odd: int, starts: int, steps: int) -> dict[str, list[float]]:
    """The area of each score, and its interval, with one class left out of training."""
    data, test = recipe.dataset(), recipe.dataset("test")
    assert data.labels is not None and test.labels is not None
    known = pick(data, (data.labels != odd).nonzero()[:, 0])
    with torch.enable_grad():
        game = trained(recipe, known)
    x = as_floats(test.images.to(game.device))
    scores = inverted(game, x, starts, steps) | encoded(game, x)
    scores |= plain(as_floats(known.images.to(game.device)), x)
    is_odd, found = test.labels == odd, {}
    for name, score in scores.items():
        area = auroc(score.cpu()[~is_odd], score.cpu()[is_odd])
        found[name] = [area.value, *area.interval]
    return found


def table(results: dict[str, dict[str, list[float]]]) -> list[str]:
    names = list(next(iter(results.values())))
    lines = [f"| left out | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for odd, found in results.items():
        cells = [f"{a:.3f} ({low:.3f} to {high:.3f})" for a, low, high in found.values()]
        lines.append(f"| {odd} | {' | '.join(cells)} |")
    means = [mean(found[name][0] for found in results.values()) for name in names]
    return [*lines, f"| **mean** | {' | '.join(f'{m:.3f}' for m in means)} |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="dcgan")
    parser.add_argument("--data", default="fashion-mnist-mini")
    parser.add_argument("--images", type=int, default=350_000)
    parser.add_argument("--classes", type=int, nargs="*", default=[])
    parser.add_argument("--starts", type=int, default=2)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--work", type=Path, default=Path("runs/anomaly"))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    recipe = replace(RECIPES[given.recipe], data=given.data).fitted()
    training = replace(recipe.training, images=given.images, seed=given.seed, device=given.device)
    recipe = replace(recipe, training=training)
    classes = recipe.dataset("test").classes
    results: dict[str, dict[str, list[float]]] = {}
    key = (given.recipe, given.data, given.images, given.starts, given.steps, given.seed)
    for odd in given.classes or range(len(classes)):
        kept = given.work / f"{'-'.join(map(str, key))}-{odd}.json"
        if not kept.exists():
            found = scored(recipe, odd, given.starts, given.steps)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(found, indent=1))
        results[classes[odd]] = json.loads(kept.read_text())
        area = results[classes[odd]][CHOSEN][0]
        print(f"{classes[odd]}: {CHOSEN} {area:.3f}", flush=True)
    share = mean(found[CHOSEN][0] for found in results.values())
    verdict = {True: "met", False: "not met"}[share >= TARGET]
    where = facts(devices.pick(given.device)).partition(", batch")[0]
    lines = [
        f"{given.recipe}, {given.images:,} images, {given.starts} starts, {given.steps} steps, "
        f"seed {given.seed}; {where}", "", *table(results), "",
        f"mean of {CHOSEN} over {len(results)} classes: {share:.3f}, target {TARGET} {verdict}",
    ]  # fmt: skip
    print("\n".join(lines))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
