"""`cardigan mix`: samples with the styles of others in some layers."""

from typing import TYPE_CHECKING

from ..errors import UserError, printable
from .arguments import check, place

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

MOST = 50  # rows or columns


def mix(
    run: str,
    layers: list[int] = [],  # noqa: B006 - read, never changed
    rows: int = 4,
    columns: int = 5,
    seed: int = 0,
    out: str = "mix.png",
    device: str = "auto",
) -> None:
    """Draws samples, a row each, with styles of other samples, a column each, in some layers.

    Args:
        run: A run's folder, or one of its checkpoints, of a method whose layers read styles.
        layers: Which layers take the column's style, counted from 0, the coarsest; the first half
            by default.
        rows: Samples whose styles the other layers keep.
        columns: Samples whose styles are mixed in.
        seed: Of the samples.
        out: The picture to write, a .png: all pairs, beside the samples that they are mixed of.
        device: Where to draw: auto, cpu, cuda, cuda:1, mps.
    """
    path = place(out, ".png")
    if not (1 <= rows <= MOST and 1 <= columns <= MOST) or not 0 <= seed < 2**63:
        raise UserError(
            f"expected --rows and --columns from 1 to {MOST} and a --seed of 0 or more, got "
            f"{rows}, {columns} and {seed}"
        )
    check(device)

    from .. import pictures
    from ..abilities import Layers
    from ..explore.mixing import mixed
    from ..explore.spaces import conditions, spaces
    from .latents import explored

    game = explored(run, device)
    if not isinstance(game, Layers):
        raise UserError(
            f"expected a run whose layers read styles of their own, as StyleGAN's do, got {run}, "
            "which has no styles to mix"
        )
    chosen = _chosen(layers, game.layers)
    w = spaces(game)["w"].draw(rows + columns, seed, conditions(game, rows + columns, seed))
    own, others = w.split([rows, columns])
    alone = game.synthesise(w).cpu()
    pictures.save(_table(alone, mixed(game, own, others, chosen).cpu()), path)
    print(f"layers {' '.join(map(str, chosen))} of {game.layers} from the columns")
    print(f"picture  {printable(out)}")


def _chosen(layers: list[int], count: int) -> list[int]:
    if not all(0 <= layer < count for layer in layers):
        raise UserError(f"expected --layers from 0 to {count - 1}, got {layers}")
    return sorted({*layers}) or [*range(max(1, count // 2))]


def _table(alone: "Tensor", pairs: "Tensor") -> "Image":
    """Samples of columns [C] above, of rows [R] to the left, and [R, C] mixed of both."""
    import torch

    from .. import pictures

    own, others = alone.split([*pairs.shape[:2]])
    corner = torch.ones_like(alone[:1])
    above = torch.cat([corner, others])[None]
    below = torch.cat([own[:, None], pairs], 1)
    return pictures.draw(torch.cat([above, below]).flatten(0, 1), columns=1 + len(others))
