"""Claiming from the command line, and what becomes of the claims."""

from __future__ import annotations

import csv
import threading
import time

import pytest
from django.db import connection

from cats4ml.accounts.models import TeamMembership
from cats4ml.challenges.actions import decide_policy
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Submission
from tests.factories import make_team, make_user

YES, NO = Answer.YES, Answer.NO


def picture(place: int) -> str:
    return f"{place:016x}"


def row(line: int, place: int, label: str, **more) -> dict:
    plain = {"line": line, "id": None, "image_id": picture(place), "label_id": label}
    return {**plain, "later": False, "near_copy": False, **more}


def claims() -> list[tuple[str, str, str]]:
    own = Submission.objects.order_by("pk").values_list("pair__image__image_id", "pair__label__key", "rationale")
    return list(own)


def test_good_rows_are_claimed_and_the_others_told_by_reason_and_written_to_be_mended(bench, tmp_path) -> None:
    ada = bench.as_finder()
    sheet = tmp_path / "claims.csv"
    sheet.write_text(
        "image_id,label_id,rationale\n"
        f'{picture(0)},cat,"A cat,\nin two lines"\n'
        f"{picture(1)},Dog,\n"
        f"{picture(0)},cat,\n"
        f"nowhere,cat,Because\n"
        f"{picture(2)},horse,=1+1\n"
        f"{picture(2)}, ,\n"
        f"{picture(3)},donkey,\n"
    )
    mend = tmp_path / "mend.csv"
    ended = ada("submit", sheet, "--bad-rows", mend)
    assert (ended.code, ended.out, ended.err) == (
        1,
        "",
        "2 good rows.\n"
        "1 row said twice in the file: fine, the first of them counts.\n"
        "cats4ml: 4 rows refused:\n"
        "       2  Label is not a target label. (lines 7, 9)\n"
        "          Use the ID or the name of one of the target labels.\n"
        "       1  Picture is not in the target pool. (line 6)\n"
        "          Check the ID against the image list. Spreadsheets drop leading zeros: format it as text.\n"
        "       1  Label is missing. (line 8)\n"
        "          Fill in the second column.\n"
        "Claimed 2 pairs.\n"
        f"4 rows to mend in {mend}\n",
    )
    assert claims() == [(picture(0), "cat", "A cat,\nin two lines"), (picture(1), "dog", "")]
    with mend.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(one["line"], one["image_id"], one["label_id"], one["rationale"]) for one in rows] == [
        ("6", "nowhere", "cat", "Because"),
        ("7", picture(2), "horse", "'=1+1"),
        ("8", picture(2), "", ""),
        ("9", picture(3), "donkey", ""),
    ]
    mend.write_text(mend.read_text().replace("nowhere", picture(4)))
    assert ada("submit", mend, "-q").code == 1
    assert claims()[2:] == [(picture(4), "cat", "Because")]


def test_file_sent_twice_is_fine_and_claims_once(bench) -> None:
    ada = bench.as_finder()
    sheet = f"image_id,label_id\n{picture(0)},cat\n{picture(1)},Cat\n"
    assert ada("submit", "-", sent=sheet).code == 0
    again = ada("submit", "-", "--json", sent=sheet)
    assert (again.code, again.err) == (
        0,
        "0 good rows.\n2 rows that you claimed before: fine, the claim stands.\n",
    )
    assert [(one["line"], one["problem"]) for one in again.json["refused"]] == [(2, "own_claim"), (3, "own_claim")]
    assert len(claims()) == 2


def test_check_claims_nothing(bench) -> None:
    ada = bench.as_finder()
    ended = ada("submit", "-", "--check", "--json", "-q", sent=f"image_id,label_id\n{picture(0)},cat\n")
    assert (ended.code, ended.err, ended.json) == (
        0,
        "",
        {"checked_only": True, "accepted": [row(2, 0, "cat")], "later": 0, "refused": []},
    )
    assert claims() == []


def test_one_pair_is_claimed_without_a_file(bench) -> None:
    ada = bench.as_finder()
    ended = ada("submit", "--image", picture(0), "--label", "Cat", "--rationale", "Only its tail", "--json")
    [claim] = Submission.objects.all()
    assert (ended.code, ended.json["accepted"]) == (0, [row(1, 0, "cat", id=claim.pk)])
    assert claims() == [(picture(0), "cat", "Only its tail")]
    refused = ada("submit", "--image", picture(0), "--label", "horse")
    assert (refused.code, "Label is not a target label" in refused.err) == (1, True)


