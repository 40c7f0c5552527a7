"""What every game must do. A new recipe adds a row to SMALL in small.py, and no test."""

from contextlib import nullcontext
from dataclasses import asdict, fields, is_dataclass, replace
from inspect import signature
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from reliability_tools import fingerprint
from small import PLAYED, POINTS, SMALL, VARIANTS, start
from torch import nn

from cardigan import __version__, checkpoint, settings
from cardigan.augment import unchanged
from cardigan.data.stream import Batch, Together, as_bytes, as_floats
from cardigan.device import bfloat16
from cardigan.errors import UserError
from cardigan.game import backward
from cardigan.games import GAN
from cardigan.nets.bigan import Noise
from cardigan.nets.classifying import GaussianNoise
from cardigan.nets.glow import Dequantise
from cardigan.nets.spectral import SpectralNorm
from cardigan.recipe import flatten, to_json
from cardigan.recipes import RECIPES
from cardigan.run import Run
from cardigan.train import Hook, play, train

CPU = torch.device("cpu")
every_game = pytest.mark.parametrize("name", PLAYED)
every_recipe = pytest.mark.parametrize("name", SMALL)
every_generator = pytest.mark.parametrize(
    "name", [name for name in PLAYED if "sample" in RECIPES[name].can]
)
RANDOM = nn.modules.dropout._DropoutNd | GaussianNoise | Noise | Dequantise
# Their losses compare means of a whole batch, or look ahead on one: not means over its parts.
OF_WHOLE_BATCHES = (
    "augmented-bigan",
    "feature-matching",
    "feature-matching-ensembling",
    "improved-gan",
    "progressive-gan",
    "rasgan",
    "stylegan",
    "stylegan2",
    "tangent-invariant",
    "unrolled-gan",
    "unrolled-dcgan",
)


GROWING = ("progressive-gan", "stylegan")  # levels that are not there have no gradient


def test_every_recipe_has_a_row():
    assert SMALL.keys() == RECIPES.keys()


# --------------------------------------------------------------------------------------- a round


def moves(game, stream, precision=nullcontext, moved=lambda: None):
    """Plays a round by hand; after each yield the move is made, as `train.play` makes it."""
    turns, told = game.round(stream), None
    while True:
        try:
            with precision():
                move = turns.send(told)
        except StopIteration:
            return
        yield move
        told = {}
        for player in move.players:
            told |= player.step(game.seen, move.log)
        moved()


def parameters(game):
    return {name: p.detach().clone() for name, p in game.named_parameters()}


@every_game
def test_a_move_moves_its_own_players_alone(name):
    game, stream = start(name)
    owners = {
        f"{name}.net.{n}": player
        for name, player in game.players.items()
        for n, _ in player.net.named_parameters()
    }
    before, moved, last, pushed = parameters(game), set(), (), set()

    def check():
        """Before the round goes on: what it then does to players is its own business."""
        changed = {n for n, p in parameters(game).items() if not torch.equal(p, before[n])}
        assert pushed <= changed <= {n for n, player in owners.items() if player in last}

    for move in moves(game, stream, moved=check):
        assert all(p.grad is None for p in game.parameters())
        backward(move.loss.mean(), *move.players)
        felt = {n: p.grad for n, p in game.named_parameters() if p.grad is not None}
        own = {n for n, player in owners.items() if player in move.players}
        assert felt.keys() == own or (name in GROWING and felt.keys() < own)
        pushed = {n for n, gradient in felt.items() if gradient.any()}  # hinges may push nowhere
        assert pushed
        before, last = parameters(game), move.players
        moved |= {*last}
    assert moved == {*game.players.values()}


@every_game
def test_bfloat16_touches_products_alone(name):
    game, stream = start(name)
    for _ in range(2):
        for move in moves(game, stream, bfloat16(CPU)):
            assert move.loss.dtype == torch.float32 and move.loss.isfinite().all()
            assert all(value.dtype == torch.float32 for value in move.log.values())
            backward(move.loss.mean(), *move.players)
    assert all(t.dtype == torch.float32 for t in game.parameters())
    assert all(t.isfinite().all() for t in game.state_dict().values())
    for ability in RECIPES[name].can:
        assert ABILITIES[ability](game, some(stream)).dtype == torch.float32


def some(stream):
    """Two of the data's images, or points."""
    return as_floats(dataset(stream).images[:2])


def dataset(stream):
    return (stream.first if isinstance(stream, Together) else stream).dataset


