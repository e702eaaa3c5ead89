"""Questions about pairs and claims: the check of rows, quota, queue."""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from cats4ml.catalog.hiding import shown
from cats4ml.catalog.models import Label, Takedown
from cats4ml.challenges.models import Challenge, Participation, PoolImage, TargetLabel
from cats4ml.challenges.queries import Mates, mates_of
from cats4ml.rules.credit import Quota, quota_of
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair, Submission, TallySource, Upload
from cats4ml.submissions.problems import MAX_RATIONALE, Problem
from cats4ml.submissions.released import released_outcome
from cats4ml.ui.words import date_text


@dataclass(frozen=True)
class ClaimRow:
    """One claim as somebody wrote it. `line` is its line in the file, or its place in the request from 1."""

    line: int
    image_id: str
    label_id: str
    rationale: str = ""
    malformed: str = ""


@dataclass(frozen=True)
class CheckedRow:
    """What the check made of a row: a `problem`, or a target image and label; `later` if somebody was earlier.

    `image_pk` is the picture's own number. `near_copy`: a near-copy of the picture is claimed for this label already,
    so that this pair is rated and released but earns nothing. `submission` is set once the claim is accepted.
    """

    row: ClaimRow
    image_pk: int | None = None
    label: Label | None = None
    problem: Problem | None = None
    detail: str = ""
    later: bool = False
    near_copy: bool = False
    submission: Submission | None = None

    @property
    def pair_key(self) -> tuple[int, int]:
        assert self.image_pk is not None
        assert self.label is not None
        return self.image_pk, self.label.pk


# Whoever claimed such a pair has the claim back.
GIVEN_BACK = (PairState.UNSCORABLE, PairState.WITHDRAWN)


def valid_claims() -> Q:
    """The claims that can earn: not retracted, and not of somebody disqualified."""
    return Q(retracted_at=None, participation__disqualified_at=None)


def quota_for(participation: Participation) -> Quota:
    """The participant's quota. Retracted claims, and pairs that are unscorable or were taken out, are given back by not
    being counted."""
    return quota_and_basket(participation)[0]


_USED_EARNED_BASKET = """
SELECT
    (SELECT count(*) FROM submissions_submission claim JOIN submissions_pair pair ON pair.id = claim.pair_id
        WHERE claim.participation_id = %(finder)s AND claim.charged AND claim.retracted_at IS NULL
        AND pair.state <> ALL(%(given_back)s)),
    (SELECT COALESCE(sum(adverse), 0) FROM submissions_credit WHERE participation_id = %(finder)s),
    (SELECT count(*) FROM submissions_basketitem WHERE participation_id = %(finder)s)
"""


def quota_and_basket(participation: Participation) -> tuple[Quota, int]:
    """`quota_for`, and how many pictures lie in the basket: every page for finders says both, by one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_USED_EARNED_BASKET, {"finder": participation.pk, "given_back": list(GIVEN_BACK)})
        used, adverse, basket = cursor.fetchone()
    return quota_of(adverse=int(adverse), used=used, policy=participation.challenge.rules), basket


class LabelIndex:
    """The target labels of an edition by key and by name, upper and lower case alike in names."""

    def __init__(self, challenge: Challenge) -> None:
        self.by_key: dict[str, Label] = {}
        self.by_name: dict[str, list[Label]] = defaultdict(list)
        targets = TargetLabel.objects.filter(challenge=challenge).values("label")
        for label in Label.objects.filter(pk__in=targets).only("key", "name").order_by("key"):
            self.by_key[label.key] = label
            self.by_name[label.name.casefold()].append(label)

    def find(self, text: str) -> tuple[Label | None, Problem | None, str]:
        if text in self.by_key:
            return self.by_key[text], None, ""
        named = self.by_name.get(text.casefold(), [])
        if len(named) == 1:
            return named[0], None, ""
        if named:
            return (
                None,
                Problem.AMBIGUOUS_LABEL,
                gettext("Its IDs: %(ids)s") % {"ids": ", ".join(label.key for label in named)},
            )
        return None, Problem.UNKNOWN_LABEL, ""


_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text as PostgreSQL keeps it, which takes neither NUL nor half a surrogate pair."""
    return _NOT_STORABLE.sub("�", text)


