"""Signing in and out, and where the token is kept."""

from __future__ import annotations

import json
import stat

import pytest

from tests.client.program import Program
from tests.factories import make_user


def test_login_tries_the_token_and_keeps_it_for_its_owner_alone(bench) -> None:
    key = bench.key(make_user("ada"), "submit")
    ended = bench.program("login", "--url", f"{bench.url}/", "--token", "-", "--json", sent=f"{key}\n")
    assert (ended.code, ended.json) == (
        0,
        {"url": bench.url, "name": "ada", "token": "laptop", "scopes": ["submit"], "expires_at": None},
    )
    assert json.loads(bench.program.config.read_text()) == {
        "url": bench.url,
        "token": key,
        "challenge": "",
        "insecure": False,
    }
    assert stat.S_IMODE(bench.program.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(bench.program.config.parent.stat().st_mode) == 0o700
    assert list(bench.program.config.parent.iterdir()) == [bench.program.config]
    assert bench.program("whoami").out == (
        f"site   {bench.url}\nname   ada\ntoken  laptop\n"
        "may    submit (claim pairs and read one’s own)\nuntil  it is revoked\n"
    )


def test_wrong_token_is_refused_in_the_servers_words_and_the_one_before_is_kept(bench) -> None:
    key = bench.key(make_user("ada"), "submit")
    bench.program("login", "--url", bench.url, "--token", "-", sent=key)
    before = bench.program.config.read_text()
    ended = bench.program("login", "--url", bench.url, "--token", "-", sent="c4m_wrong")
    assert (ended.code, ended.out, ended.err) == (
        3,
        "",
        "cats4ml: This token is unknown, expired or revoked. Make one on the page “API tokens”.\n"
        f"Make a token on {bench.url}/account/tokens/ and sign in: cats4ml login\n",
    )
    assert bench.program.config.read_text() == before


def test_logout_forgets_the_token_and_keeps_the_address(bench) -> None:
    bench.program("login", "--url", bench.url, "--token", "-", sent=bench.key(make_user("ada"), "submit"))
    answers = [bench.program("logout", "--json") for _ in range(2)]
    assert [(one.code, one.json) for one in answers] == [
        (0, {"url": bench.url, "forgotten": True}),
        (0, {"url": bench.url, "forgotten": False}),
    ]
    assert json.loads(bench.program.config.read_text())["token"] == ""
    assert bench.program("whoami").code == 3


def test_environment_goes_before_what_was_saved_and_an_option_before_it(bench) -> None:
    ada, ben = (bench.key(make_user(name), "submit") for name in ("ada", "ben"))
    bench.program("login", "--url", bench.url, "--token", "-", sent=ada)
    assert bench.program("whoami", "--json", CATS4ML_TOKEN=ben).json["name"] == "ben"
    ended = bench.program("quota", "-c", "none", CATS4ML_CHALLENGE="digits")
    assert (ended.code, ended.err) == (1, "cats4ml: There is no such challenge.\n")


def test_saved_token_is_never_sent_to_another_site(bench) -> None:
    bench.program("login", "--url", bench.url, "--token", "-", sent=bench.key(make_user("ada"), "submit"))
    elsewhere = bench.url.replace("localhost", "127.0.0.1")
    ended = bench.program("whoami", "--url", elsewhere)
    assert (ended.code, ended.err) == (
        3,
        f"cats4ml: You are not signed in at {elsewhere}, and this needs a token.\n"
        f"Make one on {elsewhere}/account/tokens/ and sign in: cats4ml login\n",
    )


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (["login"], ""),
        (["login", "--url", "https://a.example"], ""),
        (["login", "--url", "https://a.example", "--token", "c4m_seen_by_all"], ""),
        (["login", "--url", "https://a.example", "--token", "-"], "two words"),
        (["login", "--url", "https://a.example", "--token", "-"], ""),
        (["login", "--url", "http://a.example", "--token", "-"], "c4m_x"),
        (["login", "--url", "http://localhost.a.example", "--token", "-"], "c4m_x"),
        (["login", "--url", "ftp://a.example", "--token", "-"], "c4m_x"),
        (["login", "--url", "https://me:secret@a.example", "--token", "-"], "c4m_x"),
        (["login", "--url", "https://a.example:99999", "--token", "-"], "c4m_x"),
        (["labels"], ""),
        (["labels", "--url", "http://a.example"], ""),
        (["nonsense"], ""),
        (["submit"], ""),
        (["submit", "nowhere.csv"], ""),
        (["submit", "--image", "a"], ""),
        (["export", "queue", "--split", "public", "--url", "https://a.example"], ""),
        (["export", "--json", "-f", "csv", "--url", "https://a.example", "-c", "x"], ""),
        (["export", "ratings", "-f", "json", "--url", "https://a.example", "-c", "x"], ""),
        (["export", "ratings", "--label", "cat", "--url", "https://a.example", "-c", "x"], ""),
        (["export", "pairs", "--controls", "--url", "https://a.example", "-c", "x"], ""),
    ],
)
def test_wrong_usage_ends_with_2_before_anything_is_asked(program: Program, arguments, sent) -> None:
    ended = program(*arguments, sent=sent)
    assert (ended.code, ended.out, bool(ended.err), program.config.exists()) == (2, "", True, False)


def test_plain_http_is_taken_where_one_insists(program: Program) -> None:
    ended = program("labels", "-c", "x", "--insecure", "--retries", "0", "--url", "http://cats4ml.invalid")
    assert (ended.code, ended.err.splitlines()[0]) == (
        4,
        "cats4ml: http://cats4ml.invalid can’t be reached: there is no host of this name.",
    )


@pytest.mark.parametrize("content", ["{", "[]", '{"url": 1}', '{"token": null}'])
def test_broken_configuration_is_said_and_how_to_mend_it(program: Program, content) -> None:
    program.config.parent.mkdir(parents=True)
    program.config.write_text(content)
    ended = program("whoami")
    assert (ended.code, str(program.config) in ended.err, "cats4ml login" in ended.err) == (2, True, True)