@every_game
def test_bfloat16_is_in_use(name):
    runs = []
    for precision in (nullcontext, bfloat16(CPU)):
        game, stream = start(name)
        play(game, stream, precision=precision)
        runs.append(fingerprint(game))
    assert runs[0] != runs[1]


@pytest.mark.parametrize("name", [name for name in PLAYED if name not in OF_WHOLE_BATCHES])
def test_accumulation_equals_a_larger_batch(name):
    """At the same latents and images, with what depends on the batch or on chance taken out.

    In float64, for Adam divides by gradients that may be as small as rounding errors.
    """
    game, stream = start(name)
    if not game.accumulates:
        with pytest.raises(UserError, match="cannot accumulate"):
            train(game, stream, 1, accumulate=2)
        return
    whole, parts = (_accumulated(name, copies) for copies in (1, 2))
    for key, tensor in whole.state_dict().items():
        assert torch.allclose(parts.state_dict()[key], tensor, rtol=0, atol=1e-10), key


def _accumulated(name, copies):
    game, stream = start(name, copies=copies)
    for player in game.players.values():
        _make_plain(player)
    if isinstance(game, GAN) and not isinstance(game.view, nn.Module):
        game.view = unchanged
    before = parameters(game.double())
    if "decode" in RECIPES[name].can:
        shape = game.prior(1, CPU).shape[1:]
        queue = iter(torch.randn(10_000, *shape, dtype=torch.float64).split(1))
        game.prior = lambda n, device: torch.cat([next(queue) for _ in range(n)])
    for _ in range(3):
        play(game, map(_doubled, stream), copies)
        game.seen = stream.seen
    for key, player in game.players.items():
        steps = [p - before[f"{key}.net.{n}"] for n, p in player.net.named_parameters()]
        assert max(step.abs().max() for step in steps) > 1e-6
    return game


def _doubled(drawn):
    if isinstance(drawn, dict):
        return {name: _doubled(batch) for name, batch in drawn.items()}
    label = drawn.label  # which may be a vector, or a picture
    floats = label is not None and label.is_floating_point()
    return Batch(drawn.image.double(), label.double() if floats else label)


def _make_plain(module: nn.Module) -> None:
    for name, child in module.named_children():
        # Before instance norm the gradient of a bias is nothing but rounding errors.
        if isinstance(child, RANDOM | nn.modules.batchnorm._NormBase):
            setattr(module, name, nn.Identity())
        if isinstance(child, SpectralNorm):
            child.eval()  # more copies look at the weights more often
        _make_plain(child)


# ----------------------------------------------------------------------------------------- a run


SEEDS = {name: range(1 if name in VARIANTS else 3) for name in SMALL}


@pytest.mark.parametrize(
    ("name", "seed"),
    [(n, seed) for n in SMALL if "sample" in RECIPES[n].can for seed in SEEDS[n]],
)
def test_training_at_least_halves_the_distance_to_the_data(name, seed):
    game, stream = start(name, seed)
    real = as_floats(dataset(stream).images)[:128]
    before = energy_distance(game.sample(128, seed=1), real)
    SMALL[name].prepare(game, dataset(stream))
    train(game, stream, SMALL[name].training.images, seed=seed)
    after = energy_distance(game.sample(128, seed=1), real)
    assert after < before / 2


def energy_distance(x, y):
    """2 E|X - Y| - E|X - X'| - E|Y - Y'|, Szekely and Rizzo 2013: 0 for equal laws alone."""
    x, y = x.flatten(1), y.flatten(1)
    between, within, among = (torch.cdist(*pair).mean() for pair in ((x, y), (x, x), (y, y)))
    return (2 * between - within - among).item()


def test_the_distance_is_that_of_two_points():
    x, y = torch.zeros(3, 2), torch.tensor([[3.0, 4.0]]).repeat(3, 1)
    assert energy_distance(x, x) == 0 and energy_distance(x, y) == 10


@every_game
def test_resumed_at_every_step_equals_uninterrupted(name, tmp_path):
    game, stream = start(name)
    until = 6 * stream.batch

    def save(game, log):
        checkpoint.save(tmp_path, game, "{}", {})

    train(game, stream, until, seed=5, hooks=[Hook(stream.batch, save)])
    saved = sorted(tmp_path.iterdir())
    assert len(saved) == game.rounds > 1
    for path in saved:
        other, stream = start(name, seed=1)  # other weights, and another random state
        checkpoint.restore(other, path)
        train(other, stream, until, seed=5)
        assert fingerprint(other) == fingerprint(game), path.name


# --------------------------------------------------------------------------------------- samples


