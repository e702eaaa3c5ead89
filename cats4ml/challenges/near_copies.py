"""Near-copies in an edition's pool: proposed by what is alike, decided by the organiser, frozen when it opens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Embedding, Image
from cats4ml.challenges.acts import difference, record_act
from cats4ml.challenges.alike import HASH_BITS, Embedded, alike_hashes, embedded_by, near_vectors, same_bytes
from cats4ml.challenges.models import ActKind, Challenge, ChallengeStatus, CopyDecision, NearCopy, PoolImage

SIMILARITY = 0.98
# Tiny or flat pictures look like hundreds of others: nobody wants to decide about all of these.
MOST_PER_PICTURE = 20


class NearCopyRefused(Exception):
    """Why near-copies can't be proposed or decided, in a sentence."""


@dataclass(frozen=True)
class Proposed:
    """What a search for near-copies came to. `new`: proposals that weren't there before; the three reasons count
    proposals, of which one may have several; `capped`: pictures with more than were proposed; `unhashed` and
    `unembedded`: target images that can't be compared as long as they aren't scored."""

    images: int
    proposals: int
    new: int
    same_bytes: int
    alike_hash: int
    similar: int
    capped: int
    unhashed: int
    unembedded: int
    classifier: str = ""


@dataclass(frozen=True)
class _Reasons:
    same_bytes: bool = False
    hash_distance: int | None = None
    similarity: float | None = None


@dataclass
class _Found:
    pairs: dict[tuple[int, int], _Reasons] = field(default_factory=dict)
    capped: set[int] = field(default_factory=set)

    def add(self, first: int, second: int, **reason: object) -> None:
        key = (min(first, second), max(first, second))
        self.pairs[key] = replace(self.pairs.get(key, _Reasons()), **reason)  # type: ignore[arg-type]


def propose(
    challenge: Challenge,
    at: datetime,
    *,
    similarity: float = SIMILARITY,
    hash_bits: int = HASH_BITS,
    exact_up_to: int | None = None,
) -> Proposed:
    """Propose pairs of target images that may be near-copies, with the reasons. Nothing is decided by it.

    The reasons: the same bytes; perceptual hashes at most `hash_bits` of 64 apart (0 to 3); embeddings under the first
    classifier of the roster that has any with a cosine of at least `similarity`. What was decided stays decided. A
    pool of more than `exact_up_to` embedded pictures is searched by an index, which may miss some. Raises
    `NearCopyRefused` for an edition that has left the draft, and for numbers out of range.
    """
    _check_draft(challenge)
    if not 0 <= hash_bits <= HASH_BITS:
        raise NearCopyRefused(
            _("The hashes' distance is 0 to %(hash_bits)s bits, not %(hash_bits_2)s.")
            % {"hash_bits": HASH_BITS, "hash_bits_2": hash_bits}
        )
    if not 0 < similarity <= 1:
        raise NearCopyRefused(
            _("The similarity is a number above 0 and up to 1, not %(similarity)s.") % {"similarity": f"{similarity:g}"}
        )
    embedded = embedded_by(challenge)
    found = _search(challenge, embedded, similarity=similarity, hash_bits=hash_bits, exact_up_to=exact_up_to)
    with transaction.atomic():
        _check_draft(Challenge.objects.select_for_update(of=("self",), no_key=True).get(pk=challenge.pk))
        there = NearCopy.objects.filter(challenge=challenge).count()
        _keep(challenge, found, at)
        new = NearCopy.objects.filter(challenge=challenge).count() - there
    pool = PoolImage.objects.filter(challenge=challenge)
    seen = (
        Embedding.objects.filter(classifier=embedded.classifier, image__in=pool.values("image")) if embedded else None
    )
    images = pool.count()
    return Proposed(
        images=images,
        proposals=len(found.pairs),
        new=new,
        same_bytes=sum(one.same_bytes for one in found.pairs.values()),
        alike_hash=sum(one.hash_distance is not None for one in found.pairs.values()),
        similar=sum(one.similarity is not None for one in found.pairs.values()),
        capped=len(found.capped),
        unhashed=Image.objects.filter(pk__in=pool.values("image"), perceptual_hash=None).count(),
        unembedded=images - (seen.count() if seen is not None else 0),
        classifier=embedded.name if embedded else "",
    )


