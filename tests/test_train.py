"""The training loop: its clock, its hooks, accumulation, and what it does when things go wrong."""

from contextlib import nullcontext
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.optim import SGD

from cardigan import train as training
from cardigan.data.dataset import Dataset
from cardigan.data.stream import Batch, Stream
from cardigan.errors import UserError
from cardigan.game import Game, Move, Player
from cardigan.guard import Diverged
from cardigan.train import Hook, play, train


def stream(batch=4, n=40):
    return Stream(Dataset("points", torch.randn(n, 2)), batch)


class Steps(Game):
    """One player; `turns` says what its round yields."""

    def __init__(self, turns, net=None, **settings):
        super().__init__()
        self.player = Player(net or nn.Linear(2, 1), SGD, 0.1, **settings)
        self.turns = turns

    def round(self, stream):
        yield from self.turns(self, stream)

    def sample(self, n, seed=None, label=None, truncation=1.0):
        return torch.zeros(n, 2)


def once(game, stream):
    yield Move(game.player, game.player(next(stream).image).square())


# ----------------------------------------------------------------------------------------- clock


def test_the_clock_counts_images_and_rounds():
    game, data = Steps(once), stream(4)
    assert train(game, data, 10)
    assert (game.seen, game.rounds, data.seen) == (12, 3, 12)
    assert train(game, data, 12)  # is there already
    assert game.rounds == 3
    train(game, data, 13)
    assert (game.seen, game.rounds) == (16, 4)


def test_the_games_clock_is_the_streams():
    game, data = Steps(once), stream(4)
    game.seen, data.seen = 8, 100
    train(game, data, 12)
    assert data.seen == game.seen == 12


def test_within_a_round_the_clock_stands_still():
    seen = []

    def twice(game, stream):
        for _ in range(2):
            seen.append((game.seen, game.rounds))
            yield from once(game, stream)

    train(Steps(twice), stream(4), 16)
    assert seen == [(0, 0), (0, 0), (8, 1), (8, 1)]


def test_learning_rates_are_read_at_the_clock():
    asked = []
    game = Steps(once)
    game.player.settings["lr"] = lambda seen: asked.append(seen) or 0.1
    train(game, stream(4), 12)
    assert asked == [0, 4, 8]


def test_averages_move_once_a_round_by_the_images_it_took(monkeypatch):
    moved = []

    def twice(game, stream):
        yield from once(game, stream)
        yield from once(game, stream)

    game = Steps(twice, ema_halflife=100)
    monkeypatch.setattr(game.player, "average", lambda *how, unless: moved.append(how))
    train(game, stream(4), 16)
    assert moved == [(8, 8), (8, 16)]


@pytest.mark.parametrize(("every", "due"), [
    (1, [4, 8, 12, 16, 20, 24]), (4, [4, 8, 12, 16, 20, 24]), (5, [8, 12, 16, 20]),
    (8, [8, 16, 24]), (10, [12, 20]), (24, [24]), (25, []),
])  # fmt: skip
def test_hooks_are_due_when_the_clock_passes_a_multiple(every, due):
    """Exactly when before // every < after // every; hooks due at once are called in order."""
    called = []
    hooks = [
        Hook(every, lambda game, log: called.append((game.seen, "a"))),
        Hook(every, lambda game, log: called.append((game.seen, "b"))),
    ]
    train(Steps(once), stream(4), 24, hooks=hooks)
    assert called == [(seen, name) for seen in due for name in "ab"]


def test_hooks_need_no_memory():
    """In two sittings they are called as in one."""
    called = []
    hook = Hook(10, lambda game, log: called.append(game.seen))
    game, data = Steps(once), stream(4)
    train(game, data, 16, hooks=[hook])
    train(game, data, 24, hooks=[hook])
    assert called == [12, 20]


def test_hooks_see_what_the_players_told():
    def turns(game, stream):
        loss = game.player(next(stream).image).square()
        yield Move(game.player, loss, {"loss": loss.mean()})

    logs = []
    train(Steps(turns), stream(4), 8, hooks=[Hook(4, lambda game, log: logs.append(log))])
    assert len(logs) == 2 and logs[0].keys() == {"loss", "player/gradient"}
    assert all(value.ndim == 0 and not value.requires_grad for value in logs[0].values())


