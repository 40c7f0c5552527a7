"""Noise on the discriminator's inputs, and a price on its weights."""

from dataclasses import replace

from cardigan.recipes.options import Restraints

from .frame import Claim, Rows, Verdict, every, told
from .points import LEGEND, PLAIN, STEPS, drawn, gained, measured, tabled

NOISE, DECAY = 0.2, 1e-4
CASES = {
    "neither": PLAIN,
    "noise": replace(PLAIN, discriminator=Restraints(noise=NOISE, noise_images=STEPS * 256)),
    "decay": replace(PLAIN, discriminator=Restraints(decay=DECAY)),
    "both": replace(
        PLAIN, discriminator=Restraints(noise=NOISE, noise_images=STEPS * 256, decay=DECAY)
    ),
}


def judge(rows: Rows) -> Verdict:
    parts = {
        case: (
            gained(rows, case, "neither", "found"),
            gained(rows, "neither", case, "restless"),
        )
        for case in ("noise", "decay")
    }
    words = every((part, 0.0) for pair in parts.values() for part in pair)
    lines = [
        f"with {case} the share of modes found rises by {told(found)} and restlessness falls by "
        f"{told(calm)}"
        for case, (found, calm) in parts.items()
    ]
    return Verdict(words, "; ".join(lines))


CLAIM = Claim(
    says="Noise on the discriminator's inputs, and a price on its weights, help convergence.",
    how=f"ring8 and grid25, the non-saturating game, tanh networks of width 128, {STEPS:,} steps "
    "on 256 points; generator at 1e-3, discriminator at 1e-4, at which the plain game circles. "
    f"Noise of deviation {NOISE} on reals and fakes, in both players' moves, falls to nothing "
    "over the game; the "
    f"price is {DECAY:g} times the sum of squared weights. " + LEGEND,
    rule="By seed, a mean over both sets, for noise and for decay, each alone: what is gained in "
    "modes found, and in restlessness. Confirmed if all four intervals lie above 0; refuted if "
    "one lies below.",
    seeds=(0, 1, 2, 3, 4),
    measure=measured(CASES),
    judge=judge,
    table=tabled,
    draw=drawn,
)  # fmt: skip
