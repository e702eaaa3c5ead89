"""What holds for every address: who is asking, errors in JSON, limits, and the description of it all."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from cats4ml.accounts.actions import create_token, revoke_token
from cats4ml.accounts.models import ApiToken
from tests.api.clients import address, program
from tests.factories import make_user

LISTS = ["labels/", "images/", "queue/", "standings/"]


def with_key(key: str, word: str = "Token") -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"{word} {key}")
    return client


@pytest.mark.parametrize("word", ["Token", "Bearer", "bearer"])
def test_token_is_taken_by_either_word(world, word) -> None:
    ada = make_user()
    world.finder(ada)
    _, key = create_token(user=ada, name="t", scopes=["submit"], at=world.clock)
    assert with_key(key, word).get(address(world, "quota/")).status_code == 200


def test_unknown_revoked_expired_and_mangled_tokens_are_refused_everywhere(world) -> None:
    ada = make_user()
    world.finder(ada)
    _, old = create_token(user=ada, name="old", scopes=["submit"], at=world.clock, expires_at=world.clock)
    token, gone = create_token(user=ada, name="gone", scopes=["submit"], at=world.clock)
    revoke_token(user=ada, token_id=token.pk, at=timezone.now() - timedelta(seconds=1))
    for key in ("nonsense", "ÿ\x00", "two words", "", old, gone):
        for path in ("", "quota/"):
            answer = with_key(key).get(address(world, path))
            assert (answer.status_code, answer["WWW-Authenticate"], list(answer.json())) == (401, "Token", ["detail"])


def test_token_lacking_the_scope_is_told_which(world) -> None:
    ada = make_user()
    world.finder(ada)
    answer = program(ada, "rate").get(address(world, "quota/"))
    assert (answer.status_code, "“submit”" in answer.json()["detail"]) == (403, True)


def test_session_of_the_browser_needs_the_csrf_token(world) -> None:
    ada = make_user()
    world.finder(ada)
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(ada)
    assert browser.get(address(world, "quota/")).status_code == 200
    row = {"image_id": world.images[0].image_id, "label_id": "cat"}
    refused = browser.post(address(world, "submissions/"), row)
    assert (refused.status_code, "CSRF" in refused.json()["detail"]) == (403, True)
    unchecked = APIClient()
    unchecked.force_login(ada)
    assert unchecked.post(address(world, "submissions/"), row).status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/challenges/none/",
        "/api/v1/challenges/none/labels/",
        "/api/v1/challenges/none/standings/?format=csv",
        "/api/v1/challenges/no%00ne/",
        "/api/v1/nonsense/",
        "/api/v1/",
        "/api/v1/challenges",
    ],
)
def test_what_is_not_there_is_404_in_json(db, path) -> None:
    for answer in (APIClient().get(path), APIClient().get(path, HTTP_ACCEPT="text/csv, */*;q=0.1")):
        assert (answer.status_code, answer["Content-Type"], list(answer.json())) == (
            404,
            "application/json",
            ["detail"],
        )


def test_address_without_its_slash_is_told_so_and_nothing_is_lost_in_a_redirect(world) -> None:
    answer = program(make_user()).post(address(world, "submissions"), {"image_id": "a"})
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        f"Every address ends with a slash: {address(world, 'submissions/')}",
    )


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("size", ["0", "-1", "1001", "9" * 40, "x", "", "\x00", "1.5", "²"])
def test_page_size_that_can_not_be_is_an_error(world, path, size) -> None:
    answer = APIClient().get(address(world, path), {"page_size": size})
    assert (answer.status_code, list(answer.json())) == (400, ["page_size"])


def cursor(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "position",
    [
        "x",
        "",
        "é",
        "\x00",
        "AAAA",
        cursor("p=x"),
        cursor("p=1%00"),
        cursor("p=" + "9" * 40),
        cursor("o=-1"),
        cursor("q=1"),
    ],
)
def test_cursor_that_can_not_be_is_an_error(world, path, position) -> None:
    answer = APIClient().get(address(world, path), {"cursor": position})
    assert (answer.status_code, list(answer.json())) == (400, ["cursor"])


@pytest.mark.parametrize("path", LISTS)
def test_cursor_beyond_the_end_gives_an_empty_page(world, path) -> None:
    for text in ("o=" + "9" * 30, "p=0&r=1&o=999999"):
        answer = APIClient().get(address(world, path), {"cursor": cursor(text)})
        assert (answer.status_code, answer.json()["results"]) == (200, [])


@pytest.mark.parametrize("path", ["images/?image_id=%00", "queue/?state=x", "queue/?label_id=" + "a" * 81])
def test_filter_that_can_not_be_is_an_error(world, path) -> None:
    assert APIClient().get(address(world, path)).status_code == 400


def test_unknown_format_is_not_acceptable_and_the_known_ones_are_told(world) -> None:
    answer = APIClient().get(address(world, "standings/"), {"format": "xml"})
    assert (answer.status_code, answer.json()) == (
        406,
        {"detail": "This address has no format “xml”. Its formats: json, csv."},
    )
    assert APIClient().get(address(world, "queue/"), {"format": "csv"}).status_code == 406


@pytest.mark.parametrize("method", ["put", "patch", "delete", "post", "options", "head"])
def test_other_methods_are_answered_and_never_crash(world, method) -> None:
    for path in ("", *LISTS, "pairs/", "ratings/", "ratings/next/", "submissions/", "participations/"):
        answer = getattr(program(make_user()), method)(address(world, path))
        assert answer.status_code in (200, 400, 403, 404, 405)


def test_too_many_requests_are_told_when_to_come_back(world, monkeypatch) -> None:
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "2/min", "user": "2/min"})
    cache.delete("throttle_anon_127.0.0.1")
    user = make_user()
    cache.delete(f"throttle_user_{user.pk}")
    for client in (APIClient(), program(user)):
        answers = [client.get(address(world)) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert 0 < int(answers[-1]["Retry-After"]) <= 60
        assert "detail" in answers[-1].json()


def test_last_use_of_a_token_is_noted(world) -> None:
    program(make_user()).get(address(world))
    assert ApiToken.objects.get().last_used_at is not None


def test_answers_are_kept_by_no_cache(world) -> None:
    assert APIClient().get(address(world))["Cache-Control"] == "no-store"


def test_description_is_valid_and_leaves_nothing_out(db, tmp_path) -> None:
    written = tmp_path / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(written))
    assert written.read_text(encoding="utf-8").startswith("openapi: 3")


def test_description_names_every_address(db) -> None:
    paths = APIClient().get("/api/schema/", HTTP_ACCEPT="application/json").json()["paths"]
    edition = "/api/v1/challenges/{slug}/"
    below = (
        "", "announcements/",
        "data/", "data/{kind}/", "images/", "labels/", "pairs/", "pairs/{pair_id}/", "participations/", "queue/",
        "quota/", "ratings/", "ratings/examples/{example_id}/", "ratings/{token}/guidance/", "ratings/{token}/skip/",
        "ratings/{token}/report/", "ratings/export/", "ratings/last/", "ratings/next/", "ratings/{token}/picture/",
        "releases/", "sensitive/", "standings/", "submissions/", "submissions/{submission_id}/",
        "submissions/{submission_id}/dispute/",
    )  # fmt: skip
    release = (
        "", "archive/", "evaluations/", "evaluations/{evaluation_id}/", "files/", "files/{path}", "free/", "publish/",
        "questions/", "root/",
    )  # fmt: skip
    of_releases = [f"/api/v1/releases/{{release_id}}/{path}" for path in release]
    ours = ["/api/v1/challenges/", "/api/v1/me/", "/api/v1/pictures/{image_uuid}/reports/"]
    everything = [*ours, *of_releases, *(edition + path for path in below)]
    assert sorted(paths) == sorted(everything)
    assert set(paths[f"{edition}submissions/"]["post"]["requestBody"]["content"]) == {"application/json", "text/csv"}
    assert set(paths[f"{edition}pairs/"]["get"]["responses"]["200"]["content"]) == {
        "application/json", "application/jsonl", "text/csv",
    }  # fmt: skip


@pytest.mark.parametrize("page", ["docs", "redoc"])
def test_documentation_pages_ask_no_other_host(db, page) -> None:
    answer = APIClient().get(f"/api/{page}/", HTTP_ACCEPT="text/html")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "drf_spectacular_sidecar" in text
    assert "https://" not in text
    assert "http://" not in text
    assert "script-src 'self';" in f"{answer['Content-Security-Policy']};"
    assert "'unsafe-inline'" in answer["Content-Security-Policy"].partition("style-src")[2].partition(";")[0]
    assert "default-src 'self'" in answer["Content-Security-Policy"]


def test_only_the_documentation_pages_are_let_write_styles(world) -> None:
    for path in (address(world), "/api/schema/", "/accounts/login/"):
        assert "unsafe-inline" not in APIClient().get(path)["Content-Security-Policy"]
