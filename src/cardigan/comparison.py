"""Which of several generators is better, and where nobody can tell: numbers, and no printing.

Each figure of each generator has an interval that tells how far it would move if other samples
had been drawn. The reals are the same for all, so the noise of two figures is independent, and

    z = (first - second) / sqrt(se_first^2 + se_second^2),  se = (high - low) / (2 * 1.96).

With several generators there are several pairs, and by luck alone one of twenty would seem to
differ; Holm's procedure holds the chance of any false claim about a figure at 5 % (Holm 1979, A
simple sequentially rejective multiple test procedure).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

from .curves import number
from .metrics.figures import FLOOR, HIGHER, LOWER

LEVEL = 0.95
ALPHA = 1 - LEVEL
NORMAL = NormalDist()


class Direction(NamedTuple):
    """What makes a figure good."""

    words: str
    sign: int  # of a difference that speaks against the first
    reading: Callable[[float, float], float]  # value and floor to the number that is compared


def _value(value: float, floor: float) -> float:
    return value


def _distance(value: float, floor: float) -> float:
    return abs(value - floor)


DIRECTIONS = {
    LOWER: Direction("lower is better", 1, _value),
    HIGHER: Direction("higher is better", -1, _value),
    FLOOR: Direction("nearer to the floor is better", 1, _distance),
}


class Pair(NamedTuple):
    """Two generators by one figure."""

    first: str
    second: str
    difference: float  # first minus second; of distances to the floor where these are compared
    low: float  # an interval that leaves 0 out exactly where the two can be told apart
    high: float
    p: float  # adjusted for the number of pairs: at most 0.05 where they can be told apart
    better: str | None  # none where they cannot be told apart


class Tested(NamedTuple):
    """One of several hypotheses after Holm's procedure."""

    p: float  # adjusted
    level: float  # at which it was decided: it is rejected if its own p is not above


