"""What half of the labels does to a GAN's pictures, and what a GAN does to overfitting."""

import math
from pathlib import Path

from . import few
from .frame import CONFIRMED, REFUTED, UNDECIDED, Claim, Rows, Verdict, by, interval, means
from .models import score

HALF, ALL = 5_000, 0  # of the 10,000 images; 0 tells the labels of all
SGANS, PLAIN = ("sgan", "sgan-two-heads"), "plain GAN"
DEAF = 1e5
"""Of real against fake, beside labels: to the network below the heads they are as good as mute."""
CLASSIFIERS = {"classifier, half": HALF, "classifier, all": ALL}
OVERFITS = "classifier, all"


def measure(seed: int, folder: Path) -> Rows:
    work = folder.parent
    gans = {name: few.learnt(name, HALF, seed, work) for name in SGANS}
    gans[PLAIN] = few.learnt("sgan-two-heads", HALF, seed, work, weight=DEAF)
    rows = [
        {
            "model": name,
            **score(game, seed),
            **(few.gap(game, HALF, seed) if name in SGANS else {}),
        }
        for name, game in gans.items()
    ]
    return rows + [
        {"model": name, **few.gap(few.learnt("classifier", labels, seed, work), labels, seed)}
        for name, labels in CLASSIFIERS.items()
    ]


def differences(rows: Rows, key: str, beside: str, of=float) -> dict[str, list[float]]:  # noqa: ANN001
    """Of each SGAN, by seed: a figure, through a function, less that of another model."""
    found = by([r for r in rows if key in r], "model", key)
    return {
        name: [of(a) - of(b) for a, b in zip(found[name], found[beside], strict=True)]
        for name in SGANS
    }


def judge(rows: Rows) -> Verdict:
    parts = (
        differences(rows, "frechet", PLAIN, math.log),
        differences(rows, "gap", OVERFITS),
    )
    spans = [[interval(values) for values in part.values()] for part in parts]
    words = (
        CONFIRMED
        if all(high < 0 for part in spans for _, _, high in part)
        else REFUTED
        if any(all(low > 0 for _, low, _ in part) for part in spans)
        else UNDECIDED
    )
    ratios = [tuple(map(math.exp, span)) for span in spans[0]]
    points = [tuple(100 * v for v in span) for span in spans[1]]
    pictures = _told(ratios, "{:.2f} ({:.2f} to {:.2f})")
    overfitting = _told(points, "{:+.1f} points ({:+.1f} to {:+.1f})")
    return Verdict(
        words,
        f"the Fréchet distance over the plain GAN's is {pictures}; the gap from training to "
        f"held-out accuracy less that of the classifier with all labels is {overfitting}; 95 % "
        f"intervals over {len(parts[0][SGANS[0]])} seeds",
    )


def _told(spans: list[tuple], form: str) -> str:
    return ", ".join(f"{form.format(*s)} for {n}" for n, s in zip(SGANS, spans, strict=True))


def table(rows: Rows) -> list[list[str]]:
    drawn = means([r for r in rows if "frechet" in r], "model", ("frechet", "floors"))
    classified = means([r for r in rows if "gap" in r], "model", ("on train", "on test", "gap"))
    pictures, classes = ({line[0]: line[1:] for line in part} for part in (drawn, classified))
    names = dict.fromkeys([*pictures, *classes])
    return [[n, *pictures.get(n, ["", ""]), *classes.get(n, ["", "", ""])] for n in names]


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    """A panel for each half of the claim."""
    gaps = by([r for r in rows if "gap" in r], "model", "gap")
    panels = {
        "Fréchet distance from reals": by([r for r in rows if "frechet" in r], "model", "frechet"),
        "training less held-out accuracy, points": {
            name: [100 * v for v in values] for name, values in gaps.items()
        },
    }
    few.panels(axes, panels)


CLAIM = Claim(
    says="SGAN's samples beat a plain GAN's, and leaving half unlabelled prevents overfitting.",
    how=f"`sgan` and `sgan-two-heads` see {few.IMAGES:,} images of Fashion-MNIST (10,000) beside "
    f"as many draws of the {HALF:,} that have labels. The plain GAN is `sgan-two-heads` in which "
    f"labels weigh {1 / DEAF:g} of real against fake: the same networks, noise, rates, images and "
    "first weights, and no player hears of classes. Fréchet distance of 2,000 samples from 2,000 "
    "reals. Overfitting is the accuracy on those training images that had labels less that on "
    "2,000 held-out ones: of SGAN with half of the labels, beside the classifier of the same "
    "network with all of them, which leaves none unlabelled; the classifier with the same "
    "half stands in the table.",
    rule="By seed, the logarithm of the ratio of Fréchet distances, and the difference of gaps, "
    "both for each form of SGAN. Confirmed if the intervals of all four lie below 0; refuted if, "
    "of distances or of gaps, those of both forms lie above 0.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
    remark="Measured when SGAN had common statistics in the discriminator, today's `--statistics "
    "together`. With each batch's own, as they stand, both forms lie much nearer; the claim has "
    "not been put to the test with these.",
)
