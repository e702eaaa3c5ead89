"""A world to test in, built by the ordinary actions."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from django.db.models import QuerySet
from PIL import Image as Pillow

from cats4ml.accounts.models import Team, TeamMembership, User
from cats4ml.catalog.actions import NewLabel, add_classifier, add_images, add_labels, store_picture
from cats4ml.catalog.models import Classifier, Image, Label
from cats4ml.challenges.actions import add_pool_images, add_target_labels, decide_policy, decide_roster, join_challenge
from cats4ml.challenges.models import ActKind, Challenge, ChallengeStatus, OrganiserAct, Participation, Role
from cats4ml.releases.models import Release, ReleasePair, ReleaseState
from cats4ml.releases.rows import settled_pairs
from cats4ml.review.actions.answering import cast_rating, finalise_due
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.models import Lease, Rating
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import submit_pairs
from cats4ml.submissions.actions.imports import SettledElsewhere, import_settled_pairs
from cats4ml.submissions.actions.recording import record_scores
from cats4ml.submissions.models import Pair
from cats4ml.submissions.queries import CheckedRow, ClaimRow
from scoring.contract import ScoreResult, pack

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
_numbers = count(1)


def png(colour: int = 128, size: tuple[int, int] = (16, 16)) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("L", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def make_user(name: str | None = None, **fields: object) -> User:
    name = name or f"person-{next(_numbers)}"
    """A person who may take part: vouched for, unless `vouched_at` says otherwise."""
    fields = {"vouched_at": START, **fields}
    return User.objects.create_user(name, f"{name}@example.org", "correct horse battery", **fields)


def make_team(*members: User, name: str | None = None) -> Team:
    team = Team.objects.create(name=name or f"team-{next(_numbers)}")
    TeamMembership.objects.bulk_create(TeamMembership(team=team, user=user) for user in members)
    return team


@dataclass
class World:
    """An open edition with three labels, some pictures and two classifiers; `clock` is what time it is."""

    challenge: Challenge
    images: list[Image]
    classifiers: list[Classifier]
    clock: datetime = START
    labels: Sequence[str] = field(default=("cat", "dog", "owl"))

    def pass_time(self, seconds: float) -> datetime:
        self.clock += timedelta(seconds=seconds)
        return self.clock

    def finder(self, user: User | None = None, team: Team | None = None) -> Participation:
        return self._join(Role.FINDER, user, team)

    def rater(self, user: User | None = None) -> Participation:
        return self._join(Role.RATER, user, None)

    def raters(self, number: int) -> list[Participation]:
        return [self.rater() for _ in range(number)]

    def _join(self, role: Role, user: User | None, team: Team | None) -> Participation:
        return join_challenge(
            challenge=self.challenge,
            user=user or make_user(),
            role=role,
            consent_version=self.challenge.consent_version,
            at=self.clock,
            team=team,
        )

    def claim(self, finder: Participation, *rows: tuple[int, str]) -> list[CheckedRow]:
        """Claim pairs given as (place of the picture, label), a second later."""
        return submit_pairs(
            participation=finder,
            rows=[
                ClaimRow(line, self.images[place].image_id, label) for line, (place, label) in enumerate(rows, start=1)
            ],
            at=self.pass_time(1),
        )

    def score(self, place: int, probabilities: Mapping[str, float]) -> None:
        """Have every classifier say the same of a picture: these probabilities by label, 0 for the rest."""
        values = pack([probabilities.get(label, 0.0) for label in self.labels])
        result = ScoreResult(self.images[place].pk, {one.digest: values for one in self.classifiers})
        record_scores(results=[result], at=self.pass_time(1))

    def pair(self, place: int, label: str) -> Pair:
        return Pair.objects.get(challenge=self.challenge, image=self.images[place], label__key=label)

    def _lease(self, rater: Participation, pair: Pair) -> Lease:
        """This pair in the rater's hands. A rule that stops early may wait for answers to become final first."""
        these = Pair.objects.filter(pk=pair.pk)
        leases = hold_leases(rater=rater, at=self.pass_time(1), count=1, only=these)
        if not leases:
            finalise_due(at=self.pass_time(31))
            leases = hold_leases(rater=rater, at=self.pass_time(1), count=1, only=these)
        return leases[0]

    def rate(self, pair: Pair, *answers: Answer, raters: Sequence[Participation] | None = None) -> list[Rating]:
        """Have new raters (or these) answer a pair one after the other, for good."""
        ratings = []
        for rater, answer in zip(raters or self.raters(len(answers)), answers, strict=True):
            lease = self._lease(rater, pair)
            ratings.append(cast_rating(rater=rater, token=lease.token, answer=answer, at=self.pass_time(1)))
        finalise_due(at=self.pass_time(31))
        return ratings

    def acts(self) -> QuerySet[OrganiserAct]:
        """What organisers did, in its order, since the edition was set up with its roster."""
        return OrganiserAct.objects.filter(challenge=self.challenge).exclude(kind=ActKind.EDITED).order_by("pk")

    def settle_elsewhere(self, *rows: tuple[int, str, Tally, bool]) -> None:
        """Pairs that were settled elsewhere: (place of the picture, label, tally, whether the machines said yes)."""
        labels = {label.key: label for label in Label.objects.filter(vocabulary=self.challenge.vocabulary)}
        pairs = [SettledElsewhere(self.images[at], labels[label], tally, yes) for at, label, tally, yes in rows]
        import_settled_pairs(challenge=self.challenge, pairs=pairs, at=self.clock)

    def release_rows(self, *, version: str = "1", state: ReleaseState = ReleaseState.PUBLISHED) -> Release:
        """A release as the table has it, of all settled pairs and without files."""
        release = Release.objects.create(
            challenge=self.challenge,
            number=self.challenge.releases.count() + 1,
            version=version,
            state=state,
            policy=self.challenge.policy,
            roster=self.challenge.roster,
            root_digest="0" * 64,
            requested_at=self.clock,
            frozen_at=self.clock,
            published_at=self.clock if state == ReleaseState.PUBLISHED else None,
        )
        ReleasePair.objects.bulk_create(
            ReleasePair(
                release=release,
                pair=pair,
                position=position,
                split=pair.split,
                verdict=pair.verdict,
                outcome=pair.outcome,
                machine_yes=pair.machine_yes,
                machine_mean=pair.machine_mean,
            )
            for position, pair in enumerate(settled_pairs(self.challenge), start=1)
        )
        return release


