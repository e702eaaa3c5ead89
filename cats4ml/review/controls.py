"""Control questions as raters meet them: which one comes next, how a warm-up stands, what is told after it.

Everything here is asked for each question that is given out, so that it takes two queries at most: the rater's own
past with controls, and, where one is due, the control itself. Nothing is kept from one question to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import (
    Case,
    Exists,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import MD5, Cast, Concat
from django.utils.crypto import salted_hmac

from cats4ml.challenges.models import Participation
from cats4ml.challenges.queries import team_mates
from cats4ml.review.models import (
    ControlQuestion,
    ControlUse,
    Lease,
    LeaseEnd,
    PauseCause,
    PauseDecision,
    Rating,
    RatingState,
)
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.rules.trust import WarmUp, control_rate, is_control_due, warm_up
from cats4ml.submissions.models import Submission

SALT = "cats4ml.review.controls"
# Of so many drawn at random the one is asked that was asked least. Two would nearly do: the most asked of all is then
# hardly ahead of the rest (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001); and counting
# how often each of a thousand was asked would take longer than the question. More than two, for some of them may be
# pairs that the rater had.
DRAWN = 16
# A warm-up is chosen from so many.
MOST_WARM_UPS = 200
# A warm-up question that ran out or was taken back in their hands was not answered, and may come again.
UNUSED = (LeaseEnd.EXPIRED, LeaseEnd.WITHDRAWN)


class Feedback(NamedTuple):
    """What a rater is told after a warm-up answer."""

    right: bool
    truth: Answer
    explanation: str


@dataclass
class _Past:
    """What is known of a rater before their next question."""

    last_lease: int = 0
    warm_up_over: bool = False
    right: int = 0
    answered: int = 0
    warm_ups: list[bool] = field(default_factory=list)
    held: int = 0
    left: int = 0
    passed: int = 0
    had: Counter[str] = field(default_factory=Counter)

    def warm_up(self, policy: Policy) -> WarmUp:
        return warm_up(self.warm_ups, self.held, self.left, self.passed, policy=policy)


class _PastRow(NamedTuple):
    """A row of `PAST`: the rater, and one control that they were given (None throughout where there was none)."""

    last_lease: int | None
    began: bool
    forgiven: bool
    stock: int
    lease: int | None
    ended: str | None
    use: str | None
    truth: str | None
    label: int | None
    retired_at: datetime | None
    answer: str | None
    state: str | None


def due_control(*, rater: Participation, at: datetime) -> ControlQuestion | None:
    """The control question that this rater is to be given now instead of a pair; None where a pair is due.

    First the warm-up; then one among pairs, at a rate that falls with trust, by a keyed hash of the rater's last
    question: nobody foresees it, and asking twice changes nothing. Never one that they had before, nor a picture and
    label that they had as a pair or that they or a team-mate claimed; never a retired one. The caller holds the lock of
    the rater's participation.
    """
    past, policy = _past(rater), rater.challenge.rules
    if not past.warm_up_over and past.warm_up(policy).wants:
        return _next_warm_up(rater, past, policy)
    rate = control_rate(past.right, past.answered, policy=policy)
    if is_control_due(_draw(rater, past, "due"), rate=rate):
        return _next_mixed(rater, past)
    return None


def warm_up_state(rater: Participation) -> tuple[int, int]:
    """How many warm-up questions this rater has answered, of how many. The two are equal once it is over."""
    past = _past(rater)
    state = past.warm_up(rater.challenge.rules)
    if past.warm_up_over:
        return state.done, state.done
    return state.done, state.of


def warm_up_of(rater: Participation) -> WarmUp | None:
    """How the warm-up stands; None where it is over for good, by the rater's first counted answer or by an organiser's
    word."""
    past = _past(rater)
    return None if past.warm_up_over else past.warm_up(rater.challenge.rules)


def feedback_on(rating: Rating) -> Feedback | None:
    """What to tell after an answer: only for a warm-up question; of any other control nobody learns that it was one."""
    control = rating.control
    if control is None or control.use != ControlUse.WARM_UP:
        return None
    return Feedback(rating.answer == control.truth, Answer(control.truth), control.explanation)


# One row for each control that the rater was given, in the order of their answers, with what is the same in all rows;
# one row where there was none. The rater's number stands in it again and again, so that what doesn't depend on a row is
# looked up once.
PAST = """
SELECT
    (SELECT id FROM review_lease WHERE rater_id = %(rater)s ORDER BY id DESC LIMIT 1),
    EXISTS (
        SELECT FROM review_rating one LEFT JOIN review_controlquestion control ON control.id = one.control_id
        WHERE one.rater_id = %(rater)s AND one.state <> %(late)s AND control.use IS DISTINCT FROM %(warm_up)s
    ),
    EXISTS (SELECT FROM review_raterpause WHERE rater_id = %(rater)s AND cause = %(cause)s AND decision = %(resumed)s),
    (
        SELECT COUNT(*) FROM review_controlquestion control JOIN catalog_image image ON image.id = control.image_id
        WHERE challenge_id = %(challenge)s AND use = %(warm_up)s AND retired_at IS NULL
            AND image.sensitive <@ %(kinds)s::varchar[]
    ),
    lease.id, lease.ended, control.use, control.truth, control.label_id, control.retired_at,
    rating.answer, rating.state
