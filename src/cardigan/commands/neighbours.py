"""`cardigan neighbours`: is it a copy? Samples beside the real images nearest to them."""

import json as to_text
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError, printable
from .arguments import check, place

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ..neighbourhood import Neighbourhood
    from ..subjects import Reals

FIGURES = {
    "distance": "distance to training, median",
    "authenticity": "authentic",
    "nearer_than_reals": "nearer than reals are",
    "c_t": "C_T",
}


def neighbours(
    run: str,
    against: str = "",
    n: int = 1000,
    seed: int = 0,
    rows: int = 8,
    out: str = "",
    features: str = "",
    json: bool = False,
    device: str = "auto",
) -> None:
    """Draws samples beside the nearest training and held-out images, and says if they are copies.

    Args:
        run: A run's folder, one of its checkpoints, or a folder or zip of images.
        against: What was trained on, and held-out images beside: a catalogue name, folder or zip;
            a run's own by default.
        n: How many samples to draw, or of the images to take.
        seed: Of the samples.
        rows: How many samples the picture shows.
        out: The picture to write, a .png; neighbours.png in a run's folder by default.
        features: What looks at pictures: fashion, digits, inception, or inception:WEIGHTS; by
            default the network that suits the data.
        json: Print JSON instead of text.
        device: Where samples are drawn and looked at: auto, cpu, cuda, cuda:1, mps.
    """
    _check(n, seed, rows)
    path = place(out, ".png") if out else None
    check(device, features)

    from .. import device as devices
    from .. import pictures
    from ..metrics.about import Made, about
    from ..metrics.networks import network
    from ..neighbourhood import figures, look
    from ..subjects import subject

    found = subject(run, device, against)
    reals = found.reals(against)
    samples = found.draw(n, seed).images
    _check_images(samples, reals)
    net = network(features, reals.train, devices.pick(device))
    neighbourhood = look(samples, reals, net)
    path = path or (found.run.path if found.run else Path()) / "neighbours.png"
    pictures.save(_drawn(neighbourhood, samples, reals, rows), path)
    counts = {
        "samples": len(samples),
        "train": len(reals.train),
        "held_out": len(reals.test) if reals.test else 0,
    }
    told = about(counts, Made(reals.train, seed, str(net.device), net))
    told |= {"seen": found.seen, "picture": str(path)}
    result = figures(neighbourhood, seed) | {"about": told}
    print(to_text.dumps(result, indent=2)) if json else _print(result)


def _check(n: int, seed: int, rows: int) -> None:
    if not 2 <= n <= 1_000_000 or not 0 <= seed < 2**63:
        raise UserError(
            f"expected -n of 2 to a million and a --seed of 0 or more, got {n} and {seed}"
        )
    if not 1 <= rows <= 100:
        raise UserError(f"expected --rows of 1 to 100, got {rows}")


def _check_images(samples: "Tensor", reals: "Reals") -> None:
    train, test = reals
    if samples.dim() != 4 or train.images.dim() != 4:
        raise UserError(
            "expected pictures, got points: `cardigan evaluate` counts the modes that they find"
        )
    if samples.shape[1:] != train.images.shape[1:]:
        raise UserError(
            f"expected samples like the pictures of {train.name}, {[*train.images.shape[1:]]}, "
            f"got {[*samples.shape[1:]]}: name the data that was trained on"
        )
    counts = {"samples": len(samples), "training images": len(train)}
    counts |= {} if test is None else {"held-out images": len(test)}
    for name, count in counts.items():
        if count < 2:
            raise UserError(f"expected at least 2 {name}, got {count}: take more")


def _drawn(found: "Neighbourhood", samples: "Tensor", reals: "Reals", rows: int) -> "Image":
    """First the samples that look most like copies, and below them as many as they were drawn."""
    import torch

    from ..neighbour_picture import columns, draw
    from ..neighbourhood import suspects

    rows = min(rows, len(samples))
    first = suspects(found)[: (rows + 1) // 2].tolist()
    others = [i for i in range(len(samples)) if i not in first][: rows - len(first)]
    which = torch.tensor([*first, *others])
    footer = (
        f"Rows 1 to {len(first)}: samples whose nearest training image stands out most. Below: "
        "as they were drawn.\nFramed: the nearest real of all. Numbers: root mean squared "
        "difference of bytes; distance of features."
    )
    return draw(columns(found, samples, reals, which), footer, apart=len(first))


def _print(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, about = Console(), result["about"]
    table = Table(box=None, pad_edge=False)
    table.add_column(Text(f"{about['samples']:,} samples"))
    for space in result["spaces"]:
        table.add_column(space, justify="right")
        table.add_column("held out", justify="right", style="dim")
    for name, words in FIGURES.items():
        pairs = [space.get(name) for space in result["spaces"].values()]
        if all(pairs):
            table.add_row(words, *(_number(p[k]) for p in pairs for k in ("value", "held_out")))
    console.print(table)
    for line in (*_verdict(result), *_alike(result)):
        console.print(Text(line), soft_wrap=True)
    console.print(Text("held out: what held-out reals get in the samples' place", style="dim"))
    network = f"features: {about['network']} {about['network_sha256'][:12]}"
    console.print(Text(network, style="dim"))
    print(f"picture  {printable(about['picture'])}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _verdict(result: dict[str, Any]) -> list[str]:
    """In plain words, and what they rest on."""
    about, alarm = result["about"], f"{result['false_alarm']:g}"
    if not about["held_out"]:
        return [
            f"cannot be told: {printable(about['data'])} holds no images back, and how near to "
            "its training images a sample may lie, only images that were not trained on can show",
        ]
    head = {
        True: f"a copier: samples lie nearer to what was trained on than chance allows "
        f"(p = {result['p']:.1g}, at most {alarm})",
        False: f"no copying was found (p = {result['p']:.2g}, above {alarm}), which is no proof "
        "that there is none",
        None: "cannot be told: too few samples or held-out images, or samples too much alike, "
        f"for a p of {alarm} or less",
    }[result["copier"]]
    spaces = result["spaces"].items()
    return [head, *(_evidence(name, space, result["copier"]) for name, space in spaces)]


def _evidence(name: str, space: dict[str, Any], copier: bool | None) -> str:
    found = space["nearest_is_trained_on"]
    line = (
        f"  by {name}, {found['share']:.1%} of samples have a training image as nearest real; "
        f"chance gives {found['expected']:.1%} +- {found['spread']:.1%}"
    )
    return line + f": as if {max(0.0, found['copied']):.0%} were copies" * bool(copier)


def _alike(result: dict[str, Any]) -> list[str]:
    pairs, support = result["duplicates"]["pairs"], result["duplicates"]["support"]
    if not pairs:
        return []
    return [f"{pairs:,} pairs of samples are alike to the byte: about {support:,.0f} pictures"]