def make_world(*, pictures: int = 6, policy: Policy | None = None, slug: str | None = None) -> World:
    number = next(_numbers)
    slug = slug or f"edition-{number}"
    challenge = Challenge.objects.create(
        slug=slug,
        title=f"Edition {number}",
        vocabulary=slug,
        consent_text="Your finds are published.",
        question="Is there a {label} in this picture?",
        split_seed="a seed of tests",  # the same pairs are held out in every run
    )
    labels = add_labels(
        vocabulary=slug, labels=[NewLabel("cat", "Cat"), NewLabel("dog", "Dog"), NewLabel("owl", "Owl")]
    )
    images = []
    for place in range(pictures):
        key, digest = store_picture(content=png(colour=place * 7 + number % 7), suffix=".png")
        images.append(Image(image_id=f"{place:016x}", file=key, sha256=digest, width=16, height=16))
    images = add_images(collection=slug, images=images)
    classifiers = [
        add_classifier(
            card={"digest": f"{slug}-{name}", "name": name, "vocabulary": slug, "labels": ["cat", "dog", "owl"]}
        )
        for name in ("one", "two")
    ]
    add_target_labels(challenge=challenge, labels=labels)
    add_pool_images(challenge=challenge, images=images)
    decide_policy(challenge=challenge, policy=policy or Policy())
    decide_roster(challenge=challenge, classifiers=classifiers)
    challenge.status = ChallengeStatus.OPEN
    challenge.save(update_fields=["status"])
    return World(challenge=challenge, images=images, classifiers=classifiers)
