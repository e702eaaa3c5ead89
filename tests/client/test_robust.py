"""A site that is busy, slow, away or no such site; and a person or a pipe that has enough."""

from __future__ import annotations

import re
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.client.program import SECONDS, Program, on_terminal
from tests.client.stand_in import Told, answering, in_turn

QUOTA = {"base": 1, "bonus": 0, "used": 0, "total": 1, "remaining": 1}
SHEET = b"image_id,label_id\na,cat\nb,cat\n"


def signed_in(program: Program, url: str) -> Program:
    return Program(program.home, {"CATS4ML_URL": url, "CATS4ML_TOKEN": "c4m_key", "CATS4ML_CHALLENGE": "x"})


def accepted(line: int, image: str, **more) -> dict:
    plain = {"line": line, "id": line, "image_id": image, "label_id": "cat", "later": False, "near_copy": False}
    return {**plain, **more}


def own(line: int, image: str) -> dict:
    said = {"problem": "own_claim", "message": "You already claimed this pair.", "remedy": "Leave it out."}
    return {"line": line, "image_id": image, "label_id": "cat", **said}


def report(*, checked: bool, good: list[dict], refused: list[dict]) -> dict:
    return {"checked_only": checked, "accepted": good, "later": 0, "refused": refused}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_site_is_asked_again_when_it_says(program: Program, status) -> None:
    busy = Told(status, {"detail": "Too busy."}, {"Retry-After": "0"})
    with answering(in_turn(busy, busy, Told(200, QUOTA))) as site:
        ended = signed_in(program, site.url)("quota", "--json")
    assert (ended.code, ended.json, ended.err, len(site.asked)) == (0, QUOTA, "", 3)
    assert {one.headers["Authorization"] for one in site.asked} == {"Token c4m_key"}


def test_moment_to_come_back_may_be_a_date(program: Program) -> None:
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    with answering(in_turn(Told(503, "", {"Retry-After": past}), Told(200, QUOTA))) as site:
        assert signed_in(program, site.url)("quota", "--json").json == QUOTA


def test_patience_ends_and_the_servers_words_are_said(program: Program) -> None:
    busy = Told(503, {"detail": "We mend the database."}, {"Retry-After": "0"})
    with answering(in_turn(busy)) as site:
        ended = signed_in(program, site.url)("quota", "--retries", "2")
    said = "cats4ml: We mend the database.\nTry again later.\n"
    assert (ended.code, ended.out, ended.err, len(site.asked)) == (4, "", said, 3)


def test_site_that_asks_for_an_hour_is_left_alone(program: Program) -> None:
    with answering(in_turn(Told(429, {"detail": "Tomorrow."}, {"Retry-After": "3600"}))) as site:
        ended = signed_in(program, site.url)("quota")
    assert (ended.code, len(site.asked)) == (4, 1)


@pytest.mark.parametrize("command", ["quota", "submissions", "whoami", "labels", "leaderboard", "download", "export"])
def test_site_that_is_away_is_said_so(program: Program, command) -> None:
    with answering(in_turn(Told())) as site:
        gone = site.url
    ended = signed_in(program, gone)(command, "--retries", "0")
    said = f"cats4ml: {gone} can’t be reached: connection refused.\nCheck the address and the network, and try again.\n"
    assert (ended.code, ended.out, ended.err) == (4, "", said)


def test_site_that_never_answers_is_waited_for_and_no_longer(program: Program) -> None:
    with answering(lambda asked: None) as site:
        ended = signed_in(program, site.url)("quota", "--retries", "0", "--timeout", "0.3")
    said = f"cats4ml: {site.url} did not answer within 0.3 s.\nTry again, or wait longer with --timeout.\n"
    assert (ended.code, ended.err) == (4, said)


@pytest.mark.parametrize(
    "answer",
    [
        Told(200, b"<html>Welcome</html>", {"Content-Type": "text/html"}),
        Told(404, b"<html>Not here</html>"),
        Told(200, {"nonsense": 1}),
        Told(200, []),
        Told(302, b"", {"Location": "https://elsewhere.invalid/"}),
    ],
)
def test_address_of_something_else_is_said_to_be_none_of_ours(program: Program, answer) -> None:
    with answering(in_turn(answer)) as site:
        ended = signed_in(program, site.url)("submissions", "--retries", "0")
    assert (ended.code, ended.out, "Traceback" in ended.err, bool(ended.err)) == (4, "", False, True)


def test_claims_are_never_sent_on_by_a_redirect(program: Program) -> None:
    moved = Told(301, b"", {"Location": "/elsewhere/"})
    with answering(in_turn(moved)) as site:
        ended = signed_in(program, site.url)("submit", "-", sent=SHEET)
    assert (ended.code, [one.method for one in site.asked]) == (4, ["POST"])


def test_token_is_not_sent_to_where_a_redirect_leads(program: Program) -> None:
    with answering(in_turn(Told(200, QUOTA))) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost") + "/api/v1/"
        with answering(in_turn(Told(302, b"", {"Location": elsewhere}))) as site:
            signed_in(program, site.url)("quota")
    assert [one.headers.get("Authorization") for one in other.asked] == [None]


