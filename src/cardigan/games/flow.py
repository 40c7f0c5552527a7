"""Flows: one player, an invertible network, that learns the density by change of variables."""

import math
from typing import Any

from torch import Tensor

from ..abilities import Codec
from ..data.stream import as_bytes
from ..game import Move, Player, Round
from ..levels import spread, to_levels, to_values
from ..priors import Prior
from .outputs import in_full, in_parts
from .sampling import FromPrior


class Flow(FromPrior):
    """Maximum likelihood of an invertible network (Glow: Kingma and Dhariwal 2018).

    arXiv:1807.03039. Noise fills each grey level, so that the mean log-density bounds the
    log-probability of images (Theis et al. 2016, arXiv:1511.01844, section 3.1).

    Arguments:
        model: x, None -> log-density of the dequantised x, in nats, [N]; its network has `flow`
            and `inverse`, as `nets.glow.Glow` has them.
        prior: N(0, I) of z [N, C H W].
        levels: Grey levels that bytes are rounded to.
    """

    def __init__(self, model: Player, prior: Prior, levels: int = 256) -> None:
        super().__init__()
        self.model, self.prior, self.levels = model, prior, levels

    # -log2 p(level) <= -(log p(x + noise) + D log width) / ln 2, width 2 / (levels - 1)
    def round(self, stream: Any) -> Round:
        """The model moves, to make images denser: bits a value, [N]."""
        x, _ = next(stream)
        nats = in_full(self.model(self._rounded(as_bytes(x)), None)) + self._width(x)
        bits = -nats / (x[0].numel() * math.log(2))
        yield Move(self.model, bits, {"bits": bits.mean()})

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The images of latents; what lies beyond white or black is brought there.

        Truncation is the temperature, and 0.7 is usual. An image whose inverse explodes is grey.
        """
        net: Any = self.model.eval_net
        return in_parts(net.inverse, z).nan_to_num(0).clamp(-1, 1)

    def encode(self, x: Tensor) -> Tensor:
        """The latents of images, from which they come back."""
        net: Any = self.model.eval_net
        return in_parts(lambda x: net.flow(x).y, x)

    def reconstruct(self, x: Tensor) -> Tensor:
        """The image itself, up to rounding."""
        return self.decode(self.encode(x))

    def codec(self) -> Codec:
        """As `HasCodec.codec` says."""
        net: Any = self.model.eval_net
        return Codec(lambda x: net.flow(x).y, net.inverse)

    def log_prob(self, x: Tensor) -> Tensor:
        """As `HasDensity.log_prob` says: a bound, from one draw of noise an image."""
        net = self.model.eval_net
        density = in_parts(lambda part: net(self._rounded(part.to(self.device)), None), x)
        return density + self._width(x) - x[0].numel() * spread(self.levels)

    def start_from(self, images: Tensor) -> None:
        """Sets the network's norms by bytes [N, C, H, W], before the first round."""
        net: Any = self.model.net
        net.start_from(self._rounded(images.to(self.device)))

    def _rounded(self, images: Tensor) -> Tensor:
        x = to_values(to_levels(images, self.levels), self.levels)
        return x.to(next(self.parameters()).dtype)

    def _width(self, x: Tensor) -> float:
        """D log width, of a grey level on the density's scale."""
        return x[0].numel() * math.log(2 / (self.levels - 1))
