"""One person's data: all of it in one file, nothing of others; and an account that is deleted."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.db.models import ForeignKey, OneToOneField
from django.test import Client
from django.urls import reverse

from cats4ml.accounts.actions import create_token
from cats4ml.accounts.models import ApiToken, Notice, NoticeKind, OwnData, OwnDataState, Team, User
from cats4ml.accounts.notices import notify
from cats4ml.catalog.complaints import complain
from cats4ml.catalog.models import ComplaintKind, PictureComplaint
from cats4ml.challenges import teams
from cats4ml.challenges.actions import join_challenge
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, Role
from cats4ml.leaderboard.actions import recount_board
from cats4ml.leaderboard.models import Standing
from cats4ml.leaderboard.replaying import replay_credits
from cats4ml.pages import own_data_files
from cats4ml.pages.erasing import ErasingRefused, erase_account
from cats4ml.pages.own_data_parts import LEFT_OUT, PARTS
from cats4ml.rules.answers import Answer
from cats4ml.submissions.models import Credit, Submission
from tests.factories import START, World, make_user
from tests.web import signed_in

PEOPLE = (User, Participation)


def test_every_table_that_points_to_a_person_is_in_the_file_or_left_out_for_a_reason() -> None:
    points = {
        f"{model._meta.app_label}.{model.__name__}.{field.name}"
        for model in apps.get_models()
        if not model._meta.auto_created
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey | OneToOneField) and field.related_model in PEOPLE
    }
    covered = {part.covers for part in PARTS}
    assert points - covered - set(LEFT_OUT) == set()
    assert (covered & set(LEFT_OUT), all(LEFT_OUT.values())) == (set(), True)


def lively(world: World) -> tuple[Participation, Participation]:
    """A finder and a rater with something in most tables, beside others who did the same."""
    finder, other = world.finder(make_user("ada")), world.finder(make_user("bob"))
    world.claim(finder, (0, "cat"), (1, "cat"))
    world.claim(other, (0, "dog"))
    world.score(0, {"cat": 0.1, "dog": 0.1})
    rater = world.rater(make_user("cyd"))
    world.rate(world.pair(0, "cat"), *[Answer.YES] * 5, raters=[rater, *world.raters(4)])
    Submission.objects.filter(participation=finder).update(rationale="Ada’s words")
    Submission.objects.filter(participation=other).update(rationale="Bob’s words")
    create_token(user=finder.user, name="laptop", scopes=["submit"], at=START)
    for user in (finder.user, other.user):
        image, contact = world.images[1], f"{user.username}@example.org"
        complain(image=image, kind=ComplaintKind.OFFENSIVE, note="", contact=contact, by=user, sender="", at=START)
    return finder, rater


def contents(client: Client) -> tuple[dict[str, list[dict]], str]:
    """The lists of the file that are not empty, and all of it as text."""
    reply = client.get(reverse("pages:own_data_file"))
    bundle = zipfile.ZipFile(io.BytesIO(b"".join(reply.streaming_content)))
    texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    readme = texts.pop("README.txt")
    assert [name for name in texts if name not in readme] == []
    lists = {name.removesuffix(".json"): json.loads(text) for name, text in texts.items()}
    return {name: rows for name, rows in lists.items() if rows}, "".join(texts.values())


def test_the_file_has_everything_of_a_person_and_nothing_of_others(world) -> None:
    finder, rater = lively(world)
    client, page = signed_in(finder.user), reverse("pages:own_data")
    assert client.get(page).status_code == 200
    assert client.get(reverse("pages:own_data_file")).status_code == 404
    assert client.post(page).url == page
    found, text = contents(client)
    assert sorted(found) == [
        "account",
        "complaints",
        "consents",
        "credits",
        "notices",
        "own_data",
        "participations",
        "submissions",
        "tokens",
    ]
    assert [(row["image_id"], row["label_id"], row["rationale"]) for row in found["submissions"]] == [
        (world.images[0].image_id, "cat", "Ada’s words"),
        (world.images[1].image_id, "cat", "Ada’s words"),
    ]
    assert (found["account"][0]["email"], found["credits"][0]["outcome"]) == ("ada@example.org", "false_negative")
    hidden = ("Bob’s", "bob", "password", ApiToken.objects.get().digest)
    assert [word for word in hidden if word in text] == []
    assert signed_in(rater.user).get(reverse("pages:own_data_file")).status_code == 404
    client = signed_in(rater.user)
    client.post(page)
    found, _ = contents(client)
    assert [(row["image_id"], row["answer"]) for row in found["ratings"]] == [(world.images[0].image_id, "yes")]
    assert "control" not in str(found)


def test_a_large_file_is_written_by_a_worker_who_tells_and_goes_after_a_week(world, monkeypatch) -> None:
    finder, _ = lively(world)
    monkeypatch.setattr(own_data_files, "ROWS_AT_ONCE", 1)
    row = own_data_files.order(user=finder.user, at=START)
    again = own_data_files.order(user=finder.user, at=START)
    assert (row.state, again.pk) == (OwnDataState.WAITING, row.pk)
    for _ in range(2):
        own_data_files.sweep(at=START)
    row.refresh_from_db()
    assert (row.state, default_storage.exists(row.file)) == (OwnDataState.READY, True)
    assert list(Notice.objects.exclude(what="token_made").values_list("user", "what")) == [
        (finder.user_id, "own_data_ready")
    ]
    own_data_files.sweep(at=START + own_data_files.KEPT_FOR)
    assert (OwnData.objects.count(), default_storage.exists(row.file)) == (0, False)


def test_a_deleted_account_leaves_a_pseudonym_with_its_credits_and_an_equal_board(world) -> None:
    finder, _ = lively(world)
    ada = finder.user
    team = teams.make_team(name="Owls", by=ada, at=START)
    bob = User.objects.get(username="bob")
    teams.accept(invitation=teams.invite(team=team, username="bob", by=ada, at=START), user=bob, at=START)
    notify(users=[ada], kind=NoticeKind.TEAM, what="team_captain", key="x", at=START, values={"by": "bob"})
    recount_board(challenge=world.challenge, at=world.clock)
    board = list(Standing.objects.exclude(participation=finder).values_list("name", "points", "rank"))
    points = Standing.objects.get(participation=finder).points
    claims, entries = Submission.objects.count(), Credit.objects.count()
    client = signed_in(ada)
    own_data_files.order(user=ada, at=START)
    file = OwnData.objects.get().file
    erase, sent = reverse("pages:erase"), {"username": "ada", "password": "correct horse battery"}
    for wrong in ({**sent, "password": "wrong"}, {**sent, "username": "bob"}, {}):
        assert client.post(erase, wrong).status_code == 422
    assert client.post(erase, sent).url == "/"
    gone = User.objects.get(pk=ada.pk)
    name = gone.username
    assert (gone.email, gone.is_active, gone.has_usable_password(), name.startswith("gone-")) == (
        "",
        False,
        False,
        True,
    )
    assert erase_account(user=ada, at=START).username == name
    assert client.get(reverse("accounts:notices")).status_code == 302
    assert sorted(PictureComplaint.objects.values_list("contact", flat=True)) == ["", "bob@example.org"]
    assert [rows.filter(user=ada).count() for rows in (ApiToken.objects, Notice.objects, OwnData.objects)] == [0, 0, 0]
    assert default_storage.exists(file) is False
    assert (Team.objects.get().captain, [one.user for one in teams.members_of(team)]) == (bob, [bob])
    assert (Submission.objects.count(), Credit.objects.count()) == (claims, entries)
    line = Standing.objects.get(participation=finder)
    assert (line.name, line.points) == (name, points)
    for _ in range(2):
        assert replay_credits(world.challenge).first_difference is None
        recount_board(challenge=world.challenge, at=world.pass_time(1))
    assert list(Standing.objects.exclude(participation=finder).values_list("name", "points", "rank")) == board
    assert "ada" not in Client().get(reverse("leaderboard:board", args=[world.challenge.slug])).content.decode()


def test_a_name_that_changed_after_the_end_is_no_difference_and_a_place_that_did_is(world) -> None:
    finder, _ = lively(world)
    Challenge.objects.filter(pk=world.challenge.pk).update(status=ChallengeStatus.FINAL)
    world.challenge.refresh_from_db()
    recount_board(challenge=world.challenge, at=world.clock)
    bob = Participation.objects.get(user__username="bob")
    User.objects.filter(pk=bob.user_id).update(username="aaron")
    User.objects.filter(pk=finder.user_id).update(username="zoe")
    assert replay_credits(world.challenge).first_difference is None
    first, last = Standing.objects.order_by("place").first(), Standing.objects.order_by("place").last()
    Standing.objects.filter(pk=first.pk).update(place=last.place + 1)
    difference = replay_credits(world.challenge).first_difference
    assert difference is not None
    assert difference["field"] == "place"


def test_who_has_no_password_has_signed_in_lately_to_delete_the_account(world) -> None:
    user = make_user("dee")
    user.set_unusable_password()
    user.save()
    client, erase = signed_in(user), reverse("pages:erase")
    User.objects.filter(pk=user.pk).update(last_login=START)
    assert client.post(erase, {"username": "dee"}).url == reverse("pages:own_data")
    client.force_login(user)
    assert client.post(erase, {"username": "dee"}).url == "/"
    assert User.objects.get(pk=user.pk).erased_at is not None


def test_the_last_organiser_of_a_running_edition_hands_over_first(world) -> None:
    boss = make_user("boss")
    join_challenge(challenge=world.challenge, user=boss, role=Role.ORGANISER, consent_version=None, at=world.clock)
    with pytest.raises(ErasingRefused, match=world.challenge.title):
        erase_account(user=boss, at=world.clock)
    Challenge.objects.update(status=ChallengeStatus.FINAL)
    assert erase_account(user=boss, at=world.clock).erased_at == world.clock
    assert Participation.objects.filter(role=Role.ORGANISER).count() == 0
    with pytest.raises(ErasingRefused, match="whole site"):
        erase_account(user=make_user(is_superuser=True), at=world.clock)
