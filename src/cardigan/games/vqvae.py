"""VQ-VAE: images as maps of codes, and a prior that learns to draw such maps.

Van den Oord et al. 2017, arXiv:1711.00937.
"""

import math
from typing import Any

import torch
from torch import Tensor

from ..data.stream import as_floats
from ..game import Game, Move, Player, Round
from ..laws import Gaussian
from ..levels import BYTES
from ..randomness import seeded
from .autoregressive import AT_ONCE, surprise
from .codebook import Codebook, Use, perplexity
from .outputs import in_full, in_parts


class VQVAE(Game):
    """An encoder and a decoder around a codebook; then a prior over the maps of codes.

    First encoder and decoder move, and the codebook follows; then they stay as they are and the
    prior moves. Both are functions of the clock, and may overlap.

    Arguments:
        encoder: x, None -> vectors [N, E, h, w].
        decoder: codes [N, E, h, w], None -> the law of x, of `cardigan.laws`.
        prior: Indices int64 [N, 1, h, w], None -> logits [N, K, 1, h, w]; its network can
            `complete` as `nets.pixelcnn.PixelCNN` can.
        shape: Of a map: h, w.
        commitment: What it costs that vectors are not codes: beta.
        codebook_images: Images seen until the codebook is done.
        prior_images: Images seen before the prior moves.
    """

    def __init__(
        self,
        encoder: Player,
        decoder: Player,
        prior: Player,
        codebook: Codebook,
        shape: tuple[int, int],
        commitment: float = 0.25,
        codebook_images: int = 0,
        prior_images: int = 0,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.prior = encoder, decoder, prior
        self.codebook, self.shape, self.commitment = codebook, shape, commitment
        self.codebook_images, self.prior_images = codebook_images, prior_images
        self.levels = BYTES

    def round(self, stream: Any) -> Round:
        """Who moves, the clock tells."""
        x, _ = next(stream)
        if self.seen < self.codebook_images:
            yield from self._learn_codes(x)
        if self.seen >= self.prior_images:
            with torch.no_grad():
                index = self.codebook.nearest(self.encoder(x, None))[:, None]
            bits = surprise(self.prior(index, None), index).mean(1) / math.log(2)
            yield Move(self.prior, bits, {"bits": bits.mean()})

    # L = -log p(x | z_q) / D + beta |z - sg[e]|^2 / D_z,   z_q = z + sg[e - z]
    def _learn_codes(self, x: Tensor) -> Round:
        """Encoder and decoder move: equation 3, whose second term moving averages replace."""
        z = in_full(self.encoder(x, None))
        index = self.codebook.nearest(z)
        code = self.codebook.look_up(index).to(z.dtype)
        law = Gaussian(*map(in_full, self.decoder(z + (code - z).detach(), None)))
        likeness = -law.log_prob(x) / x[0].numel()
        apart = (z - code).square().flatten(1).mean(1)
        averages, use = self.codebook.averages(), self.codebook.use(z, index)
        log = {
            "error": (law.image - x).square().mean(),
            "commitment": apart.mean(),
            "perplexity": perplexity(use.share),
        }
        loss = likeness + self.commitment * apart
        told = yield Move((self.encoder, self.decoder), loss, log | use._asdict())
        self.codebook.follow(averages, Use(told["share"], told["total"]))

    def sample(
        self,
        n: int,
        seed: int | None = None,
        label: int | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Tensor:
        """As `Generates.sample` says; truncation is the temperature of the prior's draws."""
        net: Any = self.prior.eval_net

        def part(count: int) -> Tensor:
            chance = torch.rand(count, 1, *self.shape, device=self.device)
            empty = torch.zeros(chance.shape, dtype=torch.int64, device=self.device)
            return net.complete(empty, 0, chance, truncation)[:, 0]

        with seeded(seed, self.device):
            counts = [min(AT_ONCE, n - k) for k in range(0, n, AT_ONCE)]
            index = torch.cat([part(count) for count in counts])
        return self._decoded(self.codebook.look_up(index))

    def encode(self, x: Tensor) -> Tensor:
        """The codes of images, all of a map in a row: [N, E h w]."""
        return self._codes(x).flatten(1)

    def reconstruct(self, x: Tensor) -> Tensor:
        """What the decoder makes of the codes."""
        return self._decoded(self._codes(x))

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """As `HasDensity.log_prob` says: a bound, of the nearest codes and no others.

        log p(x) >= log p(x | z_q) + log p(z_q); noise fills each grey level.
        """
        encoder, decoder, prior = (p.eval_net for p in (self.encoder, self.decoder, self.prior))

        def nats(part: Tensor) -> Tensor:
            image = as_floats(part.to(self.device))
            index = self.codebook.nearest(encoder(image, None))
            law = decoder(self.codebook.look_up(index), None)
            drawn = -surprise(prior(index[:, None], None), index[:, None]).sum(1)
            return law.log_prob_of_bytes(image) + drawn

        return torch.cat([nats(part) for part in x.split(AT_ONCE)])

    def start_from(self, images: Tensor) -> None:
        """Takes encoded places of bytes [N, C, H, W] for the first codes."""
        with torch.no_grad():
            self.codebook.start_from(self.encoder(as_floats(images.to(self.device)), None))

    def _codes(self, x: Tensor) -> Tensor:
        net, book = self.encoder.eval_net, self.codebook
        return in_parts(lambda x: book.look_up(book.nearest(net(x, None))), x)

    def _decoded(self, codes: Tensor) -> Tensor:
        net = self.decoder.eval_net
        return in_parts(lambda code: net(code, None).image, codes)
