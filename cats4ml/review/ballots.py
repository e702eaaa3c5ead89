"""The final answers to a pair as votes: what was said, in which order, and by how good a rater."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from cats4ml.challenges.models import Challenge
from cats4ml.review.models import EditionSkill, Rating, RatingState
from cats4ml.review.skills import EditionSkills, skills_of
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.replays import read_in_order
from cats4ml.rules.skill import Record, Skill, skilled
from cats4ml.rules.verdicts import Reading, Vote
from cats4ml.submissions.endings import machines_say_yes
from cats4ml.submissions.models import Pair

# What is known of raters is rebuilt at most once a minute, and answers come many a second.
SKILLS_FOR = timedelta(seconds=5)
MOST_KEPT = 64


class Ballot(NamedTuple):
    """One final answer: the id of its rating, its rater and what they said."""

    rating: int
    rater: int
    answer: Answer


class Asked(Protocol):
    """What of a pair its answers are read with."""

    @property
    def machine_mean(self) -> float | None: ...
    @property
    def machine_yes(self) -> bool | None: ...
    @property
    def least_ratings(self) -> int: ...


class _Kept(NamedTuple):
    looked_at: datetime
    rebuilt_at: datetime | None
    skills: EditionSkills


_kept: dict[int, _Kept] = {}


def known_skills(challenge: Challenge, at: datetime) -> EditionSkills:
    """The raters' skills, read from the database where they were rebuilt since this process last read them.

    Within a few seconds nothing is asked at all, so that an answer may be read by skills that are as old.
    """
    kept = _kept.get(challenge.pk)
    if kept is not None and abs(at - kept.looked_at) < SKILLS_FOR:
        return kept.skills
    rebuilt = EditionSkill.objects.filter(challenge=challenge).values_list("rebuilt_at", flat=True).first()
    if kept is not None and rebuilt is not None and kept.rebuilt_at == rebuilt:
        skills = kept.skills
    else:
        skills = skills_of(challenge)
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    _kept[challenge.pk] = _Kept(at, rebuilt, skills)
    return skills


def ballots_of(pair: Pair) -> list[Ballot]:
    """The pair's final answers in the order in which they became final. One query."""
    rows = Rating.objects.filter(pair=pair, state=RatingState.FINAL).order_by("final_at", "pk")
    return [Ballot(pk, rater, Answer(answer)) for pk, rater, answer in rows.values_list("pk", "rater_id", "answer")]


class Voters:
    """The raters' skills as a policy wants them: learned for yes and no together (one coin), or each alone (two).

    One object for each rater, however many answers are read.
    """

    def __init__(self, skills: EditionSkills, policy: Policy) -> None:
        self.base_rate = skills.base_rate
        self._known = skills
        self._coins = policy.skill_coins
        self._skills: dict[int, Skill] = {}

    def of(self, rater: int) -> Skill:
        if rater not in self._skills:
            record = self._known.records.get(rater, Record())
            self._skills[rater] = skilled(record, prior=self._known.pooled, coins=self._coins)
        return self._skills[rater]

    def vote(self, ballot: Ballot) -> Vote:
        return Vote(ballot.answer, self.of(ballot.rater))


def read_ballots(pair: Asked, ballots: Sequence[Ballot], *, policy: Policy, voters: Voters) -> Reading:
    """What a policy makes of a pair's answers; those that came after it would have stopped asking count for nothing.

    The prior is how often people say yes in this edition, never what the machines said of the pair.
    """
    return read_in_order(
        [voters.vote(ballot) for ballot in ballots],
        rule=policy.rule,
        prior_yes=voters.base_rate,
        machine_yes=machines_say_yes(mean=pair.machine_mean, machine_yes=bool(pair.machine_yes), policy=policy),
        least=pair.least_ratings,
    )


def tally_of(ballots: Sequence[Ballot]) -> Tally:
    return Tally.of(ballot.answer for ballot in ballots)
