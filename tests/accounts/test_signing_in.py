"""Passwords, sessions and limits; and that nobody learns here who has an account."""

from __future__ import annotations

import secrets

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client

from cats4ml.accounts.actions import create_guest, create_token, find_token
from cats4ml.accounts.models import Notice, NoticeKind, OutgoingMail
from tests.accounts.test_addresses import PASSWORD, link_in
from tests.factories import START, make_user
from tests.web import signed_in

NEW = "another horse battery"


def person(**fields: object):
    return make_user(f"p{secrets.token_hex(4)}", **fields)


def sign_in(client: Client, user, password: str = PASSWORD):
    return client.post("/accounts/login/", {"login": user.username, "password": password})


def whats(user) -> list[str]:
    return list(Notice.objects.filter(user=user, kind=NoticeKind.ACCOUNT).order_by("pk").values_list("what", flat=True))


def test_a_new_password_ends_all_other_sessions_and_is_told_of(db, visitor) -> None:
    ada, here, there = person(), visitor(), visitor()
    _, key = create_token(user=ada, name="x", scopes=["submit"], at=START)
    sign_in(here, ada)
    sign_in(there, ada)
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert here.post("/accounts/password/change/", form)["Location"] == "/account/"
    assert (here.get("/account/").status_code, there.get("/account/").status_code) == (200, 302)
    assert (whats(ada), find_token(key=key, at=START).user) == (["token_made", "password_changed"], ada)
    assert sign_in(visitor(), ada).status_code == 200, "the old one opens nothing"


def test_a_forgotten_password_is_set_anew_by_a_link_that_works_once(db, visitor, outbox, settings) -> None:
    settings.SITE_URL = "https://cats.example.org"
    ada, there = person(), visitor()
    sign_in(there, ada)
    here = visitor()
    assert here.post("/accounts/password/reset/", {"email": ada.email}).status_code == 302
    mail = OutgoingMail.objects.get(to=ada.email)
    assert "https://cats.example.org/accounts/password/reset/key/" in mail.body
    form = here.get(link_in(mail.body), follow=True)
    here.post(form.request["PATH_INFO"], {"password1": NEW, "password2": NEW})
    assert (there.get("/account/").status_code, sign_in(visitor(), ada, NEW).status_code) == (302, 302)
    assert "no longer works" in visitor().get(link_in(mail.body), follow=True).content.decode()
    assert whats(ada) == ["password_reset"]


def test_asking_for_a_new_password_tells_nothing_and_writes_to_nobody_unknown(db, visitor, outbox) -> None:
    ada, script = person(), person(is_simulated=True)
    emails = [ada.email, script.email, f"{secrets.token_hex(4)}@example.org"]
    answers = [visitor().post("/accounts/password/reset/", {"email": email}, follow=True) for email in emails]
    assert len({(one.status_code, one.request["PATH_INFO"]) for one in answers}) == 1
    assert [mail.to for mail in OutgoingMail.objects.all()] == [ada.email]


def test_a_wrong_password_and_an_unknown_name_read_the_same(db, visitor) -> None:
    ada = person()
    pages = [
        visitor().post("/accounts/login/", {"login": login, "password": "wrong wrong wrong"})
        for login in (ada.username, "nobody-at-all", ada.email, "nobody-at-all@example.org")
    ]
    said = ["is not right." in page.content.decode() for page in pages]
    assert ([page.status_code for page in pages], said) == ([200] * 4, [True] * 4)


class Counted(MD5PasswordHasher):
    """Says how often a password was hashed, which is what a sign-in takes its time for."""

    algorithm, times = "counted_md5", 0

    def encode(self, password: str, salt: str) -> str:
        type(self).times += 1
        return super().encode(password, salt)


def hashed(client: Client, page: str, **form: str) -> tuple[int, int]:
    before = Counted.times
    return client.post(page, form).status_code, Counted.times - before


def test_a_known_name_or_address_costs_as_many_hashes_as_an_unknown_one(db, visitor, outbox, settings) -> None:
    settings.PASSWORD_HASHERS = [f"{Counted.__module__}.{Counted.__qualname__}"]
    ada, guest, gone = person(), create_guest(), person(is_active=False)
    other = f"n{secrets.token_hex(4)}"
    logins = [ada.username, ada.email, guest.username, gone.username, gone.email, other, f"{other}@example.org"]
    costs = [hashed(visitor(), "/accounts/login/", login=login, password="wrong wrong") for login in logins]
    assert len(set(costs)) == 1, dict(zip(logins, costs, strict=True))
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"  # as in production, where a sign-up doesn't tell either
    sent = [{"username": f"{other}{n}", "password1": NEW, "password2": NEW} for n in range(2)]
    emails = [ada.email, f"{other}@example.org"]
    asked = [
        hashed(visitor(), "/accounts/signup/", email=email, **form) for email, form in zip(emails, sent, strict=True)
    ]
    assert asked == [(302, 1)] * 2


