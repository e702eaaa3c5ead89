"""Verdict rules side by side on recorded answers: what each costs in ratings, and how often it is wrong."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import mul

from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.replays import read_in_order
from cats4ml.rules.skill import AVERAGE, Odds, Record, Skill, pooled_skill, skilled
from cats4ml.rules.verdicts import (
    DontKnow,
    Rule,
    Verdict,
    VerdictRule,
    Vote,
    is_adverse,
    is_enough,
    outcome_of,
)

FOLDS = 2
BOOTSTRAPS = 500


@dataclass(frozen=True)
class Question:
    """A picture with a label, all answers that were recorded to it, and what it is held to be.

    `machine_yes`: what the machines say of it, None where that is not known.
    """

    picture: str
    label: str
    answers: tuple[tuple[str, Answer], ...]
    truth: Verdict
    machine_yes: bool | None = None


@dataclass(frozen=True)
class Contender:
    """A rule under test. `controls`: of how many control questions each rater's skill is learned; None for all there
    are, 0 for none, so that everybody counts as the average rater."""

    name: str
    rule: Rule
    controls: int | None = None
    coins: int = 2


LEAD = Rule(kind=VerdictRule.LEAD)
WEIGHTED = Rule(kind=VerdictRule.WEIGHTED)

CONTENDERS = (
    Contender("majority", Rule(kind=VerdictRule.MAJORITY)),
    Contender("majority_of_known", Rule(kind=VerdictRule.MAJORITY_OF_KNOWN)),
    Contender("lead", LEAD),
    Contender("weighted", WEIGHTED),
    Contender("majority_of_known_quorum_3", Rule(kind=VerdictRule.MAJORITY_OF_KNOWN, quorum=3)),
    Contender(
        "majority_of_known_dont_know_replaced",
        Rule(kind=VerdictRule.MAJORITY_OF_KNOWN, dont_know=DontKnow.REPLACED),
    ),
    Contender("lead_at_most_5", replace(LEAD, max_ratings=5)),
    Contender("lead_3", replace(LEAD, lead=3)),
    Contender("lead_adverse_by_3", replace(LEAD, min_lead=3)),
    Contender("weighted_5_controls", WEIGHTED, controls=5),
    Contender("weighted_10_controls", WEIGHTED, controls=10),
    Contender("weighted_20_controls", WEIGHTED, controls=20),
    Contender("weighted_no_controls", WEIGHTED, controls=0),
    Contender("weighted_one_coin", WEIGHTED, coins=1),
    Contender("weighted_dont_know_evidence", replace(WEIGHTED, dont_know=DontKnow.EVIDENCE)),
    Contender("weighted_surer", replace(WEIGHTED, bound=0.975, max_ratings=12)),
    Contender("weighted_surer_5_controls", replace(WEIGHTED, bound=0.975, max_ratings=12), controls=5),
    Contender("weighted_adverse_by_3", replace(WEIGHTED, min_lead=3)),
)


@dataclass(frozen=True)
class Lesson:
    """What is known before a question is asked: raters' skills, everybody's together, and how often yes is right."""

    skills: Mapping[str, Skill] = field(default_factory=dict)
    pooled: Skill = AVERAGE
    base_rate: float = 0.5

    def votes(self, answers: Iterable[tuple[str, Answer]]) -> list[Vote]:
        return [Vote(answer, self.skills.get(rater, self.pooled)) for rater, answer in answers]


@dataclass
class Counts:
    """Sums over questions. `credited` pairs are adverse by the rule; `denied` of them are not so by the reference."""

    questions: float = 0
    ratings: float = 0
    wrong: float = 0
    undecided: float = 0
    credited: float = 0
    denied: float = 0

    def add(self, other: Counts) -> None:
        """A comparison does this a million times."""
        self.questions += other.questions
        self.ratings += other.ratings
        self.wrong += other.wrong
        self.undecided += other.undecided
        self.credited += other.credited
        self.denied += other.denied

    def figures(self) -> dict[str, float | None]:
        """Answers a question, and the shares of wrong, undecided and (None where none is credited) denied ones."""
        shares: dict[str, float | None] = {
            "ratings": self.ratings / self.questions,
            "error": self.wrong / self.questions,
            "undecided": self.undecided / self.questions,
        }
        shares["credited_error"] = self.denied / self.credited if self.credited else None
        return shares


@dataclass(frozen=True)
class Answered:
    """What a rule made of one question."""

    verdict: Verdict
    ratings: int
    credited: bool


def ask(question: Question, order: Sequence[tuple[str, Answer]], *, rule: Rule, lesson: Lesson) -> Answered:
    """Give a rule the answers in this order, one after the other, until it asks for no more or there are none left.

    Where the recorded answers end before the rule would, it decides as it does at its `max_ratings`.
    """
    there = len(order)
    rule = replace(rule, quorum=min(rule.quorum, there), max_ratings=min(rule.max_ratings, there))
    machine_yes = question.machine_yes
    votes = lesson.votes(order[: rule.most])
    reading = read_in_order(votes, rule=rule, prior_yes=lesson.base_rate, machine_yes=machine_yes)
    assert reading.verdict is not None, "with all the answers that a rule may have, it settles"
    tally = Tally.of(vote.answer for vote in votes[: reading.ratings])
    credited = machine_yes is not None and is_adverse(
        outcome_of(
            machine_yes=machine_yes,
            verdict=reading.verdict,
            enough=is_enough(tally, verdict=reading.verdict, rule=rule),
        )
    )
    return Answered(reading.verdict, reading.ratings, credited)


def counted(question: Question, answered: Answered) -> Counts:
    """One answered question as sums. A verdict is wrong where the reference says otherwise or is undecided."""
    undecided = answered.verdict is Verdict.UNDECIDED
    wrong = not undecided and answered.verdict is not question.truth
    return Counts(
        questions=1,
        ratings=answered.ratings,
        wrong=int(wrong),
        undecided=int(undecided),
        credited=int(answered.credited),
        denied=int(answered.credited and answered.verdict is not question.truth),
    )


def learn(controls: Sequence[Question], *, number: int | None, coins: int, draw: random.Random) -> Lesson:
    """What `number` controls for each rater teach, drawn at random from these; all of them where it is None."""
    if number == 0:
        return Lesson()
    by_rater: dict[str, list[tuple[Verdict, Answer]]] = defaultdict(list)
    for question in controls:
        for rater, answer in question.answers:
            by_rater[rater].append((question.truth, answer))
    records = {
        rater: record_of(seen if number is None or number >= len(seen) else draw.sample(seen, number))
        for rater, seen in by_rater.items()
    }
    pooled = pooled_skill(records.values())
    yes = sum(record.if_yes.total for record in records.values())
    no = sum(record.if_no.total for record in records.values())
    skills = {rater: skilled(record, prior=pooled, coins=coins) for rater, record in records.items()}
    return Lesson(skills, pooled, base_rate=(yes + 1.0) / (yes + no + 2.0))


def record_of(seen: Iterable[tuple[Verdict, Answer]]) -> Record:
    """A rater's record of answers beside what was true; answers to undecided questions teach nothing."""
    sides = {Verdict.YES: [0, 0, 0], Verdict.NO: [0, 0, 0]}
    places = {Answer.YES: 0, Answer.NO: 1, Answer.DONT_KNOW: 2}
    for truth, answer in seen:
        if truth in sides:
            sides[truth][places[answer]] += 1
    return Record(if_yes=Odds(*map(float, sides[Verdict.YES])), if_no=Odds(*map(float, sides[Verdict.NO])))


