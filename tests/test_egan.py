"""E-GAN: its mutations and its fitness in closed form, and selection by hand."""

import math
from contextlib import nullcontext

import pytest
import torch
from reliability_tools import fingerprint
from small import SMALL, start, toy
from torch import nn
from torch.optim import SGD

from cardigan.data.stream import Batch
from cardigan.device import bfloat16
from cardigan.game import Player
from cardigan.games import EGAN, GAN
from cardigan.games.egan import MUTATIONS
from cardigan.recipes import RECIPES
from cardigan.recipes import egan as recipes
from cardigan.train import play, train

CPU = torch.device("cpu")


class Unlabelled(nn.Module):
    """A network that is handed a label and looks away."""

    def __init__(self, net, flat=False):
        super().__init__()
        self.net, self.flat = net, flat

    def forward(self, x, label=None):
        return self.net(x).squeeze(1) if self.flat else self.net(x)


class Shift(nn.Module):
    """z + b: what it draws lies about b."""

    def __init__(self, by=0.0):
        super().__init__()
        self.by = nn.Parameter(torch.tensor([by]))

    def forward(self, z, label=None):
        return z + self.by


def population(*shifts, slope=0.0, **settings):
    """Generators that shift, against C(x) = slope x; latents are always -1 and 1."""
    judge = Unlabelled(nn.Linear(1, 1, bias=False), flat=True)
    nn.init.constant_(judge.net.weight, slope)
    return EGAN(
        [Player(Shift(by), SGD, 0.1) for by in shifts],
        Player(judge, SGD, 0.1),
        lambda n, device: torch.tensor([[-1.0], [1.0]]).repeat(n // 2, 1),
        **settings,
    )


def children_of(game):
    return [parent.snapshot() for parent in game.parents]


def round_of(game, real=0.0):
    """Plays a round on reals that all lie in one place."""
    return play(game, iter([Batch(torch.full((4, 1), real))] * 99))


def test_mutations_have_the_slopes_that_their_equations_have():
    """-D, D - 1 and -2 D (1 - D)^2: the last is steepest at D = 1/3, by 8/27."""
    logits = torch.linspace(-6, 6, 61, dtype=torch.float64, requires_grad=True)
    d = logits.detach().sigmoid()
    slopes = {"minimax": -d, "heuristic": d - 1, "least-squares": -2 * d * (1 - d) ** 2}
    for name, slope in slopes.items():
        (found,) = torch.autograd.grad(MUTATIONS[name](logits).sum(), logits)
        assert torch.allclose(found, slope, atol=1e-12)
    third = torch.tensor(1 / 3, dtype=torch.float64).logit().requires_grad_()
    (steepest,) = torch.autograd.grad(MUTATIONS["least-squares"](third), third)
    assert steepest.item() == pytest.approx(-8 / 27)


def test_fitness_of_a_discriminator_with_one_weight():
    """At C(x) = 0 x: E D = 1/2, and the gradient is (mean fake - mean real) / 2."""
    game = population(3.0, -1.0, 0.5, diversity=0.7)
    fitness = game.fitness(children_of(game), torch.full((6, 1), 0.25))
    expected = [0.5 - 0.7 * math.log(abs(by - 0.25) / 2) for by in (3.0, -1.0, 0.5)]
    assert fitness.tolist() == pytest.approx(expected, rel=1e-5)


def test_a_child_from_which_nothing_is_learnt_is_finite():
    game = population(1.0)
    assert game.fitness(children_of(game), torch.ones(2, 1)).isfinite().all()


def test_without_diversity_the_child_that_convinces_most_is_fittest():
    game = population(-2.0, 3.0, 1.0, slope=0.5, diversity=0.0)
    fitness = game.fitness(children_of(game), torch.zeros(2, 1))
    assert fitness.argsort(descending=True).tolist() == [1, 2, 0]


def test_with_much_diversity_the_child_nearest_to_the_data_is_fittest():
    game = population(-2.0, 3.0, 1.0, diversity=100.0)
    assert game.fitness(children_of(game), torch.full((2, 1), 0.9)).argmax() == 2


@pytest.mark.parametrize("precision", [nullcontext, bfloat16(CPU)])
def test_judging_changes_nobody_and_sees_each_childs_own_weights(precision):
    game, stream = start("egan")
    play(game, stream)
    one = game.generator.snapshot()
    with torch.no_grad():
        for p in game.generator.net.parameters():
            p.add_(0.1 * torch.randn_like(p))
    two, real = game.generator.snapshot(), next(stream).image
    before = fingerprint(game)

    def fitness(children):
        torch.manual_seed(0)
        with precision():
            return game.fitness(children, real)

    together, apart = fitness([one, two]), torch.cat([fitness([one]), fitness([two])])
    assert torch.equal(together, apart) and together[0] != together[1]
    assert fingerprint(game) == before
    assert all(p.grad is None for p in game.parameters())


def test_the_fittest_take_the_parents_places_the_fittest_first():
    game = population(-2.0, 3.0, 1.0, 2.0)
    game.select(children_of(game)[:4], torch.tensor([0.1, -torch.inf, 0.3, torch.nan]))
    assert [p.net.by.item() for p in game.parents][:2] == [1.0, -2.0]


def test_every_child_starts_from_its_parent_with_its_parents_memory():
    """Two mutations that are one and the same make the same child."""
    heuristic = MUTATIONS["heuristic"]
    game = population(0.5, slope=0.8, mutations={"a": heuristic, "b": heuristic, "c": heuristic})
    game.parents[0].optimizer.param_groups[0]["momentum"] = 0.9
    made = []
    game.select = lambda children, fitness: made.append(children)
    round_of(game)
    for _ in range(2):  # now with a memory
        round_of(game)
    for children in made:
        first, *others = children
        assert len(children) == 3
        for other in others:
            assert first.weights["net.by"].equal(other.weights["net.by"])
            moments = [c.memory["state"][0]["momentum_buffer"] for c in (first, other)]
            assert moments[0].equal(moments[1]) and moments[0] is not moments[1]


@pytest.mark.parametrize("survivors", [1, 2])
def test_the_order_of_mutations_does_not_matter(survivors):
    ends = []
    for names in (MUTATIONS, reversed(MUTATIONS)):
        mutations = {name: MUTATIONS[name] for name in names}
        game = population(*[0.5, -0.2][:survivors], slope=0.8, mutations=mutations)
        for _ in range(5):
            round_of(game, real=3.0)
        ends.append(sorted(p.net.by.item() for p in game.parents))
    assert ends[0] == ends[1]


def test_survivors_and_mutations_make_as_many_children():
    game, made = population(0.0, 1.0, 2.0), []
    game.select = lambda children, fitness: made.extend(children)
    log = round_of(game)
    assert len(made) == 9
    assert {f"{name}/generator" for name in MUTATIONS} <= log.keys()


def test_the_log_tells_which_mutations_survive():
    game = population(0.0)
    log = round_of(game)
    shares = [log[f"{name}/survives"].item() for name in MUTATIONS]
    assert shares == pytest.approx([1 / 3] * 3)
    for _ in range(300):
        game.select(children_of(game) * 3, torch.tensor([0.0, 1.0, 0.0]))
    assert [round(v.item(), 2) for v in game.log().values()] == [0, 1, 0]


def test_reals_are_those_of_the_round_and_more_only_where_they_are_too_few():
    for evaluation, drawn in ((2, 2), (8, 2), (9, 3), (16, 4)):
        game = population(0.0, evaluation=evaluation, discriminator_steps=2)
        game.prior = lambda n, device: torch.randn(n, 1)
        batches = [Batch(torch.randn(4, 1)) for _ in range(9)]
        stream = iter(batches)
        play(game, stream)
        assert len([*stream]) == 9 - drawn


def test_one_survivor_with_one_mutation_is_the_two_player_gan_to_the_bit():
    """Batch norm, averages, Adam's memory and all."""
    recipe = SMALL["egan"]
    ends = []
    for make in (
        lambda g, d, prior: GAN(g, d, prior),
        lambda g, d, prior: EGAN([g], d, prior, {"heuristic": MUTATIONS["heuristic"]}),
    ):
        base, _ = start("egan")
        game = make(base.generator, base.discriminator, base.prior)
        train(game, recipe.stream(toy(recipe), CPU), 20 * recipe.training.batch, seed=3)
        states = [(p.state_dict(), p.optimizer.state_dict()["state"]) for p in _pair(game)]
        ends.append(states)
    for one, other in zip(*ends, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def _pair(game):
    return game.generator, game.discriminator


def test_the_recipe_names_the_mutations_that_there_are():
    assert tuple(MUTATIONS) == recipes.MUTATIONS
    assert RECIPES["egan"].mutations == "+".join(MUTATIONS)


def test_parents_draw_for_the_discriminator_evenly():
    game = population(10.0, 20.0)
    game.prior = lambda n, device: torch.zeros(n, 1)
    assert game.fake(4).flatten().tolist() == [10, 10, 20, 20]
