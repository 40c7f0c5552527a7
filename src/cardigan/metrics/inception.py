"""The Inception network of FID: the graph of 2015-12-05, with 1,008 outputs, in eval mode only.

Szegedy et al. 2016, arXiv:1512.00567, as TensorFlow's graph of that day has it, and as the Fréchet
Inception distance was defined through it (Heusel et al. 2017, arXiv:1706.08500). It is another
network than torchvision's Inception v3: averages leave the padding out of their count, the last
block takes a maximum where the others average, and there are 1,008 outputs.

Layers are called as in the published weights, `weights-inception-2015-12-05-6726825d.pth`.
"""

from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import UserError, printable
from .features import colour

SIDE, OUTPUTS = 299, 1008
BLOCK = 3  # parts of a layer's published name, after that of its block: layer, conv or bn, tensor
UNUSED = {"fc.bias": None}  # the score is taken without it
UNKEPT = "num_batches_tracked"  # which old files lack, and eval mode never reads

Size = int | tuple[int, int]


class Convolution(nn.Module):
    """A convolution, normalised by the averages of training, and rectified."""

    def __init__(
        self, inside: int, outside: int, size: Size, stride: int = 1, padding: Size = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outside, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inside, H, W] to [N, outside, H', W']."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Side(nn.Module):
    """Branches that look at the same input; what they give is laid side by side."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, sum of the branches' channels, H', W']."""
        return torch.cat([branch(x) for branch in self.branches], 1)


