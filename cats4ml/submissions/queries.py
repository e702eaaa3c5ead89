"""Questions about pairs and claims: the check of rows, quota, queue."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.models import Challenge, Participation, PoolImage, TargetLabel
from cats4ml.challenges.queries import team_mates
from cats4ml.rules.credit import Quota, quota_of
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Credit, Pair, Submission
from cats4ml.submissions.problems import MAX_RATIONALE, Problem


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

    `near_copy`: a near-copy of the picture is claimed for this label already, so that this pair is rated and released
    but earns nothing. `submission` is set once the claim is accepted.
    """

    row: ClaimRow
    image: Image | None = None
    label: Label | None = None
    problem: Problem | None = None
    detail: str = ""
    later: bool = False
    near_copy: bool = False
    submission: Submission | None = None

    @property
    def pair_key(self) -> tuple[int, int]:
        assert self.image is not None
        assert self.label is not None
        return self.image.pk, self.label.pk


def valid_claims() -> Q:
    """The claims that can earn: not retracted, and not of somebody disqualified."""
    return Q(retracted_at=None, participation__disqualified_at=None)


def quota_for(participation: Participation) -> Quota:
    """The participant's quota. Unscorable pairs and retracted claims are given back by not being counted."""
    used = (
        Submission.objects.filter(participation=participation, charged=True, retracted_at=None)
        .exclude(pair__state=PairState.UNSCORABLE)
        .count()
    )
    adverse = Credit.objects.filter(participation=participation).aggregate(n=Sum("adverse"))["n"] or 0
    return quota_of(adverse=adverse, used=used, policy=participation.challenge.rules)


class LabelIndex:
    """The target labels of an edition by key and by name, upper and lower case alike in names."""

    def __init__(self, challenge: Challenge) -> None:
        self.by_key: dict[str, Label] = {}
        self.by_name: dict[str, list[Label]] = defaultdict(list)
        for target in TargetLabel.objects.filter(challenge=challenge).select_related("label").order_by("label__key"):
            self.by_key[target.label.key] = target.label
            self.by_name[target.label.name.casefold()].append(target.label)

    def find(self, text: str) -> tuple[Label | None, Problem | None, str]:
        if text in self.by_key:
            return self.by_key[text], None, ""
        named = self.by_name.get(text.casefold(), [])
        if len(named) == 1:
            return named[0], None, ""
        if named:
            return None, Problem.AMBIGUOUS_LABEL, "Its IDs: " + ", ".join(label.key for label in named)
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
    keys = {row.image_id for row in rows if _well_formed(row) is None}
    images = {
        one.image_key: one.image
        for one in PoolImage.objects.filter(challenge=challenge, image_key__in=keys).select_related("image")
    }
    checked = []
    for row in rows:
        problem = _well_formed(row)
        if problem is not None:
            checked.append(CheckedRow(row, problem=problem, detail=row.malformed))
            continue
        image = images.get(row.image_id)
        label, label_problem, detail = labels.find(row.label_id)
        if image is None:
            checked.append(CheckedRow(row, label=label, problem=Problem.UNKNOWN_IMAGE))
        else:
            checked.append(CheckedRow(row, image=image, label=label, problem=label_problem, detail=detail))
    return checked


@dataclass(frozen=True)
class KnownPair:
    """What the check must know of a pair that exists. `claimed`: it has a valid claim. `rated`: the participant or a
    team-mate answered it as a rater."""

    state: str
    claimed: bool
    rated: bool
    mine: Submission | None
    my_team: Submission | None


