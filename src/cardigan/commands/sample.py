"""`cardigan sample`: draws from a run."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import durable
from ..errors import UserError, printable
from .arguments import check, place_or_folder

if TYPE_CHECKING:
    from torch import Tensor

    from ..game import Game


def sample(
    run: str,
    n: int = 64,
    seed: int = 0,
    truncation: float | None = None,
    label: int | None = None,
    codes: bool = False,
    out: str = "samples.png",
    device: str = "auto",
) -> None:
    """Draws samples: one picture, an array, or a folder of pictures.

    Args:
        run: A run's folder, or one of its checkpoints.
        n: How many samples.
        seed: The same seed draws the same samples.
        truncation: Draws latents nearer to their mean, which trades variety for quality: a factor
            from 0 to 1; of BigGANs a threshold beyond which they are drawn anew. By default none.
        label: The class to draw, where the run was trained with classes.
        codes: Draw what each code does instead, where the run has some: five rows a code, along
            which it goes through its values while all else stays.
        out: grid.png, samples.npz, or a new or empty folder for one picture a sample.
        device: Where to draw: auto, cpu, cuda, cuda:1, mps.
    """
    if not 1 <= n <= 1_000_000 or not 0 <= seed < 2**63:
        raise UserError(
            f"expected -n of 1 to a million and a --seed of 0 or more, got {n} and {seed}"
        )
    if truncation is not None and not truncation >= 0:
        raise UserError(f"expected a --truncation of 0 or more, got {truncation}")
    path = place_or_folder(out, ".png", ".npz")
    check(device)

    from .. import device as devices
    from ..run import Run
    from ..subjects import check_truncation, generating

    game = Run(run).load().to(devices.pick(device))
    check_label(label, game.classes)
    columns, asked = 0, {} if truncation is None else {"truncation": truncation}
    check_truncation(game, *asked.values())
    if codes:
        samples, columns = _traversal(game, seed)
    else:
        samples = generating(game).sample(n, seed=seed, label=label, **asked)
    write = {".png": partial(_picture, columns=columns), ".npz": _array, "": _folder}
    write[path.suffix](samples.cpu(), path)
    print(printable(out))


def _traversal(game: "Game", seed: int) -> "tuple[Tensor, int]":
    """Samples [R x K, C, H, W], and K."""
    from ..abilities import HasCodes

    if not isinstance(game, HasCodes):
        raise UserError("expected no --codes: the run was trained without any")
    rows = game.traversal(5, seed)
    return rows.flatten(0, 1), rows.shape[1]


def check_label(label: int | None, classes: int) -> None:
    """Refuses a class that a run does not have."""
    if label is None or 0 <= label < classes:
        return
    if not classes:
        raise UserError(f"expected no --label, got {label}: the run was trained without classes")
    raise UserError(f"expected a --label from 0 to {classes - 1}, got {label}")


def _picture(samples: "Tensor", path: Path, columns: int = 0) -> None:
    from .. import pictures

    pictures.save(pictures.draw(samples, columns=columns), path)


def _array(samples: "Tensor", path: Path) -> None:
    """Images as bytes [N, H, W, C], as `samples` in the file; points as they are."""
    import io

    import numpy as np

    from ..data.stream import as_bytes

    images = as_bytes(samples).permute(0, 2, 3, 1) if samples.ndim == 4 else samples
    file = io.BytesIO()
    np.savez_compressed(file, samples=images.numpy())
    durable.replace(path, file.getvalue())


def _folder(samples: "Tensor", path: Path) -> None:
    from .. import pictures
    from ..data.stream import as_bytes
    from ..progress import track

    if samples.ndim != 4:
        raise UserError(f"{path} would hold pictures, and these samples are points: use .npz")
    for i, image in enumerate(track(samples, "writing")):
        pictures.save(pictures.grid(as_bytes(image[None]), gap=0, scale=1), path / f"{i:06}.png")