class Inception(nn.Module):
    """23,849,952 weights from images [N, 3, 299, 299] in [-1, 1) to what FID and its kin need."""

    def __init__(self) -> None:
        super().__init__()
        self.body = _chain(
            Conv2d_1a_3x3=Convolution(3, 32, 3, 2),
            Conv2d_2a_3x3=Convolution(32, 32, 3),
            Conv2d_2b_3x3=_same(32, 64, 3),
            MaxPool_1=_shrink(),
            Conv2d_3b_1x1=_same(64, 80, 1),
            Conv2d_4a_3x3=Convolution(80, 192, 3),
            MaxPool_2=_shrink(),
            Mixed_5b=_a(192, 32),
            Mixed_5c=_a(256, 64),
            Mixed_5d=_a(288, 64),
            Mixed_6a=_b(288),
            Mixed_6b=_c(128),
            Mixed_6c=_c(160),
            Mixed_6d=_c(160),
            Mixed_6e=_c(192),
            Mixed_7a=_d(768),
            Mixed_7b=_e(1280, _average()),
            Mixed_7c=_e(2048, nn.MaxPool2d(3, 1, 1)),
        )
        self.fc = nn.Linear(2048, OUTPUTS, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features [N, 2048], the last average, and logits [N, 1008] without their bias."""
        features = self.body(images).mean((2, 3))
        return features, self.fc(features)


def with_weights(published: Mapping[str, Tensor]) -> Inception:
    """The network, with weights under their published names.

    Raises:
        UserError: They are not the weights of this network.
    """
    with torch.device("meta"):
        net = Inception()
    wanted = {_published(name): value for name, value in net.state_dict().items()}
    counts = {name: torch.tensor(0) for name in wanted if UNKEPT in name}
    given = {name: value for name, value in published.items() if name not in counts | UNUSED}
    _fit({name: value for name, value in wanted.items() if name not in counts}, given)
    given |= counts
    net.load_state_dict({n: given[_published(n)] for n in net.state_dict()}, assign=True)
    return net.eval()


def published(net: Inception) -> dict[str, Tensor]:
    """The weights of a network under their published names."""
    return {_published(name): value for name, value in net.state_dict().items()}


def prepared(images: Tensor) -> Tensor:
    """Bytes [N, 1 or 3, H, W] to [N, 3, 299, 299] in [-1, 1), to the bit as TensorFlow 1 does."""
    return (stretched(colour(images).float(), SIDE) - 128) / 128


def stretched(images: Tensor, size: int) -> Tensor:
    """Float [N, C, H, W] to a square, bilinear as in TensorFlow 1: corner to corner, no filter.

    Pixel i of the new image lies at i * old / new of the old one: neither corners nor centres of
    pixels are aligned, and what lies beyond the last pixel is the last pixel.
    """
    return _stretched(_stretched(images, size, 3), size, 2)


def _stretched(images: Tensor, size: int, axis: int) -> Tensor:
    length = images.shape[axis]
    place = torch.arange(size, device=images.device) * torch.tensor(length / size)
    low = place.long()
    share = (place - low).view(-1, *[1] * (3 - axis))
    first = images.index_select(axis, low)
    second = images.index_select(axis, (low + 1).clamp(max=length - 1))
    return first + (second - first) * share


def _published(name: str) -> str:
    """Of a tensor: its block and its layer, whatever lies between; `body` is our own."""
    block, *rest = name.removeprefix("body.").split(".")
    return ".".join([block, *rest[-BLOCK:]])


def _fit(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    missing, more = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    if missing or more:
        raise UserError(
            f"expected the {len(wanted)} tensors of the Inception network of 2015-12-05, got "
            f"{len(given)} ({len(missing)} missing{_such_as(missing)}; {len(more)} that it has "
            f"not{_such_as(more)}): take weights-inception-2015-12-05-6726825d.pth"
        )
    for name, value in wanted.items():
        came = given[name]
        if (value.shape, value.dtype) != (came.shape, came.dtype):
            raise UserError(
                f"expected {name} to be {value.dtype} {list(value.shape)}, got {came.dtype} "
                f"{list(came.shape)}: the Inception network of 2015-12-05 is no other's"
            )


def _such_as(names: list[str]) -> str:
    return f", such as {printable(names[0])}" if names else ""


# --------------------------------------------------------------------------- the blocks, A to E


def _a(inside: int, pooled: int) -> Side:
    return Side(
        _chain(branch1x1=_same(inside, 64, 1)),
        _chain(branch5x5_1=_same(inside, 48, 1), branch5x5_2=_same(48, 64, 5)),
        _chain(
            branch3x3dbl_1=_same(inside, 64, 1),
            branch3x3dbl_2=_same(64, 96, 3),
            branch3x3dbl_3=_same(96, 96, 3),
        ),
        _chain(pool=_average(), branch_pool=_same(inside, pooled, 1)),
    )


def _b(inside: int) -> Side:
    return Side(
        _chain(branch3x3=Convolution(inside, 384, 3, 2)),
        _chain(
            branch3x3dbl_1=_same(inside, 64, 1),
            branch3x3dbl_2=_same(64, 96, 3),
            branch3x3dbl_3=Convolution(96, 96, 3, 2),
        ),
        _shrink(),
    )


def _c(width: int) -> Side:
    return Side(
        _chain(branch1x1=_same(768, 192, 1)),
        _chain(
            branch7x7_1=_same(768, width, 1),
            branch7x7_2=_same(width, width, (1, 7)),
            branch7x7_3=_same(width, 192, (7, 1)),
        ),
        _chain(
            branch7x7dbl_1=_same(768, width, 1),
            branch7x7dbl_2=_same(width, width, (7, 1)),
            branch7x7dbl_3=_same(width, width, (1, 7)),
            branch7x7dbl_4=_same(width, width, (7, 1)),
            branch7x7dbl_5=_same(width, 192, (1, 7)),
        ),
        _chain(pool=_average(), branch_pool=_same(768, 192, 1)),
    )


def _d(inside: int) -> Side:
    return Side(
        _chain(branch3x3_1=_same(inside, 192, 1), branch3x3_2=Convolution(192, 320, 3, 2)),
        _chain(
            branch7x7x3_1=_same(inside, 192, 1),
            branch7x7x3_2=_same(192, 192, (1, 7)),
            branch7x7x3_3=_same(192, 192, (7, 1)),
            branch7x7x3_4=Convolution(192, 192, 3, 2),
        ),
        _shrink(),
    )


def _e(inside: int, pool: nn.Module) -> Side:
    return Side(
        _chain(branch1x1=_same(inside, 320, 1)),
        _chain(
            branch3x3_1=_same(inside, 384, 1),
            ends=Side(
                _chain(branch3x3_2a=_same(384, 384, (1, 3))),
                _chain(branch3x3_2b=_same(384, 384, (3, 1))),
            ),
        ),
        _chain(
            branch3x3dbl_1=_same(inside, 448, 1),
            branch3x3dbl_2=_same(448, 384, 3),
            ends=Side(
                _chain(branch3x3dbl_3a=_same(384, 384, (1, 3))),
                _chain(branch3x3dbl_3b=_same(384, 384, (3, 1))),
            ),
        ),
        _chain(pool=pool, branch_pool=_same(inside, 192, 1)),
    )


def _chain(**layers: nn.Module) -> nn.Sequential:
    """One after the other, under the names by which their weights are published."""
    return nn.Sequential(OrderedDict(layers))


def _same(inside: int, outside: int, size: Size) -> Convolution:
    """Padded, so that height and width stay."""
    height, width = (size, size) if isinstance(size, int) else size
    return Convolution(inside, outside, size, padding=(height // 2, width // 2))


def _shrink() -> nn.Module:
    return nn.MaxPool2d(3, 2)


def _average() -> nn.Module:
    return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
