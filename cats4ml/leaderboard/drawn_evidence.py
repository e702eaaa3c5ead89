"""What the verdicts of an edition rest on, read from the database into arrays: about 50 bytes a pair.

Binary COPY of rows of fixed width is read as it is: a Python object for each of five million answers would take
minutes, and gigabytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from cats4ml.challenges.models import Challenge, PolicyVersion
from cats4ml.leaderboard.counting import CLUSTER, FIRST_CLAIMS, valid_at
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import ADVERSE, DontKnow, Verdict
from cats4ml.submissions.endings import ending_of

# So many pairs are asked for at once: the answers of one window are all that is held as rows.
WINDOW = 200_000

ANSWERS = tuple(Answer)

# Verdicts that are drawn: read from answers that were given here, and decided by nobody alone. The evidence is that of
# the last settlement. Only where no adverse outcome says so it must be looked up whether a near-copy came before.
_PAIRS = """
SELECT pair.id, pair.machine_yes::int AS machine_yes, pair.policy_id AS policy,
    (pair.outcome IN %(adverse)s AND pair.uncredited = '')::int AS earned,
    CASE WHEN pair.uncredited = 'near_copy' THEN 1 WHEN pair.outcome IN %(adverse)s THEN 0
        ELSE (own.copy_group IS NOT NULL AND EXISTS (
            SELECT FROM challenges_poolimage alike
            JOIN submissions_pair rival ON rival.challenge_id = pair.challenge_id AND rival.image_id = alike.image_id
                AND rival.label_id = pair.label_id AND rival.id < pair.id
                AND rival.state NOT IN ('unscorable', 'withdrawn')
            WHERE alike.challenge_id = pair.challenge_id AND alike.copy_group = own.copy_group
        ))::int END AS near_copy,
    COALESCE(pair.machine_mean, -1) AS mean, basis.prior_yes, basis.id AS basis
FROM submissions_pair pair
JOIN challenges_poolimage own ON own.challenge_id = pair.challenge_id AND own.image_id = pair.image_id
JOIN LATERAL (
    SELECT id, prior_yes FROM review_verdictbasis WHERE pair_id = pair.id ORDER BY id DESC LIMIT 1
) basis ON true
WHERE pair.challenge_id = %(challenge)s AND pair.state = 'settled' AND pair.id > %(after)s
    AND pair.outcome <> 'ambiguous' AND pair.adjudicated_reason = '' AND pair.tally_source = 'ratings'
ORDER BY pair.id LIMIT %(window)s
"""
_PAIR_COLUMNS = (
    ("id", "bigint"), ("machine_yes", "int"), ("policy", "bigint"), ("earned", "int"), ("near_copy", "int"),
    ("mean", "float8"), ("prior_yes", "float8"), ("basis", "bigint"),
)  # fmt: skip
_VOTES = """
SELECT basis.pair_id AS pair, rating.rater_id AS rater,
    CASE rating.answer WHEN 'yes' THEN 0 WHEN 'no' THEN 1 ELSE 2 END AS answer
FROM review_verdictbasis basis
CROSS JOIN LATERAL jsonb_to_recordset(basis.votes) AS vote(rating bigint)
JOIN review_rating rating ON rating.id = vote.rating
WHERE basis.id = ANY(%(bases)s)
"""
_VOTE_COLUMNS = (("pair", "bigint"), ("rater", "bigint"), ("answer", "int"))
_OWNERS = f"SELECT pair_id, line FROM ({FIRST_CLAIMS}) first_claim ORDER BY pair_id"  # noqa: S608 - of our own words
_OWNER_COLUMNS = (("pair_id", "bigint"), ("line", "bigint"))

# Settled pairs by line, as clusters of near-copies: how many clusters hold so many pairs of which so many earned.
_CLUSTERS = f"""
WITH first_claim AS MATERIALIZED ({FIRST_CLAIMS}), cluster AS (
    SELECT first_claim.line, COUNT(*) AS pairs,
        COUNT(*) FILTER (WHERE pair.outcome IN %(adverse)s AND pair.uncredited = '') AS earned
    FROM first_claim
    JOIN submissions_pair pair ON pair.id = first_claim.pair_id
    JOIN challenges_poolimage pool ON pool.challenge_id = pair.challenge_id AND pool.image_id = pair.image_id
    WHERE pair.state = 'settled'
    GROUP BY first_claim.line, {CLUSTER}
)
SELECT line, pairs, earned, COUNT(*) FROM cluster GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 - of our own words
_WIDTHS = {"int": (4, ">i4"), "bigint": (8, ">i8"), "float8": (8, ">f8")}


@dataclass(frozen=True)
class Mode:
    """How a policy reads an answer: by one coin or two, and whether a don't know says something."""

    coins: int
    reads_dont_know: bool


