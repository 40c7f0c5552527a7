"""InfoGAN: codes among the latents that stay readable in the picture.

Chen et al. 2016, arXiv:1606.03657.
"""

from math import log
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..game import Move, Player, Round
from ..labels import one_hot
from ..losses import NON_SATURATING, AdversarialLoss
from ..randomness import seeded
from .outputs import decoded, in_full, in_parts
from .sampling import FromPrior
from .turns import compared


class CodePrior(NamedTuple):
    """Latents: noise from U(-1, 1), a category, one-hot, and numbers from U(-1, 1), side by side.

    It is the prior, too: called, it draws [N, noise + categories + numbers].
    """

    noise: int
    categories: int
    numbers: int

    @property
    def told(self) -> int:
        """How many outputs tell the codes: a logit a category, and the mean of each number."""
        return self.categories + self.numbers

    def __call__(self, n: int, device: torch.device) -> Tensor:
        """Draws latents."""
        noise = torch.rand(n, self.noise, device=device) * 2 - 1
        category = torch.randint(self.categories, (n,), device=device)
        numbers = torch.rand(n, self.numbers, device=device) * 2 - 1
        return torch.cat([noise, one_hot(category, self.categories), numbers], 1)

    def mean(self, device: torch.device) -> Tensor:
        """The mean of the latents: [Z]."""
        share = torch.full((self.categories,), 1 / self.categories, device=device)
        return torch.cat([share.new_zeros(self.noise), share, share.new_zeros(self.numbers)])

    def split(self, z: Tensor) -> tuple[Tensor, ...]:
        """Latents [N, Z] to noise, category and numbers."""
        return z.split([self.noise, self.categories, self.numbers], 1)

    # L_I = H(c) + E log Q(c | x) <= I(c; G(z, c))
    def surprise(self, told: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """-log Q(c | x) of the category and of the numbers, in nats, [N] each.

        Q is a softmax over categories, and a Gaussian of variance 1 about each mean, whose
        constant is left out.
        """
        _, category, numbers = self.split(z)
        logits, means = told.split([self.categories, self.numbers], 1)
        return -(category * logits.log_softmax(1)).sum(1), ((numbers - means) ** 2).sum(1) / 2

    def log(self, surprise: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """What Q knows, in figures that are 0 for who knows nothing.

        L_I of the category in nats, at most ln K; and the share that it explains of the variance
        of the numbers, at most 1.
        """
        category, numbers = (s.mean() for s in surprise)
        known = {"information": log(self.categories) - category}
        if self.numbers:
            known["explained"] = 1 - 2 * numbers / (self.numbers / 3)  # U(-1, 1) varies by 1/3
        return known

    def traversal(self, noise: Tensor) -> Tensor:
        """Latents [R, K, Z] that change one code along each row; K values of each.

        First the category, once for each noise [R', .], then every number from -1 to 1. Where a
        code does not change, numbers are 0 and the category is another for each noise.
        """
        rows, k = len(noise), self.categories
        each = torch.eye(k, device=noise.device)
        own = each[torch.arange(rows, device=noise.device) % k][:, None].expand(-1, k, -1)
        noise, zeros = noise[:, None].expand(-1, k, -1), noise.new_zeros(rows, k, self.numbers)
        blocks = [torch.cat([noise, each.expand(rows, -1, -1), zeros], -1)]
        for i in range(self.numbers):
            numbers = zeros.clone()
            numbers[..., i] = torch.linspace(-1, 1, k, device=noise.device)
            blocks.append(torch.cat([noise, own, numbers], -1))
        return torch.cat(blocks)


class InfoGAN(FromPrior):
    """A GAN whose discriminator also tells the codes that a fake was made from.

    Arguments:
        generator: z [N, Z], None -> sample.
        discriminator: sample, None -> logits [N], and what tells the codes [N, `codes.told`].
        weight: Of the bound on the category's information, for both players: lambda.
        numbers_weight: Of the bound on the numbers'. Where it is large, numbers carry what the
            category could.
    """

    def __init__(
        self,
        generator: Player,
        discriminator: Player,
        codes: CodePrior,
        loss: AdversarialLoss = NON_SATURATING,
        weight: float = 1.0,
        numbers_weight: float = 0.2,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.codes, self.prior, self.loss = codes, codes, loss
        self.weights = weight, numbers_weight

    def round(self, stream: Any) -> Round:
        """Both players descend an adversarial loss minus lambda L_I.

        The discriminator's move trains Q, on fakes alone; the generator's makes codes readable.
        """
        real, _ = next(stream)
        z = self.prior(len(real), self.device)
        with torch.no_grad():
            fake = self.generator(z, None)
        on_real = in_full(self.discriminator(real, None)[0])
        on_fake, told = map(in_full, self.discriminator(fake, None))
        surprise = self.codes.surprise(told, z)
        judged, log = compared(self.loss, on_real, on_fake)
        log |= self.codes.log(surprise)
        yield Move(self.discriminator, judged + self.weighted(surprise), log)

        z = self.prior(len(real), self.device)
        judge, fake = self.discriminator.frozen, self.generator(z, None)
        on_fake, told = map(in_full, judge(fake, None))
        on_real = in_full(judge(real, None)[0]) if self.loss.paired else on_fake.detach()
        loss = self.loss.generator(on_real, on_fake)
        surprise = self.weighted(self.codes.surprise(told, z))
        yield Move(self.generator, loss + surprise, {"generator": loss.mean()})

    def weighted(self, surprise: tuple[Tensor, Tensor]) -> Tensor:
        """-lambda L_I, up to a constant: [N]."""
        category, numbers = surprise
        return self.weights[0] * category + self.weights[1] * numbers

    def latents(self, n: int, seed: int | None = None, truncation: float = 1.0) -> Tensor:
        """As `Decodes.latents` says."""
        with seeded(seed, self.device):
            return self.codes.mean(self.device).lerp(self.prior(n, self.device), truncation)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """What the generator makes of latents [N, Z], in eval mode."""
        return decoded(self.generator.eval_net, z, None)

    def tell(self, x: Tensor) -> Tensor:
        """As `HasCodes.tell` says."""
        net = self.discriminator.eval_net
        return in_parts(lambda part: net(part, None)[1], x)[:, : self.codes.categories]

    def traversal(self, rows: int, seed: int | None = None) -> Tensor:
        """As `HasCodes.traversal` says."""
        with seeded(seed, self.device):
            noise = self.codes.split(self.prior(rows, self.device))[0]
        z = self.codes.traversal(noise)
        return self.decode(z.flatten(0, 1)).unflatten(0, z.shape[:2])
