"""What InfoGAN's codes find out, without a label, about clothes and about avatars."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from cardigan.data import catalogue
from cardigan.data.stream import as_bytes, as_floats
from cardigan.games import InfoGAN
from cardigan.metrics.matching import matched_accuracy
from cardigan.randomness import generator
from cardigan.recipes import RECIPES

from .frame import Claim, Rows, Verdict, by, every, interval, panels, show, stored, told
from .models import trained

IMAGES = {"fashion-mnist-mini": 150_000, "avatars": 100_000}
CLOTHES, AVATARS = IMAGES
N, SIZE, BINS, PERMUTED, ALONG = 2000, 28, 10, 50, 3
ASKED = ("glasses", "hair")
ACCURACY, NATS, SHARE = 0.6, 1.8, 0.1


def measure(seed: int, folder: Path) -> Rows:
    rows = []
    for data, images in IMAGES.items():
        recipe = replace(RECIPES["infogan"], data=data)
        game = trained("infogan", seed, folder.parent, images, recipe)
        assert isinstance(game, InfoGAN)
        row = {"data": data, **readable(game, seed), "samples": traversal(game, seed)}
        test = catalogue.load(data, "test", SIZE)
        codes = codes_of(game, test.images)
        if data == CLOTHES:
            assert test.labels is not None
            row["accuracy"] = matched_accuracy(codes[0], test.labels).accuracy
        rows.append(row)
        rows += [
            {"data": data, "attribute": name, **shares(codes, values, seed)}
            for name, (values, _) in test.attributes.items()
        ]
    return rows


@torch.no_grad()
def readable(game: InfoGAN, seed: int) -> dict[str, float]:
    """How well Q reads the codes of fresh samples: L_I in nats, and the numbers' share."""
    z = game.latents(N, seed)
    outputs = torch.cat([tell(game, part) for part in game.decode(z).split(250)])
    return {k: v.item() for k, v in game.codes.log(game.codes.surprise(outputs, z)).items()}


def tell(game: InfoGAN, images: Tensor) -> Tensor:
    """What Q says of images [N, C, H, W]: a logit a category, and the numbers."""
    return game.players["discriminator"].eval_net(images, None)[1].float()


