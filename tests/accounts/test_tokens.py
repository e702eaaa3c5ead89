"""API tokens: shown once, kept as a hash, ended by time or by hand."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cats4ml.accounts.actions import TokenRefused, create_token, find_token, revoke_token, tell_of_ending_tokens
from cats4ml.accounts.models import ApiToken, Notice, TokenScope
from tests.factories import START, make_user
from tests.web import signed_in

URL = "/account/tokens/"
FORM = {"name": "laptop", "scopes": ["submit", "rate"], "days": "30"}


def make(user, name: str = "laptop", **more) -> tuple[ApiToken, str]:
    return create_token(user=user, name=name, scopes=["submit"], at=START, **more)


def test_only_the_hash_of_a_key_is_kept(db) -> None:
    token, key = make(make_user())
    row = ApiToken.objects.values().get()
    assert row["digest"] == hashlib.sha256(key.encode()).hexdigest()
    assert [value for value in row.values() if key in str(value)] == []
    assert (key[:8], row["prefix"], len(key)) == (token.prefix, token.prefix, 47)


def test_a_key_opens_until_it_ends_and_not_from_then_on(db) -> None:
    ends = START + timedelta(days=30)
    token, key = make(make_user(), expires_at=ends)
    assert find_token(key=key, at=ends - timedelta(seconds=1)) == token
    assert find_token(key=key, at=ends) is None
    assert [find_token(key=wrong, at=START) for wrong in ("", key[:-1], key + "x", key.upper(), "\x00")] == [None] * 5


def test_a_revoked_key_opens_nothing_and_revoking_twice_is_once(db) -> None:
    user = make_user()
    token, key = make(user)
    for seconds in (5, 9):
        revoke_token(user=user, token_id=token.pk, at=START + timedelta(seconds=seconds))
    assert find_token(key=key, at=START) is None
    assert ApiToken.objects.get().revoked_at == START + timedelta(seconds=5)
    with pytest.raises(ApiToken.DoesNotExist):
        revoke_token(user=make_user(), token_id=token.pk, at=START)


def test_the_key_of_somebody_who_was_shut_out_opens_nothing(db) -> None:
    user = make_user()
    _, key = make(user)
    user.is_active = False
    user.save()
    assert find_token(key=key, at=START) is None


def test_the_last_use_is_written_every_five_minutes_at_most(db) -> None:
    _, key = make(make_user())
    uses = []
    for minutes in (0, 4, 6, 8, 20):
        find_token(key=key, at=START + timedelta(minutes=minutes))
        uses.append((ApiToken.objects.get().last_used_at - START) // timedelta(minutes=1))
    assert uses == [0, 0, 6, 6, 20]


def test_a_name_is_taken_once_until_it_is_revoked(db) -> None:
    user = make_user()
    token, _ = make(user)
    with pytest.raises(TokenRefused, match="token of this name"):
        make(user)
    make(make_user())
    revoke_token(user=user, token_id=token.pk, at=START)
    make(user)
    assert ApiToken.objects.filter(user=user).count() == 2


@pytest.mark.parametrize("scopes", [[], ["everything"], ["submit", "everything"]])
def test_a_token_has_known_scopes_and_at_least_one(db, scopes) -> None:
    with pytest.raises(TokenRefused, match="Choose at least one scope"):
        create_token(user=make_user(), name="x", scopes=scopes, at=START)
    assert ApiToken.objects.count() == 0


def test_the_database_refuses_a_token_without_scope(db) -> None:
    token, _ = make(make_user())
    with pytest.raises(DatabaseError, match="token_has_a_scope"), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(scopes=[])


def test_the_page_shows_a_key_once(db) -> None:
    client = signed_in(make_user())
    made = client.post(URL, FORM)
    key = made.context["key"]
    assert (made.status_code, made.content.decode().count(key) >= 1, "no-store" in made.headers["Cache-Control"]) == (
        200,
        True,
        True,
    )
    again = client.get(URL).content.decode()
    assert (key in again, key[:8] in again, "laptop" in again) == (False, True, True)
    token = find_token(key=key, at=ApiToken.objects.get().created_at)
    assert (token.scopes, token.expires_at - token.created_at) == (["rate", "submit"], timedelta(days=30))


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "a\x00"}, {"scopes": []}, {"scopes": ["all"]}, {"days": "9999"}, {"name": "x" * 81}],
)
def test_a_form_with_something_wrong_makes_no_token(db, wrong) -> None:
    assert signed_in(make_user()).post(URL, {**FORM, **wrong}).status_code == 422
    assert ApiToken.objects.count() == 0


def test_a_name_that_is_taken_is_said_beside_the_field(db) -> None:
    client = signed_in(make_user())
    client.post(URL, FORM)
    reply = client.post(URL, FORM)
    assert (reply.status_code, "You have a token of this name." in reply.content.decode()) == (422, True)


def test_one_revokes_ones_own_tokens_only(db) -> None:
    owner = make_user()
    token, key = make(owner)
    address = reverse("accounts:revoke_token", args=[token.pk])
    assert signed_in(make_user()).post(address).status_code == 404
    assert signed_in(owner).get(address).status_code == 405
    assert signed_in(owner).post(f"/account/tokens/{10**30}/revoke/").status_code == 404
    assert find_token(key=key, at=START) == token
    assert signed_in(owner).post(address).status_code == 302
    assert find_token(key=key, at=START) is None
    assert token.prefix not in signed_in(make_user()).get(URL).content.decode()


def test_strangers_have_no_tokens_page(db) -> None:
    assert Client().get(URL).status_code == 302


def test_every_scope_is_explained(db) -> None:
    html = signed_in(make_user()).get(URL).content.decode()
    assert [scope.value for scope in TokenScope if scope.label.split("’")[0] not in html] == []


def test_a_token_is_told_of_when_it_is_made_and_once_before_it_ends(db) -> None:
    ada, day = make_user(), timedelta(days=1)
    make(ada, "used", expires_at=START + 30 * day)
    unused, _ = make(ada, "unused", expires_at=START + 30 * day)
    gone, _ = make(ada, "gone", expires_at=START + 30 * day)
    ApiToken.objects.exclude(pk=unused.pk).update(last_used_at=START)
    revoke_token(user=ada, token_id=gone.pk, at=START)
    assert [tell_of_ending_tokens(at=START + days * day) for days in (22, 23, 24, 30)] == [0, 1, 1, 0]
    told = Notice.objects.filter(user=ada).order_by("pk").values_list("what", "values__name", "values__ends")
    assert list(told) == [
        ("token_made", "used", "2026-12-02T09:00:00+00:00"),
        ("token_made", "unused", "2026-12-02T09:00:00+00:00"),
        ("token_made", "gone", "2026-12-02T09:00:00+00:00"),
        ("token_ends_soon", "used", "2026-12-02T09:00:00+00:00"),
    ]


def test_there_are_at_most_fifty_live_tokens(db) -> None:
    ada = make_user()
    tokens = [make(ada, str(number))[0] for number in range(50)]
    with pytest.raises(TokenRefused, match="50 tokens"):
        make(ada, "one more")
    revoke_token(user=ada, token_id=tokens[0].pk, at=START)
    make(ada, "one more")


def test_the_page_asks_as_much_for_three_tokens_as_for_one(db) -> None:
    ada = make_user()
    client, counts = signed_in(ada), []
    for number in range(3):
        make(ada, str(number))
        with CaptureQueriesContext(connection) as queries:
            client.get(URL)
        counts.append(len(queries))
    assert counts[2] == counts[0]
