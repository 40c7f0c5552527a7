"""The two-player game against its algorithm, written out by hand."""

import pytest
import torch
from torch import nn
from torch.optim import SGD

from cardigan import games
from cardigan.data.dataset import Dataset
from cardigan.data.stream import Batch, Stream
from cardigan.game import Player
from cardigan.games.turns import discriminator_loss, reverse
from cardigan.losses import MINIMAX, NON_SATURATING, relativistic
from cardigan.optimizers import adam
from cardigan.train import play, train


def gan(turns=None, loss=NON_SATURATING, prior=None, optimizer=None):
    torch.manual_seed(3)
    make = lambda inputs, outputs: nn.Sequential(  # noqa: E731
        nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, outputs)
    )
    generator, discriminator = Unlabelled(make(3, 2)), Unlabelled(make(2, 1), flat=True)
    optimizer = optimizer or adam()
    return games.GAN(
        Player(generator, optimizer, 0.01),
        Player(discriminator, optimizer, 0.02),
        prior or (lambda n, device: torch.randn(n, 3)),
        loss,
        turns,
    )


class Unlabelled(nn.Module):
    """A network that is handed a label and looks away."""

    def __init__(self, net, flat=False):
        super().__init__()
        self.net, self.flat = net, flat

    def forward(self, x, label=None):
        return self.net(x).squeeze(1) if self.flat else self.net(x)


def parameters(game):
    return {n: p.detach().clone() for n, p in game.named_parameters()}


def test_simultaneous_moves_are_two_gradients_at_the_same_weights():
    """The discriminator's of its loss, the generator's of minus it: the minimax game."""
    z, real = torch.randn(4, 3), torch.randn(4, 2)
    together, apart = (gan(games.simultaneous, MINIMAX, lambda n, d: z) for _ in range(2))
    play(together, iter([Batch(real)]))

    loss, _ = discriminator_loss(apart, real, apart.fake(4, None), None)
    for sign, player in ((1, apart.discriminator), (-1, apart.generator)):
        gradients = torch.autograd.grad(
            sign * loss.mean(), list(player.net.parameters()), retain_graph=True
        )
        for p, gradient in zip(player.net.parameters(), gradients, strict=True):
            p.grad = gradient
    for player in (apart.discriminator, apart.generator):
        player.step(0)
    for name, p in parameters(together).items():
        assert torch.allclose(p, parameters(apart)[name], atol=1e-7), name


def test_the_minimax_generators_loss_is_what_the_reversed_gradient_descends():
    game, z = gan(), torch.randn(4, 3)
    real = torch.randn(4, 2)
    loss, _ = discriminator_loss(game, real, reverse(game.generator(z)), None)
    weights = list(game.generator.net.parameters())
    reversed_ = torch.autograd.grad(loss.mean(), weights)
    logits = game.discriminator(game.generator(z))
    explicit = torch.autograd.grad(MINIMAX.generator(logits, logits).mean(), weights)
    assert all(map(torch.allclose, reversed_, explicit))


@pytest.mark.parametrize("turns", [games.alternating(2), games.simultaneous])
def test_networks_that_play_are_in_training_mode(turns):
    """Batch norm and dropout do in the other player's move what they do in their own."""
    game, modes = gan(turns), []
    for player in game.players.values():
        player.net.register_forward_hook(lambda net, args, out: modes.append(net.training))
    play(game, iter([Batch(torch.randn(4, 2))] * 2))
    assert len(modes) >= 3 and all(modes)


@pytest.mark.parametrize("k", [1, 3])
def test_each_step_of_the_discriminator_has_images_and_latents_of_its_own(k):
    latents, images, steps = [], [], []

    def prior(n, device):
        latents.append(torch.randn(n, 3))
        return latents[-1]

    class Recording:
        def __next__(self):
            images.append(torch.randn(4, 2))
            return Batch(images[-1])

    game = gan(games.alternating(k), prior=prior)
    for name, player in game.players.items():
        step = player.step
        player.step = lambda *a, step=step, name=name: steps.append(name) or step(*a)
    play(game, Recording())
    assert steps == ["discriminator"] * k + ["generator"]
    assert len(latents) == k + 1 and len(images) == k
    assert len({z.sum().item() for z in latents}) == k + 1
    assert len({x.sum().item() for x in images}) == k


def test_the_clock_counts_the_images_of_every_step():
    game = gan(games.alternating(3))
    train(game, Stream(Dataset("points", torch.randn(40, 2)), 4), 24)
    assert (game.seen, game.rounds) == (24, 2)


def test_each_player_descends_its_loss_at_the_others_weights_of_the_moment():
    """Algorithm 1, by hand: the generator answers to the discriminator that has just moved."""
    z, real = torch.randn(4, 3), torch.randn(4, 2)
    for loss in (NON_SATURATING, relativistic(NON_SATURATING)):
        played, by_hand = (gan(loss=loss, prior=lambda n, d: z, optimizer=SGD) for _ in range(2))
        play(played, iter([Batch(real)]))
        judge, draw = by_hand.discriminator.net, by_hand.generator.net
        _descend(loss.discriminator(judge(real), judge(draw(z))), judge, 0.02)
        _descend(loss.generator(judge(real), judge(draw(z))), draw, 0.01)
        for name, p in parameters(by_hand).items():
            assert torch.allclose(p, parameters(played)[name], atol=1e-6), name


def _descend(loss, net, lr):
    weights = list(net.parameters())
    gradients = torch.autograd.grad(loss.mean(), weights)
    with torch.no_grad():
        for p, gradient in zip(weights, gradients, strict=True):
            p -= lr * gradient
