"""Makes the set inside the package out of Fashion-MNIST: the first pictures of each class.

    python tools/make_fashion_mnist_mini.py [FOLDER]

FOLDER holds the four idx files of Fashion-MNIST, by default where Debian's package
`dataset-fashion-mnist` puts them. The same files give the same bytes.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from cardigan.data.formats import read_idx

ASSETS = Path(__file__).parents[1] / "src" / "cardigan" / "data" / "assets"
CLASSES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",")
SPLITS = {"train": ("train", 60_000, 1_000), "test": ("t10k", 10_000, 200)}


def chosen(folder, prefix, total, each):
    """The first `each` pictures of every class, in the order of the file."""
    images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz", (total, 28, 28))
    labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", (total,))
    index = np.sort(np.concatenate([np.flatnonzero(labels == k)[:each] for k in range(10)]))
    return images[index], labels[index]


def main(folder="/usr/share/datasets/fashion-mnist"):
    arrays, counts = {}, {}
    for split, (prefix, total, each) in SPLITS.items():
        images, labels = chosen(Path(folder), prefix, total, each)
        arrays |= {f"{split}_images": images, f"{split}_labels": labels}
        counts[split] = {"images": len(images), "of each class": each}
    pictures = ASSETS / "fashion_mnist_mini.npz"
    np.savez_compressed(pictures, **arrays)
    about = {
        "name": "fashion-mnist-mini",
        "what": "The first pictures of each class of Fashion-MNIST, in the order of its files.",
        "made by": "tools/make_fashion_mnist_mini.py",
        "source": "https://github.com/zalandoresearch/fashion-mnist",
        "paper": "Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747",
        "licence": "MIT, Copyright (c) 2017 Zalando SE: fashion_mnist_licence.txt",
        "sha256": hashlib.sha256(pictures.read_bytes()).hexdigest(),
        "bytes": pictures.stat().st_size,
        "counts": counts,
        "classes": CLASSES,
    }
    text = json.dumps(about, indent=2) + "\n"
    (ASSETS / "fashion_mnist_mini.json").write_text(text)
    print(f"{pictures}: {about['bytes']:,} bytes, SHA-256 {about['sha256']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
