"""An address is confirmed by a link; without one a person looks around; an organiser may vouch and no more."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from urllib.parse import quote

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from cats4ml.accounts.actions import TokenRefused, create_token
from cats4ml.accounts.addresses import UNCONFIRMED, find_waiting, is_verified, vouch
from cats4ml.accounts.models import Notice, OutgoingMail, User
from cats4ml.challenges.actions import JoinRefused, join_challenge
from cats4ml.challenges.models import ActKind, Role
from tests.factories import START, make_user
from tests.web import signed_in

PASSWORD = "correct horse battery"
# A link is sent at most every three minutes to an address: no other run of the tests is counted with this one.
RUN = secrets.token_hex(4)
ADA, BOB, CY, DORA, ELI, FAY, NEW, HAND = (f"{letter}-{RUN}" for letter in "abcdefnh")


def sign_up(client: Client, name: str, **more: str):
    form = {"username": name, "email": f"{name}@example.org", "password1": PASSWORD, "password2": PASSWORD}
    return client.post("/accounts/signup/", {**form, **more})


def link_in(text: str) -> str:
    return re.search(r"https?://[^/\s]+(/\S+)", text)[1]


def newest_link(to: str) -> str:
    return link_in(OutgoingMail.objects.filter(to=to).latest("pk").body)


def test_a_link_confirms_in_another_browser_and_works_once(db, visitor, outbox, settings) -> None:
    settings.SITE_URL = "https://cats.example.org"
    here = visitor()
    assert sign_up(here, ADA).status_code == 302
    ada = User.objects.get(username=ADA)
    body = OutgoingMail.objects.get().body
    assert ("https://cats.example.org/accounts/confirm-email/" in body, ADA in body) == (True, True)
    assert (here.get("/account/").status_code, is_verified(ada)) == (200, False)
    elsewhere = visitor()
    assert f"Is {ADA}@example.org your address?" in elsewhere.get(link_in(body)).content.decode()
    assert is_verified(ada) is False, "a look at the link, as a mail filter takes one, confirms nothing"
    assert elsewhere.post(link_in(body)).status_code == 302
    assert is_verified(ada) is True
    assert "no longer works" in elsewhere.get(link_in(body)).content.decode()


@pytest.mark.parametrize(
    ("asked", "led_to"),
    [
        ("/challenges/x/join/?role=rater", "/challenges/x/join/?role=rater"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
    ],
)
def test_the_link_leads_on_to_where_the_person_was_going_and_nowhere_else(
    db, visitor, outbox, asked: str, led_to: str
) -> None:
    names = [f"{letter}-{secrets.token_hex(4)}" for letter in "ijk"]
    people = [visitor() for _ in names]
    for person, name in zip(people, names, strict=True):
        sign_up(person, name, next=asked)
    here, forged, elsewhere = (newest_link(f"{name}@example.org") for name in names)
    assert f'name="next" value="{led_to}"' in people[0].get(here).content.decode()
    assert people[0].post(here).url == led_to
    assert people[1].post(f"{forged.partition('?')[0]}?next=https://evil.example/").url == "/account/"
    assert visitor().post(elsewhere).url == f"/accounts/login/?next={quote(led_to)}"


def test_the_unconfirmed_look_around_and_take_no_part(world, visitor, outbox) -> None:
    here = visitor()
    sign_up(here, BOB)
    bob = User.objects.get(username=BOB)
    page = f"/challenges/{world.challenge.slug}/join/"
    html = here.get(page).content.decode()
    assert ("Confirm your email address first" in html, "Send the link again" in html) == (True, True)
    part = {"role": "finder", "agree": "on", "consent": "on", "consent_version": world.challenge.consent_version}
    assert here.post(page, part).status_code == 422
    for role in (Role.FINDER, Role.RATER):
        with pytest.raises(JoinRefused, match="not confirmed yet"):
            join_challenge(challenge=world.challenge, user=bob, role=role, consent_version=1, at=START)
    with pytest.raises(TokenRefused, match="not confirmed yet"):
        create_token(user=bob, name="x", scopes=["submit"], at=START)
    assert here.post("/account/tokens/", {"name": "x", "scopes": ["rate"], "days": "30"}).status_code == 422
    assert "second factor" in here.get("/accounts/2fa/totp/activate/", follow=True).content.decode()
    assert here.get(f"/challenges/{world.challenge.slug}/").status_code == 200


def test_the_link_is_sent_again_at_most_every_three_minutes(db, visitor, outbox) -> None:
    here = visitor()
    sign_up(here, CY)
    said = [here.post("/account/confirm/", follow=True).content.decode() for _ in range(2)]
    assert ["Wait three minutes" in html for html in said] == [True, True]
    assert OutgoingMail.objects.count() == 1
    made = make_user(HAND, vouched_at=None)
    assert "is on its way" in signed_in(made).post("/account/confirm/", follow=True).content.decode()
    visitor().post(newest_link(f"{HAND}@example.org"))
    assert is_verified(made) is True
    assert here.post("/account/confirm/", {"next": "https://evil.example/"})["Location"] == "/account/"


def test_another_address_counts_once_it_is_confirmed_and_the_old_one_is_told(db, visitor, outbox) -> None:
    here = visitor()
    sign_up(here, DORA)
    dora = User.objects.get(username=DORA)
    visitor().post(newest_link(f"{DORA}@example.org"))
    here.post("/accounts/reauthenticate/", {"password": PASSWORD})
    here.post("/accounts/email/", {"action_add": "", "email": f"{NEW}@example.org"})
    dora.refresh_from_db()
    assert dora.email == f"{DORA}@example.org"
    visitor().post(newest_link(f"{NEW}@example.org"))
    dora.refresh_from_db()
    assert (dora.email, list(EmailAddress.objects.filter(user=dora).values_list("email", "verified", "primary"))) == (
        f"{NEW}@example.org",
        [(f"{NEW}@example.org", True, True)],
    )
    told = OutgoingMail.objects.filter(to=f"{DORA}@example.org").latest("pk")
    assert f"from {DORA}@example.org to {NEW}@example.org" in told.body
    [notice] = Notice.objects.filter(user=dora, what="address_changed")
    assert (notice.values["before"], notice.values["after"]) == (f"{DORA}@example.org", f"{NEW}@example.org")


def test_nobody_changes_an_address_without_giving_the_password_again(db, outbox) -> None:
    eve = signed_in(make_user("victim"))
    answer = eve.post("/accounts/email/", {"action_add": "", "email": "eve@example.org"})
    assert (answer.status_code, "/accounts/reauthenticate/" in answer["Location"]) == (302, True)
    assert (EmailAddress.objects.filter(email="eve@example.org").exists(), OutgoingMail.objects.count()) == (False, 0)


def test_in_production_nobody_gets_in_unconfirmed_unless_somebody_vouches(db, visitor, outbox, settings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    here = visitor()
    assert sign_up(here, ELI)["Location"] == "/accounts/confirm-email/"
    sign_in = {"login": ELI, "password": PASSWORD}
    assert here.post("/accounts/login/", sign_in)["Location"] == "/accounts/confirm-email/"
    assert here.get("/account/").status_code == 302
    call_command("vouch", ELI)
    assert here.post("/accounts/login/", sign_in)["Location"] == "/"
    assert here.get("/account/").status_code == 200
    with pytest.raises(CommandError, match="no user 'nobody'"):
        call_command("vouch", "nobody")


def test_in_production_a_sign_up_does_not_tell_whose_address_is_known(db, visitor, outbox, settings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    make_user(FAY)
    answers = [sign_up(visitor(), NEW, email=f"{who}@example.org") for who in (FAY, HAND)]
    assert [(one.status_code, one["Location"]) for one in answers] == [(302, "/accounts/confirm-email/")] * 2
    assert "which has one already" in OutgoingMail.objects.filter(to=f"{FAY}@example.org").latest("pk").body
    assert User.objects.filter(email=f"{FAY}@example.org").count() == 1


def test_an_organiser_vouches_for_who_waits_and_it_is_written_down(world, settings) -> None:
    organiser, waiting, known = make_user(), make_user("waits", vouched_at=None), make_user("known")
    world.challenge.participations.create(user=organiser, role=Role.ORGANISER)
    client, page = signed_in(organiser), f"/challenges/{world.challenge.slug}/console/vouching/"
    for who in ("known", "known@example.org", "nobody", "wait", "waits\0", ""):
        assert client.post(page, {"who": who, "reason": "I know them"}).status_code == 422
    assert client.post(page, {"who": "waits", "reason": " "}).status_code == 422
    address = EmailAddress.objects.create(user=waiting, email=waiting.email, primary=True)
    for _ in range(2):
        client.post(page, {"who": "WAITS@example.org", "reason": "wrote to me"})
    waiting.refresh_from_db()
    address.refresh_from_db()
    assert (is_verified(waiting), address.verified, waiting.email) == (True, False, "waits@example.org")
    acts = world.acts().filter(kind=ActKind.VOUCHED).values_list("by", "reason", "details")
    assert list(acts) == [(organiser.pk, "wrote to me", {"user": waiting.pk})]
    assert Notice.objects.filter(user=waiting, what="vouched_for").count() == 1
    assert find_waiting(known.username) is None


def test_only_organisers_vouch(world) -> None:
    page = f"/challenges/{world.challenge.slug}/console/vouching/"
    waiting = make_user(vouched_at=None)
    for one in (waiting, world.finder().user, world.rater().user):
        assert signed_in(one).post(page, {"who": waiting.username, "reason": "me"}).status_code == 403
    waiting.refresh_from_db()
    assert (waiting.vouched_at, Client().post(page).status_code) == (None, 302)


def test_vouching_twice_is_once(db) -> None:
    one = make_user(vouched_at=None)
    assert [vouch(user=one, at=START), vouch(user=one, at=START + timedelta(days=1))] == [True, False]
    assert (User.objects.get(pk=one.pk).vouched_at, str(UNCONFIRMED)[:10]) == (START, "Your email")


def test_sign_up_can_be_closed(db, visitor, settings) -> None:
    settings.SIGN_UP_OPEN = False
    here = visitor()
    assert "Sign-up is closed" in here.get("/accounts/signup/").content.decode()
    sign_up(here, "late")
    assert (User.objects.count(), mail.outbox) == (0, [])
