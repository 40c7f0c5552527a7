"""Standing statistics: batch norm's, gathered anew over many draws before anything is sampled."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import Tensor, nn

from ..randomness import seeded
from .gan import GAN, Drawing

_Norm = nn.modules.batchnorm._BatchNorm


def standing_statistics(passes: int, batch: int) -> Drawing:
    """The averaged generator, with statistics of its own draws instead of those of training.

    Statistics that run along in training are those of other weights, and of untruncated latents.
    These are means over `passes` batches of new latents and labels, drawn under a seed of their
    own, once for each truncation, and again when the weights have changed. Brock et al. 2018,
    arXiv:1809.11096.
    """
    known: dict[float, tuple[Hashable, nn.Module]] = {}

    def drawing(game: GAN, truncation: float) -> nn.Module:
        net = game.generator.eval_net
        version = _version(net)
        if truncation not in known or known[truncation][0] != version:
            with seeded(0, game.device):
                draws = [
                    (game.latents(batch, truncation=truncation), game.told(batch))
                    for _ in range(passes)
                ]
            for old in [t for t, (v, _) in known.items() if v != version]:
                del known[old]
            known[truncation] = version, settled(net, draws)
        return known[truncation][1]

    return drawing


@torch.no_grad()
def settled(net: nn.Module, draws: list[tuple[Tensor, Tensor | None]]) -> nn.Module:
    """A copy whose batch norms know the means, over these draws, of mean and biased variance."""
    copy = deepcopy(net).eval()
    norms = [module for module in copy.modules() if isinstance(module, _Norm)]
    with _gathering(norms) as moments:
        for z, label in draws:
            copy.forward(z, label)
    for norm in norms:
        assert norm.running_mean is not None and norm.running_var is not None
        mean, variance = (torch.stack(part).mean(0) for part in zip(*moments[norm], strict=True))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
    return copy


@contextmanager
def _gathering(norms: list[_Norm]) -> Iterator[dict[nn.Module, list[tuple[Tensor, Tensor]]]]:
    """Lets these norm by each batch, and notes its moments; other layers stay in eval mode."""
    moments: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {norm: [] for norm in norms}

    def note(norm: nn.Module, args: tuple[Tensor, ...]) -> None:
        x = args[0].transpose(0, 1).flatten(1)
        moments[norm].append((x.mean(1), x.var(1, correction=0)))

    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    for norm in norms:
        norm.train()
    yield moments
    for norm, hook in zip(norms, hooks, strict=True):
        norm.eval()
        hook.remove()


def _version(net: nn.Module) -> Hashable:
    """Changes whenever a tensor of the network is written to, or is another one."""
    tensors = (*net.parameters(), *net.buffers())
    return tuple((id(t), t._version) for t in tensors)
