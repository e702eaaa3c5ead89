"""Which pictures of a pool a finder asks to see, and page by page what is shown of each."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cats4ml.catalog.models import Annotation, AnnotationKind, Image, ImageWords
from cats4ml.catalog.words import CONFIG
from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.models import Challenge, Participation, PoolImage, TargetLabel
from cats4ml.submissions.basket_queries import basket_labels
from cats4ml.submissions.models import Submission
from cats4ml.ui.navigation import urls_by_uuid
from cats4ml.ui.paging import whole_number
from cats4ml.ui.words import counted

PICTURES_A_PAGE = 48
# So many are counted, and sorted here; of more the database gives them in their order, and only the page.
COUNTED = 10_000
MOST_TEXT = 200

UNASKED, SOMETHING, NONE = "", "any", "none"
# What can be asked of the annotations of a label, by its value in an address.
ANNOTATIONS = {
    UNASKED: gettext_lazy("Doesn’t matter"),
    "yes": AnnotationKind.HUMAN_YES.label,
    "no": AnnotationKind.HUMAN_NO.label,
    "machine": AnnotationKind.MACHINE.label,
    SOMETHING: gettext_lazy("Any of these"),
    NONE: gettext_lazy("None of these"),
}
_KINDS = {"yes": AnnotationKind.HUMAN_YES, "no": AnnotationKind.HUMAN_NO, "machine": AnnotationKind.MACHINE}


class Chip(NamedTuple):
    """An active filter in words, and the address's query without it."""

    text: str
    without: str


def _begin_small(text: str) -> str:
    return text[:1].lower() + text[1:]


@dataclass(frozen=True)
class Filters:
    """What is asked for. `annotation` is one of `ANNOTATIONS` and narrows only together with a label.

    A label alone narrows nothing: it is the one that pictures go into the basket with. In a collection without
    annotations every picture would be gone, and elsewhere those that nobody was asked about, where the finds are.
    """

    label: TargetLabel | None = None
    annotation: str = UNASKED
    image_id: str = ""
    words: str = ""
    unclaimed: bool = False

    @property
    def parameters(self) -> dict[str, str]:
        """The query of an address that asks for this."""
        values = {
            "label": self.label.label.key if self.label else "",
            "annotation": self.annotation if self.label else "",
            "id": self.image_id,
            "words": self.words,
            "unclaimed": "1" if self.unclaimed else "",
        }
        return {name: value for name, value in values.items() if value}

    @property
    def query(self) -> str:
        return urlencode(self.parameters)

    @property
    def along(self) -> str:
        """The end of an address that keeps the label, and nothing that narrows: from a picture to those like it."""
        return f"?{urlencode({'label': self.label.label.key})}" if self.label else ""

    @property
    def chips(self) -> list[Chip]:
        chips = []
        if self.label is not None:
            name, said = (
                capfirst(self.label.label.name),
                {SOMETHING: _("annotated"), NONE: _("not annotated")}.get(self.annotation),
            )
            text = said or _begin_small(str(ANNOTATIONS[self.annotation]))
            text = _("Label: %(name)s") % {"name": name} if self.annotation == UNASKED else f"{name}: {text}"
            chips.append(Chip(text, self._without(label=None, annotation=UNASKED)))
        if self.image_id:
            chips.append(Chip(_("ID begins with %(id)s") % {"id": self.image_id}, self._without(image_id="")))
        if self.words:
            chips.append(Chip(_("Words: %(words)s") % {"words": self.words}, self._without(words="")))
        if self.unclaimed:
            chips.append(Chip(_("Not claimed by me"), self._without(unclaimed=False)))
        return chips

    def _without(self, **changes: object) -> str:
        return f"?{replace(self, **changes).query}"  # type: ignore[arg-type]


def read_filters(asked: Mapping[str, str], labels: Iterable[TargetLabel]) -> Filters:
    """What an address asks for; what makes no sense in it is left out."""

    def text(name: str, most: int = MOST_TEXT) -> str:
        return asked.get(name, "").replace("\x00", "").strip()[:most]

    by_key = {target.label.key: target for target in labels}
    annotation = text("annotation")
    return Filters(
        label=by_key.get(text("label")),
        annotation=annotation if annotation in ANNOTATIONS else UNASKED,
        image_id=text("id", 80),
        words=text("words"),
        unclaimed=asked.get("unclaimed") == "1",
    )


def filtered(challenge: Challenge, filters: Filters, finder: Participation | None) -> QuerySet[PoolImage]:
    """The target images that are asked for."""
    pool = shown_pool(challenge)
    if filters.label is not None and filters.annotation != UNASKED:
        annotations = Annotation.objects.filter(image=OuterRef("image"), label=filters.label.label_id)
        kind = _KINDS.get(filters.annotation)
        there = Exists(annotations if kind is None else annotations.filter(kind=kind))
        pool = pool.filter(~there if filters.annotation == NONE else there)
    if filters.image_id:
        pool = pool.filter(image_key__startswith=filters.image_id)
    if filters.words:
        words = SearchQuery(filters.words, config=CONFIG, search_type="websearch")
        pool = pool.filter(Exists(ImageWords.objects.filter(image=OuterRef("image"), words=words)))
    if filters.unclaimed and finder is not None:
        claimed = Submission.objects.filter(participation=finder, retracted_at=None)
        pool = pool.exclude(image__in=claimed.values("pair__image"))
    return pool


