"""What organisers do with releases. Each act is refused with a sentence, or done and logged."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext as _

from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import notify
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.models import ActKind, Challenge
from cats4ml.challenges.queries import people_of
from cats4ml.locking import Lock, alone
from cats4ml.releases import storage
from cats4ml.releases.dispatch import ring_release
from cats4ml.releases.models import ON_THE_WAY, Evaluation, Release, ReleaseState
from cats4ml.releases.rows import settled_pairs
from cats4ml.releases.words import count_of
from cats4ml.submissions.dispatch import after_commit
from cats4ml.ui.words import figure

MOST_NOTES = 5_000
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)


class ReleaseRefused(Exception):
    """Why nothing was done with a release, in a sentence that says how to mend it."""


def proposed_version(challenge: Challenge) -> str:
    """The next number that no release of the edition has as its version."""
    taken = set(Release.objects.filter(challenge=challenge).values_list("version", flat=True))
    number = _next_number(challenge)
    while str(number) in taken:
        number += 1
    return str(number)


def request_release(
    *,
    challenge: Challenge,
    version: str | None = None,
    notes: str = "",
    by: User | None,
    at: datetime,
    ring: bool = True,
    replaces: Release | None = None,
) -> Release:
    """Order a release of all that is settled when it is built. A worker builds it, or whoever orders it (`ring` false).
    `replaces`: the withdrawn release in whose stead it is made.

    Raises `ReleaseRefused` for a version that is taken or can't be one, where another release is being built, and
    where nothing is settled.
    """
    version = proposed_version(challenge) if version is None else version.strip()
    _check_version(challenge, version)
    notes = notes.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(notes) > MOST_NOTES:
        raise ReleaseRefused(
            _("The notes have %(notes)s characters; %(most_notes)s are the most.")
            % {"notes": figure(len(notes)), "most_notes": figure(MOST_NOTES)}
        )
    if not settled_pairs(challenge).exists():
        raise ReleaseRefused(_("Nothing is settled yet, so that there is nothing to release."))
    try:
        with transaction.atomic():
            release = Release.objects.create(
                challenge=challenge,
                number=_next_number(challenge),
                version=version,
                notes=notes,
                requested_by=by,
                requested_at=at,
                replaces=replaces,
            )
            stead = f", in the stead of release {replaces.version}, which was withdrawn" if replaces is not None else ""
            _log(release, f"Froze release {version}{stead}.", by=by, at=at)
            if ring:
                after_commit(ring_release, challenge, release.pk)
    except IntegrityError as error:
        _check_version(challenge, version)  # somebody made it between the look and the writing
        raise ReleaseRefused(_("Another release is being made. Wait until it is done.")) from error
    return release


def _check_version(challenge: Challenge, version: str) -> None:
    if not _VERSION.fullmatch(version) or version.endswith("."):
        raise ReleaseRefused(
            _(
                "%(version)s can’t be a version: use up to 32 letters, digits, dots, hyphens and underscores, a "
                "letter or digit first."
            )
            % {"version": f"{version[:40]!r}"}
        )
    releases = Release.objects.filter(challenge=challenge)
    # The storage may take upper and lower case for the same.
    if releases.filter(version__iexact=version).exists():
        raise ReleaseRefused(
            _("There is a release %(version)s already. A release never changes: choose another version.")
            % {"version": version}
        )
    under_way = releases.filter(state__in=ON_THE_WAY).first()
    if under_way is not None:
        raise ReleaseRefused(
            _("Release %(version)s is being made. Wait until it is done.") % {"version": under_way.version}
        )


def _next_number(challenge: Challenge) -> int:
    last = Release.objects.filter(challenge=challenge).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def retry_release(*, release: Release, by: User | None, at: datetime) -> Release:
    """Have a failed release built again. Twice is once. Raises `ReleaseRefused` where another is being made."""
    try:
        with transaction.atomic():
            locked = _locked(release)
            if locked.state in ON_THE_WAY:
                return locked
            if locked.state != ReleaseState.FAILED:
                raise ReleaseRefused(
                    _("Release %(version)s did not fail: there is nothing to try again.") % {"version": locked.version}
                )
            locked.state, locked.error, locked.requested_at, locked.done = ReleaseState.WAITING, "", at, 0
            locked.save(update_fields=["state", "error", "requested_at", "done"])
            _log(locked, f"Had release {locked.version} built again.", by=by, at=at)
            after_commit(ring_release, locked.challenge, locked.pk)
    except IntegrityError as error:
        raise ReleaseRefused(_("Another release is being made. Wait until it is done.")) from error
    return locked


def publish(*, release: Release, by: User | None, at: datetime) -> Release:
    """Make the public part of a frozen release everybody's. Twice is once; it can't be undone.

    Raises `ReleaseRefused` for a release that isn't whole.
    """
    with transaction.atomic():
        locked = _locked(release)
        if locked.state == ReleaseState.PUBLISHED:
            return locked
        _check_stands(locked)
        if locked.state != ReleaseState.READY:
            raise ReleaseRefused(
                _("Release %(version)s is not whole yet, so that it can’t be published.") % {"version": locked.version}
            )
        locked.state, locked.published_at, locked.published_by = ReleaseState.PUBLISHED, at, by
        locked.save(update_fields=["state", "published_at", "published_by"])
        public = count_of(locked.counts["public"]["pairs"], "pair")
        _log(locked, f"Published release {locked.version}: the {public} of its public part.", by=by, at=at)
        notify(
            users=people_of(locked.challenge),
            kind=NoticeKind.FILES,
            what="release_published",
            key=f"release-{locked.pk}",
            at=at,
            url=reverse("pages:release", args=[locked.challenge.slug, locked.version]),
            values={"edition": locked.challenge.title, "version": locked.version},
        )
    return locked


def free_heldout(*, release: Release, by: User | None, at: datetime) -> Release:
    """Make the held-out part of a published release everybody's too. Twice is once; it can't be undone.

    Raises `ReleaseRefused` for a release that isn't published.
    """
    with transaction.atomic():
        locked = _locked(release)
        if locked.state != ReleaseState.PUBLISHED:
            raise ReleaseRefused(
                _("Publish release %(version)s first: its public part comes before the held-out one.")
                % {"version": locked.version}
            )
        if locked.freed_at is not None:
            return locked
        _check_stands(locked)
        locked.freed_at, locked.freed_by = at, by
        locked.save(update_fields=["freed_at", "freed_by"])
        heldout = count_of(locked.counts["heldout"]["pairs"], "pair")
        _log(locked, f"Freed the held-out part of release {locked.version}: {heldout}.", by=by, at=at)
    return locked


def delete_release(*, release: Release, by: User | None, at: datetime) -> None:
    """Delete a release that was never published, with its files.

    Raises `ReleaseRefused` for a published one, for one that is being built, for one that a later release is compared
    with, and where classifiers were judged on it.
    """
    with alone(Lock.RELEASE, release.pk) as free:
        if not free:
            raise ReleaseRefused(
                _("Release %(version)s is being built. Wait until it is done.") % {"version": release.version}
            )
        with transaction.atomic():
            locked = _locked(release)
            if locked.state == ReleaseState.PUBLISHED:
                raise ReleaseRefused(
                    _("Release %(version)s is published: what others build on stays.") % {"version": locked.version}
                )
            later = Release.objects.filter(former=locked).order_by("number").first()
            if later is not None:
                raise ReleaseRefused(
                    _("Release %(version)s says what changed since this one. Delete that one first.")
                    % {"version": later.version}
                )
            if Evaluation.objects.filter(release=locked).exists():
                raise ReleaseRefused(
                    _("Classifiers were judged on release %(version)s, so that it stays.") % {"version": locked.version}
                )
            _log(locked, f"Deleted release {locked.version}, which was not published.", by=by, at=at)
            prefix = storage.prefix_of(locked.challenge, locked.version)
            locked.delete()
            after_commit(storage.remove, prefix)


def _check_stands(release: Release) -> None:
    if release.withdrawn_at is not None:
        words = _("Release %(version)s was withdrawn: a picture in it was taken down. Make a new release instead.")
        raise ReleaseRefused(words % {"version": release.version})


def _locked(release: Release) -> Release:
    rows = Release.objects.select_for_update(of=("self",)).select_related("challenge")
    found = rows.filter(pk=release.pk).first()
    if found is None:
        raise ReleaseRefused(_("This release was deleted meanwhile."))
    return found


def _log(release: Release, summary: str, *, by: User | None, at: datetime) -> None:
    details = {"release": release.pk, "version": release.version, "root": release.root_digest}
    record_act(challenge=release.challenge, kind=ActKind.RELEASED, summary=summary, by=by, at=at, details=details)
