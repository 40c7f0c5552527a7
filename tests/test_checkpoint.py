"""What a checkpoint holds comes back bit for bit, or is refused in one line."""

import json
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from reliability_tools import ABOUT, RECIPE, advance, fingerprint, restored, save, tiny
from torch import nn
from torch.optim import SGD, Adam, AdamW, NAdam, RMSprop

from cardigan import checkpoint
from cardigan.errors import UserError

OPTIMIZERS = {
    "adam": Adam,
    "adam, fused": partial(Adam, fused=True),
    "adamw, amsgrad": partial(AdamW, amsgrad=True),
    "nadam": NAdam,
    "sgd": SGD,
    "sgd, momentum": partial(SGD, momentum=0.9),
    "rmsprop, centred": partial(RMSprop, centered=True, momentum=0.5),
}


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_resumed_equals_uninterrupted(tmp_path, optimizer, channels_last):
    game = advance(tiny(optimizer, channels_last=channels_last), 3)
    path = save(tmp_path, game)
    other = tiny(optimizer, channels_last=channels_last)
    checkpoint.restore(other, path)
    assert fingerprint(other) == fingerprint(game)
    assert fingerprint(advance(other, 3)) == fingerprint(advance(game, 3))


def test_before_the_first_step_optimisers_remember_nothing(tmp_path):
    game = tiny()
    other = advance(tiny())
    checkpoint.restore(other, save(tmp_path, game))
    assert fingerprint(other) == fingerprint(game)


def test_nothing_is_aliased(tmp_path):
    game = advance(tiny())
    path = save(tmp_path, game)
    one, two = tiny(), tiny()
    checkpoint.restore(one, path)
    checkpoint.restore(two, path)
    advance(one)
    assert fingerprint(two) == fingerprint(game) != fingerprint(one)


def test_settings_of_optimisers_are_the_recipes(tmp_path):
    path = save(tmp_path, advance(tiny()))
    game = tiny()
    group = game.generator.optimizer.param_groups[0]
    group["lr"], group["betas"] = 0.5, (0.1, 0.2)
    checkpoint.restore(game, path)
    group = game.generator.optimizer.param_groups[0]
    assert (group["lr"], group["betas"]) == (0.5, (0.1, 0.2))


@pytest.mark.parametrize("like", [torch.contiguous_format, torch.channels_last])
def test_memory_format_is_the_models(tmp_path, like):
    path = save(tmp_path, advance(tiny(channels_last=like is not torch.channels_last)))
    game = tiny(channels_last=like is torch.channels_last)
    checkpoint.restore(game, path)
    weight = game.generator.net[0].weight
    moment = game.generator.optimizer.state[weight]["exp_avg"]
    assert weight.is_contiguous(memory_format=like)
    assert moment.is_contiguous(memory_format=like) and moment.stride() == weight.stride()


def test_weights_alone(tmp_path):
    game = advance(tiny())
    other = tiny(SGD)  # what only samples needs no optimiser that fits
    checkpoint.restore(other, save(tmp_path, game), optimizers=False)
    assert all(map(torch.equal, other.state_dict().values(), game.state_dict().values()))
    assert (other.seen, other.rounds) == (game.seen, game.rounds) == (64, 1)
    assert not other.generator.optimizer.state


def test_tied_tensors_are_saved_once_and_stay_tied(tmp_path):
    def tied():
        game = tiny()
        game.extra = nn.ModuleList([game.generator.net, nn.Linear(2, 2)])
        return game

    game, other = advance(tied()), tied()
    path = save(tmp_path, game)
    plain = save(tmp_path / "plain", advance(tiny()))
    more = (path / "game.safetensors").stat().st_size - (plain / "game.safetensors").stat().st_size
    assert more < 300  # a Linear(2, 2), not another generator
    checkpoint.restore(other, path)
    assert fingerprint(other) == fingerprint(game)
    assert other.extra[0][0].weight is other.generator.net[0].weight


def test_a_folder_holds_what_it_should(tmp_path):
    path = save(tmp_path / "made" / "on the way", advance(tiny(), 2))
    assert path.name == "000000128"
    assert sorted(p.name for p in path.iterdir()) == sorted([*checkpoint.FILES, "manifest.json"])
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    read = checkpoint.read(path)
    assert read.manifest["about"] == ABOUT and read.manifest["seen"] == 128
    assert read.files["recipe.json"].decode() == RECIPE
    assert {name: (path / name).read_bytes() for name in checkpoint.FILES} == read.files


