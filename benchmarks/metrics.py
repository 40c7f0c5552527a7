"""How long do measures take, and in how much memory, beside the packages that others use?

    python benchmarks/metrics.py [--only frechet overlap features] [--repeats 3] [--out FILE.md]

All variants take turns within one run, so that a machine's moods meet them alike; the ratio of
each repeat is taken against cardigan's time in the same repeat. Inputs are made before the clock
starts, and every package gets them in the type that it wants.

Fréchet distance: `statistics` is the mean and covariance of one set of features. cardigan gets
float32 and takes it to float64 within the time; SciPy's row is `np.mean` and `np.cov` of a float64
array, as in pytorch-fid; torchmetrics' is `update` in float64, 8,192 features at a time.
`distance` is from the statistics of both sets: pytorch-fid's `scipy.linalg.sqrtm(s1 @ s2)`, and
torchmetrics' `_compute_fid`. `all` is twice the statistics and the distance, summed.

`bare product` is x^T x of float64 features and nothing else, by the routine that knows it to be
symmetric: no way to a covariance in float64 can do without, so it is the floor of `statistics`.
In float32 the same product is quicker; how far that would move the distance is told for features
as they are, and for samples that are 100 pictures over and over.

Precision, recall, density and coverage: each time in a fresh process, which tells the seconds of
the call, and its peak of resident memory, imports and inputs included.

Feature extraction: `features.extract` of bytes in memory, against the bare network on one batch
of float32 images that is ready, as often as there are batches.
"""

import argparse
import contextlib
import io
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor

from cardigan.data import catalogue
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.frechet import between
from cardigan.metrics.gaussian import Gaussian, gram
from cardigan.metrics.manifold import manifold, overlap

OURS = "cardigan"
NEAREST = 5


def features(count: int, width: int, seed: int) -> Tensor:
    """Correlated, at or above zero, with variances that fall off as those of a network do."""
    draw = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=torch.Generator().manual_seed(0))
    mix *= (torch.arange(1, width + 1) ** -0.5)[:, None] / width**0.5
    made = torch.randn(count, width, generator=draw) @ mix
    return (made + 0.1 + 0.02 * seed).relu_()


# Fréchet distance


