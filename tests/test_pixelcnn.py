"""PixelCNN and Gated PixelCNN: what each value depends on, exact probabilities, quick draws."""

import math
import time
from functools import partial

import pytest
import torch
from PIL import Image
from small import SMALL, start
from torch import Tensor

from cardigan import checkpoint
from cardigan.__main__ import main
from cardigan.data.stream import as_bytes, as_floats
from cardigan.games.autoregressive import surprise
from cardigan.levels import spread, to_levels
from cardigan.nets.causal import Causal, Memory, before, so_far
from cardigan.nets.pixelcnn import Codes, Gated, Masked, PixelCNN, Values, draw, gate, lowered
from cardigan.recipe import to_json
from cardigan.train import train

MASKED, GATED = partial(Masked, width=6, blocks=3), partial(Gated, width=6, layers=4)
both = pytest.mark.parametrize("trunk", [MASKED, GATED], ids=["masked", "gated"])


def network(trunk, channels: int = 1, levels: int = 4, read=None) -> PixelCNN:
    """With a last layer that says something, in float64."""
    net = PixelCNN(trunk, read or Values(channels, levels), channels, levels, 24)
    torch.nn.init.normal_(net.last.weight)
    return net.double()


# ------------------------------------------------------------------------------------- causality


def dependence(net: PixelCNN, size: int) -> Tensor:
    """Which values each value looks at, by slopes: bool [C H W, C H W], in raster order.

    At any of three images: units under ReLU may be off at one.
    """
    return torch.stack([_dependence(net, size) for _ in range(3)]).any(0)


def _dependence(net: PixelCNN, size: int) -> Tensor:
    x = torch.randn(1, net.channels, size, size, dtype=torch.float64)

    def told(x: Tensor) -> Tensor:
        logits = net.logits(x)[0]  # [K, C, H, W]
        return (logits * torch.arange(1.0, net.levels + 1)[:, None, None, None]).sum(0)

    slopes = torch.autograd.functional.jacobian(told, x)[:, :, :, 0]  # [C, H, W, C, H, W]
    seen = slopes.permute(1, 2, 0, 4, 5, 3) != 0  # pixels first, then channels
    return seen.flatten(3, 5).flatten(0, 2)


@both
@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_depends_on_itself_or_on_what_comes_later(trunk, channels):
    seen = dependence(network(trunk, channels), 6)
    assert not seen.triu().any()
    assert seen.any(1)[1:].all()


@pytest.mark.parametrize("channels", [1, 3])
def test_two_stacks_see_everything_that_comes_before(channels):
    trunk = partial(Gated, width=6, layers=6)
    assert torch.equal(dependence(network(trunk, channels), 6), _before(channels * 36))


def _before(count: int) -> Tensor:
    return torch.ones(count, count).tril(-1).bool()


def seen_from(net: PixelCNN, size: int, row: int, column: int) -> Tensor:
    """What one value of grey images looks at: bool [H, W], at any of three images."""
    x = torch.randn(3, 1, size, size, dtype=torch.float64, requires_grad=True)
    told = (net.logits(x)[:, :, 0, row, column] * torch.arange(1.0, net.levels + 1)).sum()
    return (torch.autograd.grad(told, x)[0] != 0).any(0)[0]


def test_one_stack_has_a_blind_spot():
    """A kernel of 7 and six of 3 on 15x15: the pixel at (8, 7) misses ten that come before it."""
    known = _before(225)[8 * 15 + 7].unflatten(0, (15, 15))
    missed = ~seen_from(network(partial(Masked, width=4, blocks=6)), 15, 8, 7) & known
    assert missed.sum() == 10
    rows, columns = missed.nonzero().T
    assert (rows < 8).all() and (columns > 7).all()  # above and to the right
    stacks = network(partial(Gated, width=4, layers=7))
    assert torch.equal(seen_from(stacks, 15, 8, 7), known)


def test_masks_a_and_b():
    a, b = (Causal(3, 6, 2, 1, 1, channels=3, own=own).mask for own in (before, so_far))
    assert a.shape == (6, 3, 2, 3)
    assert a[:, :, 0].all() and a[:, :, 1, 0].all() and not a[:, :, 1, 2].any()
    assert a[:3, :, 1, 1].int().tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert b[3:, :, 1, 1].int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert b[:, :, 0].all() and not b[:, :, 1, 2].any()


def test_an_optimiser_cannot_wake_what_is_masked():
    layer = Causal(1, 1, 2, 1, 1, own=before)
    with torch.no_grad():
        layer.weight += 100
    x = torch.zeros(1, 1, 3, 3)
    x[0, 0, 1, 1] = 1
    assert layer(x)[0, 0, 1, 1] == layer.bias and layer(x)[0, 0, 1, 0] == layer.bias
    assert layer(x)[0, 0, 1, 2] > 99


def test_the_gate_is_that_of_the_paper():
    x = torch.randn(2, 6, 3, 3)
    assert torch.equal(gate(x), x[:, :3].tanh() * x[:, 3:].sigmoid())