FROM challenges_participation rater
LEFT JOIN (
    review_lease lease JOIN review_controlquestion control ON control.id = lease.control_id
) ON lease.rater_id = rater.id AND lease.control_id IS NOT NULL
LEFT JOIN review_rating rating ON rating.lease_id = lease.id
WHERE rater.id = %(rater)s
ORDER BY rating.created_at, lease.id
"""


def _past(rater: Participation) -> _Past:
    values: dict[str, int | str | list[str]] = {
        "kinds": rater.sensitive_kinds or [],
        "rater": rater.pk,
        "challenge": rater.challenge_id,
        "late": RatingState.LATE,
        "warm_up": ControlUse.WARM_UP,
        "cause": PauseCause.WARM_UP,
        "resumed": PauseDecision.RESUMED,
    }
    with connection.cursor() as cursor:
        cursor.execute(PAST, values)
        rows = [_PastRow(*row) for row in cursor.fetchall()]
    same = rows[0]
    past = _Past(same.last_lease or 0, same.began or same.forgiven, left=same.stock)
    for row in rows:
        if row.lease is not None:
            _add(past, row)
    return past


def _add(past: _Past, row: _PastRow) -> None:
    """Count one control that the rater was given."""
    counts = row.answer is not None and row.state != RatingState.LATE
    right = row.answer == row.truth
    past.answered += counts
    past.right += counts and right
    if row.use != ControlUse.WARM_UP or (row.ended in UNUSED and row.answer is None):
        return
    past.had.update([f"truth {row.truth}", f"label {row.label}"])
    past.left = max(0, past.left - (row.retired_at is None))
    if counts:
        past.warm_ups.append(right)
    elif not row.ended:
        past.held += 1
    else:
        past.passed += row.retired_at is None


def _key(rater: Participation, past: _Past, purpose: str) -> bytes:
    return salted_hmac(SALT, f"{purpose} {rater.pk} {past.last_lease}", algorithm="sha256").digest()


def _draw(rater: Participation, past: _Past, purpose: str) -> float:
    """A number in [0, 1), the same until the rater has another question."""
    return int.from_bytes(_key(rater, past, purpose)[:6], "big") / 2.0**48


def _not_had(rater: Participation, use: ControlUse) -> QuerySet[ControlQuestion]:
    """The controls that this rater was not asked yet."""
    had = Lease.objects.filter(rater=rater.pk, control=OuterRef("pk"))
    if use == ControlUse.WARM_UP:
        had = had.exclude(ended__in=UNUSED, rating=None)
    return ControlQuestion.objects.filter(
        ~Exists(had),
        challenge=rater.challenge_id,
        use=use,
        retired_at=None,
        image__sensitive__contained_by=rater.sensitive_kinds or [],
    )


def _open_to(rater: Participation, drawn: QuerySet[ControlQuestion]) -> QuerySet[ControlQuestion]:
    """Of the drawn ones those whose picture and label they didn't have as a pair, and that nobody of theirs claimed.

    Looked up for a few that are drawn before: over all of them the database would rather read every pair there is.
    """
    same = {f"pair__{name}": OuterRef(name) for name in ("challenge", "image", "label")}
    ours = Q(participation__user=rater.user_id) | Q(participation__user__in=team_mates(rater.user_id))
    return ControlQuestion.objects.filter(
        ~Exists(Lease.objects.filter(rater=rater.pk, **same)),
        ~Exists(Submission.objects.filter(ours, **same)),
        pk__in=drawn.values("pk"),
    ).select_related("image", "label")


def _shuffle(rater: Participation, past: _Past) -> MD5:
    """An order that nobody foresees."""
    return MD5(Concat(Value(_key(rater, past, "order").hex()), Cast("pk", TextField())))


def _next_mixed(rater: Participation, past: _Past) -> ControlQuestion | None:
    """One of the least asked. Its truth is drawn first, so that yes and no are learned alike however many of each
    there are."""
    truth = Answer.YES if _draw(rater, past, "truth") < 0.5 else Answer.NO
    other = Case(When(truth=truth.value, then=0), default=1, output_field=IntegerField())
    drawn = _not_had(rater, ControlUse.MIXED).order_by(other, _shuffle(rater, past))[:DRAWN]
    count = Func("pk", function="COUNT", output_field=IntegerField())
    asked = Subquery(Lease.objects.filter(control=OuterRef("pk")).order_by().values(n=count))
    return _open_to(rater, drawn).order_by(other, asked, _shuffle(rater, past)).first()


def _next_warm_up(rater: Participation, past: _Past, policy: Policy) -> ControlQuestion | None:
    """One of the questions that make the rest of this rater's warm-up: labels and truths as even as there are."""
    drawn = _not_had(rater, ControlUse.WARM_UP).order_by(_shuffle(rater, past))[:MOST_WARM_UPS]
    found = list(_open_to(rater, drawn).order_by(_shuffle(rater, past)))
    given = len(past.warm_ups) + past.held
    chosen = spread(found, policy.warm_up - given % policy.warm_up, past.had)
    # Which of them comes now is drawn, so that nobody reads an answer off the balance before.
    return chosen[int(_draw(rater, past, "warm-up") * len(chosen))] if chosen else None


def spread(found: Sequence[ControlQuestion], number: int, had: Counter[str]) -> list[ControlQuestion]:
    """So many of these, in their order where it doesn't matter: each time of the truth, and then of the label, that
    came least so far. `had` counts what came before."""
    counts, rest = Counter(had), list(found)
    chosen: list[ControlQuestion] = []
    while rest and len(chosen) < number:
        one = min(rest, key=lambda one: (counts[f"truth {one.truth}"], counts[f"label {one.label_id}"]))
        rest.remove(one)
        chosen.append(one)
        counts.update([f"truth {one.truth}", f"label {one.label_id}"])
    return chosen