def compared(measured: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Every figure that all have: values, pairs and the best; ready for JSON.

    Arguments:
        measured: What `metrics.measure.measure` gave for each generator, by its name.
    """
    first, *others = measured.values()
    shared = [name for name in first if all(_is_figure(m.get(name)) for m in (first, *others))]
    return {name: _figure({who: m[name] for who, m in measured.items()}) for name in shared}


def pairs(entries: Mapping[str, Mapping[str, Any]], better: str = LOWER) -> list[Pair]:
    """Every pair of generators by one figure, tested together; none without intervals.

    Arguments:
        entries: `value`, `floor`, `low` and `high` by generator.
        better: A name out of DIRECTIONS.
    """
    direction = DIRECTIONS[better]
    found = [(who, reading) for who, e in entries.items() if (reading := _reading(e, direction))]
    both = [(a, b, _difference(x, y)) for (a, x), (b, y) in combinations(found, 2)]
    tested = holm([_p(difference, error) for _, _, (difference, error) in both])
    return [
        _pair(a, b, difference, error, test, direction.sign)
        for (a, b, (difference, error)), test in zip(both, tested, strict=True)
    ]


def best(names: Sequence[str], found: Sequence[Pair]) -> str | None:
    """Who is better than every other, if anybody is."""
    wins = [pair.better for pair in found]
    return next((name for name in names if wins.count(name) == len(names) - 1), None)


def holm(ps: Sequence[float], alpha: float = ALPHA) -> list[Tested]:
    """Tests hypotheses from the least p on; the first that holds lets all after it hold.

    p~_(i) = max over j <= i of (m - j + 1) p_(j),  rejected if at most alpha
    """
    order = sorted(range(len(ps)), key=ps.__getitem__)
    tested: dict[int, Tested] = {}
    adjusted, level = 0.0, alpha
    for rank, i in enumerate(order):
        left = len(ps) - rank
        level = alpha / left if adjusted <= alpha else level  # it stays where the procedure ends
        adjusted = max(adjusted, min(1.0, left * ps[i]))
        tested[i] = Tested(adjusted, level)
    return [tested[i] for i in range(len(ps))]


def verdict(pair: Pair, n: int) -> str:
    """What a pair comes to, in words."""
    if pair.better is None:
        return f"{pair.first} and {pair.second} can't be told apart at n = {n}"
    worse = pair.second if pair.better == pair.first else pair.first
    return f"{pair.better} is better than {worse}"


def summary(found: Sequence[Pair], n: int) -> str:
    """What all pairs of a figure come to, in one line."""
    if not found:
        return "no interval, so no verdict"
    beaten: dict[str, list[str]] = {}
    for pair in found:
        if pair.better is not None:
            loser = pair.second if pair.better == pair.first else pair.first
            beaten.setdefault(pair.better, []).append(loser)
    told = [f"{who} is better than {listed(losers)}" for who, losers in beaten.items()]
    open_ = [f"{pair.first} and {pair.second}" for pair in found if pair.better is None]
    if len(open_) == len(found) > 1:
        open_ = ["any two"]
    if open_:
        told.append(f"{', '.join(open_)} can't be told apart at n = {n}")
    return "; ".join(told)


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def names(paths: Sequence[str]) -> list[str]:
    """The shortest ends of the paths that tell them apart.

    Raises:
        ValueError: The same path twice.
    """
    parts = [Path(path).resolve().parts for path in paths]
    if len(set(parts)) < len(parts):
        raise ValueError(f"expected paths that differ, got {', '.join(paths)}")
    for length in range(1, max(map(len, parts)) + 1):
        ends = ["/".join(part[-length:]) for part in parts]
        if len(set(ends)) == len(ends):
            return ends
    return list(paths)


def differing(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Settings that are not the same for all, by name and then by who has them."""
    every = dict.fromkeys(name for chosen in settings.values() for name in chosen)
    rows = {
        name: {who: chosen[name] for who, chosen in settings.items() if name in chosen}
        for name in every
    }
    return {
        name: row
        for name, row in rows.items()
        if len(row) < len(settings) or any(v != next(iter(row.values())) for v in row.values())
    }


def _figure(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    first = next(iter(entries.values()))
    better = str(first.get("better", LOWER))
    found = pairs(entries, better)
    return {
        "better": better,
        "floor": first.get("floor"),
        "values": dict(entries),
        "best": best(list(entries), found),
        "pairs": [pair._asdict() for pair in found],
    }


def _is_figure(entry: Any) -> bool:
    return isinstance(entry, Mapping) and number(entry.get("value")) is not None


class _Reading(NamedTuple):
    value: float
    error: float  # a standard error


def _reading(entry: Mapping[str, Any], direction: Direction) -> _Reading | None:
    value, floor, low, high = (number(entry.get(k)) for k in ("value", "floor", "low", "high"))
    if value is None or low is None or high is None:
        return None
    reading = number(direction.reading(value, math.nan if floor is None else floor))
    return None if reading is None else _Reading(reading, (high - low) / 2 / _quantile(ALPHA))


def _difference(first: _Reading, second: _Reading) -> tuple[float, float]:
    return first.value - second.value, math.hypot(first.error, second.error)


def _p(difference: float, error: float) -> float:
    """Of both sides. What has no noise at all differs, or does not."""
    if not error:
        return float(not difference)
    return 2 * NORMAL.cdf(-abs(difference) / error)


def _pair(a: str, b: str, difference: float, error: float, test: Tested, sign: int) -> Pair:
    reach = _quantile(test.level) * error
    winner = b if sign * difference > 0 else a
    apart = test.p <= ALPHA
    bounds = (difference - reach, difference + reach)
    return Pair(a, b, difference, *bounds, test.p, winner if apart else None)


def _quantile(level: float) -> float:
    """How many standard errors hold all but `level`, on both sides together."""
    return NORMAL.inv_cdf(1 - level / 2)