def test_the_same_clock_again(tmp_path):
    save(tmp_path, advance(tiny()))
    game = advance(tiny())
    game.generator.net[0].weight.data += 1
    assert restored(save(tmp_path, game)) == fingerprint(game)
    assert [p.name for p in tmp_path.iterdir()] == ["000000064"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", ["weight", "buffer", "average", "moment"])
def test_no_checkpoint_ever_holds_what_is_not_finite(tmp_path, where, bad):
    game = advance(tiny())
    net = game.generator.net
    moments = game.generator.optimizer.state[net[0].weight]
    tensor, name = {
        "weight": (net[0].weight, "generator.net.0.weight"),
        "buffer": (net[1].running_var, "generator.net.1.running_var"),
        "average": (game.generator.eval_net[0].bias, "generator.ema.0.bias"),
        "moment": (moments["exp_avg"], "generator/0/exp_avg"),
    }[where]
    tensor.data.view(-1)[-1] = bad
    with pytest.raises(checkpoint.NonFinite, match=name):
        save(tmp_path, game)
    assert not list(tmp_path.iterdir())


def wider(game):
    return tiny(width=5)


def with_more(game):
    game.more = nn.Linear(1, 1)
    return game


def with_less(game):
    del game.discriminator.net[1]
    return game


def doubled(game):
    return game.double()


@pytest.mark.parametrize("change", [wider, with_more, with_less, doubled])
def test_another_game_is_refused_before_anything_is_copied(tmp_path, change):
    path = save(tmp_path, advance(tiny()))
    game = change(tiny())
    before = fingerprint(game)
    with pytest.raises(UserError, match="is of another game: .* such as") as error:
        checkpoint.restore(game, path)
    assert "\n" not in str(error.value) and fingerprint(game) == before


def test_other_optimisers_are_refused_before_anything_is_copied(tmp_path):
    path = save(tmp_path, advance(tiny()))
    game = tiny(SGD)
    before = fingerprint(game)
    with pytest.raises(UserError, match="trained by .*Adam.* this game is by .*SGD"):
        checkpoint.restore(game, path)
    assert fingerprint(game) == before


def test_a_later_format_is_refused_and_not_walked_past(tmp_path):
    save(tmp_path, advance(tiny()))
    path = save(tmp_path, advance(tiny(), 2))
    content = checkpoint.read(path).manifest | {"format": checkpoint.FORMAT + 1}
    (path / "manifest.json").write_bytes(checkpoint._sealed(content))
    for ask in (checkpoint.read, lambda p: checkpoint.latest(p.parent)):
        with pytest.raises(UserError, match="format 2, .* install a newer cardigan") as error:
            ask(path)
        assert not isinstance(error.value, checkpoint.Damaged)


def test_what_format_1_wrote_is_read_for_ever():
    path = Path(__file__).parent / "reliability" / "format_1" / "000000128"
    expected = json.loads(path.with_name("expected.json").read_text())
    assert restored(path) == expected["fingerprint"]


def test_latest_of_nothing(tmp_path):
    assert checkpoint.latest(tmp_path) is None
    assert checkpoint.latest(tmp_path / "absent") is None


def test_a_copy_under_another_name_is_a_checkpoint_but_never_the_latest(tmp_path):
    game = advance(tiny())
    path = save(tmp_path, game)
    shutil.copytree(path, tmp_path / "best")
    shutil.copytree(path, tmp_path / "000000999")
    assert restored(tmp_path / "best") == fingerprint(game)
    assert checkpoint.latest(tmp_path) == path


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_prune_keeps_the_newest_and_the_protected(tmp_path, keep):
    game = tiny()
    names = [save(tmp_path, advance(game)).name for _ in range(6)]
    (tmp_path / "000000001.tmp").mkdir()
    checkpoint.prune(tmp_path, keep, protect={names[0]})
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted({names[0], *names[-keep:]})


def test_prune_counts_what_verifies_only(tmp_path, capsys):
    game = tiny()
    paths = [save(tmp_path, advance(game)) for _ in range(4)]
    (paths[2] / "state.json").write_text("{}")
    checkpoint.prune(tmp_path, 2)
    assert sorted(tmp_path.iterdir()) == paths[1:]
    assert capsys.readouterr().err.count("\n") == 1


def test_prune_removes_nothing_while_the_newest_is_damaged(tmp_path):
    game = tiny()
    paths = [save(tmp_path, advance(game)) for _ in range(3)]
    (paths[2] / "state.json").unlink()
    checkpoint.prune(tmp_path, 1)
    assert sorted(tmp_path.iterdir()) == paths


def test_a_protected_one_that_was_set_aside_is_protected_still(tmp_path):
    game = tiny()
    first, _, last = (save(tmp_path, advance(game)) for _ in range(3))
    aside = first.rename(first.with_name("000000064.old"))  # as a kill just before a commit does
    checkpoint.prune(tmp_path, 1, protect={first.name})
    assert sorted(tmp_path.iterdir()) == [aside, last]
