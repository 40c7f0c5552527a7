"""Tangent spaces, penalties and angles, against closed forms and SciPy."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import subspace_angles
from small import ABOUT, SMALL, discs, start
from torch import nn

from cardigan import __version__, checkpoint
from cardigan.__main__ import main
from cardigan.games.tangents import along_tangents
from cardigan.metrics.subspaces import angle_to, movements, principal_angles, random_span
from cardigan.recipe import to_json
from cardigan.tangents import (
    WAYS,
    decoder_tangents,
    encoder_tangents,
    jacobian_penalty,
    tangent_penalty,
)
from cardigan.train import play, train


def drawn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def projectors(rows):
    rows = rows.flatten(2)
    return rows.mT @ rows


# ---------------------------------------------------------------------------------------- spaces


def test_a_linear_decoder_and_its_pseudoinverse_have_the_same_tangents():
    """G(z) = A z, E = A^+: both span the columns of A."""
    a = drawn(12, 3)
    x, z = drawn(5, 2, 2, 3), drawn(5, 3)
    of_decoder = decoder_tangents(lambda z: (z @ a.mT).unflatten(1, (2, 2, 3)), z, 3)
    of_encoder = encoder_tangents(lambda x: x.flatten(1) @ torch.linalg.pinv(a).mT, x, 3)
    columns = a @ torch.linalg.pinv(a)
    for tangents in (of_decoder, of_encoder):
        assert tangents.shape == (5, 3, 2, 2, 3)
        assert torch.allclose(projectors(tangents), columns.expand(5, 12, 12), atol=1e-10)


def test_an_angle_changes_along_the_circle():
    angle = torch.linspace(0, 6, 9, dtype=torch.float64)
    points = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    found = encoder_tangents(lambda x: torch.atan2(x[:, 1:], x[:, :1]), points, 1)
    assert (found[:, 0] * points).sum(1).abs().max() < 1e-12
    assert torch.allclose(found.norm(dim=2), torch.ones(9, 1, dtype=torch.float64))


@pytest.mark.parametrize("of", [encoder_tangents, decoder_tangents])
def test_the_strongest_come_first_and_each_sample_has_its_own(of):
    """Of a map that stretches axes, by another order for each sample."""
    stretch = torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]], dtype=torch.float64)
    found = of(lambda x: x * stretch, drawn(2, 3), 2)
    axes = torch.eye(3, dtype=torch.float64)
    assert torch.allclose(found.abs(), torch.stack([axes[[0, 1]], axes[[2, 1]]]), atol=1e-12)


@pytest.mark.parametrize("name", ["bigan", "flat-bigan", "ali"])
def test_tangents_of_networks_are_those_of_finite_differences(name):
    game, stream = start(name)
    codec = game.double().codec()
    x = next(stream).image[:3].double()
    tangents = encoder_tangents(codec.encode, x, 8)
    with torch.no_grad():
        across = drawn(*x.shape)
        along = (tangents.flatten(2) @ across.flatten(1)[:, :, None] * tangents.flatten(2)).sum(1)
        beside = across - along.view_as(across)  # orthogonal to all, so codes do not change
        change = codec.encode(x + 1e-6 * beside) - codec.encode(x - 1e-6 * beside)
        moved = codec.encode(x + 1e-6 * across) - codec.encode(x - 1e-6 * across)
    assert change.norm() < 1e-4 * moved.norm()


def test_more_tangents_than_codes_have_entries_are_refused():
    for of in (encoder_tangents, decoder_tangents):
        with pytest.raises(ValueError, match="expected 1 to 3 tangents"):
            of(lambda x: x, drawn(2, 3), 4)


# ------------------------------------------------------------------------------------- penalties


def test_penalties_of_a_linear_classifier():
    """|W v|^2 summed over tangents; |W|_F^2 over a whole basis."""
    w, x, v = drawn(4, 6), drawn(3, 6), drawn(3, 2, 6)
    classify = lambda x: x @ w.mT  # noqa: E731
    assert torch.allclose(tangent_penalty(classify, x, v), (v @ w.mT).square().sum((1, 2)))
    basis = torch.eye(6, dtype=torch.float64).expand(3, 6, 6)
    assert torch.allclose(tangent_penalty(classify, x, basis), w.square().sum().expand(3))


def test_random_directions_estimate_the_whole_jacobian():
    w, x = drawn(4, 6), drawn(1, 6)
    torch.manual_seed(0)
    found = jacobian_penalty(lambda x: x @ w.mT, x.repeat(20_000, 1)).mean().item()
    assert found == pytest.approx(w.square().sum().item(), rel=0.03)


def test_what_is_constant_along_tangents_pays_for_other_directions_alone():
    classify = lambda x: x[:, :1].expand(-1, 3) ** 2  # noqa: E731
    x, along = drawn(2, 4), torch.eye(4, dtype=torch.float64)[1:].expand(2, 3, 4)
    assert tangent_penalty(classify, x, along).abs().max() == 0
    assert (jacobian_penalty(classify, x) > 0).all()


def test_the_penalty_is_the_limit_of_finite_differences_and_trains_the_classifier():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)).double()
    x, v = drawn(2, 5), drawn(2, 2, 5, seed=1)
    exact = tangent_penalty(net, x, v)
    steps = torch.stack([net(x + 1e-6 * v[:, i]) - net(x) for i in range(2)]) / 1e-6
    assert torch.allclose(exact, steps.square().sum((0, 2)), rtol=1e-4)
    exact.sum().backward()
    before = net[0].weight.grad[0, 0].item()
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            net[0].weight[0, 0] += sign * 1e-5
            values.append(tangent_penalty(net, x, v).sum().item())
            net[0].weight[0, 0] -= sign * 1e-5
    assert before == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5)


# ------------------------------------------------------------------------------------ the learner


@pytest.mark.parametrize("of", WAYS)
def test_a_learner_pays_for_changing_its_mind_along_tangents(of):
    game, stream = start("tangent-invariant")
    real = next(stream)["first"].image
    codec, judge = game.codec(), game.learner.discriminator
    paid = along_tangents(3.0, 0.0, WAYS[of], 2, images=4)(codec, judge, real)
    net, tangents = judge.net.eval(), WAYS[of](codec, real[:4], 2)
    moved = [
        (net(real[:4] + 1e-2 * v, None)[0] - net(real[:4] - 1e-2 * v, None)[0]) / 2e-2
        for v in tangents.unbind(1)
    ]
    expected = 3 * sum(change.square().sum(1).mean() for change in moved).item()
    assert paid.item() == pytest.approx(expected, rel=0.02)


def test_invariance_teaches_the_classifier_alone_and_leaves_its_mode_and_statistics():
    game, stream = start("tangent-invariant")
    real, judge = next(stream)["first"].image, game.learner.discriminator
    before = {n: b.clone() for n, b in judge.net.named_buffers()}
    along_tangents(1.0, 1.0, WAYS["encoder"], 2, images=4)(game.codec(), judge, real).backward()
    assert all(p.grad is None for p in game.inference.parameters())
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in judge.net.parameters())
    assert all(m.training for m in judge.net.modules())
    assert all(torch.equal(b, before[n]) for n, b in judge.net.named_buffers())


def test_invariance_begins_with_the_clock():
    game, stream = start("tangent-invariant")
    asked = []
    game.invariance = lambda *args: asked.append(game.seen) or torch.tensor(0.0)
    train(game, stream, 5 * stream.batch)
    assert asked == [seen for seen in range(0, 5 * stream.batch, stream.batch) if seen >= 32]


def test_the_logs_of_both_games_keep_their_names():
    game, stream = start("tangent-invariant")
    log = play(game, stream)
    assert {"inference_codec", "inference_discriminator", "discriminator", "generator"} <= {*log}


# ---------------------------------------------------------------------------------------- angles


@given(k=st.integers(1, 5), m=st.integers(1, 5), seed=st.integers(0, 99))
def test_principal_angles_are_scipys(k, m, seed):
    a, b = random_span(2, k, 7, seed), random_span(2, m, 7, seed + 1000)
    found = principal_angles(a, b)
    assert found.shape == (2, min(k, m))
    for i in range(2):
        theirs = torch.from_numpy(subspace_angles(a[i].T.numpy(), b[i].T.numpy()).copy())
        assert torch.allclose(found[i], theirs.flip(0), atol=1e-7)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 0.5, 1.0, 1.57])
def test_angles_in_a_plane(angle):
    t = torch.tensor(angle, dtype=torch.float64)
    span = torch.tensor([[[1.0, 0, 0]]], dtype=torch.float64)
    way = torch.stack([t.cos(), t.sin(), torch.zeros_like(t)])[None] * 5
    assert angle_to(span, way).item() == pytest.approx(angle, rel=1e-9, abs=1e-12)


def test_equal_spans_have_no_angle_and_orthogonal_ones_a_right_one():
    basis = random_span(1, 6, 6)
    turned = torch.linalg.qr(basis[:, :3].mT @ drawn(1, 3, 3)).Q.mT
    assert principal_angles(basis[:, :3], turned).max() < 1e-7
    assert torch.allclose(
        principal_angles(basis[:, :3], basis[:, 3:]).rad2deg(), torch.tensor(90.0).double()
    )
    assert angle_to(basis[:, :3], torch.zeros(1, 6).double()).rad2deg().item() == 90


def test_random_spans_hold_k_of_d_of_any_direction():
    spans = random_span(4000, 3, 20)
    share = angle_to(spans, drawn(1, 20).expand(4000, 20)).cos().square()
    assert share.mean().item() == pytest.approx(3 / 20, rel=0.05)


# -------------------------------------------------------------------------------------- movements


def test_movements_are_derivatives_of_a_picture():
    """Of a Gaussian blob off the centre, whose derivatives are known."""
    axis = (torch.arange(32).double() - 15.5) / 4
    y, x = axis[:, None], axis[None]
    blob = (-((x - 1) ** 2) - (y + 0.5) ** 2).exp()[None, None]
    across, down = 2 * (x - 1) * blob, 2 * (y + 0.5) * blob  # minus d/dx and d/dy: it moves
    found = movements(blob, pixels=0.5, degrees=1.0)
    for way, truth in (
        (found.across, across),
        (found.down, down),
        (found.rotation, -y * across + x * down),
    ):
        cosine = torch.cosine_similarity(way.flatten(), truth.flatten(), dim=0)
        assert abs(cosine) > 0.99
    assert (found.across * across).sum() > 0 and (found.down * down).sum() > 0


def test_a_disc_in_the_middle_has_no_rotation():
    axis = torch.linspace(-1, 1, 28)
    disc = (-4 * (axis[:, None] ** 2 + axis**2)).exp()[None, None]
    found = movements(disc)
    assert found.rotation.norm() < 0.02 * found.across.norm()


# ------------------------------------------------------------------------------------ the command


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run that is as it was made, of 28 pixels, for the data that are shipped."""
    from dataclasses import replace

    place = tmp_path_factory.mktemp("tangents")
    for name in ("bigan", "dcgan"):
        recipe = replace(SMALL[name], size=28)
        torch.manual_seed(0)
        record = to_json(name, recipe, __version__)
        (place / name).mkdir()
        (place / name / "recipe.json").write_text(record)
        checkpoint.save(place / name / "checkpoints", recipe.game(), record, {})
    return place


