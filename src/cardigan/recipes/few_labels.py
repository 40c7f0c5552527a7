"""What recipes share that learn to classify from few labels: their fields, data and networks."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Self

from ..errors import UserError
from ..recipe import Recipe, Training
from .dcgan import SIZES

if TYPE_CHECKING:
    import torch
    from torch import nn

    from ..data.dataset import Dataset
    from ..data.stream import Stream, Together
    from ..games.ensembling import Ensemble


@dataclass(frozen=True, kw_only=True)
class FewLabels(Recipe):
    """Images of which a few have labels."""

    classes: int = 0
    """How many classes there are; 0 takes the data's own."""
    labels: int = 100
    """Images with labels, each class as often as any other; 0 tells the labels of all."""
    label_seed: int = 0
    """Of the choice of images with labels."""
    networks: Literal["convolutional", "dense"] = "convolutional"
    """DCGAN's, or the dense ones of Salimans et al. for MNIST."""
    width: int = 32
    """Channels at half the picture's size; they double with each halving."""
    consistency: float = 0.0
    """Weight that holds predictions to those of earlier epochs; 0 for none."""
    ensemble_decay: float = 0.6
    """How much of earlier predictions is kept when an image comes again."""
    ensemble_ramp: int = 30_000
    """Images over which the weight of `consistency` rises from nearly nothing."""
    ensemble_images: int = 0
    """Images whose predictions are kept; 0 takes the number of images in the data."""
    lr: float = 2e-4
    """Learning rate of what classifies."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that classifies; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=60_000))

    def stream(
        self, dataset: "Dataset", device: "torch.device", world: int = 1
    ) -> "Stream | Together":
        """All images, whose labels are their numbers, beside as many draws of labelled ones."""
        from ..data.stream import Stream, together
        from ..data.subset import labelled, numbered

        if self.consistency and len(dataset) > self.ensemble_images:
            raise UserError(
                f"expected ensemble_images of {len(dataset)} or more, got {self.ensemble_images}"
            )
        part = labelled(dataset, self.labels, self.label_seed)
        first = super().stream(numbered(dataset), device, world)
        assert isinstance(first, Stream)
        return together(first, labelled=Stream(part, first.batch, self.training.seed, device))

    def fitted(self) -> Self:
        """The recipe with the number of images filled in as well."""
        from ..data import catalogue

        images = self.ensemble_images or catalogue.describe(self.data).count
        return replace(super().fitted(), ensemble_images=images)

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        sizes = FITTING[self.networks]
        if sizes and self.size not in (0, *sizes):
            yield f"size must be one of {', '.join(map(str, sizes))}, got {self.size}"
        for name, (least, below) in LIMITS.items():
            if not least <= (value := getattr(self, name)) < below:
                yield f"{name} must lie in [{least:g}, {below:g}), got {value}"
        if 0 < self.labels < self.classes:
            yield f"labels must be 0 or one a class, {self.classes}, at least, got {self.labels}"
        if not 0 < self.lr < 1:
            yield f"lr must lie in (0, 1), got {self.lr}"


LIMITS = {
    "classes": (0, 2**31),
    "labels": (0, 2**31),
    "label_seed": (0, 2**63),
    "width": (1, 2**31),
    "consistency": (0, 1e6),
    "ensemble_decay": (0, 1),
    "ensemble_ramp": (1, 2**63),
    "ensemble_images": (0, 2**31),
    "beta1": (0, 1),
    "ema_halflife": (0, 2**63),
}
FITTING = {"convolutional": SIZES, "dense": ()}  # sizes of images; any without


def classifier(recipe: FewLabels, more: int = 0) -> "nn.Module":
    """The network that classifies, with `more` outputs beside the classes."""
    from ..nets.classifying import ConvolutionalClassifier, DenseClassifier

    shape, outputs = (recipe.channels, recipe.size, recipe.size), recipe.classes + more
    return {
        "convolutional": lambda: ConvolutionalClassifier(shape, recipe.width, outputs),
        "dense": lambda: DenseClassifier(shape, outputs),
    }[recipe.networks]()


def ensemble(recipe: FewLabels) -> "Ensemble | None":
    """The earlier predictions of all images, where they are wanted."""
    from ..games.ensembling import Ensemble
    from ..schedule import rampup

    if not recipe.consistency:
        return None
    weight = rampup(recipe.consistency, recipe.ensemble_ramp)
    return Ensemble(recipe.ensemble_images, recipe.classes, weight, recipe.ensemble_decay)
