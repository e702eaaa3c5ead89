"""One lively world with somebody of every kind in it, for tests that ask every address as each of them.

What is private carries a mark that stands nowhere else (`MARKS`), so that it is found wherever it should not be.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from django.test import Client

from cats4ml.accounts.actions import create_token
from cats4ml.accounts.models import ApiToken, Notice, NoticeKind, Team, TeamInvitation, User
from cats4ml.accounts.notices import notify
from cats4ml.catalog.models import ComplaintKind, Takedown
from cats4ml.challenges.announcements import announce
from cats4ml.challenges.data_files import ask_for
from cats4ml.challenges.models import (
    Challenge,
    DataFileKind,
    NearCopy,
    Participation,
    PolicyDecision,
    Role,
)
from cats4ml.challenges.teams import invite, make_team
from cats4ml.console.takedowns import take_down
from cats4ml.releases.evaluations import hand_in, set_listed
from cats4ml.releases.models import Evaluation, Release
from cats4ml.review.actions.controls import ControlRow, add_controls
from cats4ml.review.actions.examples import ExampleRow, explain_label
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.reports import report_picture
from cats4ml.review.models import ControlQuestion, LabelExample, Lease, RaterPause, ReportKind, Study, StudyPlatform
from cats4ml.review.studies import Visitor, begin_visit, create_study
from cats4ml.review.trust import pause_rater
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.basket import put_in_basket
from cats4ml.submissions.actions.claims import keep_upload, submit_pairs
from cats4ml.submissions.actions.disputes import dispute_outcome
from cats4ml.submissions.models import Dispute, Pair, Submission, Upload
from cats4ml.submissions.queries import ClaimRow
from tests.factories import World, make_user, make_world
from tests.releases.small_world import frozen, published
from tests.releases.tested import predictions

YES, NO = Answer.YES, Answer.NO
MARKS = {
    "a mail address": "@private.example",
    "a rationale": "RATIONALE-7f3a",
    "words of a dispute": "DISPUTED-7f3a",
    "the name of an uploaded file": "upload-7f3a.csv",
    "the name of a token": "token-7f3a",
    "a note of a rater's report": "REPORTED-7f3a",
    "a paid crowd's id of a worker": "WORKER-7f3a",
    "the code that pays": "PAYS-7f3a",
    "why a rater was paused": "PAUSED-7f3a",
    "what a control question tells": "CONTROL-7f3a",
    "a classifier that isn't listed": "unlisted-7f3a",
    "a release that isn't published": "2.0-unpublished",
    "a draft": "Draft-7f3a",
    "a machine score": "0.3123",
    "a team": "TEAM-7f3a",
    "what somebody was told": "NOTICE-7f3a",
}


@dataclass
class Everybody:
    world: World
    elsewhere: World
    draft: Challenge
    people: dict[str, User]
    finder: Participation
    rater: Participation
    claim: Submission
    settled_claim: Submission
    waiting: Pair
    upload: Upload
    lease: Lease
    dispute: Dispute
    study: Study
    pause: RaterPause
    near_copy: NearCopy
    takedown: Takedown
    decision: PolicyDecision
    control: ControlQuestion
    example: LabelExample
    evaluation: Evaluation
    release: Release
    unpublished: Release
    token: ApiToken
    team: Team
    invitation: TeamInvitation
    notice: Notice

    def program(self, role: str) -> Client:
        """A client with a token of all scopes, or of the one after the slash; guests have none, and a session."""
        person, _, scope = role.partition("/")
        if person in ("visitor", "guest"):
            return self.client(person)
        scopes = [scope] if scope else ["submit", "rate", "organise"]
        _, key = create_token(user=self.people[person], name=role, scopes=scopes, at=self.world.clock)
        return Client(HTTP_AUTHORIZATION=f"Token {key}")

    def client(self, role: str) -> Client:
        client = Client()
        if role != "visitor":
            client.force_login(self.people[role])
        return client


def _person(name: str, **more: object) -> User:
    user = make_user(name, **more)
    user.email = f"{name}@private.example"
    user.save(update_fields=["email"])
    return user


def _rates(world: World) -> None:
    """Two settled pairs that a release tells, and one that nobody is told of yet."""
    world.claim(world.finder(_person("fourth")), (0, "owl"), (1, "owl"))
    for place in (0, 1, 2):
        world.score(place, {"cat": 0.3123, "dog": 0.9, "owl": 0.2})
    raters = world.raters(2)
    world.rate(world.pair(0, "owl"), YES, YES, raters=raters)
    world.rate(world.pair(1, "owl"), YES, YES, raters=raters)
    Pair.objects.filter(challenge=world.challenge, label__key="owl").update(split="public")


def build_everybody() -> Everybody:
    world, elsewhere = make_world(pictures=7, policy=Policy(quorum=2, lease_seconds=3600)), make_world()
    roles = ("stranger", "finder", "other", "rater", "organiser", "elsewhere")
    people = {role: _person(f"the-{role}") for role in roles}
    people["superuser"] = _person("the-superuser", is_superuser=True, is_staff=True)
    world.challenge.participations.create(user=people["organiser"], role=Role.ORGANISER)
    elsewhere.challenge.participations.create(user=people["elsewhere"], role=Role.ORGANISER)
    draft = Challenge.objects.create(slug="draft", title="Draft-7f3a", vocabulary="draft")
    draft.participations.create(user=people["elsewhere"], role=Role.ORGANISER)
    finder, other, rater = world.finder(people["finder"]), world.finder(people["other"]), world.rater(people["rater"])
    _rates(world)
    release = published(world, version="1")
    claimed = [
        ClaimRow(1, world.images[0].image_id, "cat", "RATIONALE-7f3a"),
        ClaimRow(2, world.images[1].image_id, "cat"),
    ]
    settled, waiting = submit_pairs(participation=finder, rows=claimed, at=world.pass_time(1))
    world.claim(other, (2, "cat"))
    for place in (0, 1, 2):
        world.score(place, {"cat": 0.3123, "dog": 0.9, "owl": 0.2})
    world.rate(world.pair(0, "cat"), NO, NO)
    unpublished = frozen(world, version="2.0-unpublished")
    dispute = dispute_outcome(
        participation=finder,
        submission_id=settled.submission.pk,
        reason="DISPUTED-7f3a: look again",
        at=world.pass_time(1),
    )
    upload = keep_upload(
        participation=finder,
        filename="upload-7f3a.csv",
        rows=[ClaimRow(2, world.images[3].image_id, "cat"), ClaimRow(3, world.images[3].image_id, "zebra")],
        at=world.pass_time(1),
    )
    put_in_basket(participation=finder, image=world.images[4], label="dog", at=world.pass_time(1))
    organiser = people["organiser"]
    controls = add_controls(
        challenge=world.challenge,
        rows=[ControlRow(1, world.images[5].image_id, "owl", "yes", explanation="CONTROL-7f3a")],
        by=organiser,
        at=world.pass_time(1),
    )
    assert controls is not None
    target = world.challenge.target_labels.get(label__key="cat")
    explain_label(
        target=target,
        question="",
        guidance="",
        rows=[ExampleRow(world.images[5].image_id, fits=True, caption="A cat")],
        at=world.pass_time(1),
    )
    lease = hold_leases(rater=rater, at=world.pass_time(1), count=1)[0]
    study = create_study(
        challenge=world.challenge,
        title="A study",
        platform=StudyPlatform.PROLIFIC,
        questions=2,
        completion_code="PAYS-7f3a",
        by=organiser,
        at=world.clock,
    )
    visit = begin_visit(
        study=study,
        visitor=Visitor("WORKER-7f3a", "session", "64aa"),
        consent_version=world.challenge.consent_version,
        address="192.0.2.1",
        signed_in=None,
        at=world.clock,
    )
    people["guest"] = visit.rater.user
    third = world.rater(_person("third"))
    reported = hold_leases(rater=third, at=world.pass_time(1), count=1)[0]
    report_picture(
        rater=third, token=reported.token, kind=ReportKind.OTHER, note="REPORTED-7f3a", at=world.pass_time(1)
    )
    pause = pause_rater(rater=third, by=organiser, note="PAUSED-7f3a", at=world.pass_time(1))
    near_copy = NearCopy.objects.create(
        challenge=world.challenge,
        first=world.images[4],
        second=world.images[5],
        hash_distance=1,
        created_at=world.clock,
    )
    announce(challenge=world.challenge, title="News", text="For everybody", by=organiser, at=world.pass_time(1))
    evaluation, _ = hand_in(
        release=release,
        by=people["finder"],
        is_organiser=False,
        name="unlisted-7f3a",
        stream=io.BytesIO(predictions(release)),
        at=world.pass_time(1),
    )
    set_listed(evaluation=evaluation, is_listed=False)
    for kind in (DataFileKind.LABELS, DataFileKind.IMAGES):
        ask_for(challenge=world.challenge, kind=kind, at=world.clock)
    token, _ = create_token(user=people["finder"], name="token-7f3a", scopes=["submit"], at=world.clock)
    team = make_team(name="TEAM-7f3a", by=people["finder"], at=world.clock)
    invitation = invite(team=team, username=people["other"].username, by=people["finder"], at=world.clock)
    notify(
        users=[people["finder"]],
        kind=NoticeKind.ACCOUNT,
        what="password_changed",
        key="matrix",
        at=world.clock,
        url="/",
        values={"address": "NOTICE-7f3a"},
    )
    return Everybody(
        world=world,
        elsewhere=elsewhere,
        draft=draft,
        people=people,
        finder=finder,
        rater=rater,
        claim=waiting.submission,
        settled_claim=settled.submission,
        waiting=waiting.submission.pair,
        upload=upload,
        lease=lease,
        dispute=dispute,
        study=study,
        pause=pause,
        near_copy=near_copy,
        takedown=take_down(
            image=world.images[6], kind=ComplaintKind.OTHER, reason="x", by=organiser, at=world.pass_time(1)
        ),
        decision=PolicyDecision.objects.create(
            challenge=world.challenge, policy=world.challenge.policy, by=organiser, created_at=world.clock
        ),
        control=ControlQuestion.objects.get(),
        example=LabelExample.objects.get(),
        evaluation=evaluation,
        release=release,
        unpublished=unpublished,
        token=token,
        team=team,
        invitation=invitation,
        notice=Notice.objects.get(key="matrix"),
    )