@pytest.fixture
def trained(name):
    """A game some rounds old, so that no tensor is as it was made."""
    game, stream = start(name)
    train(game, stream, 3 * stream.batch)
    return game


@every_generator
def test_samples_have_the_shape_and_the_kind_of_the_data(name, trained):
    recipe = SMALL[name]
    points = recipe.data in POINTS
    shape = (2,) if points else (recipe.channels, recipe.size, recipe.size)
    for n in (1, 5, 300):  # more than are decoded at once
        samples = trained.sample(n, seed=0)
        assert samples.shape == (n, *shape) and samples.dtype == torch.float32
        assert not samples.requires_grad and samples.isfinite().all()


@every_generator
def test_images_lie_between_minus_one_and_one(name, trained):
    if SMALL[name].data in POINTS:
        return
    with torch.no_grad():
        for player in trained.players.values():
            for p in player.eval_net.parameters():
                p.mul_(3)  # far from anything learnt
    assert trained.sample(50, seed=0).abs().max() <= 1


@every_generator
def test_a_seed_is_a_sample_and_touches_no_other_randomness(name, trained):
    before = torch.get_rng_state()
    first = trained.sample(6, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.randn(5)
    assert torch.equal(trained.sample(6, seed=3), first)
    assert not torch.equal(trained.sample(6, seed=4), first)
    assert not torch.equal(trained.sample(6), trained.sample(6))
    assert len(first.flatten(1).unique(dim=0)) == 6


@every_generator
def test_sampling_changes_nothing_and_asks_for_no_mode(name, trained):
    before, players = fingerprint(trained), trained.players.values()
    samples = []
    for mode in (True, False):
        trained.train(mode)
        modes = [m.training for player in players for m in player.net.modules()]
        samples.append(trained.sample(6, seed=0))
        assert [m.training for player in players for m in player.net.modules()] == modes
    assert torch.equal(*samples)
    assert fingerprint(trained) == before
    assert all(p.grad is None for p in trained.parameters())


@every_generator
def test_truncation_draws_latents_together(name, trained):
    if "decode" not in RECIPES[name].can:
        return
    spread = [
        trained.sample(50, seed=0, label=1, truncation=t).std(0).mean() for t in (1.0, 0.5, 0.0)
    ]
    assert spread[0] > spread[1] > spread[2] and spread[2] < 1e-6


@every_generator
def test_decoding_treats_each_latent_by_itself(name, trained):
    if "decode" not in RECIPES[name].can:
        return
    z, known = trained.prior(300, CPU), conditions(trained)
    label = None if known is None else known[torch.arange(300) % len(known)]
    decoded = trained.decode(z, label)
    for i in (0, 255, 256, 299):
        told = None if label is None else label[i : i + 1]
        assert torch.allclose(trained.decode(z[i : i + 1], told)[0], decoded[i], atol=1e-5)


# What a recipe may say that its game can do: how to ask for it, given two of the data.
ABILITIES = {
    "sample": lambda game, x: game.sample(2),
    "decode": lambda game, x: game.decode(game.prior(2, CPU)),
    "encode": lambda game, x: game.encode(x),
    "reconstruct": lambda game, x: game.reconstruct(x),
    "complete": lambda game, x: game.complete(x, 2),
    "translate": lambda game, x: game.translate(x),
    "classify": lambda game, x: game.classify(x),
    "log_prob": lambda game, x: game.log_prob(as_bytes(x)),
    "tell": lambda game, x: game.tell(x),
    "map": lambda game, x: game.map(game.prior(2, CPU)),
}


@every_game
def test_a_game_can_do_what_its_recipe_says_and_no_more(name, trained):
    can = RECIPES[name].can
    assert {*can} == {
        ability for ability in ABILITIES if callable(getattr(trained, ability, None))
    }
    for ability in can:
        assert len(ABILITIES[ability](trained, some(start(name)[1]))) == 2


@pytest.fixture
def labels(trained):
    """The labels that the networks of the game are given."""
    given = []
    for player in trained.players.values():
        for net in (player.net, player.ema):
            if net is not None:
                net.register_forward_pre_hook(lambda net, args: given.append(told(net, args)))
    return given


def told(net, args):
    named = signature(net.forward).bind(*args).arguments
    return named.get("condition", named.get("label"))


def conditions(game):
    """What networks may be told, by number; None where they are told nothing."""
    return game.conditions if isinstance(game, GAN) else None


@every_generator
def test_samples_are_told_their_label_or_nothing(name, trained, labels):
    first = trained.sample(3, seed=0, label=2)
    trained.sample(3, seed=0, label=torch.tensor([2, 0, 1]))
    if (known := conditions(trained)) is None:
        assert trained.classes == 0
        assert torch.equal(trained.sample(3, seed=0), first)
        assert labels in ([None] * 3, [])  # some draw by other means than one pass forward
    else:
        assert trained.classes in (0, len(known))
        assert all(map(torch.equal, labels, (known[[2, 2, 2]], known[[2, 0, 1]])))
        trained.sample(3, label=known[[1, 0, 2]])
        assert torch.equal(labels[-1], known[[1, 0, 2]])


@every_game
def test_rounds_tell_labels_or_nothing(name, trained, labels):
    play(trained, start(name)[1])
    if (known := conditions(trained)) is None:
        assert labels and all(label is None for label in labels)
    else:
        assert {(label.dtype, label.shape[1:]) for label in labels} == {
            (known.dtype, known.shape[1:])
        }


# ------------------------------------------------------------------------------------ the recipe

# Another value for a field, where its type alone does not tell one that fits.
OTHER: dict[str, Any] = {
    "data": "a folder/with söme: name",
    "data_b": "another",
    "layers": 1,
    "device": "cuda:1",
    "channels": 3,
    "microbatch": 2,
    "best": "frechet_distance",
    "classes": 10,
    "levels": 16,
    "generator_size": 16,
    "mutations": "heuristic",
    "width": 48,
    "group": 8,
}
ONE_VALUE = {("upsample-gan", "size"), ("infogan", "size")}
TOGETHER = {"label_smoothing"}  # fits some losses alone, and here the loss changes as well


def other(name, field, kind, value):
    """A value of the field that fits and differs from `value`."""
    if get_origin(kind) is Literal:
        return next(choice for choice in get_args(kind) if choice != value)
    if field == "size":
        return next(size for size in (32, 64) if size != value)
    if field in OTHER:
        return OTHER[field]
    if is_dataclass(value):
        return replace(value, **changes(name, value))
    return {bool: lambda v: not v, int: lambda v: v + 1, float: lambda v: v / 3 or 0.3}[kind](
        value
    )


def changes(name, value):
    """Every field of a dataclass, changed."""
    kinds = get_type_hints(type(value))
    return {
        f.name: other(name, f.name, kinds[f.name], getattr(value, f.name))
        for f in fields(value)
        if (name, f.name) not in ONE_VALUE
    }


def changed(name):
    """The recipe with every field changed from its default."""
    return replace(RECIPES[name], **changes(name, RECIPES[name]))


@every_recipe
def test_every_field_can_be_changed(name):
    before, after = flatten(asdict(RECIPES[name])), flatten(asdict(changed(name).checked()))
    same = {field for field in before if before[field] == after[field]}
    assert same == {field for row, field in ONE_VALUE if row == name}


@every_recipe
def test_a_record_gives_the_recipe_back(name):
    for recipe in (RECIPES[name], changed(name)):
        assert settings.from_json(to_json(name, recipe, __version__), "here") == (name, recipe)


@every_recipe
def test_a_command_line_gives_the_recipe_back(name):
    recipe = changed(name)
    parser = settings.parser_of(RECIPES[name], "cardigan train")
    whole = []
    for field, value in flatten(asdict(recipe)).items():
        words = [f"--{field}", str(value).lower() if isinstance(value, bool) else str(value)]
        whole += words
        if field not in TOGETHER:
            one = settings.build(RECIPES[name], parser, settings.read(parser, words))
            assert flatten(asdict(one)) == flatten(asdict(RECIPES[name])) | {field: value}
    assert settings.build(RECIPES[name], parser, settings.read(parser, whole)) == recipe


@every_recipe
def test_the_help_says_something_on_every_field(name):
    parser = settings.parser_of(RECIPES[name], "cardigan train")
    about = {action.dest: action.help or "" for action in parser._actions}
    for field in flatten(asdict(RECIPES[name])):
        assert len(about[field].split()) > 2, field


@every_game
def test_a_run_is_loaded_without_data(name, tmp_path, monkeypatch, trained):
    record = to_json(name, SMALL[name], __version__)
    (tmp_path / "recipe.json").write_text(record)
    checkpoint.save(tmp_path / "checkpoints", trained, record, {})
    monkeypatch.setattr("cardigan.data.catalogue.load", None)
    monkeypatch.setattr("cardigan.data.catalogue.describe", None)
    loaded = Run(tmp_path).load()
    assert (loaded.seen, loaded.rounds) == (trained.seen, trained.rounds)
    assert all(map(torch.equal, loaded.state_dict().values(), trained.state_dict().values()))
