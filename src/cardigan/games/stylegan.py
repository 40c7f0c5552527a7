"""StyleGAN's game: latents are truncated among styles, and regularisers move by themselves.

Karras et al. 2019, arXiv:1812.04948; Karras et al. 2020, arXiv:1912.04958.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..game import Move, Round
from ..penalties import Penalty
from ..priors import Truncation
from .gan import GAN, Turns
from .outputs import in_parts
from .turns import discriminator_move, with_slopes


class StyleGAN(GAN):
    """The two-player game of a generator that works from styles: `GAN` with a space W.

    Attributes:
        path: What uneven paths cost, where they cost anything; its mean is saved with the game.
    """

    path: "PathLength | None" = None

    @torch.no_grad()
    def map(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """As `Maps.map` says."""
        return self.generator.eval_net.mapping(z).float()  # pyright: ignore

    def synthesise(self, w: Tensor) -> Tensor:
        """As `Maps.synthesise` says; and of [N, L, W], as `Layers` has it."""
        return self.decode(w if w.dim() == 3 else w[:, None].expand(-1, self.layers, -1))

    @property
    def layers(self) -> int:
        """As `Layers.layers` says."""
        return self.generator.net.layers  # pyright: ignore[reportReturnType]


def among_styles(game: Any, n: int, truncation: float) -> Tensor:
    """Latents [N, Z] as they are, or truncated in W: styles [N, L, W]."""
    z = game.prior(n, game.device)
    if truncation == 1:
        return z
    net = game.generator.eval_net
    return in_parts(lambda part: net.truncated(part, truncation), z)


AMONG_STYLES = Truncation(among_styles, 1.0)


#   | J_w^T y |,  y ~ N(0, I) / sqrt(H W)
def path_lengths(net: Any, styles: Tensor) -> Tensor:
    """How far pictures move as styles [N, L, W] do, along a random direction of pictures: [N].

    The square of the norm is a mean over layers.
    """
    image = net.synthesise(styles)
    y = torch.randn_like(image) / (image.shape[2] * image.shape[3]) ** 0.5
    (slope,) = torch.autograd.grad((image * y).sum(), styles, create_graph=True)
    return slope.square().sum(2).mean(1).sqrt() + 0 * image.mean((1, 2, 3))


class PathLength(nn.Module):
    """(|J_w^T y| - a)^2, where a is a running mean of these lengths.

    Steps of one size among styles should move pictures by one size, whatever it is. Karras et al.
    2020, arXiv:1912.04958, section 3.2. a is saved with the game.
    """

    mean: Tensor

    def __init__(self, weight: float = 2.0, rate: float = 0.01) -> None:
        super().__init__()
        self.weight, self.rate = weight, rate
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, lengths: Tensor) -> Tensor:
        """What lengths [N] cost: [N]."""
        mean = self.mean.lerp(lengths.detach().mean(), self.rate)
        return self.weight * (lengths - mean).square()

    def follow(self, before: Tensor, told: Mapping[str, Tensor]) -> None:
        """Sets the mean from what it was before a move, and what the move told."""
        self.mean.copy_(before.lerp(told["path"], self.rate))


def regularised(
    slope: Penalty, path: PathLength | None, slope_every: int = 16, path_every: int = 4
) -> Turns:
    """One move of each player a round; what regularises them moves by itself, now and then.

    It then counts as often as rounds lie between. Paths are in full precision. StyleGAN2's lazy
    regularisation, appendix B; `lazily` tells how Adam is set for it.

    Arguments:
        slope: What the discriminator pays for slopes.
        path: What the generator pays for uneven paths.
    """

    def turns(game: GAN, stream: Any) -> Round:
        real, label = game.draw(stream)
        with torch.no_grad():
            fake = game.fake(len(real), label)
        yield from discriminator_move(game, real, fake, label)
        if game.rounds % slope_every == 0:
            bill = _slopes(game, slope, real, fake, label)
            yield Move(game.discriminator, slope_every * bill, {"penalty": bill.mean()})

        fake = game.fake(len(real), label)
        loss = game.generator_loss(game, real, fake, label)
        yield Move(game.generator, loss, {"generator": loss.mean()})
        if path and game.rounds % path_every == 0:
            before, lengths = path.mean.clone(), _paths(game, (len(real) + 1) // 2)
            told = yield Move(
                game.generator, path_every * path(lengths), {"path": lengths.detach().mean()}
            )
            path.follow(before, told)

    return turns


# c = k / (k + 1):   lr c, beta1^c, beta2^c
def lazily(lr: float, betas: tuple[float, float], every: int) -> dict[str, Any]:
    """Adam's settings for a player that moves once more in every `every` rounds.

    Its memory and its pace are then those of a player that moves once a round.
    """
    c = every / (every + 1)
    return {"lr": lr * c, "betas": (betas[0] ** c, betas[1] ** c)}


def _slopes(
    game: GAN, penalty: Penalty, real: Tensor, fake: Tensor, label: Tensor | None
) -> Tensor:
    reals, fakes = with_slopes(game, real, fake, label)
    # What logits weigh by 0 gives every weight a gradient, and so Adam's memory of it decays.
    return penalty(reals, fakes, game.seen) + 0 * reals.logits


def _paths(game: GAN, n: int) -> Tensor:
    net: Any = game.generator.net
    with torch.autocast(game.device.type, enabled=False):
        z = game.prior(n, game.device)
        return path_lengths(net, net.styles(z))
