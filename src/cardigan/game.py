"""What a method is: a game, whose players take turns moving down losses of their own."""

import math
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping
from copy import deepcopy
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Optimizer

from .distributed import Message
from .priors import SCALED, Truncation
from .schedule import Schedule

MakeOptimizer = Callable[[Iterable[Tensor]], Optimizer]


class Player(nn.Module):
    """A network that moves. Call a player as you would its network.

    Arguments:
        optimizer: Makes the optimiser from the parameters, e.g. `partial(Adam, fused=True)`.
        lr: The learning rate: a number, or a function of the images seen.
        ema_halflife: Of the average of its weights, in images: a number, or a function of the
            images seen; 0 keeps no average.
        settings: Other settings of the optimiser (`momentum`, `betas`), given like `lr`.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizer: MakeOptimizer,
        lr: float | Schedule,
        ema_halflife: float | Schedule = 0,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.net = net
        self.optimizer = optimizer(p for p in net.parameters() if p.requires_grad)
        self.settings = {"lr": lr, **settings}
        self.ema_halflife = ema_halflife
        self.ema = deepcopy(net).requires_grad_(False) if ema_halflife else None
        self._message = Message()
        self._lists: _Lists | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the network."""
        return self.net(*args, **kwargs)

    def frozen(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the network with its parameters off the graph: how the other player is called."""
        weights = {name: p.detach() for name, p in self.lists.named.items()}
        return functional_call(self.net, weights, args, kwargs)

    def aside(self, tensors: Mapping[str, Tensor], *args: Any) -> Any:
        """Calls the player with other weights, by the names of its state; its own stay.

        Statistics that the network gathers on the way are forgotten. To set weights in place
        instead, and call, would be wrong under autocast, which keeps casts of them.
        """
        buffers = {name: tensors.get(name, b).clone() for name, b in self.named_buffers()}
        return functional_call(self, {**tensors, **buffers}, args)

    @property
    def eval_net(self) -> nn.Module:
        """What everybody samples from, in eval mode: the average, or the network without one.

        Without an average this is a second view of the network, which shares its tensors and
        leaves the network's own mode alone.
        """
        if self.ema is not None:
            return self.ema.eval()
        shared = {id(t): t for t in (*self.net.parameters(), *self.net.buffers())}
        return deepcopy(self.net, shared).eval()

    def backward(self, loss: Tensor) -> None:
        """Adds the gradient of `loss` to its own parameters, and to nobody else's."""
        backward(loss, self)

    def step(self, seen: int, log: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Moves along the mean gradient of all processes, unless it is not finite.

        Returns the mean of `log` over the processes, which travels in the gradient's message,
        and the gradient's norm under `gradient`.
        """
        told = {name: value.detach().float().clone() for name, value in (log or {}).items()}
        gradients = [p.grad for p in self.lists.own if p.grad is not None]
        self._message.mean_([*gradients, *told.values()])
        told["gradient"] = torch.stack(torch._foreach_norm(gradients)).norm()
        self.tune(seen)
        _step_unless(~told["gradient"].isfinite(), self.optimizer)
        self.optimizer.zero_grad(set_to_none=True)
        return told

    def tune(self, seen: int) -> None:
        """Sets its optimiser's learning rate and settings for the clock."""
        for group in self.optimizer.param_groups:
            for name, value in self.settings.items():
                group[name] = value(seen) if callable(value) else value

    @torch.no_grad()
    def average(self, images: int, seen: float = math.inf, unless: Tensor | None = None) -> None:
        """Moves the average towards the weights by what `images` images are worth of them.

            average <- average + (1 - 2^(-images / halflife)) (weights - average)

        Early on, a half-life that is a number is a twentieth of the images seen (Karras et al.
        2020, arXiv:1912.04958, in their code), so that an average of the first weights, which
        know nothing, does not hide what came after. Float buffers are averaged as weights are;
        counters are copied.

        Arguments:
            unless: A flag on the device; if it is true, the average stays as it is.
        """
        if self.ema is None:
            return
        known = self.ema_halflife
        halflife = known(seen) if callable(known) else min(known, seen / 20)  # pyright: ignore[reportArgumentType]
        (ema_floats, floats), (ema_counts, counts) = self.lists.averages, self.lists.counts
        if unless is not None and unless.is_cpu and unless.tolist():
            return  # to look costs nothing here; elsewhere the host would have to wait
        if unless is not None and not unless.is_cpu:
            floats = [torch.where(unless, a, b) for a, b in zip(ema_floats, floats, strict=True)]
        torch._foreach_lerp_(ema_floats, floats, 1 - 0.5 ** (images / halflife))
        if counts:
            torch._foreach_copy_(ema_counts, counts)

    def snapshot(self) -> "Snapshot":
        """A copy of its weights and of what its optimiser remembers."""
        return Snapshot(deepcopy(self.state_dict()), deepcopy(self.optimizer.state_dict()))

    def restore(self, snapshot: "Snapshot") -> None:
        """Becomes what it, or a player with the same network, was; the snapshot stays good."""
        self.load_state_dict(snapshot.weights)
        # load_state_dict would alias the moments of the two optimisers.
        self.optimizer.load_state_dict(deepcopy(snapshot.memory))

    def forget(self) -> None:
        """Empties the optimiser's memory."""
        self.optimizer.state.clear()

    @property
    def lists(self) -> "_Lists":
        """The network's tensors, listed once: listing 400 costs a third of a millisecond."""
        if self._lists is None:
            self._lists = _Lists.of(self.net, self.ema)
        return self._lists

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Player":
        self._lists = None  # moving to another device makes new buffers
        return super()._apply(fn, recurse)


class Snapshot(NamedTuple):
    """A player at a moment."""

    weights: dict[str, Tensor]  # buffers and averages, too
    memory: dict[str, Any]  # of its optimiser


class _Lists(NamedTuple):
    named: dict[str, nn.Parameter]
    own: list[nn.Parameter]  # those that move
    buffers: list[Tensor]  # float buffers
    averages: tuple[list[Tensor], list[Tensor]]  # floats of the average, and of the network
    counts: tuple[list[Tensor], list[Tensor]]  # the same, of integers

    @classmethod
    def of(cls, net: nn.Module, ema: nn.Module | None) -> "_Lists":
        named = dict(net.named_parameters())
        own = [p for p in named.values() if p.requires_grad]
        floats, counts = _split(net)
        ema_floats, ema_counts = ([], []) if ema is None else _split(ema)
        buffers = [b for b in net.buffers() if b.is_floating_point()]
        return cls(named, own, buffers, (ema_floats, floats), (ema_counts, counts))


def _split(net: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    tensors = [t.detach() for t in (*net.parameters(), *net.buffers())]
    return (
        [t for t in tensors if t.is_floating_point()],
        [t for t in tensors if not t.is_floating_point()],
    )


def backward(loss: Tensor, *players: Player) -> None:
    """Adds the gradient of `loss` to the parameters of `players`, and to nobody else's."""
    loss.backward(inputs=[p for player in players for p in player.lists.own])


def _step_unless(bad: Tensor, optimizer: Optimizer) -> None:
    """Steps unless `bad` is true.

    Fused optimisers read the flag on the device, as they do for a gradient scaler. For the
    others the host waits for it.
    """
    reads = getattr(optimizer, "_step_supports_amp_scaling", False)
    if reads and (bad.is_cpu or bad.is_cuda):  # on other devices fused steps ignore the flag
        optimizer.found_inf = bad.float()  # pyright: ignore[reportAttributeAccessIssue]
        optimizer.step()
    elif not bad:
        optimizer.step()


class Move(NamedTuple):
    """One player's turn; players that share a loss move together."""

    player: Player | tuple[Player, ...]
    loss: Tensor  # any shape; its mean is descended
    log: dict[str, Tensor] = {}  # numbers; what has more of them is told the round, not logged

    @property
    def players(self) -> tuple[Player, ...]:
        """Who moves."""
        return self.player if isinstance(self.player, tuple) else (self.player,)


Round = Generator[Move, dict[str, Tensor], None]


class Game(nn.Module):
    """The networks of a method, and the order in which they move.

    What else it can do is told by the protocols of `abilities`: nearly every game has `sample`.

    Attributes:
        seen: The clock: real images seen, over all processes.
        rounds: Rounds played.
        classes: Labels that the networks are told; 0 for none.
        accumulates: Whether copies of a round may be played in lockstep. Not where a round
            chooses by what it measures: each copy would choose for itself.
        truncation: How its latents are drawn nearer to their mean, where it has any.
    """

    accumulates = True
    truncation: Truncation = SCALED

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.rounds = 0
        self.classes = 0

    @abstractmethod
    def round(self, stream: Any) -> Round:
        """Yields every move of one round; after a yield, that player has moved.

        A yield returns the move's log, averaged over accumulated copies and processes. Takes as
        many batches from `stream` as the method needs, and never yields inside a context.
        """

    @cached_property
    def players(self) -> dict[str, Player]:
        """Every player, by name."""
        return {name: m for name, m in self.named_modules() if isinstance(m, Player)}

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.parameters()).device