def says_nothing(words: str) -> bool:
    """Whether the text is made of words that are in every sentence, and are not searched for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT numnode(websearch_to_tsquery(%s::regconfig, %s)) = 0", [CONFIG, words])
        return bool(cursor.fetchone()[0])


@dataclass(frozen=True)
class PageOfIds:
    """Ids of pictures in order, and the keys of the pages before and after; `count` of all, with `more` beyond it."""

    ids: list[int]
    previous: int | None
    following: int | None
    count: int
    more: bool

    @property
    def count_in_words(self) -> str:
        if self.more:
            return counted(COUNTED, "more than %(n)s picture", "more than %(n)s pictures")
        return counted(self.count, "%(n)s picture", "%(n)s pictures")


def page_of_ids(pool: QuerySet[PoolImage], *, after: int | None, before: int | None, size: int) -> PageOfIds:
    """The page of `pool` in the order of image ids that comes after, or before, an id.

    Up to `COUNTED` pictures are fetched, by whichever plan finds all of them fastest, and the page is cut out here. Of
    more, the pool's index gives the order and few rows beyond the page are looked at. So a rare word and one that is
    everywhere cost about the same, and so does every page.
    """
    found = sorted(pool.order_by().values_list("image_id", flat=True)[: COUNTED + 1])
    more = len(found) > COUNTED
    if before is not None:
        ids = _ahead(pool, before, size) if more else found[: bisect_left(found, before)][-size - 1 :]
        ids, earlier = ids[-size:], len(ids) > size
        return PageOfIds(ids, ids[0] if earlier else None, ids[-1] if ids else None, min(len(found), COUNTED), more)
    start = -1 if after is None else after
    ids = _behind(pool, start, size) if more else found[bisect_right(found, start) :][: size + 1]
    ids, later = ids[:size], len(ids) > size
    first = ids[0] if ids and after is not None else None
    return PageOfIds(ids, first, ids[-1] if later else None, min(len(found), COUNTED), more)


def _behind(pool: QuerySet[PoolImage], after: int, size: int) -> list[int]:
    rows = pool.filter(image_id__gt=after).order_by("image_id")
    return list(rows.values_list("image_id", flat=True)[: size + 1])


def _ahead(pool: QuerySet[PoolImage], before: int, size: int) -> list[int]:
    rows = pool.filter(image_id__lt=before).order_by("-image_id")
    return list(rows.values_list("image_id", flat=True)[: size + 1])[::-1]


def page_asked_for(asked: Mapping[str, str]) -> tuple[int | None, int | None]:
    """The keys `after` and `before` in an address."""
    return whole_number(asked.get("after")), whole_number(asked.get("before"))


class Addresses(NamedTuple):
    """Of the pages of each picture, by its uuid."""

    picture: Callable[[UUID], str]
    open: Callable[[UUID], str]
    like: Callable[[UUID], str]

    @classmethod
    def in_edition(cls, slug: str) -> Addresses:
        return cls(
            urls_by_uuid("pages:picture"),
            urls_by_uuid("pages:explore_picture", slug),
            urls_by_uuid("pages:explore_like", slug),
        )


@dataclass
class Shown:
    """A picture as the gallery shows it: what the person looking has claimed of it and has in the basket, by label."""

    key: str
    image: Image
    copy_group: int | None
    addresses: Addresses
    claimed: list[str] = field(default_factory=list)
    basket: list[str] = field(default_factory=list)
    near_copy: bool = False

    @property
    def picture_url(self) -> str:
        return self.addresses.picture(self.image.uuid)

    @property
    def open_url(self) -> str:
        return self.addresses.open(self.image.uuid)

    @property
    def like_url(self) -> str:
        return self.addresses.like(self.image.uuid)


def shown(challenge: Challenge, ids: Sequence[int], finder: Participation | None) -> list[Shown]:
    """These pictures in this order. Those that left the pool meanwhile are left out."""
    rows = shown_pool(challenge).filter(image_id__in=ids).select_related("image")
    addresses = Addresses.in_edition(challenge.slug)
    found = {row.image_id: Shown(row.image_key, row.image, row.copy_group, addresses) for row in rows}
    if finder is not None and found:
        claims = Submission.objects.filter(participation=finder, retracted_at=None, pair__image__in=found)
        for image, label in claims.order_by("pk").values_list("pair__image_id", "pair__label__name"):
            found[image].claimed.append(label)
        for image, labels in basket_labels(finder, found).items():
            found[image].basket = labels
    return [found[one] for one in ids if one in found]


class Said(NamedTuple):
    """Labels of which the collection's annotations say the same of a picture."""

    heading: str
    labels: list[str]


def annotations_of(image: Image, labels: Sequence[TargetLabel]) -> list[Said]:
    """What the annotations say of each target label, kind by kind; “unannotated” is no “no”."""
    names = {target.label_id: target.label.name for target in labels}
    rows = Annotation.objects.filter(image=image, label__in=names).values_list("label_id", "kind").distinct()
    of_kind: dict[int, set[int]] = defaultdict(set)
    for label, kind in rows:
        of_kind[kind].add(label)
    unsaid = set(names) - set().union(*of_kind.values())
    groups = [
        (AnnotationKind.HUMAN_YES.label, of_kind[AnnotationKind.HUMAN_YES]),
        (AnnotationKind.HUMAN_NO.label, of_kind[AnnotationKind.HUMAN_NO]),
        (AnnotationKind.MACHINE.label, of_kind[AnnotationKind.MACHINE]),
        (_("Not annotated"), unsaid),
    ]
    return [
        Said(str(heading), [name for label, name in names.items() if label in found])
        for heading, found in groups
        if found
    ]