def known_pairs(participation: Participation, keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], KnownPair]:
    """The pairs that exist among these (image, label) keys, as this participant stands to them."""
    wanted = set(keys)
    mates = [*team_mates(participation.user_id), participation.user_id]
    pairs = Pair.objects.filter(
        challenge=participation.challenge_id, image__in={image for image, _ in wanted}
    ).annotate(
        claimed=Exists(Submission.objects.filter(valid_claims(), pair=OuterRef("pk"))),
        rated=Exists(Pair.objects.filter(pk=OuterRef("pk"), ratings__rater__user__in=mates)),
    )
    found = {(pair.image_id, pair.label_id): pair for pair in pairs if (pair.image_id, pair.label_id) in wanted}
    of_ours = Q(participation__user__in=mates)
    if participation.team_id:  # somebody who has left the team since claimed for it all the same
        of_ours |= Q(team=participation.team_id)
    ours: dict[int, list[Submission]] = defaultdict(list)
    for claim in Submission.objects.filter(
        of_ours, pair__in=[pair.pk for pair in found.values()], retracted_at=None
    ).select_related("participation"):
        ours[claim.pair_id].append(claim)
    known = {}
    for key, pair in found.items():
        mine = next((claim for claim in ours[pair.pk] if claim.participation_id == participation.pk), None)
        team = next((claim for claim in ours[pair.pk] if claim.participation_id != participation.pk), None)
        known[key] = KnownPair(state=pair.state, claimed=pair.claimed, rated=pair.rated, mine=mine, my_team=team)
    return known


def _against_known(row: CheckedRow, known: KnownPair | None) -> CheckedRow:
    if known is None:
        return row
    if known.mine is not None:
        return replace(row, problem=Problem.OWN_CLAIM, detail=f"On {known.mine.created_at:%-d %B %Y}.")
    if known.my_team is not None:
        return replace(row, problem=Problem.TEAM_CLAIM, detail=f"On {known.my_team.created_at:%-d %B %Y}.")
    if known.rated:
        return replace(row, problem=Problem.RATED)
    if known.state == PairState.UNSCORABLE:
        return replace(row, problem=Problem.UNSCORABLE)
    return replace(row, later=known.claimed or known.state in (PairState.IN_REVIEW, PairState.SETTLED))


def _copy_groups(pool: QuerySet[PoolImage]) -> dict[int, int]:
    """By image, the number of its group, for those that have one."""
    return {image: group for image, group in pool.values_list("image_id", "copy_group") if group is not None}


class NearCopies:
    """Which near-copies are claimed for which label: before these rows, and by the rows in turn."""

    def __init__(self, challenge: Challenge, rows: Sequence[CheckedRow]) -> None:
        pool = PoolImage.objects.filter(challenge=challenge, copy_group__isnull=False)
        groups = pool.filter(image__in={row.pair_key[0] for row in rows})
        self._groups = _copy_groups(groups)
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
    resolved = resolve_rows(participation.challenge, rows)
    known = known_pairs(participation, (row.pair_key for row in resolved if row.problem is None))
    remaining = quota_for(participation).remaining
    first_lines: dict[tuple[int, int], int] = {}
    copies = NearCopies(participation.challenge, [row for row in resolved if row.problem is None])
    checked = []
    for row in resolved:
        result = row
        if result.problem is None and result.pair_key in first_lines:
            detail = f"Line {first_lines[result.pair_key]}."
            result = replace(result, problem=Problem.REPEATED, detail=detail)
        if result.problem is None:
            first_lines[result.pair_key] = result.row.line
            result = _against_known(result, known.get(result.pair_key))
        if result.problem is None and not result.later:
            if remaining > 0:
                remaining -= 1
            else:
                result = replace(result, problem=Problem.OVER_QUOTA)
        if result.problem is None and not result.later:
            result = replace(result, near_copy=copies.claim(result.pair_key))
        checked.append(result)
    return checked


def submissions_of(participation: Participation) -> QuerySet[Submission]:
    """A participant's claims, newest first, with what their page shows of the pairs."""
    return (
        Submission.objects.filter(participation=participation)
        .select_related("pair__image", "pair__label", "pair__policy", "pair__challenge__policy")
        .order_by("-id")
    )


def public_queue(challenge: Challenge) -> QuerySet[Pair]:
    """Every pair of the edition, newest first."""
    return Pair.objects.filter(challenge=challenge).select_related("image", "label").order_by("-id")


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
