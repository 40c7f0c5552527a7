"""What a game may be able to do, each ability a protocol.

Measures and the explorer offer what a game satisfies: `isinstance(game, Decodes)`. Nobody asks
for a game's name. All methods run in eval mode and without gradients unless they say otherwise.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Generates(Protocol):
    """Draws samples; nearly every game does."""

    def sample(
        self,
        n: int,
        seed: int | None = None,
        label: int | Tensor | None = None,
        truncation: float = ...,
    ) -> Tensor:
        """Draws `n` samples in eval mode: images [N, C, H, W] in [-1, 1], or points [N, D].

        Arguments:
            seed: With one, the draw repeats itself and leaves the global generators alone.
            label: The class of every sample, or of each (int64 [n]), where the game has classes.
            truncation: How near to their mean latents are drawn, as the game's `truncation` has
                it: a factor of at most 1, or a threshold. By default they are not truncated. Where
                values are drawn one by one it is the temperature of each draw.
        """
        ...


@runtime_checkable
class Decodes(Protocol):
    """Makes samples of latents."""

    def latents(self, n: int, seed: int | None = None, truncation: float = ...) -> Tensor:
        """Draws latents [n, Z] from the prior, truncated as by `Generates.sample`."""
        ...

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Latents [N, Z], and labels int64 [N] where the game has classes, to samples.

        Labels may be weights of the classes, too: float [N, K]. Gradients flow where `z` asks for
        them, and else none are kept.
        """
        ...


@runtime_checkable
class Told(Protocol):
    """May have a generator that is told what to draw."""

    def told(self, n: int, label: int | Tensor | None = None) -> Tensor | None:
        """Conditions [n, ...] for `decode`; None where the generator is told nothing.

        Arguments:
            label: The number of every sample's condition, or of each; random ones without.
        """
        ...


@runtime_checkable
class Encodes(Protocol):
    """Finds latents of samples."""

    def encode(self, x: Tensor) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] to codes [N, Z]."""
        ...


class Codec(NamedTuple):
    """An encoder and a decoder in eval mode, with gradients, each sample by itself."""

    encode: Callable[[Tensor], Tensor]  # [N, C, H, W] -> [N, Z]
    decode: Callable[[Tensor], Tensor]  # [N, Z] -> [N, C, H, W]


@runtime_checkable
class HasCodec(Protocol):
    """Can be differentiated through: its encoder and its decoder have Jacobians."""

    def codec(self) -> Codec:
        """Both networks, for one sitting: they do not follow later training."""
        ...


@runtime_checkable
class Maps(Protocol):
    """Maps latents into an intermediate space that its generator works from (StyleGAN's W)."""

    def map(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Latents [N, Z] to [N, W]."""
        ...

    def synthesise(self, w: Tensor) -> Tensor:
        """Intermediate latents [N, W] to samples, with the same noise at every call.

        Gradients flow where `w` asks for them, and else none are kept.
        """
        ...


@runtime_checkable
class Layers(Maps, Protocol):
    """Reads its intermediate latent anew in each layer, and so may be given others (W+).

    `synthesise` takes [N, L, W] as well: for each layer its own.
    """

    @property
    def layers(self) -> int:
        """How many layers read it: L."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    """Rebuilds images from what it keeps of them."""

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] to images of the same shape."""
        ...


@runtime_checkable
class Completes(Protocol):
    """Draws what is missing below the first rows of images."""

    def complete(self, x: Tensor, rows: int, seed: int | None = None) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] whose first `rows` stay, and whose others are drawn.

        Arguments:
            seed: As of `Generates.sample`.
        """
        ...


@runtime_checkable
class Translates(Protocol):
    """Turns images of one domain into images of another; its samples are translations."""

    def sources(self, n: int, seed: int | None = None) -> Tensor:
        """Images [n, C, H, W] in [-1, 1] to translate, out of those kept: no more than these."""
        ...

    def translate(self, x: Tensor) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] to their translations, of the same shape."""
        ...


@runtime_checkable
class TranslatesBack(Protocol):
    """Turns images of the other domain into images of the first."""

    def translate_back(self, x: Tensor) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] to their translations, of the same shape."""
        ...


@runtime_checkable
class Classifies(Protocol):
    """Tells classes apart."""

    def classify(self, x: Tensor) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] to logits [N, K]."""
        ...


@runtime_checkable
class HasDensity(Protocol):
    """Knows how likely images are.

    Attributes:
        levels: Grey levels that it tells apart; fewer than 256 share their probability evenly
            among their bytes, so that all games can be compared.
    """

    levels: int

    def log_prob(self, x: Tensor) -> Tensor:
        """Images uint8 [N, C, H, W] to nats [N]: the log-probability of the 8-bit image.

        A bound stands in where the probability itself is out of reach; the game says so. Bounds
        may draw: they do so from the global generators.
        """
        ...


@runtime_checkable
class Watches(Protocol):
    """Knows numbers about its networks that are worth a look each time the log is written."""

    def watched(self) -> dict[str, Tensor]:
        """Scalars by name; of the networks as they train."""
        ...


@runtime_checkable
class HasCodes(Protocol):
    """Keeps codes among its latents that can be told from a picture."""

    def tell(self, x: Tensor) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] to logits [N, K] of the categorical code."""
        ...

    def traversal(self, rows: int, seed: int | None = None) -> Tensor:
        """Samples [R, K, C, H, W]: along each row one code changes and nothing else does.

        Arguments:
            rows: Of each code, with noise of their own.
        """
        ...
