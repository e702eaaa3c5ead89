"""What the organiser's page of releases shows: each release with what can be done with it, and what a new one holds."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count
from django.utils.translation import gettext

from cats4ml.challenges.models import Challenge
from cats4ml.releases.actions import proposed_version
from cats4ml.releases.facts import LeftOut, left_out
from cats4ml.releases.layout import HELDOUT, PUBLIC
from cats4ml.releases.models import ON_THE_WAY, Release, ReleaseState
from cats4ml.releases.queries import releases_of
from cats4ml.releases.rows import settled_pairs
from cats4ml.rules.verdicts import Outcome
from cats4ml.ui.meters import Part
from cats4ml.ui.navigation import url_or_empty
from cats4ml.ui.words import OUTCOMES

RELEASE_PAGE = "pages:release"


@dataclass(frozen=True)
class ReleaseLine:
    """A release as a line of the list. `href`: its own page, empty where there is none yet."""

    release: Release
    href: str
    bytes: int
    files: int

    @property
    def moving(self) -> bool:
        return self.release.state in ON_THE_WAY

    @property
    def step(self) -> str:
        return self.release.step or (
            gettext("Waits for a worker") if self.release.state == ReleaseState.WAITING else gettext("Begins")
        )

    @property
    def total(self) -> int:
        return max(self.release.total, 1)

    @property
    def percent(self) -> str:
        return f"{100 * self.release.done // self.total}%"

    @property
    def can_publish(self) -> bool:
        return self.release.state == ReleaseState.READY and self.release.withdrawn_at is None

    @property
    def can_free(self) -> bool:
        published = self.release.state == ReleaseState.PUBLISHED and self.release.withdrawn_at is None
        is_open = published and self.release.freed_at is None
        return is_open and self.heldout > 0

    @property
    def can_retry(self) -> bool:
        return self.release.state == ReleaseState.FAILED

    @property
    def can_delete(self) -> bool:
        return self.release.state in (ReleaseState.READY, ReleaseState.FAILED)

    @property
    def public(self) -> dict[str, int]:
        found: dict[str, int] = self.release.counts.get(PUBLIC, {})
        return found

    @property
    def heldout(self) -> int:
        return int(self.release.counts.get(HELDOUT, {}).get("pairs", 0))

    @property
    def word(self) -> str:
        """The state in a word or two."""
        if self.release.freed_at is not None:
            return gettext("Published with its held-out part")
        return str(ReleaseState(self.release.state).label)


def release_lines(challenge: Challenge) -> list[ReleaseLine]:
    """Every release of the edition, newest first. Two queries for any number."""
    rows = list(releases_of(challenge).select_related("requested_by", "published_by", "freed_by", "former"))
    sizes: dict[int, tuple[int, int]] = {}
    files = Release.objects.filter(pk__in=[one.pk for one in rows], files__is_archive=False)
    for pk, size in files.values_list("pk", "files__bytes"):
        number, total = sizes.get(pk, (0, 0))
        sizes[pk] = number + 1, total + size
    return [_line(challenge, one, *sizes.get(one.pk, (0, 0))) for one in rows]


def _line(challenge: Challenge, release: Release, files: int, size: int) -> ReleaseLine:
    return ReleaseLine(release, url_or_empty(RELEASE_PAGE, challenge.slug, release.version), bytes=size, files=files)


@dataclass(frozen=True)
class NextRelease:
    """What a release made now would hold, and what it would leave out."""

    version: str
    pairs: int
    public: int
    heldout: int
    outcomes: tuple[Part, ...]
    left_out: LeftOut


def next_release(challenge: Challenge) -> NextRelease:
    settled = settled_pairs(challenge).order_by()
    rows = list(settled.values_list("split", "outcome").annotate(n=Count("pk")))
    by_part = {part: sum(n for split, _, n in rows if split == part) for part in (PUBLIC, HELDOUT)}
    return NextRelease(
        version=proposed_version(challenge),
        pairs=sum(by_part.values()),
        public=by_part[PUBLIC],
        heldout=by_part[HELDOUT],
        outcomes=tuple(
            Part(
                OUTCOMES[one.value].plural, sum(n for _, outcome, n in rows if outcome == one), OUTCOMES[one.value].tone
            )
            for one in Outcome
        ),
        left_out=left_out(challenge),
    )