# -------------------------------------------------------------------------------------- drawing


def naive(net: PixelCNN, level: Tensor, given: int, chance: Tensor) -> Tensor:
    """The definition: the whole network for each value."""
    level = level.clone()
    level[:, :, given:] = 0
    with torch.no_grad():
        for row in range(given, level.shape[2]):
            for column in range(level.shape[3]):
                for channel in range(net.channels):
                    logits = net(level)[:, :, channel, row, column]
                    told = draw(logits, chance[:, channel, row, column])
                    level[:, channel, row, column] = told
    return level


@both
@pytest.mark.parametrize(("channels", "given"), [(1, 0), (3, 0), (1, 3), (3, 5)])
def test_remembering_draws_the_same_values(trunk, channels, given):
    net = network(trunk, channels)
    chance = torch.rand(3, channels, 6, 6, dtype=torch.float64)
    level = torch.randint(4, chance.shape)
    drawn = net.complete(level, given, chance)
    assert torch.equal(drawn, naive(net, level, given, chance))
    assert torch.equal(drawn[:, :, :given], level[:, :, :given])
    assert len(drawn[:, :, given:].unique()) > 1


@both
def test_codes_are_drawn_likewise(trunk):
    net = network(trunk, levels=7, read=Codes(7, 5))
    chance = torch.rand(3, 1, 5, 5, dtype=torch.float64)
    level = torch.zeros(3, 1, 5, 5, dtype=torch.int64)
    assert torch.equal(net.complete(level, 0, chance), naive(net, level, 0, chance))
    assert not dependence_of_codes(net).triu().any()


def dependence_of_codes(net: PixelCNN) -> Tensor:
    """As `dependence`, by changing one code at a time: bool [H W, H W]."""
    level = torch.zeros(1, 1, 4, 4, dtype=torch.int64)
    with torch.no_grad():
        base = net(level)
        moved = level.repeat(16, 1, 1, 1).flatten(1) + torch.eye(16).long()
        changed = (net(moved.unflatten(1, (1, 4, 4))) - base).abs().sum((1, 2)).flatten(1) > 1e-12
    return changed.T


@both
@torch.no_grad()
def test_a_part_beside_what_is_remembered_is_the_whole_to_rounding(trunk):
    net = network(trunk, 3)
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    memory, rows = Memory((6, 6)), []
    for top, height in ((0, 2), (2, 1), (3, 3)):
        part, look = slice(top, top + height), memory.at(top, 0)
        above = net.trunk.above(lowered(x)[:, :, part], look)
        rows.append(net.judge(x[:, :, part], above, look))
    assert torch.allclose(torch.cat(rows, 3), net.logits(x), atol=1e-12)


@both
@torch.no_grad()
def test_drawing_is_several_times_as_fast_as_the_definition(trunk):
    """28x28, float32, processor time; what the definition takes is 784 passes, of which one."""
    net = network(partial(trunk, width=24), levels=64).float()
    level = torch.zeros(16, 1, 28, 28, dtype=torch.int64)
    chance = torch.rand(level.shape)
    net(level)
    times = [time.process_time()]
    drawn = net.complete(level, 0, chance)
    times.append(time.process_time())
    for _ in range(3):
        net(level)
    times.append(time.process_time())
    quick, one = times[1] - times[0], (times[2] - times[1]) / 3
    assert 784 * one > 4 * quick, "ten times on a quiet machine"
    assert _agrees(net, drawn, chance)


def _agrees(net: PixelCNN, drawn: Tensor, chance: Tensor) -> bool:
    """Whether each value is what the definition draws, given the ones before it: all but a few.

    A draw may fall to either side of a bound that two orders of summing compute differently.
    """
    logits = net(drawn)[:, :, 0].movedim(1, -1)  # [N, H, W, K]
    again = draw(logits.flatten(0, 2), chance.flatten())
    return (again != drawn.flatten()).sum() <= 2


def test_draws_follow_the_probabilities():
    logits = torch.tensor([0.1, 0.2, 0.7]).log()
    chance = torch.linspace(0, 1, 1001)[:-1]
    drawn = draw(logits.expand(1000, -1), chance)
    assert torch.bincount(drawn).tolist() == [100, 200, 700]
    assert (drawn.diff() >= 0).all()
    assert draw(logits.expand(1000, -1), chance, 0.0).unique().tolist() == [2]
    cold = torch.bincount(draw(logits.expand(1000, -1), chance, 0.5))
    assert cold[2] > 850
    assert draw(torch.zeros(1, 3), torch.tensor([1.0])).tolist() == [2]  # never beyond the last


# ----------------------------------------------------------------------------------- likelihood


