"""Games with an encoder: the discriminator judges a sample together with its code.

BiGAN and ALI are one game. ALI's encoder is stochastic, and that is the network's own affair.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..abilities import Codec
from ..game import Move, Player, Round
from ..losses import NON_SATURATING, AdversarialLoss
from ..priors import Prior
from .outputs import decoded, in_full
from .sampling import FromPrior


class Pair(NamedTuple):
    """A sample and its code."""

    x: Tensor
    z: Tensor  # [N, Z]


class Scores(NamedTuple):
    """What the discriminator made of pairs."""

    logits: Tensor  # [N]
    features: Tensor  # [N, F]


Judge = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
Reading = Callable[[Judge, Sequence[Pair]], list[Scores]]
Turns = Callable[["BiGAN", Any], Round]
CodecLoss = Callable[["BiGAN", Scores, Sequence[Scores]], Tensor]  # of the real, the fake pairs


class BiGAN(FromPrior):
    """Encoder and generator, who move together, against a discriminator of pairs.

    (x, E(x)) are real, (G(z), z) are fake. Where nobody can tell them apart, E inverts G (Donahue
    et al. 2016, arXiv:1605.09782, theorem 2), though no image is ever compared with another.
    With `rebuilt`, (G(E(x)), E(x)) are fake as well (Kumar et al. 2017, arXiv:1705.08850).

    Arguments:
        encoder: x -> code [N, Z]; in training it may draw one.
        generator: z [N, Z] -> sample.
        discriminator: x, z -> logits [N], features [N, F].
        codec_loss: What encoder and generator descend: `swapped` or `feature_matching`.
        rebuilt: The weight of the third pairs among fakes; 0 leaves them out.
        reading: Which statistics batch norm in the discriminator has: `apart` takes those of
            real and of fake pairs, each by themselves; `together` those of all.
        turns: Who moves when; by default `at_once`.
    """

    def __init__(
        self,
        encoder: Player,
        generator: Player,
        discriminator: Player,
        prior: Prior,
        loss: AdversarialLoss = NON_SATURATING,
        codec_loss: CodecLoss | None = None,
        rebuilt: float = 0.0,
        reading: Reading | None = None,
        turns: Turns | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.generator, self.discriminator = encoder, generator, discriminator
        self.prior, self.loss = prior, loss
        self.weights = (1 - rebuilt, rebuilt) if rebuilt else (1.0,)  # of each kind of fakes
        self.codec_loss, self.reading = codec_loss or swapped, reading or apart
        self.turns = turns or at_once

    def round(self, stream: Any) -> Round:
        """As `turns` has it."""
        return self.turns(self, stream)

    def pairs(self, x: Tensor, z: Tensor) -> list[Pair]:
        """The real pairs, then the fakes, a kind for each of `weights`."""
        code = self.encoder(x)
        pairs = [Pair(x, code), Pair(self.generator(z), z)]
        return pairs if len(self.weights) == 1 else [*pairs, Pair(self.generator(code), code)]

    def codec(self) -> Codec:
        """As `HasCodec.codec` says."""
        return Codec(self.encoder.eval_net, self.generator.eval_net)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """What the generator makes of latents [N, Z], in eval mode."""
        return decoded(self.generator.eval_net, z, None)

    def encode(self, x: Tensor) -> Tensor:
        """The codes of samples; a stochastic encoder's mean."""
        return decoded(self.encoder.eval_net, x, None)

    def reconstruct(self, x: Tensor) -> Tensor:
        """G(E(x))."""
        return self.decode(self.encode(x))


def at_once(game: BiGAN, stream: Any) -> Round:
    """All move at once, along losses at the same weights, as the authors have it."""
    x, _ = next(stream)
    pairs = game.pairs(x, game.prior(len(x), game.device))
    real, *fakes = game.reading(game.discriminator.frozen, pairs)
    codec = game.codec_loss(game, real, fakes)
    detached = [Pair(x.detach(), z.detach()) for x, z in pairs]
    real, *fakes = game.reading(game.discriminator, detached)
    loss = discriminator_loss(game, real, fakes)
    yield Move((game.encoder, game.generator), codec, {"codec": codec.mean()})
    on_fake = fakes[0].logits.mean()
    log = {"discriminator": loss.mean(), "real": real.logits.mean(), "fake": on_fake}
    yield Move(game.discriminator, loss, log)


# --------------------------------------------------------------------------------------- reading


def apart(judge: Judge, pairs: Sequence[Pair]) -> list[Scores]:
    """Each kind of pairs in a batch of its own, as DCGAN trains."""
    return [_in_full(*judge(*pair)) for pair in pairs]


def together(judge: Judge, pairs: Sequence[Pair]) -> list[Scores]:
    """All kinds in one batch, whose statistics give away nobody."""
    x, z = (torch.cat(side) for side in zip(*pairs, strict=True))
    logits, features = (part.chunk(len(pairs)) for part in judge(x, z))
    return [_in_full(*kind) for kind in zip(logits, features, strict=True)]


def _in_full(logits: Tensor, features: Tensor) -> Scores:
    return Scores(in_full(logits), in_full(features))


# ---------------------------------------------------------------------------------------- losses


# L_D = 1/2 [-log D(x, E(x)) - (1 - w) log(1 - D(G(z), z)) - w log(1 - D(G(E(x)), E(x)))]
def discriminator_loss(game: BiGAN, real: Scores, fakes: Sequence[Scores]) -> Tensor:
    """What the discriminator descends [N]: the mean over real and fake halves, w = `rebuilt`."""
    return _weighted(game, [game.loss.discriminator(real.logits, f.logits) for f in fakes])


# L_EG = 1/2 [-log(1 - D(x, E(x))) - (1 - w) log D(G(z), z) - w log D(G(E(x)), E(x))]
def swapped(game: BiGAN, real: Scores, fakes: Sequence[Scores]) -> Tensor:
    """The discriminator's loss with labels swapped: real pairs shall pass for fakes, too [N]."""
    return _weighted(game, [game.loss.discriminator(f.logits, real.logits) for f in fakes])


# L_EG = |E f(x, E(x)) - E f(G(z), z)|^2 + |E f(x, E(x)) - E f(G(E(x)), E(x))|^2
def feature_matching(game: BiGAN, real: Scores, fakes: Sequence[Scores]) -> Tensor:
    """Mean features f of real and of fake pairs shall be alike: the mean square over features.

    Salimans et al. 2016, arXiv:1606.03498, section 3.1; of pairs, as Kumar et al. 2017 have it.
    Means of real pairs are not held still, for the encoder moves them.
    """
    mean = real.features.mean(0)
    return torch.stack([(mean - f.features.mean(0)).square().mean() for f in fakes]).sum()


def _weighted(game: BiGAN, kinds: Sequence[Tensor]) -> Tensor:
    return torch.stack([w * kind for w, kind in zip(game.weights, kinds, strict=True)]).sum(0) / 2
