"""A NaN or an infinity, wherever it comes from, is caught in its round and reaches nothing."""

import copy
from contextlib import nullcontext
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cardigan import checkpoint
from cardigan.data.stream import Batch
from cardigan.game import Game, Move, Player
from cardigan.games import GAN, alternating, simultaneous
from cardigan.guard import Diverged, Log
from cardigan.nets.dcgan import Discriminator, Generator
from cardigan.nets.mlp import PointDiscriminator, PointGenerator
from cardigan.optimizers import adam, sgd
from cardigan.priors import normal
from cardigan.train import Hook, train

NAN, INF = float("nan"), float("inf")
PRECISIONS = {
    "float32": nullcontext,
    "bfloat16": partial(torch.autocast, "cpu", torch.bfloat16),
}
BATCH = 4


def convolutions(turns=None) -> GAN:
    return GAN(
        Player(Generator(4, 16, 1, 2), adam(), 1e-3, ema_halflife=10),
        Player(Discriminator(16, 1, 2), adam(), 1e-3, ema_halflife=10),
        normal(4),
        turns=turns,
    )


def points(turns=None) -> GAN:
    return GAN(
        Player(PointGenerator(4, 8), sgd(), 1e-2, ema_halflife=10),
        Player(PointDiscriminator(8), sgd(), 1e-2, ema_halflife=10),
        normal(4),
        turns=turns,
    )


TWICE = "points, two steps"
GAMES = {
    "convolutions": (convolutions, (1, 16, 16)),
    "points": (points, (2,)),
    TWICE: (lambda: points(alternating(2)), (2,)),
    "points, at once": (lambda: points(simultaneous), (2,)),
}