@pytest.mark.parametrize("name", ["pixelcnn", "gated-pixelcnn"])
def test_an_untrained_network_needs_eight_bits(name):
    game, stream = start(name)
    images = stream.dataset.images[:5]
    found = game.log_prob(images) / (images[0].numel() * math.log(2))
    assert torch.allclose(found, torch.full((5,), -8.0), atol=1e-5)
    move = next(game.round(stream))
    assert torch.allclose(move.loss, torch.tensor(math.log2(game.levels)), atol=1e-5)


def test_probabilities_of_all_images_sum_to_one():
    net = network(GATED, levels=2)
    every = torch.cartesian_prod(*[torch.arange(2)] * 9).reshape(-1, 1, 3, 3)
    with torch.no_grad():
        nats = -surprise(net(every), every).sum(1)
    assert nats.exp().sum().item() == pytest.approx(1, abs=1e-10)


def test_a_sample_is_as_likely_as_its_draws_were():
    """In one pass over the sample, and from the draws' own probabilities, step by step."""
    net = network(GATED, levels=3)
    level = torch.zeros(2, 1, 4, 4, dtype=torch.int64)
    drawn = net.complete(level, 0, torch.rand(level.shape, dtype=torch.float64))
    with torch.no_grad():
        one = -surprise(net(drawn), drawn).sum(1)
        steps = torch.zeros(2, dtype=torch.float64)
        for place in range(16):
            known = drawn.flatten(1).clone()
            known[:, place:] = 0
            law = net(known.unflatten(1, (1, 4, 4))).flatten(2)[:, :, place].log_softmax(1)
            steps += law.gather(1, drawn.flatten(1)[:, place, None]).squeeze(1)
    assert torch.allclose(one, steps, atol=1e-10)


def test_it_learns_what_pixels_tell_of_each_other():
    """Better than any model of each pixel by itself, and worse where pixels are shuffled."""
    game, stream = start("pixelcnn")
    images = stream.dataset.images
    train(game, stream, SMALL["pixelcnn"].training.images)
    from cardigan.metrics.density import pixel_histogram

    alone = pixel_histogram(images).log_prob(images).mean()
    places = torch.randperm(64)
    shuffled = images.flatten(1)[:, places].reshape(images.shape)
    assert game.log_prob(images).mean() > alone
    assert game.log_prob(shuffled).mean() < game.log_prob(images).mean()


# ---------------------------------------------------------------------------------- completion


@pytest.mark.parametrize("name", ["pixelcnn", "gated-pixelcnn"])
def test_what_is_given_stays_and_the_rest_is_drawn(name):
    game, stream = start(name)
    images = stream.dataset.images[:3]
    made = [game.complete(as_floats(images), 4, seed) for seed in (0, 0, 1)]
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])
    levels = [to_levels(x, game.levels)[:, :, :4] for x in (images, as_bytes(made[0]))]
    assert torch.equal(*levels)
    assert not torch.equal(made[0][:, :, 4:], as_floats(images)[:, :, 4:])
    everything = game.complete(as_floats(images), 8)
    assert torch.equal(
        to_levels(as_bytes(everything), game.levels), to_levels(images, game.levels)
    )


def test_completing_nothing_is_sampling():
    game, stream = start("pixelcnn")
    x = torch.zeros(3, 1, 8, 8)
    assert torch.equal(game.complete(x, 0, seed=4), game.sample(3, seed=4))


def test_a_picture_of_completions(tmp_path, capsys):
    from dataclasses import replace

    recipe = replace(SMALL["pixelcnn"], size=8)
    record = to_json("pixelcnn", recipe, "0")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").write_text(record)
    checkpoint.save(tmp_path / "run" / "checkpoints", start("pixelcnn")[0], record, {})
    out = tmp_path / "made.png"
    words = ["complete", str(tmp_path / "run"), "--out", str(out), "-n", "2", "--draws", "3"]
    assert main(words) == 0
    with Image.open(out) as picture:
        assert picture.width > picture.height  # two rows of five
    assert main([*words, "--rows", "8"]) == 2
    assert "expected --rows from 0 to 7, got 8" in capsys.readouterr().err


def test_levels_cost_what_they_leave_open():
    game, stream = start("gated-pixelcnn")
    assert game.levels == 16
    images = stream.dataset.images[:2]
    nats = -surprise(game.model(to_levels(images, 16), None), to_levels(images, 16)).sum(1)
    assert torch.allclose(game.log_prob(images), nats - images[0].numel() * spread(16))


def test_the_stack_has_the_weights_of_its_layers():
    """A kernel of 7 to 2h, blocks of 1x1, 3x3 and 1x1, and two last layers; no rows below."""
    with torch.device("meta"):
        net = PixelCNN(partial(Masked, width=128, blocks=15), Values(3, 256), 3, 256, 1024 + 2)
    seen = 4 * 7  # rows and columns that a kernel of 7 keeps
    entry = 3 * 256 * seen + 256
    block = 256 * 128 + 128 + 128 * 128 * 6 + 128 + 128 * 256 + 256
    last = 256 * 1026 + 1026 + 1026 * 768 + 768
    assert sum(p.numel() for p in net.parameters()) == entry + 15 * block + last
