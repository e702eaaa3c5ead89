"""How much somebody learns of held-out answers who hands in as many predictions as they may, and asks cleverly.

    .venv/bin/python -m benchmarks.heldout_attack [--answers 400] [--days 365] [--a-day 3] [--runs 20] [--json]

Four attackers guess `--answers` held-out answers, which are fair coins. Each hands in predictions, is told what
`cats4ml.rules.heldout.tell` tells, and ends with a best guess. Beside that rule they face what many boards do, the
accuracy of each submission rounded to two digits. Printed: the share of the answers that the final guess has right
(a half is what anybody has), what that is worth in bits, and the bound in bits that the rule guarantees.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cats4ml.rules.heldout import BITS_AN_ANSWER, Steps, most_reports, tell

Guess = list[bool]
Ask = Callable[[Guess], float | None]


@dataclass
class Ladder:
    """What the platform tells of one kind of pairs: None where nothing is told."""

    answers: Guess
    reports: int = 0
    best: int | None = None
    told: int = field(default=0)

    def __call__(self, guess: Guess) -> float | None:
        right = sum(one == other for one, other in zip(guess, self.answers, strict=True))
        said = tell(right=right, pairs=len(self.answers), before=self.reports, best=self.best, ladder=True)
        if said.why not in ("", "not_above"):
            return None
        self.reports += 1
        self.best = said.best
        if said.value is not None:
            self.told += 1
        return said.value


@dataclass
class Rounded:
    """What many boards tell: the accuracy of every submission, to two digits."""

    answers: Guess
    reports: int = 0
    told: int = 0

    def __call__(self, guess: Guess) -> float | None:
        self.reports += 1
        self.told += 1
        return round(sum(one == other for one, other in zip(guess, self.answers, strict=True)) / len(guess), 2)


def blocks(ask: Ask, number: int, tries: int, draw: random.Random) -> Guess:
    """Turn block after block of a first guess over, and keep what is told to be better."""
    guess = [draw.random() < 0.5 for _ in range(number)]
    best = ask(guess) or 0.0
    size = max(1, math.isqrt(number))
    for _ in range(tries - 1):
        chosen = set(draw.sample(range(number), min(size, number)))
        other = [not one if place in chosen else one for place, one in enumerate(guess)]
        told = ask(other)
        if told is not None and told > best:
            guess, best = other, told
    return guess


def flips(ask: Ask, number: int, tries: int, draw: random.Random) -> Guess:
    """Turn one answer over at a time: differencing. What is told to be worse is turned back."""
    guess = [draw.random() < 0.5 for _ in range(number)]
    best = ask(guess) or 0.0
    for place in range(min(tries - 1, number)):
        other = list(guess)
        other[place] = not other[place]
        told = ask(other)
        if told is not None and told > best:
            guess, best = other, told
    return guess


def votes(ask: Ask, number: int, tries: int, draw: random.Random) -> Guess:
    """Hand in coins, and let those that are told to be good vote (the boosting attack of Blum and Hardt, 2015)."""
    weights = [0.0] * number
    for _ in range(tries):
        guess = [draw.random() < 0.5 for _ in range(number)]
        told = ask(guess)
        if told is not None:
            for place, one in enumerate(guess):
                weights[place] += (told - 0.5) if one else (0.5 - told)
    return [weight > 0 or (weight == 0 and draw.random() < 0.5) for weight in weights]


def boundary(ask: Ask, number: int, tries: int, draw: random.Random) -> Guess:
    """Climb to where the next step is near, then try few answers at a time there: a step tells all of them."""
    guess = blocks(ask, number, tries // 3, draw)
    best = 0.0
    for attempt in range(tries - tries // 3):
        size = 1 + attempt % 4
        chosen = set(draw.sample(range(number), size))
        other = [not one if place in chosen else one for place, one in enumerate(guess)]
        told = ask(other)
        if told is not None and told > best:
            guess, best = other, told
        elif attempt % 16 == 15:  # move the base, so that another boundary comes near
            chosen = set(draw.sample(range(number), max(1, math.isqrt(number) // 2)))
            guess = [not one if place in chosen else one for place, one in enumerate(guess)]
    return guess


ATTACKS = {"blocks": blocks, "single flips": flips, "votes of coins": votes, "at the boundary": boundary}


def worth(share: float, number: int) -> float:
    """The bits that so many answers known with this certainty are worth: n (1 − H(share)); below a half: none."""
    if share <= 0.5:
        return 0.0
    if share >= 1.0:
        return float(number)
    entropy = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    return number * (1 - entropy)


def ceiling(number: int) -> float:
    """The highest expected share of right answers that anybody could reach within the bound: 1 − H(share) is what an
    answer may be worth."""
    low, high = 0.5, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if worth(middle, number) < number * BITS_AN_ANSWER else (low, middle)
    return low


def run(*, number: int, tries: int, runs: int, seed: int) -> dict[str, object]:
    found: dict[str, object] = {
        "answers": number,
        "step": Steps(number).height,
        "submissions": tries,
        "reports_allowed": most_reports(number, ladder=True),
        "bound_bits": number * BITS_AN_ANSWER,
        "bound_share": round(ceiling(number), 4),
        "attacks": {},
    }
    for name, attack in ATTACKS.items():
        line: dict[str, float] = {}
        for rule in (Ladder, Rounded):
            shares, told = [], 0
            for one in range(runs):
                draw = random.Random(f"{seed} {one}")
                answers = [draw.random() < 0.5 for _ in range(number)]
                ask = rule(answers)
                guess = attack(ask, number, tries, draw)
                shares.append(sum(a == b for a, b in zip(guess, answers, strict=True)) / number)
                told += ask.told
            share = sum(shares) / runs
            key = rule.__name__.lower()
            line |= {key: round(share, 4), f"{key}_bits": round(worth(share, number), 1), f"{key}_told": told / runs}
        found["attacks"][name] = line  # type: ignore[index]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, action="append", help="held-out answers (default: 100, 400 and 2000)")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--a-day", type=int, default=3)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    began = time.monotonic()
    found = [
        run(number=number, tries=asked.days * asked.a_day, runs=asked.runs, seed=asked.seed)
        for number in asked.answers or (100, 400, 2000)
    ]
    if asked.json:
        print(json.dumps(found))
        return
    for one in found:
        print(
            f"{one['answers']:,} answers, {one['submissions']:,} submissions, of which {one['reports_allowed']:,} may "
            f"be told of, in steps of {one['step']:.0%}: "
            f"at most {one['bound_bits']:g} bits, {one['bound_share']:.1%} right"
        )
        print(f"  {'attack':<18}{'the ladder':>12}{'bits':>8}{'told':>7}   {'two digits':>12}{'bits':>8}")
        for name, line in one["attacks"].items():  # type: ignore[attr-defined]
            print(
                f"  {name:<18}{line['ladder']:>12.1%}{line['ladder_bits']:>8g}{line['ladder_told']:>7g}   "
                f"{line['rounded']:>12.1%}{line['rounded_bits']:>8g}"
            )
    print(f"{time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
