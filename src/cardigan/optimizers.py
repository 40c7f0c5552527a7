"""Constructors of optimisers: functions from parameters to an optimiser."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_value_
from torch.optim import SGD, Adam, Optimizer

from .game import MakeOptimizer


def adam(beta1: float = 0.9, beta2: float = 0.999) -> MakeOptimizer:
    """Fused Adam (Kingma and Ba 2014, arXiv:1412.6980)."""
    return partial(Adam, betas=(beta1, beta2), fused=True)


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