def test_claims_whose_answer_was_cut_off_are_sent_again_and_counted_once(program: Program) -> None:
    check = Told(200, report(checked=True, good=[accepted(2, "a"), accepted(3, "b")], refused=[]))
    cut = Told(200, report(checked=False, good=[accepted(2, "a"), accepted(3, "b")], refused=[]), cut=10)
    again = Told(200, report(checked=False, good=[], refused=[own(2, "a"), own(3, "b")]))
    with answering(in_turn(check, cut, again)) as site:
        ended = signed_in(program, site.url)("submit", "-", sent=SHEET)
    assert (ended.code, ended.err) == (0, "2 good rows.\nClaimed 2 pairs.\n")
    assert [one.path.partition("?")[2] for one in site.asked] == ["check=true", "", ""]
    assert [one.body for one in site.asked] == [SHEET] * 3


def test_pages_are_followed_to_the_end_on_the_site_that_was_named(program: Program) -> None:
    def pages(asked):
        at = int((re.findall(r"cursor=(\d)", asked.path) or ["0"])[0])
        label = {"label_id": f"l{at}", "name": f"\x1b[31mred {at}", "description": "", "guidance": ""}
        following = f"http://elsewhere.invalid/api/v1/challenges/x/labels/?cursor={at + 1}&outcome=a&outcome=b"
        return Told(200, {"results": [label], "next": following if at < 2 else None})

    with answering(pages) as site:
        ended = signed_in(program, site.url)("labels")
        shown = signed_in(program, site.url)("labels", "--json")
    assert ended.out == "label_id  name       meaning\n" + "".join(f"l{at}        [31mred {at}\n" for at in range(3))
    assert [one["label_id"] for one in shown.json] == ["l0", "l1", "l2"]
    assert site.asked[1].path == "/api/v1/challenges/x/labels/?cursor=1&outcome=a&outcome=b"


def test_interrupted_program_says_so_and_ends_with_130(program: Program) -> None:
    with answering(lambda asked: None) as site:
        user = signed_in(program, site.url)
        running = subprocess.Popen(
            user.command("quota"), env=user.surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert site.hang.wait(SECONDS)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=SECONDS)
    assert (running.returncode, out, err) == (130, "", "\ncats4ml: Interrupted.\n")


def test_reader_that_has_enough_is_no_error(program: Program) -> None:
    label = {"label_id": "l" * 50, "name": "n" * 50, "description": "d" * 500, "guidance": ""}
    with answering(in_turn(Told(200, {"results": [label] * 1000, "next": None}))) as site:
        user = signed_in(program, site.url)
        for options in ("", "--json"):
            line = f"{' '.join(user.command('labels'))} {options} | head -n 1; echo ${{PIPESTATUS[0]}}"
            ended = subprocess.run(
                ["bash", "-c", line], env=user.surroundings(), capture_output=True, text=True, check=True
            )
            assert (ended.stdout.splitlines()[1:], ended.stderr) == (["141"], "")


def test_colours_are_for_terminals_that_want_them(program: Program) -> None:
    label = {
        "label_id": "cat",
        "name": "Cat",
        "description": "An animal whose description is longer than a line",
        "guidance": "no",
    }
    with answering(in_turn(Told(200, {"results": [label], "next": None}))) as site:
        user = signed_in(program, site.url)
        assert "\x1b[" in on_terminal(user, "labels")[1]
        code, shown = on_terminal(user, "labels", NO_COLOR="1")
        assert (code, "\x1b[" in shown, max(map(len, shown.split("\r\n")))) == (0, False, 60)
        piped = user("labels")
        assert "\x1b" not in piped.out + piped.err


def test_person_at_a_terminal_is_asked_before_claims_are_sent(program: Program) -> None:
    (program.home / "claims.csv").write_bytes(SHEET)
    check = Told(200, report(checked=True, good=[accepted(2, "a")], refused=[]))
    claimed = Told(200, report(checked=False, good=[accepted(2, "a")], refused=[]))

    def handle(asked):
        return check if "check=true" in asked.path else claimed

    with answering(handle) as site:
        user = signed_in(program, site.url)
        code, shown = on_terminal(user, "submit", "claims.csv", typed="n\n")
        assert (code, "Claim 1 pair?" in shown, len(site.asked)) == (1, True, 1)
        code, shown = on_terminal(user, "submit", "claims.csv", typed="y\n")
        assert (code, "Claimed 1 pair." in shown, len(site.asked)) == (0, True, 3)
        code, shown = on_terminal(user, "submit", "claims.csv", "--yes")
        assert (code, "Claim 1 pair?" in shown, len(site.asked)) == (0, False, 5)


def test_token_that_is_typed_is_not_shown(program: Program) -> None:
    me = {"name": "ada", "token": "laptop", "scopes": ["submit"], "expires_at": None}
    with answering(in_turn(Told(200, me))) as site:
        code, shown = on_terminal(program, "login", "--url", site.url, typed="c4m_secret\n", hidden=True)
    assert (code, f"Kept in {program.config}" in shown, "c4m_secret" in shown) == (0, True, False)
    assert site.asked[0].headers["Authorization"] == "Token c4m_secret"