def test_pair_that_a_team_mate_claimed_is_refused(bench) -> None:
    ada = bench.as_finder()
    ben = make_user("ben")
    team = make_team(ben)
    TeamMembership.objects.create(team=team, user=bench.finders["ada"].user)
    bench.finders["ada"].team = team
    bench.finders["ada"].save()
    bench.world.claim(bench.world.finder(ben, team), (0, "cat"))
    ended = ada("submit", "-", "--json", sent=f"image_id,label_id\n{picture(0)},cat\n")
    assert (ended.code, [one["problem"] for one in ended.json["refused"]]) == (1, ["team_claim"])


def test_rows_beyond_the_quota_are_refused_and_the_first_ones_claimed(bench) -> None:
    decide_policy(challenge=bench.world.challenge, policy=Policy(base_quota=2))
    ada = bench.as_finder()
    sheet = "image_id,label_id\n" + "".join(f"{picture(place)},cat\n" for place in range(4))
    ended = ada("submit", "-", "--json", "-q", sent=sheet)
    assert (ended.code, ended.err) == (
        1,
        "cats4ml: 2 rows refused:\n"
        "       2  Over your quota. (lines 4, 5)\n"
        "          Wait until claims of yours turn out adverse: each adds to your quota. Or leave some rows out.\n",
    )
    assert claims() == [(picture(0), "cat", ""), (picture(1), "cat", "")]


def test_file_that_is_no_csv_is_refused_in_the_servers_words(bench, tmp_path) -> None:
    ada = bench.as_finder()
    sheet = tmp_path / "sheet"
    for content, words in {
        b"": "The file is empty. Its first line should be image_id,label_id,rationale.",
        b"a,b\n1,2\n": "The first line should be image_id,label_id,rationale, not “a,b”.",
        b"image_id,label_id\n\xff,cat\n": "Line 2 is not UTF-8. Save the file as “CSV UTF-8”.",
        b'image_id,label_id\n"a,cat\n': "A quotation mark that opens on line 2 or shortly after it is never closed. "
        "Close it, or write it twice if it belongs to the text.",
    }.items():
        sheet.write_bytes(content)
        ended = ada("submit", sheet)
        assert (ended.code, ended.out, ended.err) == (1, "", f"cats4ml: {words}\n")


@pytest.mark.parametrize(
    ("begins", "comma", "encoding"), [("", "\t", "utf-8"), ("sep=;\r\n", ";", "utf-8"), ("", ";", "utf-16")]
)
def test_bad_rows_keep_their_rationale_however_a_spreadsheet_wrote_the_file(
    bench, tmp_path, begins, comma, encoding
) -> None:
    rows = ["image_id,label_id,rationale", 'nowhere,cat,"Two\nlines"', "nobody,cat,Because"]
    sheet = tmp_path / "claims.csv"
    sheet.write_bytes((begins + "\r\n".join(rows).replace(",", comma)).encode(encoding))
    bench.as_finder()("submit", sheet, "--bad-rows", tmp_path / "mend.csv")
    mend = list(csv.reader((tmp_path / "mend.csv").open(encoding="utf-8", newline="")))
    first = 3 if begins else 2
    assert [row[:4] for row in mend[1:]] == [
        [str(first), "nowhere", "cat", "Two\nlines"],
        [str(first + 2), "nobody", "cat", "Because"],
    ]


def test_file_is_never_written_over_by_its_own_bad_rows(bench, tmp_path) -> None:
    sheet = tmp_path / "claims.csv"
    sheet.write_text("image_id,label_id\nnowhere,cat\n")
    ended = bench.as_finder()("submit", sheet, "--bad-rows", tmp_path / "." / "claims.csv")
    assert (ended.code, sheet.read_text()) == (2, "image_id,label_id\nnowhere,cat\n")


def test_claims_are_followed_until_they_are_scored(bench) -> None:
    ada = bench.as_finder()

    def score_soon() -> None:
        while not Submission.objects.exists():
            time.sleep(0.05)
        time.sleep(1)
        bench.world.score(0, {"cat": 0.9})
        connection.close()

    scoring = threading.Thread(target=score_soon)
    scoring.start()
    ended = ada("submit", "-", "--wait", "--json", sent=f"image_id,label_id\n{picture(0)},cat\n")
    scoring.join()
    assert (ended.code, ended.err) == (0, "1 good row.\nClaimed 1 pair.\n1 in review.\n")
    assert [(one["image_id"], one["state"], one["people"]) for one in ended.json["claims"]] == [
        (picture(0), "in_review", 0)
    ]
    # Sent again it follows the claim that stands, which is named as the file names it.
    bench.world.rate(bench.world.pair(0, "cat"), NO, NO, NO, NO, NO)
    again = ada("submit", "-", "--until", "settled", "--json", sent=f"image_id,label_id\n{picture(0)},Cat\n")
    assert [(one["state"], one["outcome"]) for one in again.json["claims"]] == [("settled", "false_positive")]


