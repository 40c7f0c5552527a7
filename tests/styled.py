"""A small generator with a mapping network, whose layers read styles: what StyleGAN can do."""

import torch
from torch import Tensor, nn

from cardigan.game import Game
from cardigan.randomness import seeded

LATENTS, STYLE, LAYERS, SIDE = 6, 5, 4, 8


class Styled(Game):
    """w = tanh(A z), and each layer adds to its own two rows of pixels what it reads of its w."""

    def __init__(self, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.mapping = nn.Linear(LATENTS, STYLE)
        self.told_mapping = nn.Linear(max(classes, 1), STYLE, bias=False)
        self.styles = nn.ModuleList(nn.Linear(STYLE, 2 * SIDE) for _ in range(LAYERS))

    def round(self, stream):
        raise NotImplementedError("it is not trained")

    def latents(self, n: int, seed: int | None = None, truncation: float = 1.0) -> Tensor:
        with seeded(seed, self.device):
            return torch.randn(n, LATENTS) * truncation

    def told(self, n: int, label: int | Tensor | None = None) -> Tensor | None:
        if not self.classes:
            return None
        return torch.as_tensor(0 if label is None else label).expand(n)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.synthesise(self.map(z, label))

    def map(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        w = self.mapping(z)
        if label is not None:
            known = nn.functional.one_hot(label, self.classes).float()
            w = w + 3 * self.told_mapping(label if label.is_floating_point() else known)
        return w.tanh()

    @property
    def layers(self) -> int:
        return LAYERS

    def synthesise(self, w: Tensor) -> Tensor:
        each = [w] * LAYERS if w.dim() == 2 else w.unbind(1)
        rows = [style(x) for style, x in zip(self.styles, each, strict=True)]
        return torch.cat(rows, 1).view(-1, 1, SIDE, SIDE).tanh()

    def sample(self, n, seed=None, label=None, truncation=1.0):
        with torch.no_grad():
            return self.decode(self.latents(n, seed, truncation), self.told(n, label))


def styled(classes: int = 0) -> Styled:
    torch.manual_seed(0)
    return Styled(classes).requires_grad_(False)