def _well_formed(row: ClaimRow) -> Problem | None:
    if row.malformed:
        return Problem.MALFORMED
    if any(map(_NOT_STORABLE.search, (row.image_id, row.label_id, row.rationale))):
        return Problem.BAD_CHARACTER
    if not row.image_id:
        return Problem.MISSING_IMAGE
    if not row.label_id:
        return Problem.MISSING_LABEL
    return Problem.LONG_RATIONALE if len(row.rationale) > MAX_RATIONALE else None


def resolve_rows(challenge: Challenge, rows: Sequence[ClaimRow]) -> list[CheckedRow]:
    """Each row with its target image and label, or with the problem that keeps it from having them."""
    labels = LabelIndex(challenge)
    problems = [_well_formed(row) for row in rows]
    keys = {row.image_id for row, problem in zip(rows, problems, strict=True) if problem is None}
    pool = PoolImage.objects.filter(challenge=challenge, image_key__in=keys)
    found = pool.values_list("image_key", "image_id", "image__hidden_at") if keys else ()
    images: dict[str, int] = {}
    hidden: set[int] = set()
    for key, pk, hidden_at in found:
        images[key] = pk
        if hidden_at is not None:
            hidden.add(pk)
    gone = _taken_down(challenge, keys - images.keys())
    checked = []
    for row, problem in zip(rows, problems, strict=True):
        if problem is not None:
            checked.append(CheckedRow(row, problem=problem, detail=row.malformed))
            continue
        image = images.get(row.image_id)
        label, label_problem, detail = labels.find(row.label_id)
        if image in hidden or row.image_id in gone:
            checked.append(CheckedRow(row, label=label, problem=Problem.TAKEN_DOWN))
        elif image is None:
            checked.append(CheckedRow(row, label=label, problem=Problem.UNKNOWN_IMAGE))
        else:
            checked.append(CheckedRow(row, image_pk=image, label=label, problem=label_problem, detail=detail))
    return checked


def _taken_down(challenge: Challenge, keys: Collection[str]) -> set[str]:
    """Of ids that the pool doesn't have those that it had until their picture was taken down."""
    if not keys:
        return set()
    pool = PoolImage.objects.filter(challenge=challenge, image=OuterRef("image"))
    rows = Takedown.objects.filter(Exists(pool), former_id__in=keys, lifted_at=None)
    return set(rows.values_list("former_id", flat=True))


@dataclass(frozen=True)
class KnownPair:
    """What the check must know of a pair that exists. `taken_out`: by an organiser. `claimed`: it has a valid claim.
    `left_over`: it was settled here, and has none.
    `rated`: the participant or a team-mate answered it as a rater. `mine`, `my_team`: when the participant, or another
    of their team, claimed it."""

    state: str
    taken_out: bool
    left_over: bool
    claimed: bool
    rated: bool
    mine: datetime | None
    my_team: datetime | None


