"""`cardigan complete`: the upper part of pictures is given, and a run draws the rest."""

from ..errors import UserError, printable
from .arguments import check, place


def complete(
    run: str,
    pictures: str = "",
    rows: int = 0,
    n: int = 8,
    draws: int = 6,
    seed: int = 0,
    out: str = "completions.png",
    device: str = "auto",
) -> None:
    """Completes pictures: each beside what is given of it and what a run makes of that.

    Args:
        run: A run's folder, or one of its checkpoints.
        pictures: A folder or zip of pictures, or a name of `cardigan data list`; by default
            held-out pictures of what the run was trained on.
        rows: How many rows of each picture are given, from the top; 0 gives half of them.
        n: How many pictures to complete; the seed chooses them.
        draws: How often to complete each.
        seed: Of the choice and of the draws.
        out: The picture to write, a .png.
        device: Where to draw: auto, cpu, cuda, cuda:1, mps.
    """
    if not (1 <= n <= 1_000 and 1 <= draws <= 100 and 0 <= seed < 2**63):
        raise UserError(
            "expected -n of 1 to 1,000, --draws of 1 to 100 and a --seed of 0 or more, "
            f"got {n}, {draws} and {seed}"
        )
    path = place(out, ".png")
    check(device)

    import torch

    from .. import device as devices
    from .. import pictures as drawing
    from ..abilities import Completes
    from ..data import catalogue
    from ..data.stream import as_bytes, as_floats
    from ..metrics.sets import some
    from ..run import Run
    from ..subjects import Reals, held_out

    found = Run(run)
    recipe, game = found.recipe, found.load().to(devices.pick(device))
    if not isinstance(game, Completes):
        raise UserError(f"{run} does not complete: `cardigan list` shows what each recipe can do")
    if not 0 <= rows < recipe.size:
        raise UserError(f"expected --rows from 0 to {recipe.size - 1}, got {rows}")
    if pictures:
        reals = Reals(catalogue.load(pictures, "train", recipe.size, recipe.channels), None)
    else:
        reals = Reals(recipe.dataset(), held_out(lambda: recipe.dataset("test")))
    images = some((reals.test or reals.train).images, n, seed)
    rows = rows or recipe.size // 2
    given = images.clone()
    given[:, :, rows:] = 128
    repeated = as_floats(images.repeat_interleave(draws, 0))
    drawn = as_bytes(game.complete(repeated, rows, seed).cpu()).unflatten(0, (-1, draws))
    cells = torch.cat([images[:, None], given[:, None], drawn], 1)
    drawing.save(drawing.grid(cells.flatten(0, 1), columns=cells.shape[1]), path)
    print(printable(out))
