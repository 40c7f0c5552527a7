"""Unrolling: closed forms, finite differences, and what it leaves alone."""

from contextlib import nullcontext

import pytest
import torch
from reliability_tools import fingerprint
from small import SMALL, start, toy
from torch import nn
from torch.optim import SGD, Adam

from cardigan.data.stream import Batch
from cardigan.device import bfloat16
from cardigan.game import Player
from cardigan.games import GAN, alternating, unrolled
from cardigan.games.gan import adversarial
from cardigan.games.turns import discriminator_loss
from cardigan.games.unrolled import adam, descent, foreseen
from cardigan.losses import LEAST_SQUARES, MINIMAX, NON_SATURATING, AdversarialLoss, zero_sum
from cardigan.train import play, train

CPU = torch.device("cpu")
LOSSES = {"zero-sum": zero_sum(MINIMAX), "non-saturating": NON_SATURATING, "ls": LEAST_SQUARES}
every_lookahead = pytest.mark.parametrize("lookahead", [adam, descent(0.3)], ids=["adam", "sgd"])


class Number(nn.Module):
    """Says its one weight, whatever it is asked."""

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value, dtype=torch.float64))

    def forward(self, z, label=None):
        return self.value.expand(len(z), 1)


class Quadratic(nn.Module):
    """f = x theta - c / 2 theta^2: the discriminator's gain at the fake x."""

    def __init__(self, value, c):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(value, dtype=torch.float64))
        self.c = c

    def forward(self, x, label=None):
        return (x * self.theta - self.c / 2 * self.theta**2).squeeze(1)


# The discriminator ascends f and the generator descends it, on fakes alone.
GAIN = AdversarialLoss(lambda real, fake: -fake, lambda real, fake: fake)


def slope(x, theta, c, lr, steps):
    """df/dx at the generator's weight x, through the steps that the discriminator would take."""
    game = GAN(
        Player(Number(x), SGD, 0.1),
        Player(Quadratic(theta, c), SGD, 0.1),
        lambda n, device: torch.zeros(n, 1, dtype=torch.float64),
        GAIN,
    )
    fake = game.fake(1, None)
    judge = foreseen(game, fake.detach(), fake, None, steps, descent(lr))
    (found,) = torch.autograd.grad(judge(fake, None).sum(), list(game.generator.parameters()))
    return found.item()


@pytest.mark.parametrize(("steps", "told"), [(1, 0.19), (5, 0.65132), (50, 0.99997)])
def test_the_quadratic_game_has_the_slope_of_its_closed_form(steps, told):
    """d + (x - c d)(1 - a) / c with a = (1 - eta c)^K, d = a theta + (1 - a) x / c."""
    assert slope(1.0, 0.0, 1.0, 0.1, steps) == pytest.approx(told, abs=5e-6)
    for x, theta, c, lr in ((1.0, 0.0, 1.0, 0.1), (-0.7, 0.4, 2.0, 0.05), (2.0, 1.0, 0.5, 0.2)):
        a = (1 - lr * c) ** steps
        d = a * theta + (1 - a) * x / c
        assert slope(x, theta, c, lr, steps) == pytest.approx(d + (x - c * d) * (1 - a) / c)


@pytest.mark.parametrize("steps", [1, 7])
def test_the_bilinear_game_pays_twice_what_the_shortcut_pays(steps):
    """theta + 2 K eta x; who forgets to differentiate through the steps gets theta + K eta x."""
    assert slope(1.5, 0.3, 0.0, 0.1, steps) == pytest.approx(0.3 + 2 * steps * 0.1 * 1.5)


# -------------------------------------------------------------------------- a game of perceptrons


class Perceptron(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, outputs))

    def forward(self, x, label=None):
        out = self.net(x)
        return out.squeeze(1) if out.shape[1] == 1 else out


def perceptrons(loss=LOSSES["zero-sum"], turns=None, moved=0):
    torch.manual_seed(7)
    game = GAN(
        Player(Perceptron(3, 4, 2), Adam, 0.02, betas=(0.5, 0.9)),
        Player(Perceptron(2, 4, 1), Adam, 0.05, betas=(0.5, 0.9)),
        lambda n, device: torch.randn(n, 3, dtype=torch.float64),
        loss,
        turns,
    ).double()
    reals = iter([Batch(torch.randn(6, 2, dtype=torch.float64) + 1) for _ in range(9)])
    for _ in range(moved):
        play(game, reals)
    return game, next(reals).image


