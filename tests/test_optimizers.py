"""Constructors of optimisers: clipping, RMSProp, decay and historical averaging."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from cardigan.game import Player
from cardigan.losses import WASSERSTEIN
from cardigan.optimizers import RMSprop, adam, averaging, clipped, rmsprop, sgd

MAKERS = {"adam": adam(), "sgd": sgd(), "rmsprop": rmsprop(), "sgd, plain": partial(SGD, lr=0.1)}
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


# ---------------------------------------------------------------------------------- RMSProp, decay


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_rmsprop_is_torchs(decay):
    ours = stepped(rmsprop(decay), *SMALL, *LARGE)
    torchs = stepped(partial(torch.optim.RMSprop, weight_decay=2 * decay), *SMALL, *LARGE)
    assert torch.allclose(ours, torchs, atol=1e-6)


@pytest.mark.parametrize("make", [adam, rmsprop])
def test_decay_descends_the_sum_of_squared_weights(make):
    """decay |w|^2, of gradient 2 decay w: what a loss with that term added would do."""
    theta = nn.Parameter(torch.tensor([1.0, -2.0, 3.0, 0.5]))
    optimizer = make()([theta])
    optimizer.param_groups[0]["lr"] = 0.1
    for gradient in SMALL:
        loss = (theta * torch.tensor(gradient)).sum() + 0.3 * theta.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.allclose(stepped(make(decay=0.3), *SMALL), theta, atol=1e-5)


@every_maker
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_leaves_no_trace(make, bad):
    def moved(*values):
        player = Player(nn.Linear(2, 1), make, 0.1)
        nn.init.ones_(player.net.weight)
        for value in values:
            for p in player.parameters():
                p.grad = torch.full_like(p, value)
            player.step(0)
        return player.net.weight.detach()

    assert torch.equal(moved(1.0, bad, 2.0), moved(1.0, 2.0))
    assert torch.equal(moved(bad), torch.ones(1, 2))


def test_rmsprop_reads_the_flag_where_it_lies():
    """Nobody looks at the number, so nobody waits for a device."""
    weight = nn.Parameter(torch.ones(3))
    optimizer = RMSprop([weight], lr=0.1)
    weight.grad = torch.tensor([1.0, float("nan"), 2.0])
    optimizer.found_inf = torch.ones(())
    optimizer.step()
    assert torch.equal(weight, torch.ones(3)) and not optimizer.state[weight]["square_avg"].any()


# ---------------------------------------------------------------------------- historical averaging


@pytest.mark.parametrize("make", [*MAKERS.values()], ids=[*MAKERS])
def test_historical_averaging_by_a_naive_loop(make):
    """At move t: 2 w (theta_t - the mean of theta_1 to theta_t), beside the gradient."""
    gradients = [torch.randn(4) for _ in range(6)]
    theta = nn.Parameter(torch.tensor([1.0, -2.0, 3.0, 0.5]))
    optimizer, past = make([theta]), []
    optimizer.param_groups[0]["lr"] = 0.1
    for gradient in gradients:
        past.append(theta.detach().clone())
        theta.grad = gradient + 2 * 0.7 * (theta.detach() - torch.stack(past).mean(0))
        optimizer.step()
    found = stepped(averaging(make, 0.7), *[g.tolist() for g in gradients])
    assert torch.allclose(found, theta, atol=1e-5)
    assert not torch.allclose(found, stepped(make, *[g.tolist() for g in gradients]), atol=1e-3)


def test_weights_that_never_moved_are_pulled_nowhere():
    still = [[0.0] * 4] * 5
    assert torch.equal(stepped(averaging(MAKERS["sgd, plain"], 3.0), *still), stepped(sgd()))


def test_the_mean_of_past_weights_is_in_the_optimisers_memory():
    weight = nn.Parameter(torch.ones(2))
    optimizer = averaging(adam(), 0.1)([weight])
    for _ in range(3):
        weight.grad = torch.ones(2)
        optimizer.step()
    memory = optimizer.state_dict()["state"][0]
    assert memory["moves"] == 3 and memory["mean"].shape == (2,) and "exp_avg" in memory


def test_historical_averaging_ends_a_circle():
    """min over x, max over y of xy: steps at the same time spiral out, averaging holds them."""

    def far(make):
        x, y = (nn.Parameter(torch.ones(1)) for _ in range(2))
        optimizers = [make([x]), make([y])]
        for _ in range(400):
            x.grad, y.grad = y.detach().clone(), -x.detach()
            for optimizer in optimizers:
                optimizer.step()
        return torch.cat([x, y]).norm().item()

    plain = partial(SGD, lr=0.1)
    assert far(plain) > 5 and far(averaging(plain, 0.5)) < 0.5
