"""Sign-in by other sites: only those of the environment, and joined to an account only by what both sides confirmed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from cats4ml.accounts.actions import create_guest
from cats4ml.accounts.addresses import is_verified
from cats4ml.accounts.models import User
from cats4ml.accounts.providers import sign_in_providers
from tests.accounts.oidc import CLIENT, SECRET, Provider, provider
from tests.accounts.test_addresses import PASSWORD
from tests.accounts.test_signing_in import person, sign_in, whats

NONE = ("", "")
LOGIN = "/accounts/oidc/oidc/login/"


@pytest.fixture
def uni(settings) -> Iterator[Provider]:
    with provider() as one:
        settings.SOCIALACCOUNT_PROVIDERS = sign_in_providers(
            oidc=(CLIENT, SECRET), oidc_server=one.address, oidc_name="The university"
        )
        yield one


def come_by(client: Client, uni: Provider, address: str = LOGIN, **person_there: object):
    uni.person = {"sub": "42", **person_there}
    leaving = client.post(address)
    assert leaving.status_code == 200, "a page that leads on, for a form may not be redirected to another site"
    away = leaving.context["address"]
    assert f'content="0;url={away.replace("&", "&amp;")}"' in leaving.content.decode()
    return client.get(uni.let_in(away), follow=True)


def test_who_comes_by_a_provider_with_a_confirmed_address_has_an_account(db, visitor, uni) -> None:
    here = visitor()
    assert "Sign in with The university" in here.get("/accounts/login/").content.decode()
    come_by(here, uni, email="ada@uni.example", email_verified=True, preferred_username="ada")
    ada = User.objects.get()
    assert (here.get("/account/").status_code, ada.email, is_verified(ada)) == (200, "ada@uni.example", True)
    assert ada.has_usable_password() is False
    there = visitor()
    come_by(there, uni, email="ada@uni.example", email_verified=True)
    assert (there.get("/account/").status_code, User.objects.count()) == (200, 1)


def test_an_address_that_the_provider_did_not_confirm_is_asked_for_here(db, visitor, uni, outbox) -> None:
    here = visitor()
    come_by(here, uni, email="bob@uni.example", email_verified=False, preferred_username="bob")
    assert [is_verified(user) for user in User.objects.all()] in ([], [False])
    assert EmailAddress.objects.filter(verified=True).count() == 0


@pytest.mark.parametrize("theirs", [True, False])
@pytest.mark.parametrize("ours", [True, False])
def test_accounts_are_joined_by_an_address_that_both_sides_confirmed(db, visitor, uni, ours, theirs) -> None:
    ada = person()
    EmailAddress.objects.create(user=ada, email=ada.email, verified=ours, primary=True)
    here = visitor()
    come_by(here, uni, email=ada.email, email_verified=theirs)
    joined = SocialAccount.objects.filter(user=ada).exists()
    assert (joined, here.get("/account/").status_code == 200) == (ours and theirs, ours and theirs)
    assert whats(ada) == (["provider_connected"] if joined else [])
    assert User.objects.filter(email=ada.email).count() == 1


def test_vouching_for_somebody_joins_no_accounts(db, visitor, uni) -> None:
    """Who signs up with another's address and is vouched for must not be waiting there when its owner comes."""
    squatter = person()
    assert is_verified(squatter) is True
    here = visitor()
    come_by(here, uni, email=squatter.email, email_verified=True)
    assert (SocialAccount.objects.filter(user=squatter).exists(), here.get("/account/").status_code) == (False, 302)


def test_who_can_do_more_than_others_connects_while_signed_in(db, visitor, uni) -> None:
    root, here = person(is_superuser=True, is_staff=True), visitor()
    EmailAddress.objects.create(user=root, email=root.email, verified=True, primary=True)
    come_by(visitor(), uni, email=root.email, email_verified=True)
    assert SocialAccount.objects.count() == 0
    sign_in(here, root)
    here.post("/accounts/reauthenticate/", {"password": PASSWORD})
    html = here.get("/accounts/3rdparty/").content.decode()
    connect = re.search(r'action="([^"]*process=connect[^"]*)"', html)[1].replace("&amp;", "&")
    come_by(here, uni, connect, email=root.email, email_verified=True)
    [account] = SocialAccount.objects.all()
    assert (account.user, whats(root)) == (root, ["provider_connected"])
    assert "The university" in here.get("/accounts/3rdparty/").content.decode()
    here.post("/accounts/3rdparty/", {"account": account.pk})
    assert (SocialAccount.objects.count(), whats(root)[-1]) == (0, "provider_disconnected")


@pytest.mark.parametrize("wrong", [{"aud": "another site"}, {"iss": "https://evil.example"}, {"exp": 1}])
def test_a_token_that_was_not_meant_for_this_site_and_this_moment_lets_nobody_in(db, visitor, uni, wrong) -> None:
    here = visitor()
    page = come_by(here, uni, email="eve@uni.example", email_verified=True, **wrong)
    assert (User.objects.count(), here.get("/account/").status_code, page.status_code) == (0, 302, 401)
    assert "did not let you in" in page.content.decode()


def test_an_answer_without_a_question_lets_nobody_in(db, visitor, uni) -> None:
    here = visitor()
    page = here.get("/accounts/oidc/oidc/login/callback/", {"code": "code-0", "state": "made-up"}, follow=True)
    assert (User.objects.count(), "did not let you in" in page.content.decode()) == (0, True)


def test_who_came_by_a_study_connects_nothing(db, visitor, uni) -> None:
    here, guest = visitor(), create_guest()
    uni.person = {"sub": "42", "email": "g@uni.example", "email_verified": True}
    back = uni.let_in(here.post(LOGIN).context["address"])
    here.force_login(guest)
    assert here.get(back).status_code == 401
    assert SocialAccount.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "host"), [("github", "github.com"), ("google", "accounts.google.com"), ("orcid", "orcid.org")]
)
def test_each_provider_of_the_environment_leads_to_its_site_and_back(db, visitor, settings, name, host) -> None:
    here = visitor()
    assert here.get(f"/accounts/{name}/login/").status_code == 404, "it is not switched on"
    settings.SOCIALACCOUNT_PROVIDERS = sign_in_providers(
        **{name: ("an-id", "a-secret")}, oidc=NONE, oidc_server="", oidc_name=""
    )
    address = urlsplit(here.post(f"/accounts/{name}/login/").context["address"])
    asked = parse_qs(address.query)
    assert (address.hostname, asked["client_id"], asked["redirect_uri"]) == (
        host,
        ["an-id"],
        [f"http://testserver/accounts/{name}/login/callback/"],
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"github": ("id", "")}, "GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET belong together"),
        ({"oidc": ("id", "secret")}, "OIDC_SERVER_URL and OIDC_NAME must be, too"),
    ],
)
def test_half_a_provider_stops_the_start(given, words) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        sign_in_providers(**given, oidc_server="", oidc_name="")
    assert sign_in_providers(github=NONE, oidc=NONE, oidc_server="", oidc_name="") == {}
