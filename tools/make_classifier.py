"""Trains the classifier of Fashion-MNIST that the measures look through, and writes its table.

    OMP_NUM_THREADS=1 python tools/make_classifier.py

It reads the four files of Debian's package `dataset-fashion-mnist` and takes about ten minutes on
one core that is fast at bfloat16.
"""

import argparse
import gzip
import hashlib
import json
import math
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from cardigan.metrics.classifier import Classifier

ASSETS = Path(__file__).parents[1] / "src/cardigan/metrics/assets"
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def read(path: Path) -> Tensor:
    """A file of the idx format: two zero bytes, type, rank, big-endian sizes, bytes."""
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4).astype(int)
    return torch.from_numpy(
        np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()
    )


def images_and_labels(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    images = read(folder / f"{part}-images-idx3-ubyte.gz")[:, None].float() / 255
    return images, read(folder / f"{part}-labels-idx1-ubyte.gz").long()


def augmented(images: Tensor, shift: int = 2) -> Tensor:
    """Half of the images mirrored; each moved by up to `shift` pixels into black."""
    n, _, height, width = images.shape
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


def train(net: Classifier, images: Tensor, labels: Tensor, epochs: int, batch: int) -> None:
    steps = epochs * (len(images) // batch)
    optimizer = torch.optim.SGD(
        net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine(step, steps))
    start = time.monotonic()
    for epoch in range(epochs):
        for index in torch.randperm(len(images)).split(batch)[: len(images) // batch]:
            with torch.autocast("cpu", torch.bfloat16):
                _, logits = net(augmented(images[index]).to(memory_format=torch.channels_last))
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


def table(counts: Tensor, weights: Path, arguments: argparse.Namespace) -> dict:
    recall = (counts.diag() / counts.sum(1)).tolist()
    return {
        "accuracy": counts.diag().sum().item() / counts.sum().item(),
        "accuracy_by_class": dict(zip(CLASSES, (round(r, 4) for r in recall), strict=True)),
        "confusion": counts.tolist(),
        "classes": CLASSES,
        "test_images": counts.sum().item(),
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "command": "OMP_NUM_THREADS=1 python tools/make_classifier.py "
        f"--seed {arguments.seed} --epochs {arguments.epochs} --batch {arguments.batch}",
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--out", type=Path, default=ASSETS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=128)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    net = Classifier().to(memory_format=torch.channels_last)
    train(net, *images_and_labels(arguments.data, "train"), arguments.epochs, arguments.batch)
    net.eval()
    weights = arguments.out / "fashion_classifier.safetensors"
    save_file({name: t.contiguous() for name, t in net.state_dict().items()}, weights)
    weights.chmod(0o644)
    counts = confusion(net, *images_and_labels(arguments.data, "t10k"))
    result = table(counts, weights, arguments)
    weights.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    json.dump(result["accuracy_by_class"] | {"all": result["accuracy"]}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