class TorchMetrics(torch.nn.Module):
    """Stands where torchmetrics wants a network."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, given: Tensor) -> Tensor:
        return given


def statistics_by_torchmetrics(x: Tensor) -> tuple[Tensor, Tensor]:
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(TorchMetrics(x.shape[1])).set_dtype(torch.float64)
    for part in x.split(8192):
        metric.update(part.double(), real=True)
    n = metric.real_features_num_samples
    mean = metric.real_features_sum / n
    return mean, (metric.real_features_cov_sum - n * mean[:, None] @ mean[None]) / (n - 1)


def distance_by_torchmetrics(a: Gaussian, b: Gaussian) -> float:
    from torchmetrics.image.fid import _compute_fid

    return _compute_fid(a.mean, a.covariance, b.mean, b.covariance).item()


def distance_by_scipy(a: Gaussian, b: Gaussian) -> float:
    from scipy.linalg import sqrtm

    (m1, s1), (m2, s2) = ((side.mean.numpy(), side.covariance.numpy()) for side in (a, b))
    root = np.asarray(sqrtm(s1 @ s2))
    if not np.isfinite(root).all():
        eps = 1e-6 * np.eye(len(s1))
        root = np.asarray(sqrtm((s1 + eps) @ (s2 + eps)))
    gap = m1 - m2
    return float(gap @ gap + np.trace(s1) + np.trace(s2) - 2 * np.trace(root.real))


def in_single(x: Tensor) -> Gaussian:
    """As `Gaussian.of`, but with products in float32, which are summed in float64."""
    mean, scatter = x.mean(0, dtype=torch.float64), torch.zeros(x.shape[1], x.shape[1]).double()
    for part in x.split(1024):
        scatter += gram((part - mean).float())
    return Gaussian(len(x), mean, scatter / (len(x) - 1))


def moved_by_single(given: argparse.Namespace) -> str:
    """How far products in float32 move the distance."""
    width = min(given.width, 512)
    real, fake = (features(24 * width, width, seed) for seed in (1, 2))
    copied = fake[:100].repeat(len(fake) // 100 + 1, 1)[: len(fake)]
    off = [
        abs(
            between(in_single(real), in_single(x)) / between(Gaussian.of(real), Gaussian.of(x)) - 1
        )
        for x in (fake, copied)
    ]
    return (
        f"Products in float32 would move the distance by {off[0]:.0e}, and by {off[1]:.0e} where "
        f"the samples are 100 pictures over and over ({len(real):,} x {width} features)."
    )


def frechet(given: argparse.Namespace) -> list[str]:
    real, fake = (features(given.count, given.width, seed) for seed in (1, 2))
    a, b = Gaussian.of(real), Gaussian.of(fake)
    wide = fake.double().numpy()
    statistics = {
        OURS: lambda: Gaussian.of(fake),
        "SciPy": lambda: (wide.mean(0), np.cov(wide, rowvar=False)),
        "torchmetrics": lambda: statistics_by_torchmetrics(fake),
    }
    products = {
        "bare product": lambda: wide.T @ wide,
        "bare product, float32": lambda: gram(fake),
    }
    distances = {
        OURS: lambda: between(a, b),
        "SciPy": lambda: distance_by_scipy(a, b),
        "torchmetrics": lambda: distance_by_torchmetrics(a, b),
    }
    values = {name: distance() for name, distance in distances.items()}  # warms up, too
    off = max(abs(value / values[OURS] - 1) for value in values.values())
    first = taken(statistics | products, given.repeats)
    then = taken(distances, given.repeats)
    whole = {
        name: [2 * s + d for s, d in zip(first[name], times, strict=True)]
        for name, times in then.items()
    }
    rows = [
        row(work, times)
        for work, times in (("statistics", first), ("distance", then), ("all", whole))
    ]
    return [
        f"## Fréchet distance, {given.count:,} x {given.width:,} features", "",
        *HEAD, *(line for part in rows for line in part), "",
        f"The distances agree to {off:.0e}, relative. {moved_by_single(given)}",
    ]  # fmt: skip


# Precision, recall, density, coverage


def overlap_by_cardigan(real: Tensor, fake: Tensor) -> list[float]:
    return list(overlap(manifold(real, NEAREST), manifold(fake, NEAREST))[:4])


def overlap_by_prdc(real: Tensor, fake: Tensor) -> list[float]:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(real.numpy(), fake.numpy(), NEAREST)
    return [float(value) for value in found.values()]


OVERLAPS = {OURS: overlap_by_cardigan, "prdc": overlap_by_prdc}


def alone(name: str, given: argparse.Namespace) -> None:
    """What a fresh process does: prints seconds, peak memory in GB and the four figures."""
    real, fake = (features(given.points, given.width, seed) for seed in (1, 2))
    small = [x[:50] for x in (real, fake)]
    OVERLAPS[name](*small)  # imports, and what is made once
    start = time.perf_counter()
    figures = OVERLAPS[name](real, fake)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text().split()
    peak = int(status[status.index("VmHWM:") + 1]) / 1e6
    print(json.dumps([seconds, peak, figures]))


def overlaps(given: argparse.Namespace) -> list[str]:
    times: dict[str, list[float]] = {name: [] for name in OVERLAPS}
    peaks: dict[str, list[float]] = {name: [] for name in OVERLAPS}
    figures: dict[str, list[float]] = {}
    asked = ["--points", str(given.points), "--width", str(given.width)]
    for _ in range(given.repeats):
        for name in OVERLAPS:
            command = [sys.executable, __file__, "--alone", name, *asked]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            seconds, peak, figures[name] = json.loads(told)
            times[name].append(seconds)
            peaks[name].append(peak)
    off = max(abs(a - b) for a, b in zip(*figures.values(), strict=True))
    memory = {name: median(values) for name, values in peaks.items()}
    told = ", ".join(f"{name} {peak:.2f} GB" for name, peak in memory.items())
    return [
        f"## Precision, recall, density and coverage, {given.points:,} x {given.width:,} features",
        "", *HEAD, *row("four figures", times), "",
        f"Peak of resident memory (median): {told}, {memory['prdc'] / memory[OURS]:.1f} to 1. "
        f"The figures differ by {off:.0e} at most.",
    ]  # fmt: skip


# Feature extraction


def extraction(given: argparse.Namespace) -> list[str]:
    net = fashion_classifier()
    images = catalogue.load("fashion-mnist-mini", "train").images[: given.images]
    ready = net.prepare(images[: net.batch])

    @torch.no_grad()
    def bare() -> None:
        for part in images.split(net.batch):
            net.net(ready[: len(part)])

    bare()
    times = taken({OURS: lambda: extract(net, images), "bare network": bare}, given.repeats)
    speed = {name: len(images) / median(values) for name, values in times.items()}
    told = ", ".join(f"{name} {value:,.0f} images/s" for name, value in speed.items())
    shares = [b / a for a, b in zip(times[OURS], times["bare network"], strict=True)]
    return [
        f"## Feature extraction, {len(images):,} images of Fashion-MNIST, batch {net.batch}", "",
        f"{told}: {median(shares):.2f} of the bare network's speed "
        f"({min(shares):.2f} to {max(shares):.2f}).",
    ]  # fmt: skip


# What is common


HEAD = [
    "| what | with | seconds (median) | times cardigan's (median) | range |",
    "|---|---|---|---|---|",
]


def taken(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each work, in turn."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return times


def row(work: str, times: dict[str, list[float]]) -> list[str]:
    rows = []
    for name, values in times.items():
        ratios = [other / ours for other, ours in zip(values, times[OURS], strict=True)]
        rows.append(
            f"| {work} | {name} | {median(values):.2f} | {median(ratios):.2f} "
            f"| {min(ratios):.2f} to {max(ratios):.2f} |"
        )
    return rows


def facts() -> str:
    """Where and when this was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    machine = cpu[0].split(":")[1].strip() if cpu else platform.processor()
    return (
        f"`python {' '.join(sys.argv)}`, commit {commit or 'unknown'}, {date.today()}, {machine}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}, NumPy {np.__version__}"
    )


SECTIONS = {"frechet": frechet, "overlap": overlaps, "features": extraction}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--count", type=int, default=50_000, help="features of a set")
    parser.add_argument("--width", type=int, default=2048, help="numbers in a feature")
    parser.add_argument("--points", type=int, default=10_000, help="of reals, and of fakes")
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--alone", choices=OVERLAPS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.alone:
        alone(given.alone, given)
        return
    lines = ["# Measures", "", facts()]
    print("\n".join(lines), flush=True)
    for name in given.only:
        part = ["", *SECTIONS[name](given)]
        print("\n".join(part), flush=True)
        lines += part
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