def folds_of(questions: Sequence[Question], draw: random.Random) -> dict[str, int]:
    """Each picture's fold: all questions about one picture are in the same."""
    pictures = sorted({question.picture for question in questions})
    draw.shuffle(pictures)
    return {picture: place % FOLDS for place, picture in enumerate(pictures)}


@dataclass
class Comparison:
    """Sums by rule and picture, over all replicates."""

    by_picture: dict[str, dict[str, Counts]] = field(default_factory=dict)

    def add(self, name: str, picture: str, counts: Counts) -> None:
        self.by_picture.setdefault(name, {}).setdefault(picture, Counts()).add(counts)


def compare_on(
    questions: Sequence[Question],
    *,
    controls: Sequence[Question],
    contenders: Sequence[Contender] = CONTENDERS,
    replicates: int,
    seed: int,
    base_rate_of_controls: bool,
) -> Iterator[Comparison]:
    """Play every contender over these questions; yields the same growing comparison after each replicate.

    In each, the pictures of questions and controls are put into two halves at random. What is known of a question
    comes from the other half alone: skills from its controls, and how often yes is right from these too
    (`base_rate_of_controls`) or from the reference of the other half's questions. All contenders get a question's
    answers in the same order, so that they differ by their rule and not by luck.
    """
    draw = random.Random(seed)  # noqa: S311 - a repeatable order, not a secret
    comparison = Comparison()
    for _ in range(replicates):
        folds = folds_of([*questions, *controls], draw)
        for fold in range(FOLDS):
            taught = [one for one in controls if folds[one.picture] != fold]
            others = [one for one in questions if folds[one.picture] != fold]
            lessons = _lessons(contenders, taught, others if not base_rate_of_controls else None, draw)
            for question in questions:
                if folds[question.picture] != fold:
                    continue
                order = draw.sample(question.answers, len(question.answers))
                for one in contenders:
                    answered = ask(question, order, rule=one.rule, lesson=lessons[one.controls, one.coins])
                    comparison.add(one.name, question.picture, counted(question, answered))
        yield comparison