def _search(
    challenge: Challenge, embedded: Embedded | None, *, similarity: float, hash_bits: int, exact_up_to: int | None
) -> _Found:
    found = _Found()
    for first, second in same_bytes(challenge):
        found.add(first, second, same_bytes=True)
    hashes = alike_hashes(challenge, bits=hash_bits, most=MOST_PER_PICTURE)
    for first, second, distance in hashes.pairs:
        found.add(first, second, hash_distance=int(distance))
    found.capped |= hashes.capped
    if embedded is not None:
        vectors = near_vectors(
            challenge, embedded, similarity=similarity, most=MOST_PER_PICTURE, exact_up_to=exact_up_to
        )
        for first, second, cosine in vectors.pairs:
            found.add(first, second, similarity=cosine)
        found.capped |= vectors.capped
    return found


def _keep(challenge: Challenge, found: _Found, at: datetime) -> None:
    rows = (
        NearCopy(
            challenge=challenge,
            first_id=first,
            second_id=second,
            same_bytes=why.same_bytes,
            hash_distance=why.hash_distance,
            similarity=why.similarity,
            created_at=at,
        )
        for (first, second), why in sorted(found.pairs.items())
    )
    NearCopy.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["challenge", "first", "second"],
        update_fields=["same_bytes", "hash_distance", "similarity"],
        batch_size=2000,
    )


def _check_draft(challenge: Challenge) -> None:
    if challenge.status != ChallengeStatus.DRAFT:
        raise NearCopyRefused(
            _("Near-copies are decided before an edition opens, so that nobody's claim loses its worth afterwards.")
        )


def decide(proposal: NearCopy, decision: CopyDecision, by: User, at: datetime) -> None:
    """Say of a proposal whether the two are near-copies; `PROPOSED` takes the decision back. The last word stands.

    Raises `NearCopyRefused` once the edition has left the draft.
    """
    with transaction.atomic():
        # The edition's lock first: it opens before this, and then we are refused, or after it.
        _check_draft(Challenge.objects.select_for_update(of=("self",), no_key=True).get(pk=proposal.challenge_id))
        decided, before = decision != CopyDecision.PROPOSED, str(proposal.decision)
        proposal.decision = decision
        proposal.decided_by, proposal.decided_at = (by, at) if decided else (None, None)
        proposal.save(update_fields=["decision", "decided_by", "decided_at"])
        if before != decision:
            first, second = proposal.first.image_id, proposal.second.image_id
            record_act(
                challenge=proposal.challenge,
                kind=ActKind.NEAR_COPIES,
                summary=f"Looked whether {first} and {second} are near-copies"[:300],
                details={"proposal": proposal.pk, **difference({"decision": before}, {"decision": str(decision)})},
                by=by,
                at=at,
            )


def freeze(challenge: Challenge) -> int:
    """Put the confirmed near-copies into groups: each picture that is linked to another, over however many steps.

    A group's number is the lowest id of its images. The caller holds the edition's lock and moves it out of the draft.
    Returns how many groups there are.
    """
    links = NearCopy.objects.filter(challenge=challenge, decision=CopyDecision.CONFIRMED)
    groups = connected(links.values_list("first", "second"))
    pool = PoolImage.objects.filter(challenge=challenge)
    rows = list(pool.filter(image__in=groups).only("pk", "image"))
    alone = [number for number, size in Counter(groups[row.image_id] for row in rows).items() if size == 1]
    for row in rows:
        number = groups[row.image_id]
        row.copy_group = None if number in alone else number
    pool.filter(copy_group__isnull=False).update(copy_group=None)
    PoolImage.objects.bulk_update(rows, ["copy_group"], batch_size=1000)
    return len({row.copy_group for row in rows} - {None})


def connected(links: Iterable[tuple[int, int]]) -> dict[int, int]:
    """By number, the lowest number that it is linked to over any number of steps."""
    parent: dict[int, int] = {}

    def root(one: int) -> int:
        while parent.setdefault(one, one) != one:
            parent[one] = one = parent[parent[one]]
        return one

    for first, second in links:
        low, high = sorted((root(first), root(second)))
        parent[high] = low
    return {one: root(one) for one in list(parent)}
