"""Views: nothing at probability 0, gradients of gradients, and the state of a controller."""

from dataclasses import replace
from functools import partial
from math import pi

import pytest
import torch
from reliability_tools import fingerprint
from small import SMALL, start
from torch import nn

from cardigan import ada, checkpoint, games
from cardigan.ada import colours, geometry, recoloured, warped
from cardigan.augment import Adaptive, augmented
from cardigan.data.stream import Batch
from cardigan.diffaugment import coloured, cutout, diffaugment, translated
from cardigan.game import Player
from cardigan.optimizers import adam
from cardigan.recipes.options import Restraints
from cardigan.schedule import linear
from cardigan.train import Hook, play, train

AUGMENTS = {
    "diffaugment": diffaugment,
    "ada": ada.ada,
    "ada-cutout": partial(ada.ada, colour=0.5, cut=1.0),
}
every_augment = pytest.mark.parametrize("augment", AUGMENTS.values(), ids=AUGMENTS)


def pictures(n=8, channels=3, side=8):
    return torch.rand(n, channels, side, side) * 2 - 1


@every_augment
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("p", [0.0, torch.zeros(())])
def test_at_probability_0_images_come_back_bit_for_bit(augment, channels, p):
    x = pictures(channels=channels)
    assert torch.equal(augment(x, p), x)


@every_augment
@pytest.mark.parametrize("channels", [1, 3])
def test_at_probability_1_every_image_is_changed(augment, channels):
    x = pictures(channels=channels)
    y = augment(x, 1.0)
    assert y.shape == x.shape and y.isfinite().all()
    assert (y != x).flatten(1).any(1).all()
    assert not torch.equal(augment(x, 1.0), y), "drawn anew each time"


@every_augment
def test_images_are_changed_as_often_as_asked(augment):
    x = pictures(1).expand(2_000, -1, -1, -1)
    share = (augment(x, 0.1) != x).flatten(1).any(1).float().mean().item()
    assert 0.08 < share < 1 - 0.9**14 + 0.03  # one change at least, fourteen at most


@every_augment
def test_gradients_of_gradients_reach_the_image(augment):
    x = pictures().double().requires_grad_()

    def drawn(x):
        torch.manual_seed(3)
        return augment(x, 0.7).square().sum((1, 2, 3))

    (slope,) = torch.autograd.grad(drawn(x).sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert x.grad is not None and x.grad.isfinite().all() and x.grad.abs().sum() > 0
    with torch.no_grad():  # of the first image, one pixel, by differences
        step = torch.zeros_like(x)
        step[0, 0, 3, 3] = 1e-4
        by_difference = (drawn(x + step) - drawn(x - step))[0] / 2e-4
    assert by_difference.item() == pytest.approx(slope[0, 0, 3, 3].item(), abs=1e-6)


@every_augment
def test_bfloat16_images_are_changed_in_at_least_float32(augment):
    with torch.autocast("cpu", torch.bfloat16):
        y = augment(pictures().bfloat16(), 0.5)
    assert y.isfinite().all() and y.dtype == torch.float32


# ---------------------------------------------------------------------------------- DiffAugment


def test_a_shift_moves_whole_pixels_by_an_eighth_at_most():
    x = torch.zeros(500, 1, 16, 16)
    x[:, :, 8, 8] = 1
    y = translated(x)
    assert set(y.unique().tolist()) == {0, 1} and (y.sum((1, 2, 3)) == 1).all()
    moved = y.flatten(1).argmax(1)
    rows, columns = moved // 16 - 8, moved % 16 - 8
    assert set(rows.tolist()) == set(columns.tolist()) == {-2, -1, 0, 1, 2}
    edge = torch.ones(200, 1, 16, 16)
    assert translated(edge).sum((1, 2, 3)).min() == 14 * 14, "zeros come in"


def test_a_cutout_is_a_square_of_half_the_side():
    y = cutout(torch.ones(500, 2, 16, 16))
    cut = 256 - y[:, 0].sum((1, 2))
    assert cut.max() == 64 and cut.min() >= 16, "centred in the picture, but not all inside it"
    assert torch.equal(y[:, 0], y[:, 1])
    assert (y.mean(0) < 1).all(), "anywhere"


def test_colours_keep_what_a_picture_shows():
    x = pictures(400)
    y = coloured(x)
    flat = (y - y.mean((1, 2, 3), keepdim=True)).mean(1).flatten(1)
    was = (x - x.mean((1, 2, 3), keepdim=True)).mean(1).flatten(1)
    contrast = (flat * was).sum(1) / was.square().sum(1)
    assert torch.allclose(flat, contrast[:, None] * was, atol=1e-5)
    assert 0.5 <= contrast.min() < 0.6 and 1.4 < contrast.max() <= 1.5
    moved = (y - x).mean((1, 2, 3))
    assert -0.5 <= moved.min() < -0.4 and 0.4 < moved.max() <= 0.5


# ------------------------------------------------------------------------------------------ ADA


def matrix(*rows):
    return torch.tensor([rows])


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), lambda x: x.flip(3)),
        (((1.0, 0.0, 0.0), (0.0, -1.0, 0.0)), lambda x: x.flip(2)),
        (((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)), lambda x: x.mT),
    ],
)
def test_a_matrix_says_where_pixels_are_looked_up(place, change):
    """Four points a pixel are averaged: within a smooth picture that is the picture."""
    axis = torch.linspace(-1, 1, 16)
    x = (axis[:, None] + 2 * axis).expand(1, 1, -1, -1).contiguous()
    inside = (..., slice(1, -1), slice(1, -1))
    assert torch.allclose(warped(x, matrix(*place))[inside], change(x)[inside], atol=1e-5)


