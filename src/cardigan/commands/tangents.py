"""`cardigan tangents`: in which directions an image may move, as a run knows them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import UserError, printable

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ..abilities import Codec
    from ..neighbour_picture import Column

MEASURED = 500  # images whose angles are averaged
COLUMNS = ("tangents", "another image's", "random")


def tangents(
    run: str,
    n: int = 6,
    k: int = 6,
    of: Literal["decoder", "encoder"] = "decoder",
    against: str = "",
    seed: int = 0,
    out: str = "",
    json: bool = False,
    device: str = "auto",
) -> None:
    """Draws the tangents of held-out images, and tells how well they hold rotations and shifts.

    Args:
        run: A run's folder, or one of its checkpoints, of a method with an encoder.
        n: Images in the picture.
        k: Tangents of an image: the directions in which the sample, or its code, changes most.
        of: Whose Jacobian tells them: the decoder's at E(x), or the encoder's at x.
        against: Other data to take images from.
        seed: Of the random subspaces.
        out: A .png; by default tangents.png in the run's folder.
        json: Print what was measured as JSON.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    import json as to_text

    _check(n, k, seed, out)
    from .. import device as devices
    from .. import pictures
    from ..abilities import HasCodec
    from ..data.stream import as_floats
    from ..metrics.about import Made, about
    from ..run import Run
    from ..subjects import reals

    found, where = Run(run), devices.pick(device)
    game, recipe = found.load().to(where), found.recipe
    if not isinstance(game, HasCodec) or recipe.points:
        raise UserError(
            f"expected a run with an encoder of pictures, got {found.name}: "
            "`cardigan list` shows which recipes can encode"
        )
    data = reals(against or recipe.data, recipe.size, recipe.channels)
    images = as_floats((data.test or data.train).images[:MEASURED].to(where))
    spans = _spans(game.codec(), images, k, of)
    path = Path(out) if out else found.path / "tangents.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures.save(_drawn(game.codec(), images[:n], spans[:n]), path)
    result = {
        "angles": _angles(images, spans, seed),
        "about": {
            **about({"images": len(images)}, Made(data.test or data.train, seed, str(where))),
            "tangents": k, "of": of, "seen": game.seen, "picture": str(path),
        },
    }  # fmt: skip
    print(to_text.dumps(result, indent=2)) if json else _print(result)


def _check(n: int, k: int, seed: int, out: str) -> None:
    if not 1 <= n <= MEASURED or not 1 <= k <= 100 or not 0 <= seed < 2**63:
        raise UserError(
            f"expected -n from 1 to {MEASURED}, -k from 1 to 100 and a --seed of 0 or more, "
            f"got {n}, {k} and {seed}"
        )
    if out and Path(out).suffix != ".png":
        raise UserError(f"expected --out to be a .png, got {printable(out)!r}")


def _spans(codec: "Codec", images: "Tensor", k: int, of: str) -> "Tensor":
    """Tangents of images, a few at a time: a Jacobian is large [N, k, C, H, W]."""
    import torch

    from ..progress import track
    from ..tangents import WAYS

    parts = track(images.split(50), "tangents", unit="batches")
    try:
        with torch.no_grad():
            return torch.cat([WAYS[of](codec, x, k) for x in parts])
    except ValueError as error:
        raise UserError(f"{error}: choose a smaller -k") from None


def _angles(images: "Tensor", spans: "Tensor", seed: int) -> dict[str, Any]:
    """In degrees, the mean over images: from true movements to three kinds of subspaces."""
    from ..metrics.subspaces import angle_to, movements, random_span

    flat = spans.flatten(2).double().cpu()
    n, k, dimensions = flat.shape
    kinds = (flat, flat.roll(1, 0), random_span(n, k, dimensions, seed))
    moved = movements(images)._asdict().items()
    return {
        name: {
            kind: angle_to(span, way.flatten(1).double().cpu()).rad2deg().mean().item()
            for kind, span in zip(COLUMNS, kinds, strict=True)
        }
        for name, way in moved
    }


def _drawn(codec: "Codec", images: "Tensor", spans: "Tensor") -> "Image":
    """Each row: an image, what was rebuilt of it, its tangents, and how it truly moves."""
    import torch

    from ..metrics.subspaces import angle_to, movements
    from ..neighbour_picture import draw

    with torch.no_grad():
        pair = torch.stack([images, codec.decode(codec.encode(images))], 1)
    ways = torch.stack(movements(images), 1)
    flat = spans.flatten(2)
    angles = [angle_to(flat, way).rad2deg().tolist() for way in ways.flatten(2).unbind(1)]
    captions = [[f"{a:.0f}°" for a in row] for row in zip(*angles, strict=True)]
    return draw(
        [
            _column("image\nand rebuilt", pair),
            _column("tangents\nfrom the strongest", _even(spans)),
            _column("rotation, shifts\nangle to the span", _even(ways), captions),
        ],
        "Grey is no change. Each direction is drawn at its own scale; signs mean nothing.",
    )


def _column(title: str, images: "Tensor", captions: list[list[str]] | None = None) -> "Column":
    """Images [R, K, C, H, W] in [-1, 1], none of them framed."""
    from ..data.stream import as_bytes
    from ..neighbour_picture import Column

    rows, side = images.shape[:2]
    framed = images.new_zeros(rows, side).bool()
    return Column(title, as_bytes(images).cpu(), captions or [[""] * side] * rows, framed)


def _even(directions: "Tensor") -> "Tensor":
    """Directions [R, K, C, H, W], each scaled to [-1, 1]."""
    return directions / directions.abs().amax((2, 3, 4), keepdim=True).clamp(min=1e-12)


def _print(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, about = Console(), result["about"]
    table = Table(box=None, pad_edge=False)
    table.add_column(Text(f"angle to the span of {about['tangents']} tangents, degrees"))
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for name, angles in result["angles"].items():
        table.add_row(name, *(f"{angles[column]:.1f}" for column in COLUMNS))
    console.print(table)
    said = f"means over {about['images']} images of {printable(about['data'])}; 90 is unrelated"
    console.print(Text(said, style="dim"))
    print(f"picture  {printable(about['picture'])}")