def test_submissions_are_listed_filtered_and_shown_alone(bench) -> None:
    ada = bench.as_finder()
    world, finder = bench.world, bench.finders["ada"]
    world.claim(finder, (0, "cat"), (1, "dog"))
    world.score(0, {"cat": 0.9})
    world.rate(world.pair(0, "cat"), NO, NO, NO, NO, NO)
    first, second = Submission.objects.order_by("pk")
    listed = ada("submissions", "--json").json
    assert [(one["id"], one["state"], one["outcome"], one["points"]) for one in listed] == [
        (second.pk, "queued", None, 0),
        (first.pk, "settled", "false_positive", 1),
    ]
    narrowed = {
        ("--state", "queued"): [second.pk],
        ("--outcome", "adverse"): [first.pk],
        ("--image", picture(1)): [second.pk],
        ("--label", "cat"): [first.pk],
        ("-n", "1"): [second.pk],
    }
    for options, found in narrowed.items():
        assert [one["id"] for one in ada("submissions", "--json", *options).json] == found
    alone = ada("submissions", first.pk, "--json").json
    assert {name: value for name, value in alone.items() if name != "classifiers"} == listed[1]
    assert [(one["name"], one["weight"]) for one in alone["classifiers"]] == [("one", 1.0), ("two", 1.0)]
    table = ada("submissions", "--state", "settled").out.splitlines()
    assert [line.split()[0] for line in table] == ["number", str(first.pk)]
    assert table[1].endswith("All five raters said no, the machines’ mean was 0.90: a false positive. 1 point.")
    words = ada("submissions", first.pk).out
    assert "raters    0 yes, 5 no, 0 don’t know" in words
    nothing = ada("submissions", "--state", "withdrawn")
    assert (nothing.code, nothing.out, nothing.err) == (1, "", "cats4ml: You have no such submission.\n")
    assert (ada("submissions", 10**9).code, ada("submissions", "--state", "withdrawn", "--json").json) == (1, [])


def test_claims_are_taken_back_before_they_are_scored_and_their_quota_returns(bench) -> None:
    ada = bench.as_finder()
    world, finder = bench.world, bench.finders["ada"]
    world.claim(finder, (0, "cat"), (1, "dog"), (2, "owl"))
    world.score(0, {"cat": 0.9})
    scored, one, two = Submission.objects.order_by("pk").values_list("pk", flat=True)
    assert ada("quota", "--json").json == {"base": 100, "bonus": 0, "used": 3, "total": 100, "remaining": 97}
    ended = ada("retract", one, scored, two, "--json")
    message = "This pair has been scored. A claim can be retracted only before that."
    assert (ended.code, ended.err, ended.json) == (
        1,
        f"cats4ml: {scored}: {message}\n",
        [
            {"id": one, "retracted": True, "message": ""},
            {"id": scored, "retracted": False, "message": message},
            {"id": two, "retracted": True, "message": ""},
        ],
    )
    assert ada("retract", one).code == 0
    assert ada("quota").out == ("left      99\nused      1 of 100\nof these  100 to begin with, 0 for adverse pairs\n")


def test_command_says_which_scope_it_needs(bench) -> None:
    bench.as_finder()
    rates = bench.signed_in(bench.key(make_user("rita"), "rate"))
    for command in (["quota"], ["submissions"], ["submit", "--image", "a", "--label", "b"], ["retract", "1"]):
        ended = rates(*command)
        assert (ended.code, ended.err) == (
            3,
            "cats4ml: This token lacks the scope “submit”. Make one that has it on the page “API tokens”.\n"
            f"Tokens are made on {bench.url}/account/tokens/; then sign in with it: cats4ml login\n",
        )
        nobody = rates(*command, CATS4ML_TOKEN="")
        assert (nobody.code, nobody.err) == (
            3,
            f"cats4ml: You are not signed in at {bench.url}, and this needs a token with the scope “submit”.\n"
            f"Make one on {bench.url}/account/tokens/ and sign in: cats4ml login\n",
        )
