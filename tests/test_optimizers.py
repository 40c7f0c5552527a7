"""Clipping of values: what it changes, what it leaves alone, and what it does not promise."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from cardigan.game import Player
from cardigan.losses import WASSERSTEIN
from cardigan.optimizers import adam, clipped, sgd

MAKERS = {"adam": adam(), "sgd": sgd(), "sgd, plain": partial(SGD, lr=0.1)}
every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())


def stepped(make, *gradients):
    """A weight [4] after steps along these gradients."""
    weight = nn.Parameter(torch.tensor([1.0, -2.0, 3.0, 0.5]))
    optimizer = make([weight])
    optimizer.param_groups[0]["lr"] = 0.1
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        optimizer.step()
    return weight.detach()


SMALL = ([0.5, -1.0, 0.1, 0.0], [1.0, 0.3, -0.2, 0.9])
LARGE = ([0.5, -7.0, 0.1, 1e6], [-3.0, 0.3, -0.2, 0.9])
CUT = ([0.5, -1.0, 0.1, 1.0], [-1.0, 0.3, -0.2, 0.9])


@every_maker
def test_gradients_within_the_bound_move_bit_for_bit_as_without(make):
    assert torch.equal(stepped(clipped(make, 1.0), *SMALL), stepped(make, *SMALL))


@every_maker
def test_only_elements_beyond_the_bound_are_cut(make):
    assert torch.equal(stepped(clipped(make, 1.0), *LARGE), stepped(make, *CUT))
    assert not torch.equal(stepped(clipped(make, 1.0), *LARGE), stepped(make, *LARGE))


def test_clipping_turns_the_direction_as_clipping_the_norm_would_not():
    make = clipped(MAKERS["sgd, plain"], 1.0)
    step = stepped(make, [2.0, 0.5, 0.0, 0.0]) - stepped(make)
    assert torch.allclose(step, torch.tensor([-0.1, -0.05, 0.0, 0.0]))


def test_the_constructors_are_what_they_say():
    weight = nn.Parameter(torch.zeros(2))
    one, two = adam(0.3, 0.7)([weight]), sgd()([weight])
    assert isinstance(one, Adam) and one.defaults["betas"] == (0.3, 0.7) and one.defaults["fused"]
    assert isinstance(two, SGD) and two.defaults["momentum"] == 0.5


def test_a_clipped_player_still_refuses_what_is_not_finite():
    """Clamping would make an infinite gradient a finite one: the guard looks before it."""
    player = Player(nn.Linear(2, 1), clipped(adam(), 1.0), 0.1)
    before = player.net.weight.detach().clone()
    for p in player.parameters():
        p.grad = torch.full_like(p, float("inf"))
    player.step(0)
    assert torch.equal(player.net.weight, before)


def test_clipping_bounds_a_step_and_not_the_critic():
    """A linear critic C(x) = w x of the Wasserstein loss climbs by lr clip(m) a step for ever.

    m is how far the means of reals and fakes lie apart. Clipping weights would bound w.
    """
    apart = torch.tensor([0.4, -3.0])
    critic = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(critic.weight)
    player = Player(critic, clipped(SGD, 1.0), 0.1)
    fake = torch.randn(64, 2)
    for n in range(1, 201):
        player.backward(WASSERSTEIN.discriminator(player(fake + apart), player(fake)).mean())
        player.step(0)
        expected = 0.1 * n * apart.clamp(-1, 1)
        assert torch.allclose(critic.weight[0], expected, rtol=1e-4)
