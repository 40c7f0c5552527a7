"""Recipes: what does not fit is told before anything is built, and what may change is known."""

from dataclasses import FrozenInstanceError, asdict, replace
from inspect import getdoc
from math import log

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from small import SMALL, flags, start, toy
from torch import nn

from cardigan import settings
from cardigan.augment import Adaptive, unchanged
from cardigan.errors import UserError
from cardigan.penalties import Judged
from cardigan.recipe import Training, flatten, harmless, is_harmless
from cardigan.recipes import RECIPES
from cardigan.recipes.dcgan import DCGAN
from cardigan.recipes.options import Augmentation, Restraints, TargetCodes
from cardigan.train import play, train

every_recipe = pytest.mark.parametrize("name", RECIPES)
NAN = float("nan")

# Values that fit no recipe, by field.
WRONG = {
    "size": [-1, 17], "channels": [-1, 2, 4],
    "latents": [0, -1], "width": [0, -1], "discriminator_steps": [0],
    "lr": [0.0, -1.0, NAN, 1e9], "generator_lr": [0.0, -1.0, NAN], "discriminator_lr": [0.0, NAN],
    "beta1": [-0.1, 1.0, NAN], "label_smoothing": [-0.1, 0.5, NAN], "clip": [-1.0, NAN],
    "survivors": [0, 1000], "evaluation": [0, 1], "diversity": [-0.1, NAN],
    "mutations": ["", "heuristics", "minimax+minimax"],
    "categories": [0, 1], "numbers": [-1], "information": [-0.1, NAN],
    "numbers_information": [-0.1, NAN],
    "unroll": [-1], "lookahead_lr": [0.0, NAN],
    "codes": [0], "tangents": [0, 999], "tangent_weight": [-1.0, NAN], "start": [-1],
    "jacobian_weight": [-1.0, NAN], "invariant_images": [0],
    "rebuilt": [-0.1, 1.0, NAN], "decay": [-1.0, 1.0, NAN],
    "layers": [0], "blocks": [-1], "cycle": [-1.0, NAN], "identity": [-1.0, NAN], "pool": [-1],
    "l1": [-1.0, NAN], "constant_images": [-1], "decay_images": [0], "sources": [0],
    "beta2": [-0.1, 1.0, NAN], "attributes": [-1], "copy": [0, -1, 257],
    "momentum_images": [0], "ema_halflife": [-1.0, NAN],
    "classes": [-1], "labels": [-1], "label_seed": [-1], "weight": [0.0, NAN],
    "distorted": [-0.1, 0.6, NAN],
    "consistency": [-1.0, NAN], "ensemble_decay": [-0.1, 1.0, NAN], "ensemble_ramp": [0],
    "ensemble_images": [-1],
    "generator_size": [-1, 17], "encoder_width": [0], "encoder_blocks": [0],
    "encoder_units": [-1],
    "judge_width": [0], "judge_blocks": [0], "encoder_lr": [0.0, NAN],
    "shared": [-1], "standing": [-1], "orthogonality": [-1.0, NAN],
    "beta": [-1.0, NAN], "draws": [0], "figure_draws": [0], "units": [0],
    "levels": [0, 1, 3, 512], "scales": [0, 17], "steps": [0], "warmup": [-1], "first": [0],
    "dimensions": [0], "residual": [0], "commitment": [-1.0, NAN], "prior_width": [0],
    "prior_layers": [0], "codebook_images": [-1], "prior_images": [-1],
    "kernels": [-1], "historical": [-1.0, NAN],
    "base": [0, -1], "most": [0], "stable_images": [0], "fading_images": [0],
    "drift": [-1.0, NAN], "depth": [0], "mixing": [-0.1, 1.1, NAN], "path_weight": [-1.0, NAN],
    "gamma": [-1.0, NAN], "burn_in": [-1], "ema_share": [-0.1, 1.1, NAN], "group": [-1],
    "augmentation.probability": [-0.1, 1.1, NAN], "augmentation.ramp": [-1],
    "augmentation.target": [-0.1, 1.0, NAN], "augmentation.speed": [0],
    "codes.a": [NAN], "codes.b": [NAN], "codes.c": [float("inf")],
    "discriminator.steps": [0], "discriminator.early_steps": [-1],
    "discriminator.penalty_weight": [-1.0, NAN], "discriminator.penalty_halflife": [-1.0, NAN],
    "discriminator.penalty_every": [0], "discriminator.clip": [-1.0, NAN],
    "discriminator.decay": [-1.0, NAN], "discriminator.noise": [-1.0, NAN],
    "discriminator.noise_images": [0],
    "training.images": [0, -1, 2**63], "training.batch": [0], "training.microbatch": [-1],
    "training.seed": [-1, 2**63], "training.tolerate": [-1], "training.log_every": [0],
    "training.picture_every": [0], "training.checkpoint_every": [0], "training.keep": [0],
    "training.measure_images": [1], "training.measure_share": [-0.1, 1.1, float("nan")],
}  # fmt: skip
# Any size will do.
FITS_ALL = dict.fromkeys(
    (
        "gan", "flat-bigan", "ali-grid", "ring-gan", "grid-gan", "unrolled-gan", "pixelcnn",
        "gated-pixelcnn",
    ),
    {"size"},
)  # fmt: skip


