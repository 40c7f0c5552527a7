"""The changes of ADA: flips, quarter turns, shifts, scales, turns and colours, each with p.

Karras et al. 2020, arXiv:2006.06676, appendix B: pixel blitting, general geometry and colour,
which train best there, and cutout, which R3GAN adds. As long as p stays well below 1, the law of
changed pictures tells the law of pictures: what leaks at p = 1, a quarter turn that is as common
as none, cannot.

Geometry is one matrix an image, and one bilinear sampling of four points a pixel; the authors
filter by a wavelet instead. Beyond the border pictures are mirrored. Images whose geometry or
colours nothing was done to come back bit for bit. All of it is linear in the image, and can be
differentiated as often as penalties ask.
"""

from collections.abc import Callable
from math import pi

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from .chance import fraction, gaussian, taken
from .diffaugment import cutout

Draw = Callable[[Tensor], Tensor]

SPREAD = 0.2  # standard deviation of the logarithm of scales, to base 2, and of brightness
SHIFT = 1 / 8  # of the side: bound of whole shifts, standard deviation of the others


def ada(x: Tensor, p: float | Tensor, colour: float = 1.0, cut: float = 0.0) -> Tensor:
    """Images [N, C, H, W] in [-1, 1], of which each change takes a share `p`.

    Arguments:
        colour: The share of p with which changes of colour are taken.
        cut: The same, of cutout.
    """
    with torch.autocast(x.device.type, enabled=False):  # places need more than three digits
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        x = warped(x, geometry(x, p))
        x = recoloured(x, colours(x, colour * p))
        return torch.where(taken(x, cut * p), cutout(x), x) if cut else x


def geometry(x: Tensor, p: float | Tensor) -> Tensor:
    """Where each image is looked up: matrices [N, 2, 3] from new places to old, in [-1, 1]."""

    def drawn(p: float | Tensor, change: Draw, rest: float = 0.0) -> Tensor:
        return torch.where(taken(x, p), change(x), rest).flatten()  # [N]

    side = x.shape[3]
    half = torch.sqrt(torch.as_tensor(1 - p))  # of two turns one at least is made with p
    one = torch.ones(len(x), device=x.device)

    place = torch.eye(3, device=x.device).repeat(len(x), 1, 1)
    flip = drawn(p, lambda x: 1 - 2 * (fraction(x) * 2).floor(), 1.0)
    place = place @ _scale(flip, one)
    place = place @ _turn(pi / 2 * drawn(p, lambda x: (fraction(x) * 4).floor()))
    place = place @ _shift(*(drawn(p, lambda x: _whole_shift(x, side)) for _ in range(2)))
    scale = 2 ** drawn(p, lambda x: SPREAD * gaussian(x))
    place = place @ _scale(scale, scale)
    place = place @ _turn(drawn(1 - half, lambda x: pi * (2 * fraction(x) - 1)))
    stretch = 2 ** drawn(p, lambda x: SPREAD * gaussian(x))
    place = place @ _scale(stretch, 1 / stretch)
    place = place @ _turn(drawn(1 - half, lambda x: pi * (2 * fraction(x) - 1)))
    place = place @ _shift(*(drawn(p, lambda x: 2 * SHIFT * gaussian(x)) for _ in range(2)))
    return place[:, :2]


def warped(x: Tensor, place: Tensor) -> Tensor:
    """Each image looked up where `geometry` says, four points a pixel; the rest as it is."""
    side = x.shape[3]
    axis = (torch.arange(2 * side, device=x.device) + 0.5) / side - 1
    points = torch.cartesian_prod(axis, axis).flip(1)  # rows of (x, y)
    at = points @ place[:, :, :2].mT + place[:, None, :, 2]  # [N, 4 H W, 2], in [-1, 1]
    seen = avg_pool2d(_looked_up(x, (at + 1) * side / 2 - 0.5).unflatten(2, (2 * side, -1)), 2)
    still = (place == torch.eye(2, 3, device=x.device)).all(2).all(1)
    return torch.where(still[:, None, None, None], x, seen)


