"""Reading answers in the order in which they came: what a rule would have made of them, had it been in force."""

from __future__ import annotations

from collections.abc import Sequence

from cats4ml.rules.verdicts import Reading, Rule, Vote, read_votes


def read_in_order(
    votes: Sequence[Vote],
    *,
    rule: Rule,
    prior_yes: float = 0.5,
    machine_yes: bool | None = None,
    least: int = 0,
) -> Reading:
    """The reading at the first vote with which the rule stops asking; where none is enough, that of all of them.

    `Reading.ratings` is how many answers it took: those that came later are kept and count for nothing, as if nobody
    had been asked. The other words are those of `read_votes`.
    """

    def after(number: int) -> Reading:
        return read_votes(votes[:number], rule=rule, prior_yes=prior_yes, machine_yes=machine_yes, least=least)

    # Nothing settles before the first that could: a fixed quorum is read once.
    for number in range(max(1, after(0).missing), len(votes)):
        reading = after(number)
        if reading.settled:
            return reading
    return after(len(votes))