def known_pairs(
    participation: Participation, keys: Iterable[tuple[int, int]], mates: Mates
) -> dict[tuple[int, int], KnownPair]:
    """The pairs that exist among these (image, label) keys, as this participant, with these mates, stands to them."""
    wanted = set(keys)
    rows = Pair.objects.filter(
        challenge=participation.challenge_id,
        image__in={image for image, _ in wanted},
        label__in={label for _, label in wanted},
    ).values_list(
        "image_id",
        "label_id",
        "pk",
        "state",
        "withdrawn_reason",
        "tally_source",
        Exists(Submission.objects.filter(valid_claims(), pair=OuterRef("pk"))),
        Exists(Pair.objects.filter(pk=OuterRef("pk"), ratings__rater__user__in=mates.ever)),
    )
    found = {(image, label): rest for image, label, *rest in rows if (image, label) in wanted}
    if not found:
        return {}
    of_ours = Q(participation__user__in=mates.now)
    if participation.team_id:  # somebody who has left the team since claimed for it all the same
        of_ours |= Q(team=participation.team_id)
    mine: dict[int, datetime] = {}
    team: dict[int, datetime] = {}
    ours = Submission.objects.filter(of_ours, pair__in=[pk for pk, *_ in found.values()], retracted_at=None)
    for pair, owner, at in ours.values_list("pair_id", "participation_id", "created_at"):
        (mine if owner == participation.pk else team)[pair] = at
    return {
        key: KnownPair(
            state=state,
            taken_out=bool(why),
            left_over=state == PairState.SETTLED and source == TallySource.RATINGS and not claimed,
            claimed=claimed,
            rated=rated,
            mine=mine.get(pk),
            my_team=team.get(pk),
        )
        for key, (pk, state, why, source, claimed, rated) in found.items()
    }


def _on(moment: datetime) -> str:
    return gettext("On %(date)s.") % {"date": date_text(moment, "long_day")}


def _against_known(row: CheckedRow, known: KnownPair | None) -> CheckedRow:
    if known is None:
        return row
    if known.mine is not None and not known.taken_out:
        return replace(row, problem=Problem.OWN_CLAIM, detail=_on(known.mine))
    if known.my_team is not None and not known.taken_out:
        return replace(row, problem=Problem.TEAM_CLAIM, detail=_on(known.my_team))
    objections = (
        (known.taken_out, Problem.TAKEN_OUT),
        (known.rated, Problem.RATED),
        (known.state == PairState.UNSCORABLE, Problem.UNSCORABLE),
        # Its credit is nobody's. Whoever could claim it now would pick from what somebody else found and lost.
        (known.left_over, Problem.LEFT_OVER),
    )
    problem = next((one for holds, one in objections if holds), None)
    if problem is not None:
        return replace(row, problem=problem)
    return replace(row, later=known.claimed or known.state in (PairState.IN_REVIEW, PairState.SETTLED))


def _copy_groups(pool: QuerySet[PoolImage]) -> dict[int, int]:
    """By image, the number of its group, for those that have one."""
    return {image: group for image, group in pool.values_list("image_id", "copy_group") if group is not None}


class NearCopies:
    """Which near-copies are claimed for which label: before these rows, and by the rows in turn."""

    def __init__(self, challenge: Challenge, rows: Sequence[CheckedRow], *, grouped: bool) -> None:
        pool = PoolImage.objects.filter(challenge=challenge, copy_group__isnull=False)
        self._groups = _copy_groups(pool.filter(image__in={row.pair_key[0] for row in rows})) if grouped else {}
        # By group and label, a claimed picture: the first of the group to be claimed has no near-copy before it.
        self._claimed: dict[tuple[int, int], set[int]] = defaultdict(set)
        if self._groups:
            alike = _copy_groups(pool.filter(copy_group__in=set(self._groups.values())))
            pairs = Pair.objects.filter(
                Exists(Submission.objects.filter(valid_claims(), pair=OuterRef("pk"))),
                challenge=challenge,
                image__in=alike,
                label__in={row.pair_key[1] for row in rows},
            ).exclude(state__in=(PairState.UNSCORABLE, PairState.WITHDRAWN))
            for image, label in pairs.values_list("image_id", "label_id"):
                self._claimed[alike[image], label].add(image)

    def claim(self, pair_key: tuple[int, int]) -> bool:
        """Whether a near-copy of this picture is claimed for this label; from now on this picture is, too."""
        image, label = pair_key
        group = self._groups.get(image)
        if group is None:
            return False
        claimed = self._claimed[group, label]
        before = bool(claimed - {image})
        claimed.add(image)
        return before