@pytest.mark.parametrize("of", ["encoder", "decoder"])
def test_the_command_draws_and_tells_angles(of, place, capsys, monkeypatch):
    monkeypatch.setattr("cardigan.commands.tangents.MEASURED", 20)
    out = place / "new" / "picture.png"
    words = ["tangents", str(place / "bigan"), "-n", "3", "-k", "4", "--of", of, "--out", str(out)]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["about"]["images"] == 20 and told["about"]["of"] == of
    assert ABOUT <= told["about"].keys()
    assert {*told["angles"]} == {"rotation", "across", "down"}
    for angles in told["angles"].values():
        assert all(0 < a <= 90 for a in angles.values())
        assert angles["random"] == pytest.approx(86, abs=2)  # cos^2 = 4 / 784
    assert out.stat().st_size > 1000
    assert main(words) == 0
    assert "rotation" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "said"), [
    (["dcgan"], "expected a run with an encoder"),
    (["bigan", "-k", "9"], "expected 1 to 8 tangents"),
    (["bigan", "-k", "0"], "-k from 1 to 100"),
    (["bigan", "-n", "0"], "-n from 1 to"),
    (["bigan", "--of", "somebody"], "of"),
    (["bigan", "--out", "picture.jpg"], "a .png"),
    (["nothing"], "not a run"),
])  # fmt: skip
def test_mistakes_are_one_line(words, said, place, capsys):
    assert main(["tangents", str(place / words[0]), *words[1:]]) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1


def test_discs_of_the_tests_move(place):
    assert all(way.abs().max() > 0.1 for way in movements(discs(2, SMALL["bigan"]).float() / 255))
