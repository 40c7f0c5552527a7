"""What do the measures say of real images that were spoilt on purpose?

    python benchmarks/planted_faults.py [--data fashion-mnist] [-n 2000]

Prints the table of docs/measures.md: test images with a planted fault in the samples' place.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from cardigan.data import catalogue
from cardigan.metrics.measure import measure
from cardigan.randomness import generator


def blurred(images: Tensor) -> Tensor:
    return avg_pool2d(pad(images.float(), (1, 1, 1, 1), mode="replicate"), 3, 1).round().byte()


def noisy(images: Tensor) -> Tensor:
    noise = 25 * torch.randn(images.shape, generator=generator(1))
    return (images + noise).round().clamp(0, 255).byte()


def white_noise(images: Tensor) -> Tensor:
    return torch.randint(256, images.shape, generator=generator(2), dtype=torch.uint8)


FAULTS: dict[str, Callable[[Tensor], Tensor]] = {
    "untouched": lambda images: images,
    "moved by a pixel": lambda images: images.roll(1, dims=3),
    "blurred, 3 by 3 mean": blurred,
    "noise of 25 in 255": noisy,
    "white noise": white_noise,
    "the mean image": lambda images: images.float().mean(0, keepdim=True).expand_as(images).byte(),
}
NAMES = ("frechet_distance", "kernel_distance", "classifier_score", "class_histogram")


def row(name: str, found: dict, key: str = "value") -> str:
    return f"| {name} | " + " | ".join(f"{found[n][key]:.3g}" for n in NAMES) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("-n", type=int, default=2000)
    given = parser.parse_args()
    train, test = catalogue.load(given.data), catalogue.load(given.data, "test")
    order = torch.randperm(len(test), generator=generator(0))
    images, labels = test.images[order], test.labels[order]
    chosen = {name: fault(images[: given.n]) for name, fault in FAULTS.items()}
    shirt = test.classes.index("Shirt")
    chosen["without shirts"] = images[labels != shirt][: given.n]
    chosen["five classes of ten"] = images[labels < 5][: given.n]
    print("| samples | Fréchet | kernel | score | histogram |\n|---|---|---|---|---|")
    for name, samples in chosen.items():
        found = measure(samples, train, test)
        print(row(name, found), flush=True)
    print(row("*floor*", found, "floor"))


if __name__ == "__main__":
    main()