@torch.no_grad()
def codes_of(game: InfoGAN, images: Tensor) -> list[Tensor]:
    """Each code of each image, int64 [N]: the likeliest category; numbers by their tenths."""
    outputs = torch.cat([tell(game, as_floats(part)) for part in images.split(250)])
    logits, numbers = outputs.split([game.codes.categories, game.codes.numbers], 1)
    ranks = numbers.argsort(0).argsort(0)
    return [logits.argmax(1), *(ranks * BINS // len(ranks)).unbind(1)]


def traversal(game: InfoGAN, seed: int) -> str:
    """Rows along which one code changes: some for the category, as many for each number."""
    images = as_bytes(game.traversal(ALONG, seed))
    return stored(images.flatten(0, 1), images.shape[1])


def shares(codes: list[Tensor], values: Tensor, seed: int) -> dict[str, float]:
    """The share of an attribute's entropy that the best of the codes tells, and by chance."""
    draw, entropy = generator(seed, 3), information(values, values)

    def best(truth: Tensor) -> float:
        return max(information(code, truth) for code in codes) / entropy

    orders = (torch.randperm(len(values), generator=draw) for _ in range(PERMUTED))
    permuted = sum(best(values[order]) for order in orders) / PERMUTED
    return {"share": best(values), "permuted": permuted}


# I(a; b) = sum p(a, b) log(p(a, b) / (p(a) p(b)))
def information(one: Tensor, other: Tensor) -> float:
    """The mutual information of two columns of numbers from 0 on, as counted, in nats."""
    columns = int(other.max()) + 1
    counts = torch.bincount(one * columns + other, minlength=(int(one.max()) + 1) * columns)
    joint = counts.view(-1, columns).double() / len(one)
    apart = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return (joint * (joint / apart.clamp(min=1e-300)).clamp(min=1e-300).log()).sum().item()


def parts(rows: Rows) -> Mapping[str, list[float]]:
    """By seed, how far each figure lies above its bound."""
    clothes = [r for r in rows if "accuracy" in r]
    named = {
        "accuracy": [r["accuracy"] - ACCURACY for r in clothes],
        "nats": [r["information"] - NATS for r in clothes],
    }
    return named | {name: [v - SHARE for v in found(rows, name)] for name in ASKED}


def found(rows: Rows, attribute: str) -> list[float]:
    """By seed, the share of an attribute that a code tells, above chance."""
    return [r["share"] - r["permuted"] for r in rows if r.get("attribute") == attribute]


def judge(rows: Rows) -> Verdict:
    clothes = [r for r in rows if "accuracy" in r]
    accuracy, nats = ([r[key] for r in clothes] for key in ("accuracy", "information"))
    shown = ", ".join(f"{name} {told(found(rows, name))}" for name in ASKED)
    return Verdict(
        every((part, 0.0) for part in parts(rows).values()),
        f"on clothes the matched accuracy is {told(accuracy)}, where {ACCURACY} was asked, its "
        f"median {sorted(accuracy)[len(accuracy) // 2]:.3f}, and L_I {told(nats)} nats of 2.30, "
        f"where {NATS} was asked; on avatars the share of an attribute that the best code tells, "
        f"above chance, is {shown}, where {SHARE} was asked; with 95 % intervals over seeds",
    )


def table(rows: Rows) -> list[list[str]]:
    heading = ["data", "figure", "mean", "95 % interval", "by chance"]
    lines = []
    for data in IMAGES:
        own = [r for r in rows if r["data"] == data]
        named = {
            "matched accuracy": [r["accuracy"] for r in own if "accuracy" in r],
            "L_I, nats": [r["information"] for r in own if "information" in r],
            "numbers explained": [r["explained"] for r in own if "explained" in r],
            **{
                f"share of {name}": v
                for name, v in by([r for r in own if "share" in r], "attribute", "share").items()
            },  # noqa: E501  # fmt: skip
        }
        chance = by([r for r in own if "share" in r], "attribute", "permuted")
        for name, values in named.items():
            if values:
                middle, low, high = interval(values)
                by_chance = chance.get(name.removeprefix("share of "))
                told_of = f"{sum(by_chance) / len(by_chance):.3g}" if by_chance else ""
                lines.append([data, name, f"{middle:.3g}", f"{low:.3g} to {high:.3g}", told_of])
    return [heading, *lines]


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    axes, clothes, avatars = panels(axes, 0.62, 0.62)
    own = [r for r in rows if "share" in r]
    shares_of, chances = (by(own, "attribute", key) for key in ("share", "permuted"))
    for place, (name, values) in enumerate(shares_of.items()):
        middle, low, high = interval(values)
        label = None if place else "the best code; mean, 95 % interval and seeds"
        axes.barh(place, middle, color="C0" if name in ASKED else "C7", alpha=0.6, label=label)
        axes.errorbar(middle, place, xerr=[[middle - low], [high - middle]], color="k", capsize=4)
        axes.plot(values, [place] * len(values), "k.", markersize=4)
        chance = sum(chances[name]) / len(chances[name])
        axes.plot([chance] * 2, [place - 0.4, place + 0.4], "C3", label=None if place else "permuted")  # noqa: E501  # fmt: skip
    axes.axvline(SHARE, color="k", linestyle=":", label="asked of the blue ones, above permuted")
    axes.set_yticks(range(len(shares_of)), [name.replace("_", " ") for name in shares_of])
    axes.invert_yaxis()
    axes.set_title("Avatars: what codes tell of attributes", fontsize=10)
    axes.set_xlabel("share of the attribute's entropy")
    axes.legend(frameon=False, fontsize=8)
    named = interval([r["accuracy"] for r in rows if "accuracy" in r])
    titles = {CLOTHES: "clothes (matched accuracy {:.2f}, {:.2f} to {:.2f})".format(*named)}
    for panel, data in ((clothes, CLOTHES), (avatars, AVATARS)):
        first = next(r for r in rows if r["data"] == data and "samples" in r)
        show(panel, first["samples"], f"{titles.get(data, data)}, seed {first['seed']}")
        for block, name in enumerate(("category", "first number", "second number")):
            middle = (block + 0.5) * ALONG * (SIZE + 1)
            panel.text(-4, middle, name, rotation=90, ha="right", va="center", fontsize=8)


CLAIM = Claim(
    says="InfoGAN's codes find classes and style, hair and glasses, without labels.",
    how=f"`infogan` after {IMAGES[CLOTHES]:,} images of Fashion-MNIST: the matched accuracy of "
    f"the category that Q tells of {N:,} held-out images, and L_I, the bound on the information "
    f"that {N:,} samples give away of their category. And after {IMAGES[AVATARS]:,} avatars of "
    f"{SIZE} pixels: of each attribute of {N:,} held-out ones, the share of its entropy that the "
    f"best of the three codes tells (numbers by their {BINS} quantiles), beside the mean of "
    f"{PERMUTED} permutations of the attribute. The recipe was made with seeds 0 to 4 at hand, so "
    "others are taken. In the pictures one code changes along each row, and nothing else.",
    rule=f"Four figures, by seed: the matched accuracy, to lie above {ACCURACY}; L_I, above "
    f"{NATS} of 2.30 nats; and the share of {' and of '.join(ASKED)} less its permuted one, above "
    f"{SHARE} each. Confirmed if all four intervals lie above; refuted if one lies below.",
    seeds=(5, 6, 7, 8, 9),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
    remark="On avatars the category carries all of it: of the two numbers Q reads hardly "
    "anything (0.01 of their variance), and a mouth is found by no code. What the codes tell "
    "most surely, at every seed, is whether there is a hat, which the claim does not name.",
)
