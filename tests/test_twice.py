"""Grouped convolutions that are differentiated twice: the same numbers, at every order."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from cardigan import twice
from cardigan.nets.r3gan import Discriminator
from cardigan.penalties import Judged, slopes
from cardigan.twice import Twice, convolve

SHAPES = {
    "plain": (1, 0, 1, 2),
    "strided": (2, 1, 1, 2),
    "dilated": (1, (2, 1), 2, 2),
    "oblong": ((2, 1), (0, 1), 1, 2),
    "depthwise": (1, 1, 1, 4),
    "one group": (1, 1, 1, 1),
}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())


def _inputs(groups):
    torch.manual_seed(0)
    x, w, b = torch.randn(2, 4, 6, 7), torch.randn(4, 4 // groups, 3, 3), torch.randn(4)
    return [t.double().requires_grad_() for t in (x, w, b)]


@every_shape
def test_it_convolves_as_pytorch_does(shape):
    x, w, b = _inputs(shape[-1])
    assert torch.equal(convolve(x, w, b, *shape), nn.functional.conv2d(x, w, b, *shape))


@every_shape
def test_gradients_and_their_gradients_are_those_of_finite_differences(shape):
    def function(x, w, b):
        return convolve(x, w, b, *shape)

    assert gradcheck(function, _inputs(shape[-1]))
    assert gradgradcheck(function, _inputs(shape[-1]))


@every_shape
def test_third_derivatives_are_pytorchs(shape):
    found = []
    for function in (convolve, nn.functional.conv2d):
        told = x, w, b = _inputs(shape[-1])
        y = function(x, w, b, *shape).tanh().sum()
        (first,) = torch.autograd.grad(y, x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(second.square().sum(), told))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def _paid(mode, monkeypatch):
    """The gradients of a penalty by the weights of a discriminator with groups."""
    monkeypatch.setattr("cardigan.penalties.Twice", mode)
    torch.manual_seed(0)
    net = Discriminator(16, 3, width=32, group=8).double()
    for p in net.parameters():
        nn.init.normal_(p, std=0.3)  # some begin at zero, and would hide what follows them
    judged = Judged(net, torch.randn(4, 3, 16, 16, dtype=torch.double))
    paid = slopes(judged).square().sum() + judged.logits.sum()
    return torch.autograd.grad(paid, list(net.parameters()))


def test_a_penalty_moves_weights_as_it_does_without(monkeypatch):
    calls = []
    monkeypatch.setattr(twice, "convolve", lambda *t, f=convolve: calls.append(t) or f(*t))
    ours = _paid(Twice, monkeypatch)
    assert calls
    for a, b in zip(ours, _paid(nullcontext, monkeypatch), strict=True):
        torch.testing.assert_close(a, b)


def test_layers_without_groups_are_left_to_pytorch(monkeypatch):
    monkeypatch.setattr(twice, "convolve", None)
    x = torch.randn(1, 4, 5, 5)
    with Twice():
        nn.Conv2d(4, 4, 3)(x)
        nn.Conv2d(4, 4, 3, groups=2, padding="same")(x)
        nn.Conv2d(4, 4, 3, groups=2)(x[0])
        nn.functional.conv2d(x, torch.randn(4, 2, 3, 3), groups=2)


def test_autocast_is_heard():
    inputs = [t.detach().float().requires_grad_() for t in _inputs(2)]
    with torch.autocast("cpu", torch.bfloat16):
        y = convolve(*inputs, groups=2)
        assert convolve(*_inputs(2), groups=2).dtype == torch.double
    assert y.dtype == torch.bfloat16
    y.float().square().sum().backward()
    assert {t.grad.dtype for t in inputs} == {torch.float32}


def test_shapes_are_known_without_numbers():
    x, w, b = (t.detach().to("meta") for t in _inputs(2))
    assert convolve(x, w, b, groups=2).shape == (2, 4, 4, 5)


def test_slopes_compute_no_gradients_by_weights(monkeypatch):
    """Only by images; what a penalty then moves is the same, as another test holds."""
    calls = []
    computed = twice._gradient
    monkeypatch.setattr(twice, "_gradient", lambda *t: calls.append(t[-1]) or computed(*t))
    torch.manual_seed(0)
    net = Discriminator(16, 3, width=32, group=8)
    paid = slopes(Judged(net, torch.randn(2, 3, 16, 16))).square().sum()
    assert {wanted.index(True) for wanted in calls} == {0}
    paid.backward()
    assert {wanted.index(True) for wanted in calls} == {0, 1}