@dataclass(frozen=True)
class Evidence:
    """The uncertain pairs of an edition, in the order of their lines: P of them with V answers.

    `line` (P,): place of the line in `lines`. `worth` (P,): the points of the pair where people contradict the
    machines. `earned` (P,): the points it has in the ledger. `prior` (P,): log-odds of yes before any answer.
    `contradicts` (P,): +1 where yes contradicts the machines, −1 where no does. `starts` (P+1,): where the pair's
    answers begin in `votes` (V,): (mode · raters + rater) · 3 + answer, of `modes` and `raters`. `certain`: settled
    pairs that end alike in every draw.
    """

    lines: Sequence[int]
    raters: Sequence[int]
    modes: Sequence[Mode]
    line: NDArray[np.int32]
    worth: NDArray[np.int32]
    earned: NDArray[np.int32]
    prior: NDArray[np.float32]
    contradicts: NDArray[np.float32]
    starts: NDArray[np.int64]
    votes: NDArray[np.int32]
    certain: int


def _copied(sql: str, values: Mapping[str, Any], columns: Sequence[tuple[str, str]]) -> NDArray[Any]:
    """The rows of a query without nulls, as a structured array in the machine's byte order."""
    body = io.BytesIO()
    parts: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in columns:
        parts += [(f"{name}_bytes", ">i4"), (name, _WIDTHS[kind][1])]
    cast = ", ".join(f"({name})::{kind}" for name, kind in columns)
    with connection.cursor() as cursor:
        inner = cursor.mogrify(sql, values).decode()
        cursor.copy_expert(f"COPY (SELECT {cast} FROM ({inner}) asked) TO STDOUT (FORMAT binary)", body)  # noqa: S608
    # Eleven bytes of signature, four of flags, four of the header's extension; two at the end.
    rows = np.frombuffer(body.getbuffer()[19:-2], np.dtype(parts))
    native = np.dtype([(name, np.dtype(_WIDTHS[kind][1]).newbyteorder("=")) for name, kind in columns])
    copied = np.empty(len(rows), native)
    for name, _ in columns:
        copied[name] = rows[name]
    return copied


class _Worth:
    """What a pair earns where people contradict the machines, by the rules that settled it."""

    def __init__(self, challenge: Challenge) -> None:
        self.policies: dict[int, Policy] = {
            one.pk: one.value for one in PolicyVersion.objects.filter(challenge=challenge)
        }
        self._known: dict[tuple[int, bool, float, bool], int] = {}

    def of(self, policy: int, *, machine_yes: bool, mean: float, near_copy: bool) -> int:
        key = (policy, machine_yes, mean, near_copy)
        if key not in self._known:
            self._known[key] = ending_of(
                verdict=Verdict.NO if machine_yes else Verdict.YES,
                mean=None if mean < 0 else mean,
                machine_yes=machine_yes,
                near_copy=near_copy,
                policy=self.policies[policy],
            ).points
        return self._known[key]

    def all_of(self, pairs: NDArray[Any]) -> NDArray[np.int32]:
        columns = (pairs["policy"], pairs["machine_yes"], pairs["mean"], pairs["near_copy"])
        rows = zip(*(column.tolist() for column in columns), strict=True)
        worth = [self.of(pk, machine_yes=bool(yes), mean=mean, near_copy=bool(near)) for pk, yes, mean, near in rows]
        return np.array(worth, np.int32)


def _windows(challenge: Challenge) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """The uncertain pairs and their answers, window after window."""
    values = {"challenge": challenge.pk, "window": WINDOW, "adverse": tuple(one.value for one in ADVERSE)}
    after = 0
    while True:
        pairs = _copied(_PAIRS, {**values, "after": after}, _PAIR_COLUMNS)
        if not len(pairs):
            return
        after = int(pairs["id"][-1])
        yield pairs, _copied(_VOTES, {"bases": pairs["basis"].tolist()}, _VOTE_COLUMNS)


def _modes(policies: Mapping[int, Policy]) -> dict[int, Mode]:
    return {pk: Mode(policy.skill_coins, policy.rule.dont_know is DontKnow.EVIDENCE) for pk, policy in policies.items()}


@dataclass
class _Window:
    """A window of pairs that belong to lines, with their answers in the order of the pairs."""

    pairs: NDArray[Any]
    line: NDArray[np.int32]
    numbers: NDArray[np.int64]
    votes: NDArray[Any]


