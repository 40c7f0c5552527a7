"""Constructors of optimisers: functions from parameters to an optimiser."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_value_
from torch.optim import SGD, Adam, Optimizer

from .game import MakeOptimizer


def adam(beta1: float = 0.9, beta2: float = 0.999, decay: float = 0.0) -> MakeOptimizer:
    """Fused Adam (Kingma and Ba 2014, arXiv:1412.6980).

    Arguments:
        decay: It also descends this times the sum of squared weights.
    """
    return partial(Adam, betas=(beta1, beta2), fused=True, weight_decay=2 * decay)


def rmsprop(decay: float = 0.0) -> MakeOptimizer:
    """RMSProp; `decay` as of `adam`."""
    return partial(RMSprop, weight_decay=2 * decay)


class RMSprop(Optimizer):
    """Divides each slope by the root of a running mean of its square.

        v <- alpha v + (1 - alpha) g^2        w <- w - lr g / (sqrt(v) + eps)

    Tieleman and Hinton 2012. As torch's, but it reads on the device, as fused optimisers do,
    whether the gradient is finite: nobody waits.
    """

    _step_supports_amp_scaling = True

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, dict(lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay))
        self.found_inf = torch.zeros(())

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Moves along `grad`, unless `found_inf` is true."""
        bad = self.found_inf
        for group in self.param_groups:
            own = [p for p in group["params"] if p.grad is not None]
            slopes = torch._foreach_add([p.grad for p in own], own, alpha=group["weight_decay"])
            slopes = [torch.where(bad > 0, 0, g) for g in slopes]
            squares = [self._square(p) for p in own]
            torch._foreach_mul_(squares, group["alpha"] ** (1 - bad))
            torch._foreach_addcmul_(squares, slopes, slopes, value=1 - group["alpha"])
            roots = torch._foreach_sqrt(squares)
            torch._foreach_add_(roots, group["eps"])
            torch._foreach_addcdiv_(own, slopes, roots, value=-group["lr"])

    def _square(self, parameter: Tensor) -> Tensor:
        memory = self.state[parameter]
        if not memory:
            memory["square_avg"] = torch.zeros_like(parameter)
        return memory["square_avg"]


def sgd() -> MakeOptimizer:
    """Fused stochastic gradient descent; a player's settings may give it `momentum`."""

    def make(parameters: Iterable[Tensor]) -> Optimizer:
        made = SGD(parameters, momentum=0.5, fused=True)
        made.register_step_pre_hook(_start_at_rest)
        return made

    return make


def _start_at_rest(optimizer: Optimizer, *_: Any) -> None:
    """Without this, a first step that is skipped leaves fused SGD's memory uninitialised."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            memory = optimizer.state[parameter]
            if not memory:
                memory["momentum_buffer"] = torch.zeros_like(parameter)


def clipped(optimizer: MakeOptimizer, bound: float) -> MakeOptimizer:
    """Clamps each element of the gradient to [-bound, bound] before every step."""

    def make(parameters: Iterable[Tensor]) -> Optimizer:
        made = optimizer(parameters)
        own = [p for group in made.param_groups for p in group["params"]]

        def clip(*_: Any) -> None:
            clip_grad_value_(own, bound)

        made.register_step_pre_hook(clip)
        return made

    return make


def averaging(optimizer: MakeOptimizer, weight: float) -> MakeOptimizer:
    """Adds weight |w - mean of past w|^2, the mean held still: historical averaging.

        gradient at move t   2 weight (w_t - m_t),   m_t = m_(t-1) + (w_t - m_(t-1)) / t

    Players that circle are pulled to the middle. The mean is part of the optimiser's memory, so
    checkpoints hold it. Salimans et al. 2016, arXiv:1606.03498, section 3.3.
    """

    def make(parameters: Iterable[Tensor]) -> Optimizer:
        made = optimizer(parameters)
        own = [p for group in made.param_groups for p in group["params"]]
        first: list[Tensor] = []  # weights before the first move: the optimiser has no memory yet

        @torch.no_grad()
        def pull(*_: Any) -> None:
            if not made.state.get(own[0], {}).get("moves"):
                first[:] = [p.clone() for p in own]
                return
            for p in own:
                memory = made.state[p]
                memory["moves"] += 1
                memory["mean"].lerp_(p, 1 / memory["moves"])
                if p.grad is not None:
                    p.grad.add_(p - memory["mean"], alpha=2 * weight)

        @torch.no_grad()
        def remember(*_: Any) -> None:
            for p, start in zip(own, first, strict=False):
                made.state[p] |= {"mean": start, "moves": 1}
            first.clear()

        made.register_step_pre_hook(pull)
        made.register_step_post_hook(remember)
        return made

    return make
