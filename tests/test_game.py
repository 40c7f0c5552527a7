"""A player: whose gradient it feels, how it steps, what it averages, and what it takes over."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, RMSprop

from cardigan.game import Game, Move, Player, backward
from cardigan.optimizers import adam, sgd
from cardigan.schedule import linear

OPTIMIZERS = {"adam, fused": adam(), "sgd, fused": sgd(), "rmsprop, not fused": RMSprop}
ADAM = adam()
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())


def net():
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 1))


def make(optimizer=ADAM, lr=0.01, **settings):
    return Player(net(), optimizer, lr, **settings)


def advance(player, rounds=1):
    for _ in range(rounds):
        player.backward((player(torch.randn(8, 3)) - 1).square().mean())
        player.step(0)
    return player


def bits(player):
    """Copies of all that a player is: weights, buffers, averages and what its optimiser knows."""
    memory = player.optimizer.state_dict()["state"]
    return deepcopy((dict(player.state_dict()), memory))


def equal(one, two):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(equal(one[k], two[k]) for k in one)
    return all(map(equal, one, two)) if isinstance(one, tuple) else one == two


# ------------------------------------------------------------------------------------- gradients


def test_a_player_feels_its_own_loss_alone():
    one, two = make(), make()
    z = torch.randn(4, 3, requires_grad=True)
    one.backward((one(z) + two(z)).mean())
    assert all(p.grad is not None for p in one.parameters())
    assert all(p.grad is None for p in two.parameters()) and z.grad is None


def test_players_that_share_a_loss_feel_it_together():
    one, two, three = make(), make(), make()
    z = torch.randn(4, 3)
    backward((one(z) * two(z) * three(z)).mean(), one, two)
    assert all(p.grad is not None for player in (one, two) for p in player.parameters())
    assert all(p.grad is None for p in three.parameters())


def test_parameters_that_are_held_still_are_not_moved():
    held = net()
    held[0].requires_grad_(False)
    player = Player(held, Adam, 0.1)
    before = held[0].weight.clone()
    advance(player)
    assert torch.equal(held[0].weight, before) and held[0].weight.grad is None
    assert not any(held[0].weight is p for p in player.optimizer.param_groups[0]["params"])


def test_frozen_equals_a_plain_call_but_for_the_players_own_gradients():
    player = make()
    twin = deepcopy(player)
    x = torch.randn(5, 3, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    plain, frozen = player(x), twin.frozen(y)
    assert torch.equal(plain, frozen)
    plain.square().sum().backward()
    frozen.square().sum().backward()
    assert torch.equal(x.grad, y.grad) and x.grad.any()
    assert all(p.grad is not None for p in player.parameters())
    assert all(p.grad is None for p in twin.parameters())
    assert equal(dict(player.state_dict()), dict(twin.state_dict()))  # both gathered statistics


# ----------------------------------------------------------------------------------------- steps


def test_a_step_returns_what_was_logged_and_the_gradients_norm():
    player = make()
    loss = player(torch.randn(8, 3)).square().mean()
    player.backward(loss)
    norm = torch.cat([p.grad.flatten() for p in player.parameters()]).norm()
    told = player.step(0, {"loss": loss, "half": torch.tensor(0.5, dtype=torch.bfloat16)})
    assert told.keys() == {"loss", "half", "gradient"}
    assert torch.equal(told["loss"], loss) and not told["loss"].requires_grad
    assert told["half"].item() == 0.5 and told["half"].dtype == torch.float32
    assert torch.allclose(told["gradient"], norm)
    assert all(p.grad is None for p in player.parameters())


def test_settings_of_the_optimiser_are_functions_of_the_images_seen():
    player = make(
        SGD, lr=linear(1.0, 0.0, over=100), momentum=linear(0.5, 0.7, 100), dampening=0.2
    )
    for seen, lr, momentum in ((0, 1.0, 0.5), (50, 0.5, 0.6), (200, 0.0, 0.7)):
        before = player.net[3].bias.detach().clone()
        player.backward(player(torch.randn(8, 3)).mean())
        player.step(seen)
        (group,) = player.optimizer.param_groups
        assert [group["lr"], group["momentum"]] == pytest.approx([lr, momentum])
        assert group["dampening"] == 0.2
        assert torch.equal(player.net[3].bias, before) == (lr == 0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@every_optimizer
def test_a_gradient_that_is_not_finite_moves_nothing(optimizer, bad):
    player = advance(make(optimizer), 2)
    player.backward(player(torch.randn(8, 3)).mean())
    player.net[0].weight.grad[1, 2] = bad
    before = bits(player)
    assert not player.step(0)["gradient"].isfinite()
    assert equal(bits(player), before)
    assert all(p.grad is None for p in player.parameters())


@every_optimizer
def test_a_first_gradient_that_is_not_finite_leaves_no_trace(optimizer, monkeypatch):
    player = make(optimizer)
    clean, x = deepcopy(player), torch.randn(8, 3)
    clean.optimizer = optimizer(clean.net.parameters())
    for p in player.parameters():
        p.grad = torch.full_like(p, float("nan"))
    with monkeypatch.context() as patch:  # memory that nobody has written holds anything
        patch.setattr(torch, "empty_like", lambda t, **_: torch.full_like(t, float("nan")))
        player.step(0)
    for each in (player, clean):
        each.backward(each(x).square().mean())
        each.step(0)
    assert equal(dict(player.state_dict()), dict(clean.state_dict()))


@every_optimizer
def test_after_a_bad_gradient_a_good_one_moves_as_if_nothing_had_been(optimizer):
    player = advance(make(optimizer))
    clean, x = make(optimizer), torch.randn(8, 3)
    clean.restore(player.snapshot())
    for p in player.parameters():
        p.grad = torch.full_like(p, float("inf"))
    player.step(0)
    for each in (player, clean):
        each.backward(each(x).square().mean())
        each.step(0)
    assert equal(bits(player), bits(clean))


# -------------------------------------------------------------------------------------- averages


@pytest.mark.parametrize("parts", [[1000], [500, 500], [100] * 10, [64, 936]])
def test_after_a_halflife_the_average_is_half_way(parts):
    """However many rounds the images came in."""
    player = make(ema_halflife=1000)
    start = deepcopy(player.ema)
    _fill(player.net, 3.0)
    for images in parts:
        player.average(images)
    for name, tensor in player.ema.state_dict().items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, (start.state_dict()[name] + 3) / 2, atol=1e-6), name


def test_early_on_the_halflife_is_a_twentieth_of_the_images_seen():
    player = make(ema_halflife=1000)
    start = player.ema[0].weight.clone()
    _fill(player.net, 3.0)
    player.average(10, seen=200)
    assert torch.allclose(player.ema[0].weight, (start + 3) / 2)
    player.average(1000, seen=10**9)
    assert torch.allclose(player.ema[0].weight, start / 4 + 9 / 4)


def test_counters_are_copied():
    player = make(ema_halflife=1e9)
    player(torch.randn(4, 3))
    player.average(1)
    assert player.ema[1].num_batches_tracked == 1


def _fill(net, value):
    with torch.no_grad():
        for tensor in (t for t in net.state_dict().values() if t.is_floating_point()):
            tensor.fill_(value)


def test_an_average_starts_as_the_weights_and_never_learns_itself():
    player = make(ema_halflife=100)
    assert equal(dict(player.net.state_dict()), dict(player.ema.state_dict()))
    advance(player)
    assert not torch.equal(player.net[0].weight, player.ema[0].weight)
    assert all(p.grad is None and not p.requires_grad for p in player.ema.parameters())
    assert len(player.optimizer.param_groups[0]["params"]) == len(list(player.net.parameters()))


def test_without_an_average_the_network_itself_is_sampled_from():
    player = make()
    assert player.ema is None
    player.average(10)  # nothing to do
    player.train()
    view = player.eval_net
    assert not any(m.training for m in view.modules())
    assert all(m.training for m in player.net.modules())
    mine, its = dict(player.net.state_dict()), dict(view.state_dict())
    assert {k: t.data_ptr() for k, t in mine.items()} == {k: t.data_ptr() for k, t in its.items()}
    assert torch.equal(view(torch.ones(2, 3)), deepcopy(player.net).eval()(torch.ones(2, 3)))


def test_with_an_average_it_is_what_is_sampled_from():
    player = make(ema_halflife=100).train()
    assert player.eval_net is player.ema and not any(m.training for m in player.ema.modules())
    assert player.net.training


@pytest.mark.parametrize("halflife", [0, 100])
def test_after_a_move_to_other_tensors_everything_goes_on(halflife):
    player = make(ema_halflife=halflife)
    player.lists  # noqa: B018  # listed before the move
    player = nn.ModuleList([player]).to(torch.float64)[0]
    view = player.eval_net
    x = torch.randn(8, 3, dtype=torch.float64)
    player.backward(player(x).square().mean())
    before = [p.clone() for p in player.net.parameters()]
    player.step(0)
    player.average(100)
    assert all(not torch.equal(p, b) for p, b in zip(player.net.parameters(), before, strict=True))
    statistics, mine = view[1].running_mean, player.net[1].running_mean
    assert torch.allclose(statistics, mine if halflife == 0 else mine / 2)
    assert view(x).dtype == torch.float64
    assert player.frozen(x).dtype == torch.float64


# ----------------------------------------------------------------------------- copies and memory


@every_optimizer
def test_a_snapshot_brings_weights_and_memory_and_shares_neither(optimizer):
    one, two = advance(make(optimizer), 2), make(optimizer)
    two.restore(one.snapshot())
    assert equal(bits(one), bits(two))
    before = bits(one)
    advance(two)
    assert equal(bits(one), before) and not equal(bits(two), before)


@every_optimizer
def test_copies_go_on_alike(optimizer):
    one, two = advance(make(optimizer), 2), make(optimizer)
    two.restore(one.snapshot())
    for player in (one, two):
        torch.manual_seed(5)
        advance(player, 2)
    assert equal(bits(one), bits(two))


@every_optimizer
def test_forget_empties_the_memory_and_leaves_the_weights(optimizer):
    player = advance(make(optimizer))
    weights, memory = bits(player)
    assert memory
    player.forget()
    assert equal(bits(player), (weights, {}))
    advance(player)


# ------------------------------------------------------------------------------- moves and games


def test_a_move_names_one_player_or_several():
    one, two, loss = make(), make(), torch.zeros(())
    assert Move(one, loss).players == (one,)
    assert Move((one, two), loss).players == (one, two)
    assert Move(one, loss).log == {}


class Pair(Game):
    def __init__(self):
        super().__init__()
        self.first, self.second = make(), make()
        self.parents = nn.ModuleList([make()])


def test_a_game_knows_its_players_by_name_and_starts_at_nothing():
    game = Pair()
    assert list(game.players) == ["first", "second", "parents.0"]
    assert game.players["second"] is game.second
    assert (game.seen, game.rounds, game.device) == (0, 0, torch.device("cpu"))