def test_randomness_is_a_function_of_seed_and_clock():
    drawn = []

    def draws(game, stream):
        drawn.append(torch.rand(()).item())
        yield from once(game, stream)

    train(Steps(draws), stream(4), 12, seed=1)
    torch.manual_seed(99)
    train(Steps(draws), stream(4), 12, seed=1)
    train(Steps(draws), stream(4), 12, seed=2)
    assert drawn[:3] == drawn[3:6] and len(set(drawn)) == 6


# ----------------------------------------------------------------------------------------- moves


def test_after_a_yield_the_player_has_moved_and_its_log_is_told():
    heard = []

    def turns(game, stream):
        before = game.player.net.weight.clone()
        loss = game.player(next(stream).image).square()
        told = yield Move(game.player, loss, {"loss": loss.mean(), "one": torch.ones(())})
        assert not torch.equal(game.player.net.weight, before)
        heard.append((told, loss.mean().item()))

    log = play(Steps(turns), stream())
    ((told, loss),) = heard
    assert told.keys() == {"loss", "one"}
    assert told["loss"].item() == pytest.approx(loss) and told["one"] == 1
    assert log.keys() == {"loss", "one", "player/gradient"}


def test_what_is_told_is_the_mean_over_accumulated_copies():
    heard, batches = [], []

    def turns(game, stream):
        x = next(stream).image
        batches.append(x.mean())
        told = yield Move(game.player, game.player(x), {"x": x.mean()})
        heard.append(told["x"].item())

    log = play(Steps(turns), stream(), accumulate=3)
    mean = torch.stack(batches).mean().item()
    assert len(batches) == 3 and heard == pytest.approx([mean] * 3)
    assert log["x"].item() == pytest.approx(mean)


def test_accumulated_copies_feel_the_same_weights():
    weights = []

    def turns(game, stream):
        for _ in range(2):
            weights.append(game.player.net.weight.detach().clone())
            yield from once(game, stream)

    play(Steps(turns), stream(), accumulate=2)
    assert torch.equal(weights[0], weights[1]) and torch.equal(weights[2], weights[3])
    assert not torch.equal(weights[0], weights[2])


def test_accumulation_descends_the_mean_over_all_images():
    data = torch.randn(12, 2)
    ends = []
    for copies in (1, 3):
        torch.manual_seed(0)
        game = Steps(once)
        play(game, iter([Batch(x) for x in data.chunk(copies)]), copies)
        ends.append(game.player.net.weight)
    assert torch.allclose(*ends, atol=1e-6)


class Two(Steps):
    def __init__(self, turns):
        super().__init__(turns)
        self.other = Player(nn.Linear(2, 1), SGD, 0.1)


def test_players_of_a_joint_move_step_together():
    def turns(game, stream):
        x = next(stream).image
        told = yield Move(
            (game.player, game.other), game.player(x) * game.other(x), {"a": x.sum()}
        )
        assert told.keys() == {"a"}

    game = Two(turns)
    before = [p.detach().clone() for p in game.parameters()]
    log = play(game, stream())
    assert all(not torch.equal(p, b) for p, b in zip(game.parameters(), before, strict=True))
    assert log.keys() == {"a", "player/gradient", "other/gradient"}


def test_copies_must_yield_the_same_players():
    def turns(game, stream):
        x = next(stream).image
        player = game.player if stream.seen == 4 else game.other
        yield Move(player, player(x))

    with pytest.raises(AssertionError):
        play(Two(turns), stream(4), accumulate=2)


def test_copies_must_yield_as_many_moves():
    def turns(game, stream):
        yield from once(game, stream)
        if stream.seen == 8:
            yield from once(game, stream)

    with pytest.raises(AssertionError, match="same moves"):
        play(Steps(turns), iter_seen(), accumulate=2)


class iter_seen:
    """A stream without end that only counts its draws, four images each."""

    seen = 0

    def __next__(self):
        self.seen += 4
        return Batch(torch.ones(4, 2))


