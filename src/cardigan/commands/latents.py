"""What commands that explore a latent space share."""

from typing import TYPE_CHECKING

from ..errors import UserError

if TYPE_CHECKING:
    from ..game import Game


def explored(run: str, device: str) -> "Game":
    """The game of a run that draws pictures of latents, on the device.

    Raises:
        UserError: It does not.
    """
    from .. import device as devices
    from ..abilities import Decodes
    from ..run import Run

    found = Run(run)
    game = found.load().to(devices.pick(device))
    if found.recipe.points or not isinstance(game, Decodes):
        raise UserError(
            f"expected a run that draws pictures of latents, got {run}, whose recipe "
            f"{found.name} does not: `cardigan list` shows which recipes can decode"
        )
    return game