class Stream:
    """Batches that are functions of the clock."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape, self.seen, self.spoil = shape, 0, lambda image: image

    def __next__(self) -> Batch:
        generator = torch.Generator().manual_seed(self.seen)
        self.seen += BATCH
        return Batch(self.spoil(torch.rand(BATCH, *self.shape, generator=generator) * 2 - 1))


# ----------------------------------------------- where it comes from: game, stream, player, value


def loss(game: Game, stream: Stream, player: Player, value: float) -> None:
    """The first move of that player in the round."""
    play, left = game.round, [1]

    def spoiled(stream):
        moves: Any = play(stream)
        told = None
        while True:
            try:
                move = moves.send(told)
            except StopIteration:
                return
            if player in move.players and left[0]:
                left[0] = 0
                move = Move(move.player, move.loss * value, move.log)
            told = yield move

    game.round = spoiled


def gradient(game: Game, stream: Stream, player: Player, value: float) -> None:
    handles = []

    def spoil(gradient):
        handles.pop().remove()
        gradient = gradient.clone()
        gradient.view(-1)[0] = value
        return gradient

    handles.append(player.lists.own[0].register_hook(spoil))


def weight(game: Game, stream: Stream, player: Player, value: float) -> None:
    player.lists.own[0].data.view(-1)[0] = value


def statistic(game: Game, stream: Stream, player: Player, value: float) -> None:
    player.lists.buffers[0].view(-1)[0] = value


def given(game: Game, stream: Stream, player: Player, value: float) -> None:
    """Of the discriminator: a pixel. Of the generator: a latent."""
    if player is game.players["discriminator"]:
        stream.spoil = lambda image: image.index_fill(0, torch.tensor([0]), value)
        return
    assert isinstance(game, GAN)
    prior: Any = game.prior
    game.prior = lambda n, device: prior(n, device).index_fill(0, torch.tensor([0]), value)


LASTING = (weight, statistic)
PLACES = (loss, gradient, weight, statistic, given)
CASES = [
    pytest.param(
        *case, id=" ".join([*case[:3], case[3].__name__, str(case[4]), f"round {case[5]}"])
    )
    for case in product(
        GAMES, PRECISIONS, ("generator", "discriminator"), PLACES, (NAN, INF, -INF), (0, 2)
    )
    if case[3] is not statistic or case[0] == "convolutions"
]
assert len(CASES) > 200


def build(game: str) -> tuple[Game, Stream]:
    make, shape = GAMES[game]
    torch.manual_seed(0)
    return make(), Stream(shape)


def play(game: Game, stream: Stream, rounds: int, precision: str = "float32", **settings) -> None:
    until = game.seen + rounds * BATCH
    train(game, stream, until, precision=PRECISIONS[precision], **settings)


def saving(folder: Path, saved: list[Path]):
    """A hook that saves, and notes it."""

    def call(game: Game, log: Log) -> None:
        saved.append(checkpoint.save(folder, game, "{}", {}))

    return call


def finite(module: nn.Module) -> bool:
    return all(t.isfinite().all() for t in module.state_dict().values())


@pytest.mark.parametrize("name, precision, player, place, value, rounds", CASES)
def test_it_is_caught_in_its_round(name, precision, player, place, value, rounds, tmp_path):
    game, stream = build(name)
    if rounds:
        play(game, stream, rounds, precision)
    saved, played = [], game.rounds
    saver = Hook(1, saving(tmp_path, saved))
    target = game.players[player]
    place(game, stream, target, value)
    before = copy.deepcopy(target.net.state_dict())

    with pytest.raises(Diverged) as error:
        play(game, stream, 3, precision, hooks=[saver])

    told = str(error.value)
    assert player in told and "\n" not in told
    assert game.rounds == played and not saved, "in the same round"
    assert all(finite(p.ema) for p in game.players.values() if p.ema), "the average is healthy"
    own = dict(target.net.named_parameters())
    if place not in LASTING and name != TWICE:  # its second step of the round is healthy
        assert all(p.equal(before[k]) for k, p in own.items()), "the player has not moved"
    if place in LASTING:
        with pytest.raises(checkpoint.NonFinite):
            checkpoint.save(tmp_path, game, "{}", {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name, player", [*product(GAMES, ("generator", "discriminator"))])
@pytest.mark.parametrize("rounds", (0, 2))
def test_what_passes_is_tolerated(name, player, rounds, tmp_path):
    game, stream = build(name)
    if rounds:
        play(game, stream, rounds)
    clean, other = build(name)
    gradient(game, stream, game.players[player], NAN)
    play(game, stream, 6, tolerate=1, hooks=[Hook(1, saving(tmp_path, []))])
    train(clean, other, game.seen)
    assert finite(game) and game.rounds == clean.rounds
    moved = zip(game.parameters(), clean.parameters(), strict=True)
    assert not all(a.equal(b) for a, b in moved), "the round was skipped"
    assert max(float(p.detach().abs().max()) for p in game.parameters()) < 100, "and moved nobody"
    memory = [
        v for p in game.players.values() for s in p.optimizer.state.values() for v in s.values()
    ]
    assert all(v.isfinite().all() for v in memory)


@pytest.mark.parametrize("tolerated", (0, 1, 3))
def test_so_many_in_a_row_are_tolerated_and_no_more(tolerated):
    game, stream = build("convolutions")
    given(game, stream, game.players["discriminator"], NAN)
    statistics = [b.clone() for b in game.players["discriminator"].lists.buffers]
    with pytest.raises(Diverged):
        play(game, stream, 10, tolerate=tolerated)
    assert game.rounds == tolerated
    if tolerated:
        assert all(map(torch.equal, statistics, game.players["discriminator"].lists.buffers))


def test_the_command_line_tells_it_in_one_line(tmp_path: Path):
    from process_tools import TINY, cardigan, one_line, pictures_in

    words = ("train", "dcgan", *TINY, "--data", pictures_in(tmp_path / "data"), "--images", 40)
    words += ("--training.checkpoint_every", 8, "--out", tmp_path / "run")

    def setup():
        from cardigan.data import stream

        floats = stream.as_floats
        calls = iter(range(100))
        stream.as_floats = lambda images: floats(images) * (NAN if next(calls) == 5 else 1)

    line = one_line(cardigan(*words, folder=tmp_path / "child", setup=setup))
    assert "discriminator were not finite after 20 images" in line
    newest = checkpoint.latest(tmp_path / "run" / "checkpoints")
    assert newest and newest.name == f"{16:09}"