def test_a_round_may_not_yield_where_gradients_are_off():
    def turns(game, stream):
        with torch.no_grad():
            yield Move(game.player, next(stream).image)

    with pytest.raises(AssertionError, match="no_grad"):
        play(Steps(turns), stream())
    torch.set_grad_enabled(True)


def test_a_stream_that_runs_dry_is_an_error_and_not_the_end_of_a_round():
    with pytest.raises(RuntimeError, match="StopIteration"):
        play(Steps(once), iter([]))


def test_a_round_without_moves_tells_nothing():
    assert play(Steps(lambda game, stream: iter(())), stream()) == {}


def test_rounds_are_played_in_the_precision_and_moves_outside_it():
    inside, entered = [], []

    class Precision(nullcontext):
        def __enter__(self):
            entered.append(True)

        def __exit__(self, *_):
            entered.append(False)

    def turns(game, stream):
        inside.append(entered[-1])
        yield from once(game, stream)
        inside.append(entered[-1])

    game = Steps(turns)
    game.player.settings["lr"] = lambda seen: inside.append(entered[-1]) or 0.1
    play(game, stream(), precision=Precision)
    assert inside == [True, False, True]


# ------------------------------------------------------------------------------------------ ends


def test_stop_ends_after_the_round_that_is_under_way():
    answers = iter([False, False, False, False, False, True])  # asked before and after a round
    game, called = Steps(once), []
    hooks = [Hook(4, lambda game, log: called.append(game.seen))]
    assert not train(game, stream(4), 100, hooks=hooks, stop=lambda: next(answers))
    assert game.seen == 12 and called == [4, 8, 12]


@pytest.mark.parametrize(("until", "wanted", "due"), [
    (100, 12, [8]), (100, 8, []), (12, 99, [8, 12]), (12, 12, [8]), (16, 99, [8, 16]),
])  # fmt: skip
def test_what_waits_is_left_out_where_somebody_wants_the_end(until, wanted, due):
    game, called = Steps(once), []
    hook = Hook(8, lambda game, log: called.append(game.seen), at_end=True, waits=True)
    train(game, stream(4), until, hooks=[hook], stop=lambda: game.seen >= wanted)
    assert called == due


def poisoned(*rounds, buffer=True):
    """A game whose batches hold a NaN in these rounds."""

    def turns(game, stream):
        x = next(stream).image
        yield Move(game.player, game.player(x * (float("nan") if game.rounds in rounds else 1)))

    net = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    return Steps(turns, net, ema_halflife=10)


def state(game):
    return {k: v.clone() for k, v in game.state_dict().items() if v.is_floating_point()}


def test_divergence_is_told_in_one_line_that_names_the_player_and_the_clock():
    game, data = poisoned(2), stream(4)
    with pytest.raises(Diverged) as error:
        train(game, data, 40)
    message = str(error.value)
    assert isinstance(error.value, UserError) and "\n" not in message
    assert " player " in message and " 8 images" in message and "learning rate" in message


def test_only_the_player_that_diverged_is_named():
    def turns(game, stream):
        x = next(stream).image
        yield Move(game.player, game.player(x))
        yield Move(game.other, game.other(x * float("inf")))

    with pytest.raises(Diverged, match="statistics of other were not finite"):
        train(Two(turns), stream(), 8)


def test_rounds_that_are_tolerated_leave_no_trace():
    game, states = poisoned(1, 2, 4), []
    look = Hook(4, lambda game, log: states.append(state(game)))
    train(game, stream(4), 24, tolerate=2, hooks=[look])
    assert game.seen == 24
    moved = [any(not torch.equal(a[k], b[k]) for k in a) for a, b in pairwise(states)]
    assert moved == [False, False, True, False, True]
    assert all(t.isfinite().all() for t in state(game).values())


def test_one_round_more_than_is_tolerated_ends_training():
    with pytest.raises(Diverged):
        train(poisoned(1, 2, 3), stream(4), 40, tolerate=2)
    train(poisoned(1, 2, 4, 5), stream(4), 40, tolerate=2)


def test_the_loop_names_no_method():
    source = training.__loader__.get_source(training.__name__)
    assert not any(word in source for word in ("discriminator", "generator", "critic"))
