"""One pair counted again: its tally, verdict and posterior from the answers, its score from the classifiers', and the
outcome from both."""

from __future__ import annotations

import math

from cats4ml_client.verifying.pair_rows import Row
from cats4ml_client.verifying.ratings import Vote, Votes
from cats4ml_client.verifying.recounting import (
    ANSWERS,
    NEAR,
    log_odds,
    mean_and_spread,
    near,
    outcome_of,
    share_of,
    verdict_of,
)
from cats4ml_client.verifying.report import Counts

# No answer is worth more: a rater is never held to be right more often than 19 times in 20.
MOST_EVIDENCE = math.log(19.0)


def check_people(row: Row, votes: Votes, counts: Counts) -> None:
    """Raises `Difference` where tally, posterior or verdict are not what the answers say."""
    if row.imported:
        if votes.all:
            raise row.record.differs("An imported tally has no single answers.", expected=0, found=votes.all)
    else:
        _check_tally(row, votes)
        counts.tallies += 1
    odds = _odds(row, votes)
    if row.adjudicated:
        return
    verdict = verdict_of(row.tally, row.policy.rule, odds)
    if verdict != row.verdict:
        what = f"The verdict of these answers by the rule “{row.policy.rule}” is another."
        raise row.record.differs(what, expected=verdict, found=row.verdict)
    counts.verdicts += 1


def _check_tally(row: Row, votes: Votes) -> None:
    tally = votes.tally
    if tally == row.tally:
        return
    for answer in ANSWERS:
        said, found = getattr(row.tally, answer), getattr(tally, answer)
        if said != found:
            what = f"hum_{answer}_rating is not how many such answers to it count in ratings.csv."
            raise row.record.differs(what, expected=found, found=said)


def _odds(row: Row, votes: Votes) -> float | None:
    """The log-odds of yes by the answers' evidence, where the rule weighs them and they are told; else None. Raises
    `Difference` where prior, posterior or evidence are not as they must be."""
    weighs = row.policy.rule == "weighted" and not row.imported
    told = [value for value in (row.prior_yes, row.posterior) if value is not None]
    if not weighs or not told:
        if told:
            raise row.record.differs("prior_yes and posterior are of pairs whose rule weighs the answers.")
        for vote in votes.counted:
            if vote.evidence is not None:
                raise vote.line.differs("Nothing of this pair says that its answers are weighed.", found=vote.evidence)
        return None
    if row.prior_yes is None or row.posterior is None or not 0.0 < row.prior_yes < 1.0:
        raise row.record.differs("prior_yes and posterior should both be there, or neither.")
    odds = log_odds(row.prior_yes, [_worth(row, vote) for vote in votes.counted])
    posterior = share_of(odds)
    if not near(posterior, row.posterior):
        what = "The posterior is not what the evidence adds up to."
        raise row.record.differs(what, expected=posterior, found=row.posterior)
    return odds


def _worth(row: Row, vote: Vote) -> float:
    if vote.evidence is None or abs(vote.evidence) > MOST_EVIDENCE + NEAR:
        what = "The rule weighs this answer: its evidence should be there, within ±log 19."
        raise vote.line.differs(what, found=vote.evidence)
    if vote.answer == "dont_know" and row.policy.dont_know != "evidence" and vote.evidence != 0.0:
        raise vote.line.differs("By its policy a don’t know is no evidence.", expected=0.0, found=vote.evidence)
    return vote.evidence


def check_machines(row: Row, counts: Counts) -> None:
    """Raises `Difference` where mean, spread, machine score or outcome are not what they must be."""
    _check_mean(row, counts)
    if row.mean is not None and (row.mean >= row.policy.threshold) is not row.machine_yes:
        what = f"machine_score is not the mean’s side of the threshold {row.policy.threshold:g}."
        raise row.record.differs(what, expected=int(not row.machine_yes), found=int(row.machine_yes))
    outcome = outcome_of(
        machine_yes=row.machine_yes,
        verdict=row.verdict,
        tally=row.tally,
        policy=row.policy,
        carried=not (row.adjudicated or row.imported),
    )
    if outcome != row.outcome:
        raise row.record.differs(
            "The outcome of this verdict beside the machines is another.", expected=outcome, found=row.outcome
        )
    counts.outcomes += 1


def _check_mean(row: Row, counts: Counts) -> None:
    if list(row.scores) != [member.key for member in row.members]:
        raise row.record.differs(
            "Its scores should be of the classifiers of its roster, in their order.",
            expected=",".join(member.key for member in row.members),
            found=",".join(row.scores),
        )
    known = [(score, one.weight) for one in row.members if (score := row.scores[one.key]) is not None]
    if not row.members or row.mean is None:
        if known:
            raise row.record.differs("There are scores, and no mean of them.")
        return
    if row.spread is None or row.voices != len(known) or not known:
        raise row.record.differs(
            "machine_voices is not the number of its scores.", expected=len(known), found=row.voices
        )
    mean, spread = mean_and_spread(*map(list, zip(*known)))  # noqa: B905  (pairs)
    for name, said, found in (("machine_mean", row.mean, mean), ("machine_spread", row.spread, spread)):
        if not near(said, found):
            raise row.record.differs(f"{name} is not that of its scores.", expected=found, found=said)
    counts.means += 1
