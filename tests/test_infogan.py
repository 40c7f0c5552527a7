"""InfoGAN: the bound in closed form, who is moved by it, and what codes draw."""

import math

import pytest
import torch
from small import start
from torch import nn
from torch.optim import SGD

from cardigan.__main__ import main
from cardigan.abilities import HasCodes
from cardigan.data.stream import Batch
from cardigan.game import Player
from cardigan.games import InfoGAN
from cardigan.games.infogan import CodePrior
from cardigan.nets.infogan import Discriminator, Generator
from cardigan.run import Run
from cardigan.train import play

CPU = torch.device("cpu")
CODES = CodePrior(noise=3, categories=4, numbers=2)


def test_latents_are_noise_a_category_and_numbers():
    noise, category, numbers = CODES.split(CODES(2_000, CPU))
    for uniform in (noise, numbers):
        assert uniform.abs().max() <= 1 and uniform.var().item() == pytest.approx(1 / 3, abs=0.02)
    assert category.shape == (2_000, 4) and {*category.unique().tolist()} == {0, 1}
    assert category.sum(1).eq(1).all() and category.mean(0).sub(0.25).abs().max() < 0.05
    assert torch.allclose(CODES(100_000, CPU).mean(0), CODES.mean(CPU), atol=0.01)


def test_information_is_zero_for_who_knows_nothing_and_ln_k_for_who_knows_all():
    z = CODES(500, CPU)
    _, category, numbers = CODES.split(z)
    blind = torch.zeros(500, CODES.told)
    told = CODES.log(CODES.surprise(blind, z))
    assert told["information"].item() == pytest.approx(0, abs=1e-6)
    assert told["explained"].item() == pytest.approx(0, abs=0.15)
    knows = torch.cat([100 * category, numbers], 1)
    told = CODES.log(CODES.surprise(knows, z))
    assert told["information"].item() == pytest.approx(math.log(4))
    assert told["explained"].item() == 1


def test_surprise_is_minus_the_logarithm_of_q():
    z, told = CODES(9, CPU), torch.randn(9, CODES.told)
    _, category, numbers = CODES.split(z)
    q = torch.distributions.Categorical(logits=told[:, :4])
    about = torch.distributions.Normal(told[:, 4:], 1.0)
    of_category, of_numbers = CODES.surprise(told, z)
    assert torch.allclose(of_category, -q.log_prob(category.argmax(1)), atol=1e-6)
    constant = math.log(2 * math.pi) / 2
    assert torch.allclose(of_numbers, (-about.log_prob(numbers) - constant).sum(1), atol=1e-6)


def test_without_numbers_nothing_is_said_of_them():
    codes = CodePrior(3, 4, 0)
    z = codes(5, CPU)
    assert codes.log(codes.surprise(torch.zeros(5, 4), z)).keys() == {"information"}


def test_the_bound_moves_generator_trunk_and_q_and_not_the_judge():
    codes, d = CodePrior(3, 4, 1), Discriminator(1, 2, 5)
    g = Generator(8, 1, 2)
    z = codes(8, CPU)
    sum(codes.surprise(d(g(z))[1], z)).mean().backward()
    assert all(p.grad is None for p in d.judge.parameters())
    for net in (g, d.trunk, d.q):
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


class Copies(nn.Module):
    """Draws the category itself, or nothing of it."""

    def __init__(self, codes, copies):
        super().__init__()
        self.codes, self.copies = codes, copies
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, z, label=None):
        return self.scale * self.copies * self.codes.split(z)[1]


class Reads(nn.Module):
    """Judges by one unit and tells codes by others, all linear."""

    def __init__(self, codes):
        super().__init__()
        self.judge, self.q = (
            nn.Linear(codes.categories, 1),
            nn.Linear(codes.categories, codes.told),
        )

    def forward(self, x, label=None):
        return self.judge(x).squeeze(1), self.q(x)


@pytest.mark.parametrize(("copies", "known"), [(1.0, math.log(4)), (0.0, 0.0)])
def test_information_reaches_what_the_picture_gives_away(copies, known):
    """At most H(c) if it shows the code, and nothing if it does not."""
    torch.manual_seed(0)
    codes = CodePrior(1, 4, 0)
    player = Player(Copies(codes, copies), SGD, 0.0), Player(Reads(codes), SGD, 5.0)
    game = InfoGAN(*player, codes)
    told = [play(game, iter([Batch(torch.rand(64, 4))]))["information"].item() for _ in range(150)]
    end = sum(told[-30:]) / 30
    assert end == pytest.approx(known, abs=0.06) and max(told) < math.log(4) + 1e-5
    if not copies:
        assert abs(end) < 0.06


def test_without_weight_the_codes_are_left_to_chance():
    """The move's loss is the adversarial one, and Q gets no gradient."""
    game, stream = start("infogan")
    game.weights = 0.0, 0.0
    move = next(game.round(stream))
    game.discriminator.backward(move.loss.mean())
    assert all(not p.grad.any() for p in game.discriminator.net.q.parameters())


def test_authors_sizes():
    """At width 64, less the biases that batch norm takes off again."""

    def count(net):
        return sum(p.numel() for p in net.parameters())

    net = Discriminator(1, 64, told=14)
    assert count(Generator(74, 1, 64)) == 6_652_481 - (1_024 + 6_272 + 64)
    assert count(net.trunk) == 6_558_144 - (128 + 1_024)
    assert count(net.judge) == 1_025
    assert count(net.q) == 133_262 - 128


# -------------------------------------------------------------------------------------- pictures


def test_a_traversal_changes_one_code_along_a_row():
    z = CODES.traversal(torch.rand(3, CODES.noise))
    assert z.shape == (3 * 3, 4, 9)  # a block of rows for the category and for each number
    noise, category, numbers = z.split([3, 4, 2], -1)
    assert (noise == noise[:, :1]).all() and noise[:3, 0].equal(noise[3:6, 0])
    assert category[:3].equal(torch.eye(4).expand(3, 4, 4)) and not numbers[:3].any()
    assert (category[3:] == category[3:, :1]).all() and category[3:].sum(-1).eq(1).all()
    for i, rows in enumerate((numbers[3:6], numbers[6:])):
        assert rows[..., i].equal(torch.linspace(-1, 1, 4).expand(3, 4))
        assert not rows[..., 1 - i].any()


def test_a_game_draws_its_traversal_and_tells_codes():
    game, _ = start("infogan")
    assert isinstance(game, HasCodes)
    rows = game.traversal(2, seed=1)
    assert rows.shape == (2 * 2, 4, 1, 28, 28) and rows.abs().max() <= 1
    assert rows.equal(game.traversal(2, seed=1)) and not rows.equal(game.traversal(2, seed=2))
    assert game.tell(rows.flatten(0, 1)).shape == (16, 4)


@pytest.mark.parametrize("name", ["infogan", "dcgan"])
def test_sampling_codes_is_a_picture_or_one_line(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Run, "load", lambda self: start(name)[0])
    out = tmp_path / "codes.png"
    words = ["sample", "here", "--codes", "--out", str(out)]
    if name == "infogan":
        assert main(words) == 0 and out.exists()
    else:
        assert main(words) == 2
        assert "--codes" in capsys.readouterr().err and not out.exists()
