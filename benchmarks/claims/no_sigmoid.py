"""What float32 makes of the same losses on logits, and behind a sigmoid."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from cardigan.losses import MINIMAX, NON_SATURATING
from cardigan.randomness import generator

from .frame import Claim, Rows, Verdict, above, by, means

N = 20_000
SCALES = (1, 5, 10, 20, 40, 80)
WRONG = 0.01
SCALE, BOUND = 20, 0.05

# A loss of logits, written twice: as -log of a probability, and as the library has it.
Loss = Callable[[Tensor], Tensor]
LOSSES: dict[str, tuple[Loss, Loss]] = {
    "reals, -log D": (
        lambda c: -c.sigmoid().log(),
        lambda c: MINIMAX.discriminator(c, torch.full_like(c, -torch.inf)),
    ),
    "fakes, -log(1 - D)": (
        lambda c: -(1 - c.sigmoid()).log(),
        lambda c: MINIMAX.discriminator(torch.full_like(c, torch.inf), c),
    ),
    "generator, log(1 - D)": (
        lambda c: (1 - c.sigmoid()).log(),
        lambda c: MINIMAX.generator(c, c),
    ),
    "generator, -log D": (
        lambda c: -c.sigmoid().log(),
        lambda c: NON_SATURATING.generator(c, c),
    ),
}


def measure(seed: int, folder: Path) -> Rows:
    draw = torch.randn(N, generator=generator(seed), dtype=torch.float64)
    return [
        {"loss": name, "deviation": scale, **_shares(scale * draw, behind, on)}
        for name, (behind, on) in LOSSES.items()
        for scale in SCALES
    ]


def _shares(logits: Tensor, behind: Loss, on: Loss) -> dict[str, float]:
    """The share of logits at which value or slope are off, in two precisions."""
    truth = _judged(on, logits)  # softplus in float64
    return {
        f"{where} in {str(kind).removeprefix('torch.')}": _wrong(
            _judged(loss, logits.to(kind)), truth
        )
        for kind in (torch.float32, torch.bfloat16)
        for where, loss in (("behind a sigmoid", behind), ("on logits", on))
    }


def _judged(loss: Loss, logits: Tensor) -> Tensor:
    """Values and slopes: float64 [2, N]."""
    logits = logits.clone().requires_grad_()
    value = loss(logits)
    (slope,) = torch.autograd.grad(value.sum(), logits)
    return torch.stack([value.detach().double(), slope.double()])


def _wrong(found: Tensor, truth: Tensor) -> float:
    """Off by more than a hundredth of the truth, where that is not next to nothing anyway."""
    off = (found - truth).abs() > WRONG * truth.abs().clamp_min(WRONG)
    return (off | ~found.isfinite()).any(0).double().mean().item()


def judge(rows: Rows) -> Verdict:
    far = [r for r in rows if r["deviation"] == SCALE]
    more = [
        {"seed": r["seed"], "more": r["behind a sigmoid in float32"] - r["on logits in float32"]}
        for r in far
    ]
    shares = [sum(v) / len(v) for v in by(more, "seed", "more").values()]
    return above(
        shares, BOUND,
        f"where logits have a deviation of {SCALE}, the share at which float32 is off behind a "
        "sigmoid less that on logits, as a mean over losses,",
    )  # fmt: skip


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    for name in LOSSES:
        chosen = [r for r in rows if r["loss"] == name]
        line = by(chosen, "deviation", "behind a sigmoid in float32")
        axes.plot(list(line), [sum(v) / len(v) for v in line.values()], "o-", label=name)
    flat = by(rows, "deviation", "on logits in float32")
    axes.plot(list(flat), [max(v) for v in flat.values()], "k--", label="all, on logits")
    axes.set(xlabel="standard deviation of logits", ylabel="share that is off, float32")
    axes.set_ylim(-0.02, 1)
    axes.legend(frameon=False)


CLAIM = Claim(
    says="Losses work on logits, and not behind a sigmoid.",
    how=f"{N:,} logits from N(0, s^2). Values and slopes of -log D and log(1 - D), D = "
    "sigmoid(C), once as they are written, through the sigmoid and the logarithm, and once as "
    "softplus of the logit; against softplus in float64. A logit counts as off if value or slope "
    f"is not finite, or differs by more than {WRONG:.0%} of the truth, or of {WRONG:g} where that "
    "is less. In bfloat16 the number itself is rounded to three digits, so that all are off "
    "somewhere.",
    rule=f"By seed, at s = {SCALE}, in float32: the share that is off behind a sigmoid less that "
    f"on logits, a mean over the four losses. Confirmed if the interval lies above {BOUND}; "
    "refuted if below.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=lambda rows: means(
        [{**r, "case": f"{r['loss']}, s = {r['deviation']}"} for r in rows],
        "case",
        [key for key in rows[0] if " in " in key],
    ),
    draw=draw,
)  # fmt: skip
