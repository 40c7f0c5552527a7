"""What a two-player game tells of its networks each time the log is written."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from .gan import GAN, Watch


def singular_values_of_first_layers(values: Callable[[nn.Module], Tensor]) -> Watch:
    """The largest singular values of the generator's first layers, as `.../sigma_0` and on.

    When BigGAN's training collapses they explode, and little else gives a warning (Brock et al.
    2018, arXiv:1809.11096, section 4.1).

    Arguments:
        values: Of a layer: [count], falling.
    """

    def watch(game: GAN) -> dict[str, Tensor]:
        net: Any = game.generator.net
        return {
            f"generator/{name}/sigma_{i}": value
            for name, layer in net.first_layers().items()
            for i, value in enumerate(values(layer))
        }

    return watch
