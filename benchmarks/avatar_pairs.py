"""What does a classifier say of a face, and of the same face with one attribute changed?

    python benchmarks/avatar_pairs.py [--pairs 300] [--size 32] [--out docs/pictures/pairs.png]

Prints the table of docs/fairness.md and draws its picture. Two classifiers tell a happy mouth from
a sad one. One learnt from avatars whose attributes are independent; the other from avatars of
whom all happy ones wear glasses and no sad one does, so that glasses tell as much as the mouth.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from cardigan import pictures
from cardigan.data import avatars
from cardigan.metrics.attributes import Classifier, learn
from cardigan.metrics.classes import share_interval
from cardigan.progress import track

FACES = 2_000  # of each mouth
FIRST = 5_000  # seed of the first pair


def taught(size: int, with_glasses: tuple[float, float]) -> Classifier:
    """A classifier of mouths, from faces of which such shares, of happy and sad, wear glasses."""
    drawn = []
    for mouth, share in enumerate(with_glasses):
        only = tuple(float(k == mouth) for k in range(2))
        chances = {"mouth": only, "glasses": (1 - share, share)}
        drawn.append(avatars.draw(FACES, size, 100 + mouth, chances).images)
    return learn(torch.cat(drawn), torch.arange(2).repeat_interleave(FACES), 2)


def ends(attribute: str) -> tuple[str, str]:
    """The first and the last of its values."""
    first, *_, last = avatars.TRAITS[attribute]
    return first, last


def paired(attribute: str, count: int, size: int) -> Tensor:
    """Faces with both values: uint8 [count, 2, 3, size, size]."""
    seeds = track(range(FIRST, FIRST + count), f"pairs of {attribute}", unit="pairs")
    return torch.stack([avatars.pair(seed, attribute, *ends(attribute), size) for seed in seeds])


def happy(classifier: Classifier, pairs: Tensor) -> Tensor:
    """What it says the chance of a happy mouth is: [N, 2]."""
    return classifier(pairs.flatten(0, 1))[:, 0].view(-1, 2)


def drawn(pairs: dict[str, Tensor], said: dict[str, dict[str, Tensor]]) -> Image.Image:
    """The first pair of each attribute, over what each classifier says of it."""
    figure = Figure(figsize=(1.9 * len(pairs), 5.2), dpi=100, facecolor=pictures.PAPER)
    canvas = FigureCanvasAgg(figure)
    for column, (attribute, both) in enumerate(pairs.items()):
        for row, value in enumerate(ends(attribute)):
            place = row * len(pairs) + column + 1
            axes = figure.add_subplot(2, len(pairs), place, xticks=[], yticks=[])
            axes.imshow(both[0, row].permute(1, 2, 0).numpy(), interpolation="nearest")
            axes.spines[:].set_visible(False)
            axes.set_title(f"{attribute.replace('_', ' ')}: {value}", fontsize=9)
            lines = [f"{who}: {p[attribute][0, row]:.2f}" for who, p in said.items()]
            axes.set_xlabel("\n".join(lines), fontsize=8, color=pictures.INK)
    figure.subplots_adjust(0.01, 0.1, 0.99, 0.93, wspace=0.08, hspace=0.35)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/pairs.png"))
    given = parser.parse_args()
    judges = {
        "independent": taught(given.size, (0.5, 0.5)),
        "confounded": taught(given.size, (1.0, 0.0)),
    }
    pairs = {name: paired(name, given.pairs, given.size) for name in avatars.TRAITS}
    said = {
        who: {name: happy(judge, both) for name, both in pairs.items()}
        for who, judge in judges.items()
    }
    pictures.save(drawn(pairs, said), given.out)
    print(f"| changed | {' | '.join(judges)} |\n|---|{'---|' * len(judges)}")
    for name in pairs:
        cells = []
        for p in said.values():
            changed = ((p[name] > 0.5)[:, 0] != (p[name] > 0.5)[:, 1]).double().mean().item()
            low, high = share_interval(changed, given.pairs)
            cells.append(f"{changed:.1%} ({low:.1%} to {high:.1%})")
        print(f"| `{name}`, {' to '.join(ends(name))} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
