"""A paid crowd's worker comes by a link, answers so many questions and leaves with a code; and can do nothing else."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from cats4ml.accounts.actions import TokenRefused, create_guest, create_token
from cats4ml.accounts.models import User
from cats4ml.challenges.actions import JoinRefused, join_challenge
from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.review import studies
from cats4ml.review.actions.answering import cast_rating, finalise_due, undo_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.models import Rating, Study, StudyPlatform, StudyVisit
from cats4ml.review.studies import (
    Completion,
    StudyRefused,
    Visitor,
    completion_of,
    create_study,
    open_study,
    visitor_of,
)
from cats4ml.rules.answers import Answer
from cats4ml.submissions.models import Pair
from tests.console.crowd import claim_pairs
from tests.factories import START, World, make_user, make_world
from tests.web import signed_in

PROLIFIC, MTURK, OTHER = StudyPlatform.PROLIFIC, StudyPlatform.MTURK, StudyPlatform.OTHER
PID, SESSION = "5f2a91c0de", "60d5ec49f1"


def make_study(world: World, platform: StudyPlatform = PROLIFIC, questions: int = 2, title: str = "Cats, 1") -> Study:
    return create_study(
        challenge=world.challenge,
        title=title,
        platform=platform,
        questions=questions,
        completion_code="C1A2T3S4",
        by=make_user(),
        at=world.clock,
    )


@pytest.fixture
def study(world: World) -> Study:
    return make_study(world)


def address(study: Study, **sent: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in sent.items())
    return f"/challenges/{study.challenge.slug}/studies/{study.slug}/?{query}"


def link(study: Study, worker: str = PID, session: str = SESSION) -> str:
    return address(study, PROLIFIC_PID=worker, STUDY_ID="64aa", SESSION_ID=session)


def begin(client: Client, url: str, version: int = 1):
    return client.post(url, {"consent_version": version})


def answer_one(world: World, rater: Participation, answer: Answer = Answer.YES) -> None:
    [lease, *_] = hold_leases(rater=rater, at=world.pass_time(1))
    cast_rating(rater=rater, token=lease.token, answer=answer, at=world.pass_time(1))


def test_a_worker_becomes_a_rater_without_password_or_address(world, study) -> None:
    client = Client()
    page = client.get(link(study)).content.decode()
    assert [text in page for text in ("Your finds are published.", "Version 1 of this text", "2 questions")] == [
        True
    ] * 3
    assert (User.objects.filter(is_guest=True).count(), StudyVisit.objects.count()) == (0, 0)
    assert begin(client, link(study)).url == f"/challenges/{world.challenge.slug}/review/"
    visit = StudyVisit.objects.get()
    user = visit.rater.user
    assert (
        visit.identity.external_id,
        visit.identity.session_id,
        visit.identity.external_study,
        visit.completed_at,
    ) == (
        PID,
        SESSION,
        "64aa",
        None,
    )
    assert (user.is_guest, user.email, user.has_usable_password(), PID in user.username) == (True, "", False, False)
    assert (visit.rater.role, visit.rater.consent_version, visit.rater.challenge) == (Role.RATER, 1, world.challenge)
    assert client.session["_auth_user_id"] == str(user.pk)
    assert client.get(f"/challenges/{world.challenge.slug}/review/").status_code == 200


def test_coming_again_in_the_same_browser_goes_on_and_in_another_needs_the_session(world, study) -> None:
    client = Client()
    begin(client, link(study))
    user = StudyVisit.objects.get().rater.user
    assert client.get(link(study)).url == f"/challenges/{world.challenge.slug}/review/"
    # The worker gave the place back and took another: the browser knows them, the new session is kept for paying.
    begin(client, link(study, session="newer"))
    assert StudyVisit.objects.get().identity.session_id == "newer"
    other = Client()
    refused = begin(other, link(study, session="guessed"))
    assert (refused.status_code, "another browser" in refused.content.decode()) == (422, True)
    assert "_auth_user_id" not in other.session
    begin(other, link(study, session="newer"))
    assert other.session["_auth_user_id"] == str(user.pk)
    assert User.objects.filter(is_guest=True).count() == 1


def test_without_a_session_id_an_account_is_never_given_to_another_browser(world) -> None:
    study = make_study(world, OTHER)
    url = address(study, worker="w-1")
    begin(Client(), url)
    assert begin(Client(), url).status_code == 422
    assert StudyVisit.objects.count() == 1


@pytest.mark.parametrize(
    ("platform", "sent", "found"),
    [
        (PROLIFIC, {"PROLIFIC_PID": "a1", "SESSION_ID": "s", "STUDY_ID": "t"}, Visitor("a1", "s", "t")),
        (PROLIFIC, {"PROLIFIC_PID": "a1"}, Visitor("a1", "", "")),
        (MTURK, {"workerId": "A3Z", "assignmentId": "3RV", "hitId": "123"}, Visitor("A3Z", "3RV", "123")),
        (MTURK, {"assignmentId": "ASSIGNMENT_ID_NOT_AVAILABLE", "hitId": "123"}, None),
        (OTHER, {"worker": "x@y.org", "workerId": "other"}, Visitor("x@y.org", "", "")),
    ],
)
def test_each_platform_says_who_comes_in_its_own_words(platform, sent, found) -> None:
    assert visitor_of(Study(platform=platform), sent) == found


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"PROLIFIC_PID": ""},
        {"PROLIFIC_PID": "{{%PROLIFIC_PID%}}"},
        {"PROLIFIC_PID": "a" * 129},
        {"PROLIFIC_PID": "a b"},
        {"PROLIFIC_PID": "<script>"},
        {"PROLIFIC_PID": "é"},
        {"PROLIFIC_PID": "a1\n"},
        {"PROLIFIC_PID": "a1", "SESSION_ID": "=cmd()"},
        {"PROLIFIC_PID": "a1", "STUDY_ID": "t" * 200},
        {"workerId": "A3Z"},
    ],
)
def test_a_link_that_lacks_an_id_or_holds_a_strange_one_gets_a_sentence(world, study, sent) -> None:
    page = Client().get(f"/challenges/{world.challenge.slug}/studies/{study.slug}/", sent)
    assert (page.status_code, "Open the study from Prolific again." in page.content.decode()) == (400, True)
    assert Client().post(f"{address(study)}PROLIFIC_PID=%0A", {"consent_version": 1}).status_code == 400
    assert StudyVisit.objects.count() == 0


def test_a_preview_of_mechanical_turk_asks_nothing_and_makes_nothing(world) -> None:
    url = address(make_study(world, MTURK), assignmentId="ASSIGNMENT_ID_NOT_AVAILABLE", hitId="1", workerId="A3Z")
    html = Client().get(url).content.decode()
    assert ("This is a preview" in html, "<form" in html.split("<main")[1].split("</main")[0]) == (True, False)
    begin(Client(), url)
    assert StudyVisit.objects.count() == 0


def test_nobody_else_who_is_signed_in_enters_a_study(world, study) -> None:
    finder, organiser = world.finder(), make_user()
    Participation.objects.create(challenge=world.challenge, user=organiser, role=Role.ORGANISER)
    guest = Client()
    begin(guest, link(study, worker="another"))
    for client in (signed_in(finder.user), signed_in(organiser), guest):
        assert "sign out first" in client.get(link(study)).content.decode()
        refused = begin(client, link(study))
        assert (refused.status_code, "Sign out first" in refused.content.decode()) == (422, True)
    assert list(StudyVisit.objects.values_list("identity__external_id", flat=True)) == ["another"]


def test_a_closed_study_lets_nobody_in_but_those_who_began(world, study) -> None:
    client = Client()
    begin(client, link(study))
    open_study(study=study, is_open=False, at=world.clock)
    assert begin(Client(), link(study, worker="late")).status_code == 422
    assert begin(Client(), link(study)).status_code == 302
    open_study(study=study, is_open=True, at=world.clock)
    assert begin(Client(), link(study, worker="late")).status_code == 302
    Challenge.objects.update(status="final")
    refused = begin(Client(), link(study, worker="later"))
    assert (refused.status_code, "takes no ratings now" in refused.content.decode()) == (422, True)


def test_consent_is_to_the_text_as_it_stands(world, study) -> None:
    Challenge.objects.update(consent_version=2)
    refused = begin(Client(), link(study), version=1)
    assert (refused.status_code, "as it stands now" in refused.content.decode()) == (422, True)
    assert User.objects.filter(is_guest=True).count() == 0
    assert begin(Client(), link(study)).status_code == 422
    assert begin(Client(), link(study), version=2).status_code == 302


def test_only_so_many_accounts_are_made_by_one_address(world, study, monkeypatch) -> None:
    monkeypatch.setattr(studies, "BY_ADDRESS", 2)
    codes = [begin(Client(), link(study, worker=f"w{number}")).status_code for number in range(3)]
    assert codes == [302, 302, 422]
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert begin(elsewhere, link(study, worker="w9")).status_code == 302
    # Who comes again makes no account.
    assert begin(Client(), link(study, worker="w0")).status_code == 302
    monkeypatch.setattr(studies, "BY_STUDY", 4)
    assert begin(Client(REMOTE_ADDR="192.0.2.8"), link(study, worker="w10")).status_code == 422


def test_a_post_without_the_pages_token_is_refused(world, study) -> None:
    assert begin(Client(enforce_csrf_checks=True), link(study)).status_code == 403


def test_a_guest_can_rate_and_sign_out_and_nothing_else(world, study) -> None:
    client = Client()
    begin(client, link(study))
    guest = StudyVisit.objects.get().rater.user
    base = f"/challenges/{world.challenge.slug}"
    writes = [
        "/account/tokens/", "/accounts/password/set/", "/accounts/password/change/", "/accounts/email/",
        f"{base}/join/", f"{base}/submit/", f"{base}/console/requeue/",
    ]  # fmt: skip
    assert {url: client.post(url).status_code for url in writes} == dict.fromkeys(writes, 403)
    assert client.post(f"/api/v1{base}/submissions/", {}, content_type="application/json").status_code in (403, 404)
    assert client.get(f"{base}/console/").status_code == 403
    with pytest.raises(TokenRefused):
        create_token(user=guest, name="x", scopes=["rate"], at=timezone.now())
    other = make_world()
    for challenge, role in (
        (world.challenge, Role.FINDER),
        (other.challenge, Role.RATER),
        (other.challenge, Role.ORGANISER),
    ):
        with pytest.raises(JoinRefused, match="link of a study"):
            join_challenge(challenge=challenge, user=guest, role=role, consent_version=1, at=START)
    assert client.post("/accounts/logout/").status_code == 302


def test_a_visit_ends_with_its_last_question_and_the_code_comes_once_that_is_final(world, study) -> None:
    claim_pairs(world, 6)
    begin(Client(), link(study))
    visit = StudyVisit.objects.select_related("rater__user", "rater__challenge").get()
    rater = visit.rater
    assert len(hold_leases(rater=rater, at=world.pass_time(1))) == 2
    answer_one(world, rater)
    assert (completion_of(rater), len(hold_leases(rater=rater, at=world.pass_time(1)))) == (None, 1)
    answer_one(world, rater)
    last = world.clock
    assert (completion_of(rater), hold_leases(rater=rater, at=world.pass_time(1))) == (
        Completion("", "", ready=False),
        [],
    )
    undo_rating(rater=rater, at=world.pass_time(1))
    assert (completion_of(rater), len(hold_leases(rater=rater, at=world.pass_time(1)))) == (None, 1)
    answer_one(world, rater)
    last = world.clock
    finalise_due(at=world.pass_time(31))
    done = Completion("C1A2T3S4", "https://app.prolific.com/submissions/complete?cc=C1A2T3S4")
    assert [completion_of(rater), completion_of(rater)] == [done, done]
    assert StudyVisit.objects.get().completed_at == last
    assert hold_leases(rater=rater, at=world.pass_time(1)) == []


def test_answers_to_questions_that_ran_out_end_no_visit_and_a_pair_settled_meanwhile_is_nobodys_fault(
    world, study
) -> None:
    claim_pairs(world, 6)
    begin(Client(), link(study))
    rater = StudyVisit.objects.select_related("rater__user", "rater__challenge").get().rater
    for ran_out in hold_leases(rater=rater, at=world.pass_time(1)):
        cast_rating(rater=rater, token=ran_out.token, answer=Answer.YES, at=ran_out.expires_at)
    world.pass_time(300)
    assert (Rating.objects.filter(state="late").count(), completion_of(rater)) == (2, None)
    leases = hold_leases(rater=rater, at=world.pass_time(1))
    assert len(leases) == 2
    Pair.objects.filter(pk=leases[0].pair_id).update(state="withdrawn")
    for lease in leases:
        cast_rating(rater=rater, token=lease.token, answer=Answer.YES, at=world.pass_time(1))
    finalise_due(at=world.pass_time(31))
    done = completion_of(rater)
    assert (done is not None and done.ready, Rating.objects.filter(state="late").count()) == (True, 3)


def test_only_prolific_has_an_address_to_go_back_to(world) -> None:
    claim_pairs(world, 2)
    study = make_study(world, MTURK, questions=1)
    begin(Client(), address(study, workerId="A3Z", assignmentId="3RV", hitId="1"))
    rater = StudyVisit.objects.select_related("rater__user", "rater__challenge").get().rater
    answer_one(world, rater)
    finalise_due(at=world.pass_time(31))
    assert completion_of(rater) == Completion("C1A2T3S4", "")


def test_who_came_otherwise_has_no_end(world) -> None:
    assert completion_of(world.rater()) is None


def test_guests_have_names_that_tell_nothing(db) -> None:
    names = {create_guest().username for _ in range(20)}
    assert len(names) == 20
    assert {(name[:6], len(name)) for name in names} == {("rater-", 14)}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"title": "!!!"}, "letters"),
        ({"title": "Cats, 1"}, "of that name"),
        ({"questions": 0}, "at least one"),
        ({"questions": 1_001}, "at most 1,000"),
        ({"completion_code": "a b c d"}, "without spaces"),
        ({"completion_code": "../../x"}, "letters and digits"),
        ({"completion_code": ""}, "letters and digits"),
    ],
)
def test_a_study_that_could_not_work_is_not_made(world, study, changed, word) -> None:
    wanted = {"title": "More", "questions": 3, "completion_code": "CODE", "platform": PROLIFIC, **changed}
    with pytest.raises(StudyRefused, match=word):
        create_study(challenge=world.challenge, by=make_user(), at=START, **wanted)
    assert Study.objects.count() == 1


def test_the_end_of_a_visit_shows_the_code_only_once_it_is_due() -> None:
    def shown(completion: Completion) -> str:
        return render_to_string("review/_completion.html", {"completion": completion, "review_url": "/here/"})

    waits = shown(Completion("", "", ready=False))
    assert ("C1A2T3S4" in waits, 'href="/here/"' in waits, 'hx-get="/here/"' in waits) == (False, True, True)
    done = shown(Completion("C1A2T3S4", "https://app.prolific.com/submissions/complete?cc=C1A2T3S4"))
    assert (done.count("C1A2T3S4"), "Go back to Prolific" in done, "hx-get" in done) == (3, True, False)
    assert "Paste it where you came from." in shown(Completion("C1A2T3S4", ""))