def with_field(recipe, field, value):
    first, _, rest = field.partition(".")
    return replace(
        recipe, **{first: with_field(getattr(recipe, first), rest, value) if rest else value}
    )


def fields_of(name):
    return flatten(asdict(RECIPES[name]))


@every_recipe
def test_presets_fit(name):
    assert RECIPES[name].checked() is RECIPES[name]
    assert SMALL[name].checked() is SMALL[name]


@every_recipe
def test_every_number_that_does_not_fit_is_named(name):
    for field in fields_of(name).keys() & WRONG.keys():
        for value in WRONG[field]:
            if value == 17 and field in FITS_ALL.get(name, ()):
                continue
            if field == "training.images" and value == RECIPES[name].training.fewest:
                continue
            with pytest.raises(UserError) as error:
                with_field(RECIPES[name], field, value).checked()
            assert field in str(error.value) and "\n" not in str(error.value), (field, value)


@every_recipe
def test_every_number_has_a_value_that_does_not_fit(name):
    """No field goes unchecked: a new one needs a row in WRONG."""
    numbers = {f for f, v in fields_of(name).items() if type(v) in (int, float)}
    assert not numbers - WRONG.keys()


@every_recipe
def test_all_that_is_wrong_is_told_at_once(name):
    own = {"latents": 0} if "latents" in fields_of(name) else {}
    wrong = replace(RECIPES[name], **own, size=-1, training=Training(batch=0, keep=0))
    with pytest.raises(UserError) as error:
        wrong.checked()
    assert all(word in str(error.value) for word in (*own, "size", "batch", "keep"))


@every_recipe
def test_recipes_are_frozen_and_described(name):
    recipe = RECIPES[name]
    with pytest.raises(FrozenInstanceError):
        recipe.size = 3  # pyright: ignore
    assert recipe.paper and getdoc(type(recipe))


@every_recipe
def test_small_recipes_can_be_said_on_the_command_line(name):
    parser = settings.parser_of(RECIPES[name], "cardigan train")
    assert (
        settings.build(RECIPES[name], parser, settings.read(parser, flags(SMALL[name])))
        == SMALL[name]
    )


# ------------------------------------------------------------------------- batches and processes


