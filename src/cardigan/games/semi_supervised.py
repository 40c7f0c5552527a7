"""A discriminator that also classifies: all images are real, and a few have labels."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..game import Move, Player, Round
from ..losses import NON_SATURATING, AdversarialLoss, matched_features
from ..priors import Prior
from .ensembling import Ensemble, hold
from .heads import Form, Look, Seen, apart, classified
from .outputs import decoded
from .sampling import FromPrior

GeneratorLoss = Callable[[Seen, Seen], Tensor]  # of reals, of fakes -> any shape
Penalty = Callable[[Player, Tensor], Tensor | float]  # of a discriminator, at reals: a mean
Distort = Callable[[Tensor], Tensor]  # reals -> as many fakes


def feature_matching(real: Seen, fake: Seen) -> Tensor:
    """As `losses.matched_features` says."""
    return matched_features(real.features, fake.features)


def adversarial(loss: AdversarialLoss = NON_SATURATING) -> GeneratorLoss:
    """The generator's part of an adversarial loss: -log(1 - p(FAKE | G(z))), or another's."""
    return lambda real, fake: loss.generator(real.judged.real.detach(), fake.judged.real)


def blend(strength: float) -> Distort:
    """Each real blends with its neighbour in the batch, which counts `strength`: in (0, 1/2].

    A dial of difficulty: the less is blended in, the harder the fakes are to tell from reals.
    """
    return lambda real: real.lerp(real.roll(1, 0), strength)


class SemiSupervised(FromPrior):
    """A generator against a discriminator that learns to classify from few labels.

    A stream gives two batches a draw: `first`, whose classes nobody knows, and `labelled`.

    Arguments:
        generator: z [N, Z], None -> image.
        discriminator: image, None -> (outputs [N, K + form.more], features [N, F]).
        form: How outputs are read, and what labelled images cost.
        weight: Of real against fake, beside the labelled images.
        generator_loss: What the generator descends, of reals and of fakes as they were seen.
        ensemble: Of earlier predictions, to which later ones are held; None for no such term.
        penalty: What else the discriminator pays, at unlabelled reals.
        distort: Makes fakes of unlabelled reals, which count as much as the generator's; None for
            the generator's alone.
        look: How the discriminator is shown its batches: `apart` or `together`.
    """

    def __init__(
        self,
        generator: Player,
        discriminator: Player,
        prior: Prior,
        form: Form,
        weight: float = 1.0,
        generator_loss: GeneratorLoss | None = None,
        ensemble: Ensemble | None = None,
        penalty: Penalty = lambda discriminator, real: 0.0,
        distort: Distort | None = None,
        look: Look = apart,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator, self.prior = generator, discriminator, prior
        self.form, self.weight = form, weight
        self.generator_loss = generator_loss or adversarial()
        self.ensemble, self.penalty, self.distort = ensemble, penalty, distort
        self.look = look

    def round(self, stream: Any) -> Round:
        """The discriminator moves, then the generator, on the same unlabelled images."""
        drawn = next(stream)
        (real, number), labelled = drawn["first"], drawn["labelled"]
        with torch.no_grad():
            fake = self.fake(len(real))
        distorted = [self.distort(real)] if self.distort else []
        shown = real, fake, labelled.image, *distorted
        seen = self.look(self.discriminator, self.form.judge, *shown)
        loss, log = self.discriminator_loss(seen, labelled.label)
        held, learn = hold(self.ensemble, seen[0].judged.classes, number, self.seen)
        held += self.penalty(self.discriminator, real)
        yield Move(self.discriminator, loss + held, log)
        learn()

        seen = self.look(self.discriminator.frozen, self.form.judge, real, self.fake(len(real)))
        loss = self.generator_loss(*seen)
        yield Move(self.generator, loss, {"generator": loss.mean()})

    # Odena 2016: -log p(y | x) - log p(real | x) - log p(FAKE | G(z)). Salimans et al. 2016 halve
    # the last two, and divide by p(real | x) in the first.
    def discriminator_loss(
        self, seen: list[Seen], label: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What the discriminator descends [N], of reals, fakes and labelled reals as it saw them.

        And what to log. Fakes that were made of reals come last.
        """
        real, fake, labelled, *distorted = seen
        supervised = self.form.supervised(labelled.judged, label)
        on_real = real.judged.real
        kinds_of_fakes = zip(("fake", "distorted"), [fake, *distorted], strict=False)
        on_fakes = {kind: seen.judged.real for kind, seen in kinds_of_fakes}
        kinds = [NON_SATURATING.discriminator(on_real, on_fake) for on_fake in on_fakes.values()]
        loss = supervised + self.weight * torch.stack(kinds).mean(0)
        return loss, {
            "discriminator": loss.mean(),
            "supervised": supervised.mean(),
            "real": on_real.mean(),
            **{name: on_fake.mean() for name, on_fake in on_fakes.items()},
        }

    def fake(self, n: int) -> Tensor:
        """The generator's answer to `n` draws from the prior."""
        return self.generator(self.prior(n, self.device), None)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """What the generator makes of latents [N, Z], in eval mode."""
        return decoded(self.generator.eval_net, z, None)

    def classify(self, x: Tensor) -> Tensor:
        """As `Classifies.classify` says: what is real is taken for granted."""
        return classified(self.discriminator, self.form.judge, x)
