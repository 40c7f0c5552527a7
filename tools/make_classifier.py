"""Trains a classifier that the measures look through, and writes its weights and its table.

    OMP_NUM_THREADS=1 python tools/make_classifier.py --data fashion-mnist
    OMP_NUM_THREADS=1 python tools/make_classifier.py --data mnist

`cardigan data list` tells where it finds these sets. Twelve epochs take about ten minutes on one
core that is fast at bfloat16; on one that is not, `--float32` is ten times faster than without.
"""

import argparse
import hashlib
import json
import math
import sys
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from cardigan.data import catalogue
from cardigan.metrics.classifier import Classifier

ASSETS = Path(__file__).parents[1] / "src/cardigan/metrics/assets"


class Task(NamedTuple):
    """What is learned from a data set."""

    name: str  # of the files written
    mirrored: bool  # whether a picture's mirror image is of the same class


TASKS = {
    "fashion-mnist": Task("fashion_classifier", mirrored=True),
    "mnist": Task("digits_classifier", mirrored=False),
}


def images_and_labels(data: str, split: str) -> tuple[Tensor, Tensor]:
    dataset = catalogue.load(data, split)
    return dataset.images.float() / 255, dataset.labels


def augmented(images: Tensor, mirrored: bool, shift: int = 2) -> Tensor:
    """Half of the images mirrored, if they may be; each moved up to `shift` pixels into black."""
    n, _, height, width = images.shape
    if mirrored:
        images = torch.where(torch.rand(n, 1, 1, 1) < 0.5, images.flip(3), images)
    padded = F.pad(images, (shift,) * 4)[:, 0]
    down, right = torch.randint(2 * shift + 1, (2, n, 1, 1))
    rows, columns = down + torch.arange(height)[:, None], right + torch.arange(width)
    return padded[torch.arange(n)[:, None, None], rows, columns][:, None]


def cosine(step: int, steps: int) -> float:
    """A tenth of the way up, then down a cosine to nothing."""
    up = steps // 10
    return (
        (step + 1) / up
        if step < up
        else 0.5 + 0.5 * math.cos(math.pi * (step - up) / (steps - up))
    )


def train(
    net: Classifier,
    images: Tensor,
    labels: Tensor,
    mirrored: bool,
    arguments: argparse.Namespace,
) -> None:
    epochs, batch = arguments.epochs, arguments.batch
    steps = epochs * (len(images) // batch)
    optimizer = torch.optim.SGD(
        net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine(step, steps))
    start = time.monotonic()
    for epoch in range(epochs):
        for index in torch.randperm(len(images)).split(batch)[: len(images) // batch]:
            with torch.autocast("cpu", torch.bfloat16, enabled=not arguments.float32):
                inputs = augmented(images[index], mirrored)
                _, logits = net(inputs.to(memory_format=torch.channels_last))
            loss = F.cross_entropy(logits.float(), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: loss {loss:.3f}, {time.monotonic() - start:.0f} s", flush=True)


@torch.no_grad()
def confusion(net: Classifier, images: Tensor, labels: Tensor) -> Tensor:
    """How many test images of each class (row) are taken for each class (column): [K, K]."""
    guesses = torch.cat([net(part)[1].argmax(1) for part in images.split(500)])
    return torch.bincount(labels * 10 + guesses, minlength=100).view(10, 10)


def table(
    counts: Tensor, classes: tuple[str, ...], weights: Path, arguments: argparse.Namespace
) -> dict:
    recall = (counts.diag() / counts.sum(1)).tolist()
    return {
        "accuracy": counts.diag().sum().item() / counts.sum().item(),
        "accuracy_by_class": dict(zip(classes, (round(r, 4) for r in recall), strict=True)),
        "confusion": counts.tolist(),
        "classes": classes,
        "test_images": counts.sum().item(),
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "command": "OMP_NUM_THREADS=1 python tools/make_classifier.py "
        f"--data {arguments.data} --seed {arguments.seed} "
        f"--epochs {arguments.epochs} --batch {arguments.batch}"
        f"{' --float32' * arguments.float32}",
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=TASKS, default="fashion-mnist")
    parser.add_argument("--out", type=Path, default=ASSETS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--float32", action="store_true", help="instead of bfloat16")
    arguments = parser.parse_args()
    task = TASKS[arguments.data]
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    net = Classifier().to(memory_format=torch.channels_last)
    images, labels = images_and_labels(arguments.data, "train")
    train(net, images, labels, task.mirrored, arguments)
    net.eval()
    weights = arguments.out / f"{task.name}.safetensors"
    save_file({name: t.contiguous() for name, t in net.state_dict().items()}, weights)
    weights.chmod(0o644)
    counts = confusion(net, *images_and_labels(arguments.data, "test"))
    classes = catalogue.facts(arguments.data).classes
    result = table(counts, classes, weights, arguments)
    weights.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    json.dump(result["accuracy_by_class"] | {"all": result["accuracy"]}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