@given(batch=st.integers(1, 300), microbatch=st.integers(0, 300), world=st.integers(1, 9))
def test_processes_and_copies_make_up_the_batch(batch, microbatch, world):
    training = Training(batch=batch, microbatch=microbatch)
    try:
        held, copies = training.held(world), training.copies(world)
    except UserError:
        held = microbatch or max(batch // world, 1)
        assert batch % (held * world)
    else:
        assert held * copies * world == batch and copies >= 1
        assert held == microbatch or not microbatch


@given(batch=st.integers(1, 300), world=st.integers(1, 9))
def test_without_a_microbatch_processes_share_the_batch(batch, world):
    assume(batch % world == 0)
    training = Training(batch=batch)
    assert (training.held(world), training.copies(world)) == (batch // world, 1)


def test_a_batch_that_does_not_divide_is_told_in_one_line():
    with pytest.raises(UserError, match="64 is not a multiple of 3 processes") as error:
        Training(batch=64).held(3)
    assert "microbatch" in str(error.value) and "\n" not in str(error.value)


# ------------------------------------------------------------------------------- what may change

MAY_CHANGE = {
    "training.images", "training.device", "training.log_every", "training.picture_every",
    "training.checkpoint_every", "training.keep", "training.best", "training.measure_images",
    "training.measure_share",
}  # fmt: skip


@every_recipe
def test_only_what_learning_does_not_depend_on_may_change(name):
    allowed = {field for field in fields_of(name) if is_harmless(type(RECIPES[name]), field)}
    assert allowed == MAY_CHANGE


def test_fields_that_nobody_knows_may_not_change():
    cls = type(RECIPES["dcgan"])
    assert not any(is_harmless(cls, field) for field in ("nothing", "training.nothing", "data.x"))


def test_a_harmless_field_says_so():
    made = harmless(3)
    assert made.default == 3 and made.metadata["harmless"]


def test_flatten_joins_names_with_dots():
    assert flatten({"a": 1, "b": {"c": 2, "d": {"e": 3}}, "f": {}}) == {
        "a": 1,
        "b.c": 2,
        "b.d.e": 3,
    }


# --------------------------------------------------------------------------------- from the data


@pytest.mark.parametrize(("size", "channels", "fitted"), [
    (0, 0, (28, 1)), (32, 0, (32, 1)), (0, 3, (28, 3)), (16, 3, (16, 3)),
])  # fmt: skip
def test_a_fitted_recipe_knows_its_size_and_channels(size, channels, fitted):
    recipe = replace(RECIPES["dcgan"], size=size, channels=channels).fitted()
    assert (recipe.size, recipe.channels) == fitted
    assert recipe.fitted() == recipe


@pytest.mark.parametrize(
    ("count", "images", "share"),
    [(200, 282_843, 0.8), (2_000, 894_427, 0.8), (10_000, 2_000_000, 0.55),
     (50_000, 4_472_136, 0.3), (10**7, 20_000_000, 0.3)],
)  # fmt: skip
def test_r3gan_follows_the_number_of_images(count, images, share):
    recipe = replace(RECIPES["r3gan"], size=32).suited(count)
    assert (recipe.training.images, recipe.burn_in) == (images, images)
    assert (recipe.augmentation.probability, recipe.gamma) == (share, 0.25)
    assert recipe.suited(5 * count) == recipe, "what was asked for stays"
    assert RECIPES["r3gan-64"].suited(count) == RECIPES["r3gan-64"]


def test_r3gans_schedules_are_the_papers():
    recipe = replace(RECIPES["r3gan-64"], width=16, channels=3)
    game = recipe.game()
    settings = game.generator.settings
    ends = {seen: (settings["lr"](seen), settings["betas"](seen)) for seen in (0, 20_000_000)}
    assert ends[0] == (2e-4, (0.0, 0.9))
    assert ends[20_000_000] == (pytest.approx(5e-5), (0.0, pytest.approx(0.99)))
    halflives = [game.generator.ema_halflife(seen) for seen in (0, 10**7, 10**8)]
    assert halflives == pytest.approx([0, 250_000, 500_000])
    on = Judged(lambda x: x.sum(1), torch.ones(1, 2))
    for penalty in game.penalties:
        prices = [penalty(on, on, seen).item() for seen in (0, 20_000_000)]
        assert prices == pytest.approx([2, 0.2]), "gamma / 2 |(1, 1)|^2"


def test_augmentation_reaches_the_game_and_follows_the_number_of_images():
    asked = Augmentation(kind="diffaugment")
    for name in ("dcgan", "sngan"):
        plain = replace(SMALL[name], augmentation=Augmentation()).suited(9)
        assert plain.augmentation.probability == 0 and plain.game().view is unchanged
        recipe = replace(SMALL[name], augmentation=asked).suited(9)
        assert recipe.augmentation.probability == 1
        x = torch.rand(4, 1, 8, 8)
        assert (recipe.game().view(x, 0) != x).any()
        steered = replace(SMALL[name], augmentation=replace(asked, target=0.5, speed=80)).suited(9)
        view = steered.game().view
        assert isinstance(view, Adaptive) and (view.target, view.pace) == (0.5, 4 * 16 / 80)


def test_a_fitted_recipe_opens_the_data_that_its_networks_expect():
    recipe = replace(RECIPES["dcgan"], size=16, channels=3).fitted()
    dataset = recipe.dataset("test")
    assert dataset.images.shape[1:] == (3, 16, 16) and dataset.images.dtype == torch.uint8
    assert recipe.game().sample(1).shape[1:] == dataset.images.shape[1:]


@pytest.mark.parametrize(("world", "microbatch", "taken"), [(1, 0, 16), (1, 4, 4), (2, 0, 8)])
def test_the_stream_takes_what_a_process_holds(world, microbatch, taken):
    recipe = SMALL["dcgan"]
    recipe = replace(recipe, training=replace(recipe.training, microbatch=microbatch, seed=7))
    stream = recipe.stream(toy(recipe), torch.device("cpu"), world)
    assert (stream.batch, stream.seed, stream.seen) == (taken, 7, 0)


def test_goodfellows_generator_starts_from_the_mean_of_each_pixel():
    recipe, (game, _) = SMALL["gan"], start("gan")
    dataset = toy(recipe)
    recipe.prepare(game, dataset)
    mean = dataset.images.float().mean(0) / 127.5 - 1
    drawn = game.decode(torch.zeros(1, recipe.latents))[0]
    assert torch.allclose(drawn, mean.clamp(-0.98, 0.98), atol=1e-4)


# ------------------------------------------------------------------------ what numbers turn into


def test_goodfellows_schedules_are_functions_of_moves():
    """The rate is divided by 1.000004 a move, down to 1e-6; momentum rises from 0.5 to 0.7."""
    recipe = replace(RECIPES["gan"], size=8, channels=1)
    settings = recipe.game().generator.settings
    for moves in (0, 1, 10_000, 100_000):
        lr = settings["lr"](moves * recipe.training.batch)
        assert lr == pytest.approx(0.1 / 1.000004**moves, rel=1e-5)
    assert settings["lr"](10**12) == 1e-6
    momentum = [settings["momentum"](seen) for seen in (0, 6_250_000, 12_500_000, 10**9)]
    assert momentum == pytest.approx([0.5, 0.6, 0.7, 0.7])


@pytest.mark.parametrize("name", ["gan", "dcgan"])
def test_smoothed_labels_reach_the_discriminators_loss(name):
    real, fake = torch.tensor([3.0]), torch.tensor([-1.0])
    plain, smooth = (
        replace(SMALL[name], label_smoothing=share).game().loss for share in (0.0, 0.25)
    )
    more = smooth.discriminator(real, fake) - plain.discriminator(real, fake)
    assert more.item() == pytest.approx(0.25 * 3)
    assert torch.equal(smooth.generator(real, fake), plain.generator(real, fake))


def test_the_upsampling_gan_clips_its_discriminator_alone():
    for clip, clipped in ((1.0, True), (0.0, False)):
        game = replace(SMALL["upsample-gan"], clip=clip).game()
        hooks = [len(p.optimizer._optimizer_step_pre_hooks) for p in game.players.values()]
        assert hooks == [0, int(clipped)]


def test_more_steps_of_the_discriminator_take_more_images():
    recipe = replace(SMALL["gan"], discriminator_steps=3)
    game, stream = recipe.game(), recipe.stream(toy(recipe), torch.device("cpu"))
    train(game, stream, 1)
    assert game.seen == 3 * recipe.training.batch and game.rounds == 1


# ------------------------------------------------------------------ what restrains a discriminator

PAYING = {n: r for n, r in RECIPES.items() if isinstance(r, DCGAN) and r.discriminator.pays}


@pytest.mark.parametrize("name", PAYING)
def test_no_discriminator_that_pays_for_slopes_has_batch_norm(name):
    net = SMALL[name].game().discriminator.net
    assert not [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    with pytest.raises(UserError, match="discriminator_norm must not be batch where"):
        replace(RECIPES[name], discriminator_norm="batch").checked()


def test_restraints_reach_the_game():
    restraints = Restraints(
        steps=2, penalty="r1", penalty_weight=8.0, penalty_halflife=100, penalty_every=4,
        clip=0.05, decay=0.25, noise=0.5, noise_images=200,
    )  # fmt: skip
    for name in ("dcgan", "ring-gan"):
        game = replace(SMALL[name], discriminator=restraints).game()
        (penalty,) = game.penalties
        on = Judged(lambda x: x.sum(1), torch.ones(1, 2))
        assert [penalty(on, on, seen).item() for seen in (0, 100)] == [8, 4]
        assert game.penalty_every == 4
        assert game.view(torch.zeros(9_999), 100).std().item() == pytest.approx(0.25, rel=0.05)
        game.constraint(game.discriminator.net)
        weights = torch.cat([p.detach().flatten() for p in game.discriminator.net.parameters()])
        assert weights.abs().max().item() == pytest.approx(0.05)
        groups = [p.optimizer.param_groups[0]["weight_decay"] for p in game.players.values()]
        assert groups == [0, 0.5], "the discriminator's alone, and twice, for it is of squares"


def test_the_moves_of_a_critic_reach_the_game():
    recipe = replace(SMALL["wgan"], discriminator=Restraints(steps=2, early_steps=3))
    game, stream = recipe.game(), recipe.stream(toy(recipe), torch.device("cpu"))
    for game.rounds, images in ((24, 48), (25, 32), (500, 48)):
        before = stream.seen
        play(game, stream)
        assert stream.seen - before == images


def test_codes_of_least_squares_reach_the_loss():
    loss = replace(SMALL["lsgan"], codes=TargetCodes(a=-1, b=2, c=0.5)).game().loss
    real, fake = torch.tensor([2.0, 3.0]), torch.tensor([-1.0, 0.5])
    assert loss.discriminator(real, fake).tolist() == [0, 1.625]
    assert loss.generator(real, fake).tolist() == [1.125, 0]


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    [
        ("rsgan", log(2), log(2)), ("rasgan", log(2), log(2)), ("ralsgan", 1, 1),
        ("rahinge", 1, 1), ("lsgan", 0.5, 0.5), ("wgan", 0, 0), ("wgan-gp", 0, 0),
        ("r1-gan", 2 * log(2), log(2)), ("improved-gan", 2 * log(2), log(2)),
    ],
)  # fmt: skip
def test_the_losses_of_the_papers_where_the_discriminator_knows_nothing(
    name, discriminator, generator
):
    loss, zero = SMALL[name].game().loss, torch.zeros(3)
    assert loss.discriminator(zero, zero).tolist() == pytest.approx([discriminator] * 3)
    assert loss.generator(zero, zero).tolist() == pytest.approx([generator] * 3)


def test_a_translator_does_not_outlive_its_learning_rate():
    recipe = RECIPES["cyclegan"]
    whole = replace(recipe, constant_images=40_000)
    assert not [*whole.problems()], "70,000 images at most, and 60,000 are asked for"
    short = replace(recipe, constant_images=10_000)
    assert "the learning rate is 0" in "; ".join(short.problems())


def test_a_pass_of_a_translator_is_what_it_is_trained_on():
    recipe = RECIPES["cyclegan"].fitted()
    assert recipe.epoch() == len(recipe.dataset()) < 10_000
    assert RECIPES["dcgan"].epoch() == 10_000
