"""Near-copies among pairs: of two pairs with one label whose pictures are near-copies, the later one earns nothing.

The pictures of one `PoolImage.copy_group` are near-copies, by the organiser's word before the edition opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Min

from cats4ml.challenges.models import PoolImage
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Credit, CreditKind, Pair, Submission, Uncredited
from cats4ml.submissions.queries import valid_claims

# What never reaches the raters takes nothing from anybody.
_OUT = (PairState.UNSCORABLE, PairState.WITHDRAWN)


def earlier_near_copy(pair: Pair) -> Pair | None:
    """The pair that comes first among the near-copies of this one, if it comes before this one.

    The same edition and label, another picture of the same group, neither unscorable nor withdrawn. Whoever earned
    once comes first, in that order, lest two earn where one was out of the game meanwhile; it keeps its place when its
    credit is reversed, so that settling again ends alike in any order. Then come those with a valid claim (not
    retracted, of nobody disqualified), by their first one; a pair without any comes after all of them. One query for a
    picture without near-copies, else up to four.
    """
    rivals = _rivals(pair)
    if not rivals:
        return None
    places = _places([pair.pk, *rivals])
    own = places.pop(pair.pk, None)
    earlier = {pk: place for pk, place in places.items() if own is None or place < own}
    return rivals[min(earlier, key=earlier.__getitem__)] if earlier else None


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
    freed: dict[int, Pair] = {}
    for pair in _with_near_copies(list(pairs)):
        settled = [one for one in _rivals(pair).values() if one.state == PairState.SETTLED]
        for rival in settled:
            if rival.uncredited == Uncredited.NEAR_COPY and earlier_near_copy(rival) is None:
                freed[rival.pk] = rival
    return [freed[pk] for pk in sorted(freed)]


def _with_near_copies(pairs: Sequence[Pair]) -> list[Pair]:
    grouped = set(
        PoolImage.objects.filter(
            challenge__in={pair.challenge_id for pair in pairs},
            image__in={pair.image_id for pair in pairs},
            copy_group__isnull=False,
        ).values_list("challenge_id", "image_id")
    )
    return [pair for pair in pairs if (pair.challenge_id, pair.image_id) in grouped]


def _rivals(pair: Pair) -> dict[int, Pair]:
    """The other pairs of the same edition and label with a near-copy of this pair's picture, by id."""
    own = PoolImage.objects.filter(challenge=pair.challenge_id, image=pair.image_id, copy_group__isnull=False)
    alike = PoolImage.objects.filter(challenge=pair.challenge_id, copy_group__in=own.values("copy_group"))
    rows = (
        Pair.objects.filter(challenge=pair.challenge_id, label=pair.label_id, image__in=alike.values("image"))
        .exclude(pk=pair.pk)
        .exclude(state__in=_OUT)
    )
    return {one.pk: one for one in rows}