def _lessons(
    contenders: Sequence[Contender],
    controls: Sequence[Question],
    others: Sequence[Question] | None,
    draw: random.Random,
) -> dict[tuple[int | None, int], Lesson]:
    lessons = {}
    for one in contenders:
        if (one.controls, one.coins) not in lessons:
            lesson = learn(controls, number=one.controls, coins=one.coins, draw=draw)
            if others is not None and one.controls != 0:
                lesson = replace(lesson, base_rate=base_rate(others))
            lessons[one.controls, one.coins] = lesson
    return lessons


def base_rate(questions: Iterable[Question]) -> float:
    """How often yes is right among these, drawn a little to a half."""
    truths = [question.truth for question in questions]
    yes, no = truths.count(Verdict.YES), truths.count(Verdict.NO)
    return (yes + 1.0) / (yes + no + 2.0)


def results_of(comparison: Comparison, name: str, *, seed: int) -> dict[str, object] | None:
    """The figures of one rule, with their 95% intervals over pictures; None where it was not played."""
    by_picture = comparison.by_picture.get(name)
    if by_picture is None:
        return None
    total = Counts()
    for counts in by_picture.values():
        total.add(counts)
    figures: dict[str, object] = dict(total.figures())
    figures["ci95"] = _intervals(list(by_picture.values()), seed=seed)
    return figures


def _intervals(pictures: Sequence[Counts], *, seed: int) -> dict[str, list[float] | None]:
    """Percentiles of the Bayesian bootstrap over pictures (Rubin, The Annals of Statistics 9, 1981): the questions
    about one picture stand or fall together."""
    draw = random.Random(seed)  # noqa: S311 - statistics, no secret
    found: dict[str, list[float]] = defaultdict(list)
    columns = {one.name: [getattr(counts, one.name) for counts in pictures] for one in fields(Counts)}
    for _ in range(BOOTSTRAPS):
        weights = [draw.expovariate(1.0) for _ in pictures]
        total = Counts(**{name: sum(map(mul, weights, column)) for name, column in columns.items()})
        for name, value in total.figures().items():
            if value is not None:
                found[name].append(value)
    names = Counts(questions=1).figures()
    return {name: _middle_95(found[name]) if found.get(name) else None for name in names}


def _middle_95(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    cut = round(0.025 * (len(ordered) - 1))
    return [ordered[cut], ordered[-1 - cut]]
