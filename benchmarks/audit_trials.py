"""Is a planted imbalance found, and is a balanced generator left alone?

    python benchmarks/audit_trials.py [--trials 20] [-n 5000] [--size 32]

Prints the tables of docs/fairness.md. A generator is avatars of other seeds than the data's, half
of them with glasses, or 55 in 100; the classifier of the attribute is the audit's own, and once
more with errors planted in what it says, of reals and samples alike.
"""

import argparse
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from cardigan.data import avatars, catalogue
from cardigan.metrics import fairness
from cardigan.metrics.attributes import Classifier, learn
from cardigan.metrics.audit import audit, question
from cardigan.progress import track
from cardigan.randomness import generator

ALPHA, PLANTED = 0.001, (0.45, 0.55)  # without and with glasses
ERRORS = torch.tensor([[0.98, 0.02], [0.15, 0.85]])  # planted: 15 in 100 glasses are overlooked
LIMITS = (6.6349, 10.8276)  # of chi^2 with one degree of freedom, at 0.01 and 0.001
FIRST = 1_000  # seed of the first trial


def pictures(faces: list[avatars.Face], size: int) -> Tensor:
    return torch.from_numpy(np.stack([avatars.picture(face, size) for face in faces]))


def generators(seed: int, n: int, size: int) -> dict[str, Tensor]:
    """Both are drawn independently of the data; they share the faces that chances leave alone."""
    fair, unfair = avatars.faces(n, seed), avatars.faces(n, seed, {"glasses": PLANTED})
    changed = [i for i in range(n) if fair[i] != unfair[i]]
    balanced = pictures(fair, size)
    planted = balanced.clone()
    planted[changed] = pictures([unfair[i] for i in changed], size)
    return {"balanced": balanced, "planted": planted}


def careless(classifier: Classifier) -> Classifier:
    draw = generator(7)

    def judge(images: Tensor) -> Tensor:
        said = classifier(images).argmax(1)
        return torch.eye(2).double()[torch.multinomial(ERRORS[said], 1, generator=draw)[:, 0]]

    return judge


def plain(found: dict) -> float:
    """The p-value of chi-square over what the classifier saw, as if it never erred."""
    seen = torch.tensor([row["uncorrected"] for row in found["values"].values()])
    law = torch.tensor([row["reals"] for row in found["values"].values()])
    statistic = found["samples"] * ((seen - law) ** 2 / law).sum().item()
    return fairness.chi_square_tail(statistic, len(law) - 1)


def false_alarms(errs: Tensor, n: int, held_out: int, reals: int, times: int = 200_000) -> str:
    """How often a fair generator is accused, of audits whose counts are drawn from their law."""
    draw, law = np.random.default_rng(0), np.array([0.5, 0.5])
    counts = draw.multinomial(n, law @ errs.numpy(), times)
    rows = [draw.multinomial(held_out // 2, e, times) for e in errs.numpy()]
    laws = draw.multinomial(reals, law, times) / reals
    drawn = (torch.from_numpy(part).double() for part in (counts, np.stack(rows, 1), laws))
    found = fairness.wald(*drawn, reals)
    return " | ".join(f"{(found > limit).double().mean():.5f}" for limit in LIMITS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("-n", type=int, default=5000)
    parser.add_argument("--size", type=int, default=32)
    given = parser.parse_args()
    train, test = (catalogue.load("avatars", split, given.size) for split in ("train", "test"))
    asked = question(train, test, "glasses")
    own = lru_cache(maxsize=4)(learn(asked.train.images, asked.train.values, 2))
    judges = {"its own": own, "errors planted": careless(own)}
    rows = [(j, u, g) for j in judges for u in (False, True) for g in ("balanced", "planted")]
    results: dict = {row: [] for row in rows}
    for trial in track(range(given.trials), "trials"):
        drawn = generators(FIRST + trial, given.n, given.size)
        for judge, uniform, kind in rows:
            options = {"uniform": uniform, "classifier": judges[judge]}
            results[judge, uniform, kind].append(audit(drawn[kind], asked, alpha=ALPHA, **options))
    print("| classifier | against | generator | accused | as if it never erred | p-values |")
    print("|---|---|---|---|---|---|")
    for (judge, uniform, kind), found in results.items():
        ps = [f["p_value"] for f in found]
        accused = sum(f["accused"] for f in found)
        naive = sum(plain(f) < ALPHA for f in found)
        cells = (judge, {True: "50:50", False: "reals"}[uniform], kind, f"{accused} of {len(ps)}",
                 f"{naive} of {len(ps)}", f"{min(ps):.2g} to {max(ps):.2g}")  # fmt: skip
        print(f"| {' | '.join(cells)} |")
    for judge, found in ((j, results[j, False, "balanced"][0]) for j in judges):
        print(judge, found["classifier"]["confusion"])
    print("\n| classifier | N | accused at 0.01 | accused at 0.001 |\n|---|---|---|---|")
    laws = {"never errs": torch.eye(2), "errs 1 in 500": torch.tensor([[0.998, 0.002], [0, 1]]),
            "errors planted": ERRORS}  # fmt: skip
    for name, errs in laws.items():
        for n in (1_000, given.n, 100_000):
            share = false_alarms(errs.double(), n, len(test), len(train))
            print(f"| {name} | {n:,} | {share} |", flush=True)


if __name__ == "__main__":
    main()
