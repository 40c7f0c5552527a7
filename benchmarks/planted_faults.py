"""Which measure sees which fault? Real images that were spoilt on purpose, in samples' place.

    python benchmarks/planted_faults.py [--data fashion-mnist] [-n 600] [--out FILE.md]

Prints the tables of docs/measures.md. Reals are 5 n training images and 5 n test images that are
held out; samples are n of the other test images, with a fault. The same measures are taken of
five such sets without any: their mean is the floor, and what moves a figure from it by more than
four times their spread is seen, and printed bold.
"""

import argparse
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from cardigan.data import catalogue
from cardigan.data.cache import key
from cardigan.data.dataset import Dataset
from cardigan.data.subset import pick
from cardigan.metrics.accuracy import Shown, learnt_accuracy
from cardigan.metrics.copying import copying
from cardigan.metrics.features import FeatureNet
from cardigan.metrics.looking import look_again
from cardigan.metrics.measure import chosen, measure
from cardigan.metrics.memorisation import FALSE_ALARM, authentic, duplicates, nearer_to_training
from cardigan.metrics.networks import network_for
from cardigan.randomness import generator

SETS = 5  # without a fault, and as many times n of training and of held-out reals
SEEN = 4  # spreads of these sets
LEARNT_FROM = 6_000  # images of which a classifier learns, repeats counted


class Material(NamedTuple):
    """Real images that share none."""

    train: Dataset
    held_out: Dataset
    fresh: Dataset  # what samples are made of
    n: int

    def untouched(self, i: int = 0) -> Shown:
        rows = slice(i * self.n, (i + 1) * self.n)
        return Shown(self.fresh.images[rows], self.fresh.labels[rows])

    def of(self, classes: list[int]) -> Shown:
        kept = torch.isin(self.fresh.labels, torch.tensor(classes)).nonzero()[: self.n, 0]
        return Shown(self.fresh.images[kept], self.fresh.labels[kept])


