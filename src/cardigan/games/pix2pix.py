"""pix2pix: an image beside what should become of it (Isola et al. 2017, arXiv:1611.07004)."""

from typing import Any

import torch

from ..game import Move, Player, Round
from ..losses import NON_SATURATING, AdversarialLoss
from .cyclegan import distance
from .outputs import in_full
from .sources import FromSources, Sources


class Pix2Pix(FromSources):
    """G turns x into y; D is shown x beside y, or beside G(x). Noise is the dropout in G.

    Arguments:
        generator: image -> image.
        discriminator: x and y as one image of twice the channels -> logits of any shape.
        sources: Pictures that samples are translations of.
        l1: Weight of the distance to the true y: lambda.
    """

    def __init__(
        self,
        generator: Player,
        discriminator: Player,
        sources: Sources,
        loss: AdversarialLoss = NON_SATURATING,
        l1: float = 100.0,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.kept, self.loss, self.l1 = sources, loss, l1

    # L_D = -(log D(x, y) + log(1 - D(x, G(x)))) / 2      L_G = -log D(x, G(x)) + lambda |y - G(x)|
    def round(self, stream: Any) -> Round:
        """The discriminator, then the generator with the same noise (section 3.3)."""
        batch = next(stream)
        x, y = batch["sources"].image, batch["first"].image
        fake = self.generator(x)

        on_real = in_full(self.discriminator(torch.cat([x, y], 1)))
        on_fake = in_full(self.discriminator(torch.cat([x, fake.detach().to(x.dtype)], 1)))
        loss = self.loss.discriminator(on_real, on_fake).mean() / 2
        yield Move(self.discriminator, loss, {"discriminator": loss})

        on_fake = in_full(self.discriminator.frozen(torch.cat([x, fake.to(x.dtype)], 1)))
        fooling = self.loss.generator(on_fake.detach(), on_fake).mean()
        far = distance(fake, y)
        yield Move(self.generator, fooling + self.l1 * far, {"generator": fooling, "l1": far})