def test_after_five_wrong_passwords_an_account_rests_wherever_they_came_from(db, visitor) -> None:
    ada, others = person(), person()
    answers = [sign_in(Client(REMOTE_ADDR=f"2001:db8:{secrets.token_hex(2)}::{n}"), ada, "wrong") for n in range(6)]
    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert "Wait 5 minutes, then try again" in answers[-1].content.decode()
    assert answers[-1]["Retry-After"] == "300"
    assert sign_in(visitor(), others).status_code == 302


def test_an_address_that_asks_too_often_is_told_how_long_to_wait(db, visitor, settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login": "2/m/ip", "signup": "1/m/ip"}
    here = visitor()
    assert [here.post("/accounts/login/", {}).status_code for _ in range(3)] == [200, 200, 429]
    answers = [here.post("/accounts/signup/", {}) for _ in range(2)]
    assert [(one.status_code, one.headers.get("Retry-After")) for one in answers] == [(200, None), (429, "60")]
    html = answers[1].content.decode()
    assert ("Wait 1 minute, then try again" in html, "<h1>That was too often</h1>" in html) == (True, True)


@pytest.mark.parametrize(("proxies", "answer"), [(0, 429), (1, 200), (2, 429)])
def test_people_behind_our_proxies_are_counted_each(db, settings, proxies, answer) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login": "1/m/ip"}
    proxy, outer = (f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::9" for _ in range(2))
    codes = [
        Client(REMOTE_ADDR=proxy, HTTP_X_FORWARDED_FOR=f"{outer}, 2001:db8:{n}:{secrets.token_hex(2)}::1").post(
            "/accounts/login/", {}
        )
        for n in (1, 2)
    ]
    assert [one.status_code for one in codes] == [200, answer]


def test_a_sign_in_after_many_failures_is_told_of(db, visitor) -> None:
    ada, bob = person(), person()
    for one, wrongs in ((ada, 5), (bob, 4)):
        for n in range(wrongs):
            sign_in(Client(REMOTE_ADDR=f"2001:db8:{secrets.token_hex(2)}::{n}"), one, "wrong")
    assert sign_in(visitor(), bob).status_code == 302
    assert (whats(ada), whats(bob)) == ([], [])


def test_many_failures_over_a_day_are_told_of_at_the_next_sign_in(db, visitor, settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "100/m/key"}
    ada = person()
    for _ in range(6):
        sign_in(visitor(), ada, "wrong")
    for _ in range(2):
        sign_in(visitor(), ada)
    assert list(Notice.objects.filter(user=ada).values_list("what", "values__failures")) == [
        ("signed_in_after_failures", 6)
    ]


def test_one_sees_ones_sessions_and_ends_all_others(db, visitor) -> None:
    ada, here, there = person(), visitor(), visitor()
    sign_in(here, ada)
    sign_in(there, ada)
    assert here.get("/accounts/sessions/").content.decode().count('<li class="stack">') == 2
    here.post("/accounts/sessions/")
    assert (here.get("/account/").status_code, there.get("/account/").status_code) == (200, 302)


def test_the_account_page_leads_to_pages_that_are_there(db) -> None:
    ada = signed_in(person())
    page = ada.get("/account/")
    links = [one.href for _, entries in page.context["groups"] for one in entries]
    assert {"/accounts/email/", "/accounts/2fa/", "/account/tokens/", "/accounts/sessions/"} <= set(links)
    assert "/accounts/3rdparty/" not in links, "no provider is switched on"
    assert [ada.get(link, follow=True).status_code for link in links] == [200] * len(links)


def test_who_came_by_a_study_gains_nothing_here(db, outbox) -> None:
    guest = create_guest()
    client = signed_in(guest)
    assert [client.get(path).status_code for path in ("/account/", "/account/tokens/")] == [403, 403]
    posts = {
        "/accounts/email/": {"action_add": "", "email": "g@example.org"},
        "/accounts/password/set/": {"password1": NEW, "password2": NEW},
        "/accounts/2fa/totp/activate/": {"code": "123456"},
        "/accounts/2fa/webauthn/add/": {"credential": "{}"},
        "/accounts/2fa/recovery-codes/generate/": {},
        "/accounts/3rdparty/": {"account": "1"},
        "/account/confirm/": {},
    }
    assert {path: client.post(path, form).status_code for path, form in posts.items()} == dict.fromkeys(posts, 403)
    assert client.get("/accounts/2fa/totp/activate/").status_code == 403
    guest.refresh_from_db()
    assert (guest.has_usable_password(), guest.email, EmailAddress.objects.count(), OutgoingMail.objects.count()) == (
        False,
        "",
        0,
        0,
    )


def test_who_is_shut_out_gets_no_link(db, visitor, outbox) -> None:
    gone = person(is_active=False)
    visitor().post("/accounts/password/reset/", {"email": gone.email})
    assert OutgoingMail.objects.count() == 0
