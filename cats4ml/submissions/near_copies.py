"""Near-copies among pairs: of two pairs with one label whose pictures are near-copies, the later one earns nothing.

The pictures of one `PoolImage.copy_group` are near-copies, by the organiser's word before the edition opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Exists, Min, OuterRef

from cats4ml.challenges.models import PoolImage
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Credit, CreditKind, Pair, Submission, Uncredited
from cats4ml.submissions.queries import valid_claims

# What never reaches the raters takes nothing from anybody.
_OUT = (PairState.UNSCORABLE, PairState.WITHDRAWN)


def earlier_near_copy(pair: Pair) -> Pair | None:
    """The pair that was claimed first among the near-copies of this one, if its first claim is the earlier one.

    The same edition and label, another picture of the same group, with a valid claim (not retracted, of nobody
    disqualified), neither unscorable nor withdrawn. A pair without a valid claim of its own comes after all of them,
    and so does one that was out of the game when a near-copy of it earned. One query for a picture without
    near-copies, else up to three.
    """
    rivals = _rivals(pair)
    if not rivals:
        return None
    firsts = _first_claims([pair.pk, *rivals])
    own = firsts.get(pair.pk)
    earlier = {pk: claim for pk, claim in firsts.items() if pk != pair.pk and (own is None or claim < own)}
    first = min(earlier, key=earlier.__getitem__) if earlier else _earning(rivals)
    return rivals[first] if first is not None else None


def _earning(pairs: Iterable[int]) -> int | None:
    """The first of these pairs that has a credit which stands."""
    entries = Credit.objects.filter(pair__in=pairs).exclude(kind=CreditKind.REVERSED)
    standing = entries.filter(~Exists(Credit.objects.filter(reverses=OuterRef("pk"))))
    return standing.order_by("pk").values_list("pair", flat=True).first()


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


def _first_claims(pairs: Sequence[int]) -> dict[int, int]:
    """The id of the first valid claim of each of these pairs, by pair; ids are in the order of claims."""
    claims = Submission.objects.filter(valid_claims(), pair__in=pairs).order_by()
    return dict(claims.values_list("pair").annotate(first=Min("pk")))