def _owned(pairs: NDArray[Any], votes: NDArray[Any], owners: NDArray[Any], places: NDArray[np.int64]) -> _Window:
    """The pairs of a window that count for a line. `owners`: by pair; `places`: for each owner, -1 where it has no
    place on the board."""
    if not len(owners):
        return _Window(pairs[:0], np.empty(0, np.int32), np.empty(0, np.int64), votes[:0])
    found = np.searchsorted(owners["pair_id"], pairs["id"])
    found[found == len(owners)] = 0
    line = np.where(owners["pair_id"][found] == pairs["id"], places[found], -1)
    pairs, line = pairs[line >= 0], line[line >= 0]
    votes = votes[np.argsort(votes["pair"], kind="stable")]
    votes = votes[np.isin(votes["pair"], pairs["id"])]
    numbers = np.searchsorted(votes["pair"], pairs["id"], side="right") - np.searchsorted(votes["pair"], pairs["id"])
    return _Window(pairs, line.astype(np.int32), numbers, votes)


def read_evidence(challenge: Challenge, *, lines: Sequence[int]) -> Evidence:
    """What the verdicts of an edition rest on, for these lines (numbers as in `counting.LINE`).

    To be called within one snapshot, together with the count of the lines.
    """
    place = {line: number for number, line in enumerate(lines)}
    owners = _copied(_OWNERS, {"challenge": challenge.pk, **valid_at(None)}, _OWNER_COLUMNS)
    places = np.array([place.get(line, -1) for line in owners["line"].tolist()], np.int64)
    worth = _Worth(challenge)
    modes = sorted(set(_modes(worth.policies).values()), key=lambda mode: (mode.coins, mode.reads_dont_know))
    windows = [_owned(pairs, votes, owners, places) for pairs, votes in _windows(challenge)]
    empty = _owned(np.empty(0, _native(_PAIR_COLUMNS)), np.empty(0, _native(_VOTE_COLUMNS)), owners[:0], places[:0])
    windows = windows or [empty]
    raters = np.unique(np.concatenate([np.unique(one.votes["rater"]) for one in windows]))
    pairs = np.concatenate([one.pairs for one in windows])
    coded = [_coded(one, raters, modes, _modes(worth.policies)) for one in windows]
    order, starts, votes = _by_line(windows, coded)
    earns, machine_yes = worth.all_of(pairs)[order], pairs["machine_yes"][order] == 1
    prior = pairs["prior_yes"][order]
    return Evidence(
        lines=lines,
        raters=raters.tolist(),
        modes=modes,
        line=np.concatenate([one.line for one in windows])[order],
        worth=earns,
        earned=earns * pairs["earned"][order],
        prior=np.log(prior / (1.0 - prior)).astype(np.float32),
        contradicts=np.where(machine_yes, -1.0, 1.0).astype(np.float32),
        starts=starts,
        votes=votes,
        certain=_settled(challenge) - len(pairs),
    )


def _native(columns: Sequence[tuple[str, str]]) -> np.dtype[Any]:
    return np.dtype([(name, np.dtype(_WIDTHS[kind][1]).newbyteorder("=")) for name, kind in columns])


def _coded(
    window: _Window, raters: NDArray[Any], modes: Sequence[Mode], by_policy: Mapping[int, Mode]
) -> NDArray[np.int32]:
    """The answers of a window as numbers, see `Evidence.votes`."""
    policies, back = np.unique(window.pairs["policy"], return_inverse=True)
    mode_of = np.array([modes.index(by_policy[pk]) for pk in policies.tolist()], np.int64)
    mode = np.repeat(mode_of[back] if len(policies) else back, window.numbers)
    rater = np.searchsorted(raters, window.votes["rater"])
    coded: NDArray[np.int32] = ((mode * len(raters) + rater) * len(ANSWERS) + window.votes["answer"]).astype(np.int32)
    return coded


def _by_line(
    windows: Sequence[_Window], coded: Sequence[NDArray[np.int32]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """The order of all pairs by line, where the answers of each begin then, and the answers in that order."""
    numbers = np.concatenate([one.numbers for one in windows])
    order = np.argsort(np.concatenate([one.line for one in windows]), kind="stable")
    before = np.concatenate([[0], np.cumsum(numbers)])[:-1]
    starts = np.concatenate([[0], np.cumsum(numbers[order])]).astype(np.int64)
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], numbers[order])
    return order, starts, np.concatenate(coded)[np.repeat(before[order], numbers[order]) + within]


def _settled(challenge: Challenge) -> int:
    return challenge.pairs.filter(state="settled").count()


def clusters_of(challenge: Challenge) -> dict[int, list[tuple[int, int, int]]]:
    """By line, its settled pairs in clusters of near-copies: (pairs of a cluster, earned among them, such clusters)."""
    values = {"challenge": challenge.pk, "adverse": tuple(one.value for one in ADVERSE), **valid_at(None)}
    found: dict[int, list[tuple[int, int, int]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_CLUSTERS, values)
        for line, pairs, earned, number in cursor.fetchall():
            found.setdefault(line, []).append((pairs, earned, number))
    return found