def colours(x: Tensor, p: float | Tensor) -> Tensor:
    """What becomes of each colour: matrices [N, 3, 4] from (red, green, blue, 1) to the new."""

    def drawn(change: Draw, rest: float) -> Tensor:
        return torch.where(taken(x, p), change(x), rest)[:, 0]  # [N, 1, 1]

    eye = torch.eye(3, device=x.device)
    grey = torch.full((3, 3), 1 / 3, device=x.device)  # v v^T, v the axis of grey
    bright = drawn(lambda x: SPREAD * gaussian(x), 0.0).expand(-1, 3, 1)
    matrix = torch.cat([eye.expand(len(x), 3, 3), bright], 2)
    matrix = drawn(lambda x: 2 ** (0.5 * gaussian(x)), 1.0) * matrix
    flipped = drawn(lambda x: (fraction(x) * 2).floor(), 0.0)
    matrix = (eye - 2 * grey * flipped) @ matrix
    matrix = _hue(drawn(lambda x: pi * (2 * fraction(x) - 1), 0.0)) @ matrix
    saturation = drawn(lambda x: 2 ** gaussian(x), 1.0)
    return (grey + (eye - grey) * saturation) @ matrix


def recoloured(x: Tensor, matrix: Tensor) -> Tensor:
    """Images in the colours that `colours` says; what is grey stays grey."""
    still = (matrix == torch.eye(3, 4, device=x.device)).all(2).all(1)
    if x.shape[1] == 1:
        row = matrix.mean(1).to(x.dtype)
        new = x * row[:, :3].sum(1)[:, None, None, None] + row[:, 3, None, None, None]
    else:
        matrix = matrix.to(x.dtype)
        new = torch.einsum("nij,njhw->nihw", matrix[:, :, :3], x)
        new = new + matrix[:, :, 3, None, None]
    return torch.where(still[:, None, None, None], x, new)


def _looked_up(x: Tensor, at: Tensor) -> Tensor:
    """Values [N, C, P] at places [N, P, 2] between pixels, in pixels from the first, bilinear."""
    side = x.shape[3]
    inside = (at + 0.5) % (2 * side)  # mirrored at the border, again and again
    inside = torch.minimum(inside, 2 * side - inside) - 0.5
    low = inside.floor()
    share = (inside - low).to(x.dtype)
    near, far = (i.long().clamp(0, side - 1) for i in (low, low + 1))
    flat = x.flatten(2)

    def pixel(column: Tensor, row: Tensor) -> Tensor:
        return flat.gather(2, (row * side + column)[:, None].expand(-1, x.shape[1], -1))

    across, down = share[:, None, :, 0], share[:, None, :, 1]
    (left, top), (right, bottom) = near.unbind(2), far.unbind(2)
    above = torch.lerp(pixel(left, top), pixel(right, top), across)
    below = torch.lerp(pixel(left, bottom), pixel(right, bottom), across)
    return torch.lerp(above, below, down)


def _whole_shift(x: Tensor, side: int) -> Tensor:
    """U(-1, 1) of `SHIFT`, in whole pixels; the side is 2 long."""
    return (SHIFT * (2 * fraction(x) - 1) * side).round() * 2 / side


def _scale(across: Tensor, down: Tensor) -> Tensor:
    zero, one = torch.zeros_like(across), torch.ones_like(across)
    return _matrix((1 / across, zero, zero), (zero, 1 / down, zero), (zero, zero, one))


def _turn(angle: Tensor) -> Tensor:
    zero, one, c, s = torch.zeros_like(angle), torch.ones_like(angle), angle.cos(), angle.sin()
    return _matrix((c, -s, zero), (s, c, zero), (zero, zero, one))


def _shift(across: Tensor, down: Tensor) -> Tensor:
    zero, one = torch.zeros_like(across), torch.ones_like(across)
    return _matrix((one, zero, -across), (zero, one, -down), (zero, zero, one))


def _matrix(*rows: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([torch.stack(row, 1) for row in rows], 1)


def _hue(angle: Tensor) -> Tensor:
    """Turns [N, 1, 1] about the axis of grey, by Rodrigues' formula: [N, 3, 3]."""
    eye = torch.eye(3, device=angle.device)
    grey = torch.full_like(eye, 1 / 3)
    across = (eye.roll(1, 0) - eye.roll(-1, 0)) / 3**0.5  # x -> (1, 1, 1) x x, of length 1
    return grey + (eye - grey) * angle.cos() + across * angle.sin()