def test_four_quarter_turns_of_a_smooth_picture_are_none():
    axis = torch.linspace(-1, 1, 16)
    x = y = (axis[:, None] + 2 * axis).expand(1, 1, -1, -1).contiguous()
    quarter = matrix((0.0, -1.0, 0.0), (1.0, 0.0, 0.0))
    for _ in range(4):
        y = warped(y, quarter)
    inside = (..., slice(4, -4), slice(4, -4))
    assert torch.allclose(y[inside], x[inside], atol=1e-5)


def test_beyond_the_border_pictures_are_mirrored():
    axis = torch.arange(8.0)
    x = axis.expand(1, 1, 8, 8).contiguous()
    y = warped(x, matrix((1.0, 0.0, 1.0), (0.0, 1.0, 0.0)))  # half the side to the right
    assert torch.allclose(y[0, 0, 0, 1:3], axis[5:7])
    assert torch.allclose(y[0, 0, 0, 5:7], axis[5:7].flip(0))


def test_geometry_moves_no_picture_where_nothing_is_drawn_and_is_a_turn_where_turns_are():
    x = pictures(400)
    still = geometry(x, 0.0)
    assert torch.equal(still, torch.eye(2, 3).expand(400, 2, 3))
    sizes = geometry(x, 1.0)[:, :, :2].det().abs().log2()
    assert sizes.std().item() == pytest.approx(0.4, abs=0.06), "of both sides: twice 0.2"
    assert sizes.mean().abs() < 0.08


def test_colours_are_told_by_one_matrix():
    x = pictures(3)
    still = colours(x, 0.0)
    assert torch.equal(still, torch.eye(3, 4).expand(3, 3, 4))
    negative = torch.eye(3, 4).repeat(3, 1, 1) * -1
    assert torch.allclose(recoloured(x, negative), -x)
    assert torch.allclose(recoloured(x[:, :1], negative), -x[:, :1])


def test_hue_leaves_grey_as_it_is_and_a_whole_turn_is_none():
    grey = torch.ones(3)
    turned = ada._hue(torch.rand(50, 1, 1) * pi)
    assert torch.allclose(turned @ grey, grey.expand(50, 3), atol=1e-6)
    assert torch.allclose(turned.det(), torch.ones(50), atol=1e-5)
    third = ada._hue(torch.full((1, 1, 1), 2 * pi / 3))[0]
    assert torch.allclose(third, torch.eye(3).roll(1, 0), atol=1e-6), "red to green to blue"


# ----------------------------------------------------------------------------------- controllers


def told(sign):
    return {"sign": torch.tensor(sign)}


def test_the_probability_rises_above_the_target_and_falls_below_every_fourth_move():
    view = Adaptive(diffaugment, batch=10, target=0.6, speed=400)
    steps = []
    for sign in [0.7] * 4 + [1.0] * 4 + [0.5, 0.6, 0.6, 0.6] + [-1.0] * 8:
        view.steering()(told(sign))
        steps.append(view.p.item())
    assert steps[:4] == pytest.approx([0, 0, 0, 0.1])
    assert steps[7::4] == pytest.approx([0.2, 0.1, 0, 0]), "and not below 0"


def test_copies_of_a_round_move_the_probability_once():
    view = Adaptive(diffaugment, batch=10, target=0.6, speed=40, every=1)
    follow = [view.steering() for _ in range(3)]
    for each in follow:
        each(told(0.9))
    assert view.p == 0.25 and view.moves == 0


def test_a_view_follows_the_signs_of_reals():
    class Sure(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.ones(()))

        def forward(self, x, label=None):
            return x.mean((1, 2, 3)) + 10 * self.shift

    view = Adaptive(diffaugment, batch=4, target=0.6, speed=4, every=1)
    drawing = nn.Sequential(nn.Linear(2, 64), nn.Unflatten(1, (1, 8, 8)))
    drawing.forward = lambda z, label=None: nn.Sequential.forward(drawing, z)
    game = games.GAN(
        Player(drawing, adam(), 0.0),
        Player(Sure(), adam(), 0.0),
        lambda n, device: torch.randn(n, 2),
        view=view,
        steering=view.steering,
    )
    play(game, iter([Batch(pictures(4, 1))]))
    assert view.p == 1


def test_the_controller_is_saved_and_resumes_bit_for_bit(tmp_path):
    """While it moves: the game of the row moves its probability every fourth round."""
    game, stream = start("r1-gan")
    until = 14 * stream.batch

    def save(game, log):
        checkpoint.save(tmp_path, game, "{}", {})

    train(game, stream, until, seed=5, hooks=[Hook(5 * stream.batch, save)])
    assert 0 < game.view.p < 1
    for path in sorted(tmp_path.iterdir()):
        other, stream = start("r1-gan", seed=1)
        checkpoint.restore(other, path)
        train(other, stream, until, seed=5)
        assert fingerprint(other) == fingerprint(game)
        assert torch.equal(other.view.p, game.view.p)


def test_noise_is_laid_on_changed_pictures_and_the_controller_stays_a_part_of_the_game():
    recipe = replace(
        SMALL["r1-gan"], discriminator=Restraints(penalty="r1", noise=0.5, noise_images=100)
    )
    game, x = recipe.game(), torch.zeros(9, 1, 32, 32)
    assert game.view(x, 0).std().item() == pytest.approx(0.5, rel=0.05)
    assert torch.equal(game.view(x, 100), x), "the probability is still 0"
    assert "view.first.p" in game.state_dict()
    before = game.view.first.signs.clone()
    game.steering()(told(1.0))
    assert game.view.first.signs == before + 1


def test_a_probability_may_be_a_function_of_the_clock():
    view = augmented(diffaugment, linear(0, 1, 100))
    x = pictures(2)
    assert torch.equal(view(x, 0), x) and not torch.equal(view(x, 100), x)
