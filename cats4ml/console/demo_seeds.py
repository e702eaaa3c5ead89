"""Which pairs the demo's simulated people claim and answer, drawn from what the training left."""

from __future__ import annotations

import csv
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy

SEED = 2021
FINDERS = ("demo-finder-1", "demo-finder-2", "demo-finder-3")
RATERS = ("demo-rater-1", "demo-rater-2", "demo-rater-3", "demo-rater-4", "demo-rater-5")
# Of the pairs that the machines get wrong, the simulated finders know this share; the rest are the visitor's to find.
SHARE_OF_FINDS = 0.2
AGREEMENTS = 12
ONE_DIVIDED_IN = 4
# Pairs that wait for a visitor who rates: some finds, and plain scans claimed as what they are or as the next digit, so
# that neither yes nor no is the usual answer.
FINDS_WAITING = 5
PLAIN_WAITING = 30


@dataclass(frozen=True)
class Target:
    """A target image, the digit that it shows, and the machines' mean for each label as the training saw it."""

    image_id: str
    file: Path
    digit: str
    means: dict[str, float]


@dataclass(frozen=True)
class Seed:
    """A claim that a simulated finder makes. `answers`: how many simulated raters answer it."""

    finder: str
    image_id: str
    label_id: str
    answers: int


def read_targets(folder: Path) -> list[Target]:
    """The target half as the training left it. Raises `FileNotFoundError` before the first set-up."""
    means: dict[str, dict[str, float]] = {}
    with (folder / "scores.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            means.setdefault(row["image_id"], {})[row["label_id"]] = float(row["machine_mean"])
    with (folder / "targets.csv").open(encoding="utf-8", newline="") as file:
        return [
            Target(row["image_id"], folder / row["file"], row["digit"], means[row["image_id"]])
            for row in csv.DictReader(file)
        ]


def answer_of(digit: str, label_id: str) -> Answer:
    """What a simulated rater answers: the data set's own label."""
    return Answer.YES if digit == label_id else Answer.NO


def said_of(seed: Seed, digit: str, policy: Policy) -> list[Answer]:
    """What the simulated raters say of a claim, one after the other.

    Over one pair in `ONE_DIVIDED_IN` that is settled one of them parts from the others, so that there is a disagreement
    to be looked at. It never turns a verdict, and is the same at every set-up.
    """
    answers = [answer_of(digit, seed.label_id)] * seed.answers
    drawn = zlib.crc32(f"{seed.image_id}:{seed.label_id}".encode())
    if seed.answers >= max(3, policy.quorum) and drawn % ONE_DIVIDED_IN == 0:
        opposite = Answer.NO if answers[0] is Answer.YES else Answer.YES
        drawn //= ONE_DIVIDED_IN
        answers[drawn % len(answers)] = Answer.DONT_KNOW if drawn // len(answers) % 3 == 0 else opposite
    return answers


def adverse_pairs(targets: Sequence[Target], threshold: float) -> list[tuple[str, str]]:
    """The pairs (image, label) that machines and data set disagree on."""
    return [
        (target.image_id, label)
        for target in targets
        for label, mean in sorted(target.means.items())
        if (mean >= threshold) != (label == target.digit)
    ]


def example_image(targets: Sequence[Target], threshold: float) -> tuple[str, str, str] | None:
    """The picture that the machines get most surely wrong twice: its id, the label they see, the one they miss."""
    best: tuple[float, tuple[str, str, str]] | None = None
    for target in targets:
        seen, mean = max(target.means.items(), key=lambda item: item[1])
        if seen != target.digit and mean >= threshold and target.means[target.digit] < threshold:
            sureness = mean - target.means[target.digit]
            if best is None or sureness > best[0]:
                best = (sureness, (target.image_id, seen, target.digit))
    return best[1] if best else None


def choose_seeds(targets: Sequence[Target], policy: Policy) -> list[Seed]:
    """The simulated claims: some finds, some agreements, and some that wait one answer short of their verdict.

    The example of the challenge page comes first. Drawn by a seed, so that an interrupted set-up goes on with the same.
    """
    draw = random.Random(SEED)  # noqa: S311 - a repeatable choice, not a secret
    finds = adverse_pairs(targets, policy.threshold)
    draw.shuffle(finds)
    known = finds[: max(3, round(len(finds) * SHARE_OF_FINDS))]
    plain = [(target.image_id, target.digit) for target in targets if (target.image_id, target.digit) not in set(finds)]
    draw.shuffle(plain)
    example = example_image(targets, policy.threshold)
    first = [(example[0], example[1]), (example[0], example[2])] if example else []
    settled = [*first, *(pair for pair in known if pair not in first), *plain[:AGREEMENTS]]
    rest = [pair for pair in finds[len(known) :] if pair not in first]
    agreed = plain[AGREEMENTS : AGREEMENTS + PLAIN_WAITING]
    others = [(image_id, str((int(digit) + 1) % 10)) for image_id, digit in agreed[::2]]
    waiting = [*rest[:FINDS_WAITING], *agreed[1::2], *(pair for pair in others if pair not in set(finds))]
    draw.shuffle(waiting)
    quorum = policy.quorum
    finders = draw.choices(FINDERS, weights=(5, 3, 2), k=len(settled) + len(waiting))
    answers = [quorum] * len(settled) + [quorum - 1] * len(waiting)
    pairs = [*settled, *waiting]
    return [Seed(who, *pair, number) for who, pair, number in zip(finders, pairs, answers, strict=True)]
