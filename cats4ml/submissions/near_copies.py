"""Near-copies among pairs: of two pairs with one label whose pictures are near-copies, the later one earns nothing.

The pictures of one `PoolImage.copy_group` are near-copies, by the organiser's word before the edition opened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import Min

from cats4ml.challenges.models import PoolImage
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Credit, CreditKind, Pair, Submission, Uncredited
from cats4ml.submissions.queries import valid_claims

# What never reaches the raters takes nothing from anybody.
_OUT = (PairState.UNSCORABLE, PairState.WITHDRAWN)
_GROUPED = ("challenge_id", "image_id", "copy_group")


def earlier_near_copy(pair: Pair) -> Pair | None:
    """The pair that comes first among the near-copies of this one, if it comes before this one.

    The same edition and label, another picture of the same group, neither unscorable nor withdrawn. Whoever earned
    once comes first, in that order, lest two earn where one was out of the game meanwhile; it keeps its place when its
    credit is reversed, so that settling again ends alike in any order. Then come those with a valid claim (not
    retracted, of nobody disqualified), by their first one; a pair without any comes after all of them. One query for a
    picture without near-copies, else up to four.
    """
    return earlier_near_copies([pair]).get(pair.pk)


def earlier_near_copies(pairs: Sequence[Pair]) -> dict[int, Pair]:
    """`earlier_near_copy` of those of these pairs that have one, by id. As many queries for many pairs as for one."""
    rivals = _rivals_of(pairs)
    if not rivals:
        return {}
    places = _places([*rivals, *{pk for own in rivals.values() for pk in own}])
    found = {}
    for pk, own in rivals.items():
        here = places.get(pk)
        earlier = {one: places[one] for one in own if one in places and (here is None or places[one] < here)}
        if earlier:
            found[pk] = own[min(earlier, key=earlier.__getitem__)]
    return found


def _places(pairs: Sequence[int]) -> dict[int, tuple[int, int]]:
    """By pair, its place among near-copies: of those that earned by a claim that is still valid the first such entry
    of the ledger, and after them of the others the first valid claim. Ids are in the order of writing."""
    valid = Submission.objects.filter(valid_claims(), pair__in=pairs)
    earned = Credit.objects.filter(pair__in=pairs, submission__in=valid).exclude(kind=CreditKind.REVERSED).order_by()
    places = {pk: (1, first) for pk, first in valid.order_by().values_list("pair").annotate(first=Min("pk"))}
    return places | {pk: (0, first) for pk, first in earned.values_list("pair").annotate(first=Min("pk"))}


def freed_near_copies(pairs: Iterable[Pair]) -> list[Pair]:
    """The settled pairs that earned nothing as near-copies of one of these, and that nothing comes before any more.

    To be asked after claims of `pairs` lost their validity or a pair left the game. In the order of their ids, so
    that they can be locked; under the locks each must be looked at again.
    """
    rivals = {pk: one for own in _rivals_of(list(pairs)).values() for pk, one in own.items()}
    passed_over = [
        one for one in rivals.values() if one.state == PairState.SETTLED and one.uncredited == Uncredited.NEAR_COPY
    ]
    earlier = earlier_near_copies(passed_over)
    return sorted((one for one in passed_over if one.pk not in earlier), key=lambda one: one.pk)


def _rivals_of(pairs: Sequence[Pair]) -> dict[int, dict[int, Pair]]:
    """By pair, the other pairs of the same edition and label with a near-copy of its picture, by id. Pairs without any
    are left out. One query where no picture has near-copies, else three."""
    grouped = PoolImage.objects.filter(challenge__in={pair.challenge_id for pair in pairs}, copy_group__isnull=False)
    own = grouped.filter(image__in={pair.image_id for pair in pairs})
    groups = {(edition, image): group for edition, image, group in own.values_list(*_GROUPED)}
    if not groups:
        return {}
    members: dict[tuple[int, int], set[int]] = defaultdict(set)
    for edition, image, group in grouped.filter(copy_group__in=set(groups.values())).values_list(*_GROUPED):
        members[edition, group].add(image)
    wanted = {image for images in members.values() for image in images}
    labels = {pair.label_id for pair in pairs}
    editions = {edition for edition, _ in groups}
    rows = Pair.objects.filter(challenge__in=editions, label__in=labels, image__in=wanted).exclude(state__in=_OUT)
    by_place: dict[tuple[int, int, int], Pair] = {(one.challenge_id, one.label_id, one.image_id): one for one in rows}
    found = {}
    for pair in pairs:
        group = groups.get((pair.challenge_id, pair.image_id))
        images = members[pair.challenge_id, group] - {pair.image_id} if group is not None else set()
        others = [by_place.get((pair.challenge_id, pair.label_id, image)) for image in images]
        if rivals := {one.pk: one for one in others if one is not None}:
            found[pair.pk] = rivals
    return found
