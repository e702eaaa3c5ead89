"""Drawing an edition's pool from the catalogue: which labels, which pictures, how many, by which seed.

The order of a draw is that of a hash of the seed and the picture's id. So the same choice, seed and catalogue give the
same pictures in whatever order they were imported, and a larger draw holds the smaller one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Upper
from django.utils.translation import gettext

from cats4ml.accounts.models import User
from cats4ml.catalog.models import AnnotationKind, Label, LabelEdgeKind
from cats4ml.challenges.actions import add_target_labels
from cats4ml.challenges.data_contents import forget_pool_state
from cats4ml.challenges.models import Challenge, ChallengeStatus, PoolDraw, TargetLabel
from cats4ml.ui.words import figure

HUMAN_YES, HUMAN_NO, MACHINE, ANY, NONE = "human_yes", "human_no", "machine", "any", "none"
ANNOTATIONS = (HUMAN_YES, HUMAN_NO, MACHINE, ANY, NONE)
_KINDS = {
    HUMAN_YES: (AnnotationKind.HUMAN_YES,),
    HUMAN_NO: (AnnotationKind.HUMAN_NO,),
    MACHINE: (AnnotationKind.MACHINE,),
    ANY: tuple(AnnotationKind),
    NONE: (),
}
NAMED = 10
MOST = 1_000_000_000


class PoolRefused(Exception):
    """Why nothing can be drawn as asked, in a sentence that says how to mend it."""


@dataclass(frozen=True)
class PoolChoice:
    """What is asked for. `labels` are keys of the edition's vocabulary, `annotations` some of `ANNOTATIONS`.

    `per_label`: at most so many pictures for each label (and as many without any, where `none` is asked for).
    `size`: at most so many in all. Neither: all that fit. An empty `subset`: every one.
    """

    collection: str
    labels: tuple[str, ...]
    annotations: tuple[str, ...] = (ANY,)
    with_subclasses: bool = False
    subset: str = ""
    size: int | None = None
    per_label: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The choice as it is kept: sorted, so that the same choice is the same value."""
        return asdict(self) | {"labels": sorted(self.labels), "annotations": sorted(set(self.annotations))}


@dataclass(frozen=True)
class Fitting:
    """Pictures of the catalogue that fit the choice, for one label; `key` is empty for those without any."""

    key: str
    name: str
    pictures: int


@dataclass(frozen=True)
class Drawn:
    """`matching` pictures fit, `chosen` of them are the draw, `added` were not in the pool before."""

    matching: int
    chosen: int
    added: int
    by_label: list[Fitting]
    recorded: bool


def find_labels(*, vocabulary: str, wanted: Sequence[str]) -> list[Label]:
    """The labels of these keys or names, each once, in the order given.

    Raises `PoolRefused` for one that isn't there, and for a name that several labels have.
    """
    texts = [text for text in wanted if "\0" not in text]
    labels = Label.objects.filter(vocabulary=vocabulary)
    by_key = {label.key: label for label in labels.filter(key__in=texts)}
    names = {text.strip().upper() for text in texts if text not in by_key}
    by_name: dict[str, list[Label]] = defaultdict(list)
    for label in labels.annotate(upper=Upper("name")).filter(upper__in=names).order_by("key"):
        by_name[label.upper].append(label)
    found: dict[int, Label] = {}
    for text in wanted:
        same = [by_key[text]] if text in by_key else by_name.get(text.strip().upper(), [])
        if not same:
            raise PoolRefused(
                gettext(
                    "no label of the vocabulary %(vocabulary)s has the id or name %(text)s: import the class "
                    "descriptions first, or look there how it is written"
                )
                % {"vocabulary": vocabulary, "text": f"{text[:80]!r}"}
            )
        if len(same) > 1:
            listed = ", ".join(label.key for label in same[:NAMED]) + (" …" if len(same) > NAMED else "")
            raise PoolRefused(
                gettext("several labels have the name %(text)s: say which by its id: %(listed)s")
                % {"text": f"{text[:80]!r}", "listed": listed}
            )
        found.setdefault(same[0].pk, same[0])
    return list(found.values())