@every_lookahead
@pytest.mark.parametrize("moved", [0, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_generators_gradient_is_that_of_finite_differences(lookahead, moved, loss):
    game, real = perceptrons(LOSSES[loss], moved=moved)
    z = game.prior(6, CPU)

    def ahead():
        fake = game.generator(z, None)
        judge = foreseen(game, real, fake, None, 3, lookahead)
        return adversarial(game, real, fake, None, judge).mean()

    weights = list(game.generator.net.parameters())
    found = torch.cat([g.flatten() for g in torch.autograd.grad(ahead(), weights)])
    differences = []
    for weight in weights:
        for i in range(weight.numel()):
            ends = []
            for step in (1e-6, -2e-6):
                weight.data.view(-1)[i] += step
                ends.append(ahead().item())
            weight.data.view(-1)[i] += 1e-6
            differences.append((ends[0] - ends[1]) / 2e-6)
    expected = torch.tensor(differences, dtype=torch.float64)
    assert ((found - expected).norm() / expected.norm()).item() < 1e-5


@pytest.mark.parametrize("moved", [0, 3])
def test_what_is_foreseen_with_adam_is_what_adam_then_does(moved):
    """From the moments that the player has, with its betas and its rate."""
    game, real = perceptrons(moved=moved)
    fake = game.fake(6, None).detach()
    judge = foreseen(game, real, fake, None, 4, adam)
    told = judge(real, None)
    for _ in range(4):
        game.discriminator.backward(discriminator_loss(game, real, fake, None)[0].mean())
        game.discriminator.step(0)
    assert torch.allclose(told, game.discriminator(real, None), rtol=0, atol=1e-12)


@every_lookahead
def test_foreseeing_changes_nothing_and_leaves_no_gradient(lookahead):
    game, stream = start("unrolled-dcgan")
    play(game, stream)
    before = fingerprint(game)
    real = next(stream).image
    with torch.no_grad():
        fake = game.decode(game.prior(len(real), CPU))
    fake.requires_grad_()
    judge = foreseen(game, real, fake, None, 2, lookahead)
    judge(fake, None).sum().backward(inputs=[fake])
    assert fingerprint(game) == before
    assert all(p.grad is None for p in game.parameters())


def test_a_weight_that_never_felt_a_gradient_does_no_harm():
    """Adam divides by a root that has no slope at 0."""
    game, real = perceptrons()
    with torch.no_grad():
        game.discriminator.net.net[2].weight.zero_()  # no gradient reaches the first layer
    fake = game.fake(6, None)
    judge = foreseen(game, real, fake, None, 2, adam)
    game.generator.backward(judge(fake, None).mean())
    assert all(p.grad.isfinite().all() for p in game.generator.net.parameters())


@pytest.mark.parametrize("precision", [nullcontext, bfloat16(CPU)])
@pytest.mark.parametrize("name", ["unrolled-gan", "unrolled-dcgan"])
def test_nothing_foreseen_is_the_plain_gan_to_the_bit(name, precision):
    recipe, ends = SMALL[name], []
    for turns in (alternating(1), unrolled(0, adam), unrolled(0, descent(0.1))):
        game, stream = start(name)
        game.turns = turns
        train(game, stream, 5 * recipe.training.batch, precision=precision)
        ends.append(fingerprint(game))
    assert len({*ends}) == 1


def test_the_zero_sum_generator_loses_what_the_discriminator_gains():
    real, fake = torch.randn(5), torch.randn(5)
    loss = zero_sum(MINIMAX)
    assert loss.paired
    assert torch.equal(loss.generator(real, fake), -loss.discriminator(real, fake))


def test_the_discriminator_itself_moves_one_ordinary_step():
    ends = []
    for turns in (alternating(1), unrolled(3, adam)):
        recipe, (game, _) = SMALL["unrolled-gan"], start("unrolled-gan")
        game.turns = turns
        play(game, recipe.stream(toy(recipe), CPU))
        ends.append([p.detach().clone() for p in game.discriminator.net.parameters()])
    assert all(map(torch.equal, *ends))
