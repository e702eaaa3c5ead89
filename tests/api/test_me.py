"""Who is asking, as the API tells them."""

from __future__ import annotations

from datetime import timedelta

from rest_framework.test import APIClient

from cats4ml.accounts.actions import create_token
from tests.factories import START, make_user


def test_program_learns_whose_token_it_has_and_what_it_may_do(db) -> None:
    ada = make_user("ada")
    far = START + timedelta(days=36_500)
    _, key = create_token(user=ada, name="laptop", scopes=["submit", "rate"], at=START, expires_at=far)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    answer = client.get("/api/v1/me/")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "name": "ada",
            "token": "laptop",
            "scopes": ["rate", "submit"],
            "expires_at": far.isoformat().replace("+00:00", "Z"),
        },
    )


def test_session_may_do_everything_and_has_no_token(db) -> None:
    browser = APIClient()
    browser.force_login(make_user("ada"))
    assert browser.get("/api/v1/me/").json() == {
        "name": "ada",
        "token": None,
        "scopes": ["submit", "rate", "organise"],
        "expires_at": None,
    }


def test_nobody_is_told_to_sign_in(db) -> None:
    answer = APIClient().get("/api/v1/me/")
    assert (answer.status_code, list(answer.json())) == (401, ["detail"])