def check_rows(participation: Participation, rows: Sequence[ClaimRow]) -> list[CheckedRow]:
    """Every row with its problem, or none. Nothing is written and nothing is charged.

    Rows are charged in the order of their lines; the first that no longer fit the quota get `OVER_QUOTA`, later
    claims never do, for they cost nothing.
    """
    return check_resolved(participation, resolve_rows(participation.challenge, rows), standing_of(participation))


@dataclass(frozen=True)
class Standing:
    """What the check of rows must know of the claimant alone: their mates, how many claims they have left, and whether
    pictures of the edition have near-copies at all."""

    mates: Mates
    remaining: int
    grouped: bool


def standing_of(participation: Participation) -> Standing:
    # Most editions have no near-copies, and to ask that first is cheaper than to name ten thousand pictures.
    grouped = PoolImage.objects.filter(challenge=participation.challenge, copy_group__isnull=False).exists()
    return Standing(mates_of(participation.user_id), quota_for(participation).remaining, grouped)


def check_resolved(
    participation: Participation, resolved: Sequence[CheckedRow], standing: Standing
) -> list[CheckedRow]:
    """`check_rows` of rows whose images and labels are known already."""
    sound = [row for row in resolved if row.problem is None]
    known = known_pairs(participation, (row.pair_key for row in sound), standing.mates)
    remaining = standing.remaining
    first_lines: dict[tuple[int, int], int] = {}
    copies = NearCopies(participation.challenge, sound, grouped=standing.grouped)
    checked = []
    for row in resolved:
        if row.problem is not None:
            checked.append(row)
            continue
        key = row.pair_key
        if key in first_lines:
            detail = gettext("Line %(line)s.") % {"line": first_lines[key]}
            checked.append(replace(row, problem=Problem.REPEATED, detail=detail))
            continue
        first_lines[key] = row.row.line
        result = _against_known(row, known.get(key))
        if result.problem is None and not result.later:
            if remaining > 0:
                remaining -= 1
                result = replace(result, near_copy=True) if copies.claim(key) else result
            else:
                result = replace(result, problem=Problem.OVER_QUOTA)
        checked.append(result)
    return checked


def submissions_of(participation: Participation) -> QuerySet[Submission]:
    """A participant's claims, newest first, with what their page shows of the pairs. Each has the participation
    that was given, and by it the edition, which are not read again with every claim."""
    claims = participation.submissions.select_related("pair__image", "pair__label", "pair__policy", "upload", "dispute")
    return claims.order_by("-id")


def upload_of(participation: Participation, name: str) -> Upload | None:
    """The participant's file of this uuid; None for any other text."""
    try:
        wanted = uuid.UUID(name)
    except ValueError:
        return None
    return Upload.objects.filter(participation=participation, uuid=wanted).first()


def public_queue(challenge: Challenge) -> QuerySet[Pair]:
    """Every pair of the edition whose picture is shown, newest first. `released_outcome`: how it ended, once a release
    has told everybody."""
    pairs = shown(Pair.objects.filter(challenge=challenge)).select_related("image", "label").order_by("-id")
    return pairs.annotate(released_outcome=released_outcome())


def first_claims(pairs: Iterable[Pair]) -> dict[int, Submission]:
    """The first valid claim of each of these pairs, by pair."""
    claims = (
        Submission.objects.filter(valid_claims(), pair__in=[pair.pk for pair in pairs])
        .order_by("pair_id", "id")
        .distinct("pair_id")
        .select_related("participation__user", "participation__team")
    )
    return {claim.pair_id: claim for claim in claims}


def first_claimants(claims: Iterable[Submission]) -> dict[int, str]:
    """By pair, whose claim came before these later ones: told once the pair is settled, like all submitters' names."""
    later = {claim.pair_id: claim for claim in claims if not claim.charged and claim.pair.state == PairState.SETTLED}
    return {
        pair: first.participation.public_name
        for pair, first in first_claims([claim.pair for claim in later.values()]).items()
        if first.participation_id != later[pair].participation_id
    }
