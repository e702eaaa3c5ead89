"""Recorded answers and control questions as files, for comparing verdict rules: `ratings.csv`, `gold.csv`,
`gold_ratings.csv`, and what machines say of the pairs. No database is asked."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cats4ml.console.tables import Problems, Table, TableRefused
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.comparison import Question
from cats4ml.rules.verdicts import Verdict, VerdictRule, verdict_of

Key = tuple[str, str]
Answers = dict[Key, dict[str, Answer]]

MAJORITY_OF_KNOWN = VerdictRule.MAJORITY_OF_KNOWN
_ANSWERS = {answer.value: answer for answer in Answer}
_EXPERTS = ("expert_yes", "expert_no", "expert_dont_know")


@dataclass(frozen=True)
class Recordings:
    """`pairs`: their reference is the majority, of those who knew, of all that was recorded of each. `controls`: their
    reference is the majority of the experts who knew; `left_out` are those of which the experts were even, or which no
    rater answered."""

    pairs: list[Question]
    controls: list[Question]
    left_out: int = 0


def read_recordings(folder: Path, *, machine: Path | None) -> Recordings:
    """Read a folder and check it whole. Raises `TableRefused` with the file and line of whatever is wrong."""
    if not folder.is_dir():
        raise TableRefused(f"{folder}: there is no such folder")
    rated = _read_answers(folder / "ratings.csv")
    gold = _read_gold(folder / "gold.csv")
    gold_answers = _read_answers(folder / "gold_ratings.csv", known=gold)
    pairs = [
        Question(*key, tuple(answers.items()), verdict_of(Tally.of(answers.values()), rule=MAJORITY_OF_KNOWN))
        for key, answers in rated.items()
    ]
    controls = [
        Question(*key, tuple(gold_answers[key].items()), truth)
        for key, truth in gold.items()
        if key in gold_answers and truth is not Verdict.UNDECIDED
    ]
    if not controls:
        raise TableRefused(f"{folder / 'gold.csv'}: holds no question that experts decided and raters answered")
    left_out = len(gold) - len(controls)
    if machine is None:
        return Recordings(pairs, controls, left_out)
    means = _read_machine(machine)
    said = [_with_machine(question, means) for question in pairs]
    if all(question.machine_yes is None for question in said):
        raise TableRefused(f"{machine}: names no pair of ratings.csv; image_id and class_index should be as there")
    return Recordings(said, [_with_machine(question, means) for question in controls], left_out)


def _with_machine(question: Question, means: Mapping[Key, float]) -> Question:
    mean = means.get((question.picture, question.label))
    return question if mean is None else replace(question, machine_yes=mean >= 0.5)


def _read_answers(path: Path, *, known: Mapping[Key, object] | None = None) -> Answers:
    problems = Problems(path)
    found: Answers = defaultdict(dict)
    for line, (image_id, class_index, rater, answer) in Table(
        path, ("image_id", "class_index", "rater", "answer"), problems
    ).rows():
        key = (image_id, class_index)
        if known is not None and key not in known:
            problems.add(line, f"image {image_id[:100]!r} with class {class_index[:100]!r} is not in gold.csv")
        elif answer not in _ANSWERS:
            problems.add(line, f"answer should be one of {', '.join(_ANSWERS)}, is {answer[:100]!r}")
        elif not image_id or not rater:
            problems.add(line, "image_id and rater should not be empty")
        elif rater in found[key]:
            problems.add(line, f"rater {rater[:100]} answered this question before")
        else:
            found[key][rater] = _ANSWERS[answer]
    problems.refuse()
    if not found:
        raise TableRefused(f"{path}: the file has a header and no rows below it")
    return found


def _read_gold(path: Path) -> dict[Key, Verdict]:
    problems = Problems(path)
    found: dict[Key, Verdict] = {}
    for line, (image_id, class_index, *counts) in Table(path, ("image_id", "class_index", *_EXPERTS), problems).rows():
        key = (image_id, class_index)
        if not all(count.isascii() and count.isdigit() for count in counts):
            problems.add(line, f"{', '.join(_EXPERTS)} should be whole numbers, are {', '.join(counts)[:100]!r}")
            continue
        if key in found:
            problems.add(line, "this question stands there twice")
        else:
            found[key] = verdict_of(Tally(*map(int, counts)), rule=MAJORITY_OF_KNOWN)
    problems.refuse()
    if not found:
        raise TableRefused(f"{path}: the file has a header and no rows below it")
    return found


def _read_machine(path: Path) -> dict[Key, float]:
    problems = Problems(path)
    means: dict[Key, float] = {}
    for line, (image_id, class_index, text) in Table(
        path, ("image_id", "class_index", "machine_mean"), problems
    ).rows():
        try:
            mean = float(text)
        except ValueError:
            mean = math.nan
        if not 0.0 <= mean <= 1.0:
            problems.add(line, f"machine_mean should be a number from 0 to 1, is {text[:100]!r}")
        elif (image_id, class_index) in means:
            problems.add(line, "this pair stands there twice")
        else:
            means[image_id, class_index] = mean
    problems.refuse()
    return means
