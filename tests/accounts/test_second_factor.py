"""Codes of an app, passkeys and recovery codes; and that the admin asks for one of them."""

from __future__ import annotations

import base64
import json
import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings as site_settings
from django.test import Client

from cats4ml.accounts.models import User
from tests.accounts.passkeys import Passkey
from tests.accounts.test_addresses import PASSWORD
from tests.accounts.test_signing_in import person, sign_in, whats

ACTIVATE, CODES = "/accounts/2fa/totp/activate/", "/accounts/2fa/recovery-codes/"


def code_of(secret: str, ahead: int = 0) -> str:
    """What the app shows, `ahead` half minutes from now: a code is taken once, and those next to it are taken too."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead))


def confirmed(client: Client, user: User) -> Client:
    sign_in(client, user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def switch_on(client: Client) -> tuple[str, list[str]]:
    """Set the app up; its secret, and the recovery codes that are shown."""
    secret = client.get(ACTIVATE).context["form"].secret
    page = client.post(ACTIVATE, {"code": code_of(secret, -1)}, follow=True)
    assert page.request["PATH_INFO"] == CODES
    return secret, re.findall(r'<li class="id">([^<]+)</li>', page.content.decode())


def test_a_code_of_the_app_is_asked_for_after_the_password(db, visitor, django_capture_on_commit_callbacks) -> None:
    ada, here = person(), visitor()
    with django_capture_on_commit_callbacks(execute=True):
        secret, codes = switch_on(confirmed(here, ada))
    assert (len(codes), whats(ada)) == (10, ["second_factor_added"])
    there = visitor()
    assert sign_in(there, ada)["Location"].startswith("/accounts/2fa/authenticate/")
    assert there.get("/account/").status_code == 302, "the password alone opens nothing"
    wrong = there.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert (wrong.status_code, there.get("/account/").status_code) == (200, 302)
    there.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert there.get("/account/").status_code == 200
    again = visitor()
    sign_in(again, ada)
    again.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert again.get("/account/").status_code == 302, "a code that was seen is used up"


def test_a_recovery_code_signs_in_once_and_is_shown_once(db, visitor) -> None:
    ada, here = person(), visitor()
    _, codes = switch_on(confirmed(here, ada))
    assert codes[0] not in here.get(CODES).content.decode()
    for works in (True, False):
        there = visitor()
        sign_in(there, ada)
        there.post("/accounts/2fa/authenticate/", {"code": codes[0]})
        assert (there.get("/account/").status_code == 200) is works


def test_what_the_database_holds_is_no_secret_to_who_reads_it(db, visitor) -> None:
    secret, codes = switch_on(confirmed(visitor(), person()))
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert [word in kept for word in (secret, *codes)] == [False] * 11
    assert len(base64.b32decode(secret)) == 20


def test_a_second_factor_is_changed_only_after_the_password_is_given_again(db, visitor, settings) -> None:
    ada, here = person(), visitor()
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    sign_in(here, ada)
    for path in (ACTIVATE, "/accounts/2fa/webauthn/add/", "/accounts/2fa/recovery-codes/generate/"):
        assert "reauthenticate" in here.get(path)["Location"]
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
    switch_on(confirmed(here, ada))
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    assert "reauthenticate" in here.post("/accounts/2fa/totp/deactivate/")["Location"]
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
    here.post("/accounts/2fa/totp/deactivate/")
    assert Authenticator.objects.count() == 0
    assert whats(ada) == ["second_factor_removed"]


def test_only_the_page_with_the_code_to_scan_may_show_a_picture_that_is_in_it(db, visitor) -> None:
    here = confirmed(visitor(), person())
    policies = [here.get(path)["Content-Security-Policy"] for path in (ACTIVATE, "/accounts/2fa/", "/account/")]
    assert ["img-src 'self' data:" in policy for policy in policies] == [True, False, False]
    assert ["unsafe-inline" in policy for policy in policies] == [False] * 3


def test_a_passkey_signs_in_alone_and_confirms_a_password(db, visitor) -> None:
    ada, key = person(), Passkey()
    here = confirmed(visitor(), ada)
    options = here.get("/accounts/2fa/webauthn/add/", secure=True).context["js_data"]["creation_options"]
    form = {"name": "Laptop", "passwordless": "on", "credential": key.create(options)}
    assert here.post("/accounts/2fa/webauthn/add/", form, secure=True).status_code == 302
    assert whats(ada) == ["passkey_added"]
    there = visitor()
    asked = there.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"}, secure=True).json()
    there.post("/accounts/2fa/webauthn/login/", {"credential": key.get(asked["request_options"])}, secure=True)
    assert there.get("/account/").status_code == 200
    third = visitor()
    assert "/2fa/authenticate/" in sign_in(third, ada)["Location"]
    asked = third.get("/accounts/2fa/authenticate/", secure=True).context["js_data"]["request_options"]
    third.post("/accounts/2fa/authenticate/", {"credential": key.get(asked)}, secure=True)
    assert third.get("/account/").status_code == 200
    pk = Authenticator.objects.get(type="webauthn").pk
    here.post(f"/accounts/2fa/webauthn/keys/{pk}/edit/", {"name": "Phone"})
    assert "Phone" in here.get("/accounts/2fa/webauthn/").content.decode()
    assert confirmed(visitor(), person()).post(f"/accounts/2fa/webauthn/keys/{pk}/remove/").status_code == 404
    here.post(f"/accounts/2fa/webauthn/keys/{pk}/remove/")
    assert (Authenticator.objects.filter(type="webauthn").count(), whats(ada)[-1]) == (0, "passkey_removed")


def test_somebody_elses_passkey_opens_nothing(db, visitor) -> None:
    ada, key, thief = person(), Passkey(), Passkey()
    here = confirmed(visitor(), ada)
    options = here.get("/accounts/2fa/webauthn/add/", secure=True).context["js_data"]["creation_options"]
    here.post("/accounts/2fa/webauthn/add/", {"name": "", "credential": key.create(options)}, secure=True)
    thief.id, thief.owner = key.id, key.owner
    there = visitor()
    asked = there.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"}, secure=True).json()
    for answer in (thief.get(asked["request_options"]), "{}", "[1]", '{"id": 3}', "no json"):
        there.post("/accounts/2fa/webauthn/login/", {"credential": answer}, secure=True)
        assert there.get("/account/").status_code == 302


def test_the_admin_asks_for_a_second_factor_of_this_very_session(db, visitor, settings) -> None:
    root, here = person(is_staff=True, is_superuser=True), visitor()
    assert here.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/?next=/admin/")
    old = confirmed(visitor(), root)
    confirmed(here, root)
    assert here.get("/admin/", follow=True).redirect_chain[-1][0] == "/accounts/2fa/"
    assert here.get("/admin/accounts/user/").status_code == 302
    secret, codes = switch_on(here)
    assert "/accounts/2fa/reauthenticate/" in old.get("/admin/", follow=True).redirect_chain[-1][0]
    there = visitor()
    sign_in(there, root)
    there.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert [there.get(path).status_code for path in ("/admin/", "/admin/accounts/user/")] == [200, 200]
    old.post("/accounts/2fa/reauthenticate/", {"code": codes[0], "next": "/admin/"})
    assert old.get("/admin/").status_code == 200
    assert confirmed(visitor(), person()).get("/admin/", follow=True).status_code == 403
    data = Authenticator.objects.get(type="totp").data["secret"]
    page = there.get(f"/admin/mfa/authenticator/{Authenticator.objects.get(type='totp').pk}/change/")
    assert (page.status_code, data in page.content.decode()) == (200, False)


@pytest.mark.parametrize("next_", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_the_admins_door_leads_nowhere_else(db, visitor, settings, next_) -> None:
    settings.ADMIN_SECOND_FACTOR = False
    here = confirmed(visitor(), person(is_staff=True, is_superuser=True))
    assert here.get("/admin/login/", {"next": next_})["Location"] == "/admin/"
    assert site_settings.ADMIN_SECOND_FACTOR is False