def draw_pool(
    *,
    challenge: Challenge,
    choice: PoolChoice,
    seed: str,
    at: datetime,
    by: User | None = None,
    dry_run: bool = False,
) -> Drawn:
    """Make the chosen labels targets and the drawn pictures part of the pool, all or nothing.

    The same draw again adds nothing and records nothing new. `dry_run` only counts. Two draws of an edition wait for
    each other. Raises `PoolRefused` for an edition that has left the draft, an unknown label, or a senseless choice.
    """
    check_choice(choice, seed)
    with transaction.atomic():
        current = locked_draft(challenge)
        labels = find_labels(vocabulary=current.vocabulary, wanted=choice.labels)
        if not dry_run:
            add_target_labels(challenge=current, labels=labels)
        with _candidates(choice, labels) as cursor:
            drawn = _take(cursor, current, choice, labels, seed, dry_run=dry_run)
        recorded = False if dry_run else _record(current, choice, seed, drawn, at, by)
        transaction.on_commit(partial(forget_pool_state, challenge))
    return replace(drawn, recorded=recorded)


def remove_target_label(*, challenge: Challenge, wanted: str) -> Label:
    """Take a label off a draft's targets. The pictures that were drawn for it stay in the pool.

    Raises `PoolRefused` as `draw_pool` does, and for a label that is no target.
    """
    with transaction.atomic():
        current = locked_draft(challenge)
        [label] = find_labels(vocabulary=current.vocabulary, wanted=[wanted])
        if not TargetLabel.objects.filter(challenge=current, label=label).delete()[0]:
            raise PoolRefused(
                gettext("%(label)s is no target label of %(slug)s") % {"label": label, "slug": current.slug}
            )
    return label


def check_choice(choice: PoolChoice, seed: str) -> None:
    """Raises `PoolRefused` for a choice that makes no sense."""
    unknown = sorted(set(choice.annotations) - set(ANNOTATIONS))
    if unknown or not choice.annotations:
        raise PoolRefused(
            gettext("an annotation should be one of %(annotations)s, not %(value)s")
            % {"annotations": ", ".join(ANNOTATIONS), "value": ", ".join(unknown) or gettext("none")}
        )
    if not choice.labels:
        raise PoolRefused(gettext("no label is chosen: name at least one, or choose a preset"))
    for name, number in ((gettext("the size"), choice.size), (gettext("the number for each label"), choice.per_label)):
        if number is not None and not 1 <= number <= MOST:
            raise PoolRefused(
                gettext("%(name)s should be a whole number from 1 to %(most)s, not %(number)s")
                % {"name": name, "most": figure(MOST), "number": number}
            )
    longest = PoolDraw._meta.get_field("seed").max_length or 0  # noqa: SLF001 - documented
    if not 0 < len(seed) <= longest:
        raise PoolRefused(
            gettext("a seed should have 1 to %(longest)s characters, not %(seed)s")
            % {"longest": longest, "seed": figure(len(seed))}
        )


def locked_draft(challenge: Challenge) -> Challenge:
    """The edition, locked until the transaction ends. Raises `PoolRefused` where it has left the draft."""
    current = Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
    if current.status != ChallengeStatus.DRAFT:
        raise PoolRefused(
            gettext(
                "%(slug)s has left the draft, and participants count on its labels and pictures, so that nothing "
                "was changed: make another challenge for another pool"
            )
            % {"slug": current.slug}
        )
    return current


def _wanted(choice: PoolChoice, labels: Sequence[Label]) -> list[tuple[int, int, int]]:
    """Rows (target label, label, kind) of the annotations that speak for a target.

    A picture of a subclass is one of the class. That somebody saw no owl doesn't say that there is no bird, so that a
    “no” counts for its own label alone.
    """
    kinds = {kind for one in choice.annotations for kind in _KINDS[one]}
    own = [(label.pk, label.pk, int(kind)) for label in labels for kind in sorted(kinds)]
    if not choice.with_subclasses:
        return own
    below = [(target, label) for target, label in _subclasses(labels) if target != label]
    return own + [(target, label, int(kind)) for target, label in below for kind in sorted(kinds - {0})]


def _subclasses(labels: Sequence[Label]) -> list[tuple[int, int]]:
    """Rows (label, itself or one below it). A circle in the hierarchy ends where it began."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE below (target, label) AS (
                SELECT label, label FROM unnest(%s::bigint[]) label
                UNION
                SELECT below.target, edge.child_id
                FROM below JOIN catalog_labeledge edge ON edge.parent_id = below.label AND edge.kind = %s
            )
            SELECT target, label FROM below ORDER BY target, label
            """,
            [[label.pk for label in labels], LabelEdgeKind.SUBCATEGORY.value],
        )
        return [(int(target), int(label)) for target, label in cursor.fetchall()]