def material(name: str, n: int, seed: int) -> Material:
    train, test = catalogue.load(name), catalogue.load(name, "test")
    most = min(SETS * n, len(test) // 2)
    first, second = torch.randperm(len(test), generator=generator(seed, 0))[: 2 * most].chunk(2)
    some = torch.randperm(len(train), generator=generator(seed, 1))[:most]
    parts = [part_of(train, some), part_of(test, first), part_of(test, second)]
    return Material(*parts, most // SETS)


def part_of(whole: Dataset, index: Tensor) -> Dataset:
    """With a fingerprint of its own: what was seen of it is remembered."""
    return replace(pick(whole, index), fingerprint=key(whole.fingerprint, index.tolist()))


# Faults


def blurred(images: Tensor) -> Tensor:
    return avg_pool2d(pad(images.float(), (1, 1, 1, 1), mode="replicate"), 3, 1).round().byte()


def noisy(images: Tensor) -> Tensor:
    noise = 25 * torch.randn(images.shape, generator=generator(1))
    return (images + noise).round().clamp(0, 255).byte()


def white_noise(images: Tensor) -> Tensor:
    return torch.randint(256, images.shape, generator=generator(2), dtype=torch.uint8)


def holed(images: Tensor) -> Tensor:
    spoilt, side = images.clone(), images.shape[-1]
    spoilt[..., side // 2 : side // 2 + side // 5, side // 2 : side // 2 + side // 5] = 0
    return spoilt


def mean_image(images: Tensor) -> Tensor:
    return images.float().mean(0, keepdim=True).expand_as(images).byte()


def changed(how: Callable[[Tensor], Tensor]) -> Callable[[Material], Shown]:
    def fault(real: Material) -> Shown:
        images, labels = real.untouched()
        return Shown(how(images), labels)

    return fault


def repeated(real: Material) -> Shown:
    images, labels = real.untouched()
    few = torch.arange(real.n) % max(2, real.n // 10)
    return Shown(images[few], labels[few])


def mislabelled(real: Material) -> Shown:
    images, labels = real.untouched()
    wrong = torch.arange(real.n) < real.n // 3
    return Shown(images, torch.where(wrong, (labels + 1) % len(real.fresh.classes), labels))


def memorised(real: Material) -> Shown:
    return Shown(real.train.images[: real.n], real.train.labels[: real.n])


def half_memorised(real: Material) -> Shown:
    pairs = zip(memorised(real), real.untouched(), strict=True)
    half = real.n // 2
    return Shown(*(torch.cat([copied[:half], own[half:]]) for copied, own in pairs))


FAULTS: dict[str, Callable[[Material], Shown]] = {
    "moved by a pixel": changed(lambda images: images.roll(1, dims=3)),
    "darker by a fifth": changed(lambda images: (images * 0.8).byte()),
    "one class of ten missing": lambda real: real.of([0, 1, 2, 3, 4, 5, 7, 8, 9]),
    "five classes of ten": lambda real: real.of([0, 1, 2, 3, 4]),
    "a tenth, ten times each": repeated,
    "half of them training images": half_memorised,
    "training images": memorised,
    "a third mislabelled": mislabelled,
    "a black square of 5 pixels": changed(holed),
    "blurred, 3 by 3 mean": changed(blurred),
    "noise of 25 in 255": changed(noisy),
    "white noise": changed(white_noise),
    "the mean image": changed(mean_image),
}

# Measures

TABLES = {
    "Distances": {
        "frechet_distance": "Fréchet", "frechet_at_infinity": "at infinity (spreads)",
        "kernel_distance": "kernel (spreads)", "sliced_wasserstein": "sliced Wasserstein",
        "pixel_distance": "nearest, pixels", "feature_distance": "nearest, features",
    },
    "Fidelity and variety": {
        "precision": "precision", "recall": "recall", "density": "density",
        "coverage": "coverage", "ms_ssim": "MS-SSIM", "classifier_score": "score",
        "class_histogram": "histogram", "classification_accuracy": "accuracy learnt",
    },
    "Copies": {
        "copied": "copies (share)", "authenticity": "authenticity",
        "copying": "C_T (spreads)", "equal_pairs": "equal pairs (number)",
    },
}  # fmt: skip
NAMES = [name for table in TABLES.values() for name in table]
AS_THEY_ARE = ("copied", "equal_pairs")
IN_SPREADS = ("frechet_at_infinity", "kernel_distance", "copying")
"""They are 0 where nothing is wrong, so that there is no multiple of it."""


def measured(samples: Shown, real: Material, net: FeatureNet) -> dict[str, float]:
    asked = [name for name in NAMES if name not in TAKEN]
    figures = chosen(
        real.train, [name for name in asked if name != "classification_accuracy"], net
    )
    found = measure(
        samples.images, real.train, real.held_out, figures=figures, net=net, intervals=False
    )
    values = {name: float(found[name]["value"]) for name in figures}
    return values | {name: take(samples, real, net) for name, take in TAKEN.items()}


def features_of(data: Dataset, net: FeatureNet) -> Tensor:
    return look_again(data, torch.arange(len(data)), net).features


def in_features(figure: Callable[[Tensor, Tensor, Tensor], float]) -> Callable[..., float]:
    def take(samples: Shown, real: Material, net: FeatureNet) -> float:
        reals = (features_of(data, net) for data in (real.train, real.held_out))
        return figure(features_of(Dataset("samples", samples.images), net), *reals)

    return take


def accuracy(samples: Shown, real: Material, net: FeatureNet) -> float:
    test = Shown(real.held_out.images, real.held_out.labels)
    return learnt_accuracy(samples, test, seeds=(0,), images=LEARNT_FROM).top1


def copies(samples: Tensor, train: Tensor, held_out: Tensor) -> float:
    """The share of copies that the test claims; 0 where it calls nobody a copier."""
    found = nearer_to_training(samples, train, held_out)
    return found.copied if found.p <= FALSE_ALARM else 0.0


TAKEN: dict[str, Callable[[Shown, Material, FeatureNet], float]] = {
    "classification_accuracy": accuracy,
    "copied": in_features(copies),
    "authenticity": in_features(lambda x, train, _: authentic(x, train).double().mean().item()),
    "copying": in_features(lambda *sets: copying(*sets).statistic),
    "equal_pairs": lambda samples, *_: duplicates(samples.images.flatten(1).double()),
}

# Tables


def cell(name: str, value: float, usual: list[float]) -> str:
    floor, spread = mean(usual), stdev(usual)
    seen = abs(value - floor) > SEEN * spread
    told = value if name in AS_THEY_ARE else value / floor
    if name in IN_SPREADS:
        told = (value - floor) / spread
    whole = name == "equal_pairs" or abs(told) >= 100
    text = f"{told:,.0f}" if whole else f"{told:.2f}" if abs(told) < 10 else f"{told:.1f}"
    return f"**{text}**" if seen else text


def tables(found: dict[str, dict[str, float]], usual: list[dict[str, float]]) -> list[str]:
    lines = []
    for title, columns in TABLES.items():
        lines += ["", f"### {title}", "", f"| samples | {' | '.join(columns.values())} |"]
        lines += ["|---" * (len(columns) + 1) + "|"]
        every = {name: [values[name] for values in usual] for name in columns}
        floors = (f"{mean(v):.3g} ± {stdev(v):.2g}" for v in every.values())
        for fault, values in found.items():
            cells = (cell(name, values[name], every[name]) for name in columns)
            lines.append(f"| {fault} | {' | '.join(cells)} |")
        lines.append(f"| *floor, and spread* | {' | '.join(floors)} |")
    return lines


def facts() -> str:
    """Where and when this was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    machine = cpu[0].split(":")[1].strip() if cpu else platform.processor()
    return (
        f"`python {' '.join(sys.argv)}`, commit {commit or 'unknown'}, seed 0, {date.today()}, "
        f"{machine}, threads: {torch.get_num_threads()}, torch {torch.__version__}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("-n", type=int, default=600)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    real = material(given.data, given.n, 0)
    net = network_for(real.train)
    usual = [measured(real.untouched(i), real, net) for i in range(SETS)]
    found = {name: measured(fault(real), real, net) for name, fault in FAULTS.items()}
    text = "\n".join([facts(), *tables(found, usual)])
    print(text)
    if given.out:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
