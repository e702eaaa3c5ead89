"""The demo's control questions and label examples: scans that nobody would read otherwise, by the data set's word."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime

from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import target_labels
from cats4ml.console.demo_seeds import SEED, Seed, Target
from cats4ml.review.actions.controls import ControlRow, add_controls
from cats4ml.review.actions.examples import ExampleRow, explain_label
from cats4ml.review.models import ControlQuestion, ControlUse

# Of each digit: scans that fit and scans of other digits. Enough for two warm-ups and some hundred questions.
WARM_UPS = 1
MIXED = 3
EXAMPLES = 2
# A scan is plain where the machines, too, see at least this much of its digit in it.
PLAIN = 0.95


class _Plain:
    """Plain scans that no simulated finder claims, each handed out once."""

    def __init__(self, targets: Sequence[Target], seeds: Sequence[Seed]) -> None:
        claimed = {seed.image_id for seed in seeds}
        self._left = [one for one in targets if one.means[one.digit] >= PLAIN and one.image_id not in claimed]
        # Drawn by a seed, so that an interrupted set-up goes on with the same.
        random.Random(SEED).shuffle(self._left)  # noqa: S311 - a repeatable choice, not a secret

    def take(self, number: int, *, of: str) -> list[Target]:
        return self._taken([one for one in self._left if one.digit == of][:number])

    def take_others(self, number: int, *, than: str) -> list[Target]:
        """Scans of other digits, those that look most like this one to the machines first."""
        others = [one for one in self._left if one.digit != than]
        return self._taken(sorted(others, key=lambda one: -one.means[than])[:number])

    def _taken(self, chosen: list[Target]) -> list[Target]:
        self._left = [one for one in self._left if one not in chosen]
        return chosen


def add_demo_controls(*, challenge: Challenge, targets: Sequence[Target], seeds: Sequence[Seed], at: datetime) -> None:
    """Control questions and examples for every digit. Nothing is done where there are control questions already."""
    if ControlQuestion.objects.filter(challenge=challenge).exists():
        return
    plain = _Plain(targets, seeds)
    labels = list(target_labels(challenge))
    for target in labels:
        digit = target.label.key
        fit = [ExampleRow(one.image_id, fits=True, caption="This counts.") for one in plain.take(EXAMPLES, of=digit)]
        other = [
            ExampleRow(one.image_id, fits=False, caption=f"This is a {one.digit}.")
            for one in plain.take_others(1, than=digit)
        ]
        guidance = f"Yes where you would read it as a {digit}, however it is written."
        explain_label(target=target, question=target.question, guidance=guidance, rows=[*fit, *other], at=at)
    rows = [row for target in labels for row in _rows(plain, target.label.key)]
    add_controls(challenge=challenge, rows=rows, by=None, at=at, only_good=True)


def _rows(plain: _Plain, digit: str) -> Iterator[ControlRow]:
    for use, number in ((ControlUse.WARM_UP, WARM_UPS), (ControlUse.MIXED, MIXED)):
        for one in plain.take(number, of=digit):
            told = f"The data set’s own label says {digit}."
            yield ControlRow(0, one.image_id, digit, "yes", use.value, told)
        for one in plain.take_others(number, than=digit):
            told = f"The data set’s own label says {one.digit}, not {digit}."
            yield ControlRow(0, one.image_id, digit, "no", use.value, told)