@contextmanager
def _candidates(choice: PoolChoice, labels: Sequence[Label]) -> Iterator[CursorWrapper]:
    """A temporary table `pool_candidates` (target or null, image, key) of what fits, for the time of the block."""
    wanted = _wanted(choice, labels)
    in_subset = (
        "image.hidden_at IS NULL AND image.collection = %(collection)s"
        " AND (%(subset)s = '' OR image.subset = %(subset)s)"
    )
    annotated = f"""
        SELECT DISTINCT wanted.target, image.id AS image, image.image_id AS key
        FROM unnest(%(targets)s::bigint[], %(labels)s::bigint[], %(kinds)s::smallint[]) AS wanted (target, label, kind)
        JOIN catalog_annotation annotation ON annotation.label_id = wanted.label AND annotation.kind = wanted.kind
        JOIN catalog_image image ON image.id = annotation.image_id
        WHERE {in_subset}
    """  # noqa: S608 - no value is part of the text
    unannotated = f"""
        SELECT NULL::bigint, image.id, image.image_id FROM catalog_image image
        WHERE {in_subset} AND NOT EXISTS (
            SELECT FROM catalog_annotation annotation
            WHERE annotation.image_id = image.id AND annotation.label_id = ANY(%(chosen)s)
        )
    """  # noqa: S608 - no value is part of the text
    parts = [annotated, unannotated] if NONE in choice.annotations else [annotated]
    given: dict[str, Any] = {
        "collection": choice.collection,
        "subset": choice.subset,
        "targets": [target for target, _, _ in wanted],
        "labels": [label for _, label, _ in wanted],
        "kinds": [kind for _, _, kind in wanted],
        "chosen": [label for _, label in _subclasses(labels)] if choice.with_subclasses else [one.pk for one in labels],
    }
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE pool_candidates ON COMMIT DROP AS {' UNION ALL '.join(parts)}", given)
        cursor.execute("ANALYZE pool_candidates")
        yield cursor
        cursor.execute("DROP TABLE pool_candidates")


def _take(
    cursor: CursorWrapper,
    challenge: Challenge,
    choice: PoolChoice,
    labels: Sequence[Label],
    seed: str,
    *,
    dry_run: bool,
) -> Drawn:
    cursor.execute("SELECT target, count(*) FROM pool_candidates GROUP BY target")
    counts: dict[int | None, int] = dict(cursor.fetchall())
    by_label = [Fitting(one.key, one.name, counts.get(one.pk, 0)) for one in labels]
    if NONE in choice.annotations:
        by_label.append(Fitting("", "none of them", counts.get(None, 0)))
    cursor.execute("SELECT count(DISTINCT image) FROM pool_candidates")
    [matching] = cursor.fetchone()
    cursor.execute(
        """
        CREATE TEMP TABLE pool_chosen ON COMMIT DROP AS
        SELECT image, key FROM (
            SELECT image, key, place,
                row_number() OVER (PARTITION BY target ORDER BY place, key) AS number_of_label
            FROM (SELECT *, md5(%(seed)s || ':' || key)::uuid AS place FROM pool_candidates) placed
        ) numbered
        WHERE %(per_label)s::bigint IS NULL OR number_of_label <= %(per_label)s
        GROUP BY image, key, place ORDER BY place, key LIMIT %(size)s
        """,
        {"seed": seed, "per_label": choice.per_label, "size": choice.size},
    )
    chosen = cursor.rowcount
    added = _add(cursor, challenge, dry_run=dry_run)
    cursor.execute("DROP TABLE pool_chosen")
    return Drawn(matching, chosen, added, by_label, recorded=False)


def _add(cursor: CursorWrapper, challenge: Challenge, *, dry_run: bool) -> int:
    """Put what was chosen into the pool, and say how many pictures are new; a dry run only says it."""
    if dry_run:
        cursor.execute(
            "SELECT count(*) FROM pool_chosen WHERE NOT EXISTS (SELECT FROM challenges_poolimage pool"
            " WHERE pool.challenge_id = %s AND (pool.image_id = image OR pool.image_key = key))",
            [challenge.pk],
        )
        return int(cursor.fetchone()[0])
    cursor.execute(
        "INSERT INTO challenges_poolimage (challenge_id, image_id, image_key)"
        " SELECT %s, image, key FROM pool_chosen ORDER BY key ON CONFLICT DO NOTHING",
        [challenge.pk],
    )
    return int(cursor.rowcount)


def _record(challenge: Challenge, choice: PoolChoice, seed: str, drawn: Drawn, at: datetime, by: User | None) -> bool:
    kept = choice.as_json()
    if not drawn.added and PoolDraw.objects.filter(challenge=challenge, choice=kept, seed=seed).exists():
        return False
    PoolDraw.objects.create(
        challenge=challenge, choice=kept, seed=seed, matching=drawn.matching, added=drawn.added, by=by, created_at=at
    )
    return True
