"""What the program shows of a challenge, and taking part."""

from __future__ import annotations

import csv
import io
import json

from django.utils import timezone

from cats4ml.challenges.actions import decide_policy
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation
from cats4ml.leaderboard.actions import recount_board
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from tests.factories import make_user, make_world

YES, NO = Answer.YES, Answer.NO


def settle(bench, finder, place: int, label: str, mean: float, *answers: Answer) -> None:
    bench.world.claim(finder, (place, label))
    bench.world.score(place, {label: mean})
    bench.world.rate(bench.world.pair(place, label), *answers)


def test_challenges_are_listed_for_anybody_and_one_is_kept(bench) -> None:
    make_world(slug="birds")
    nobody = bench.program
    listed = nobody("challenges", "--url", bench.url, "--json").json
    assert [(one["slug"], one["label_count"], one["policy"]["base_quota"]) for one in listed] == [
        ("birds", 3, 100),
        ("digits", 3, 100),
    ]
    table = [line.split()[:5] for line in nobody("challenges", "--url", bench.url).out.splitlines()]
    assert table == [
        ["name", "status", "closes", "labels", "pictures"],
        ["birds", "open", "3", "6", "Edition"],
        ["digits", "open", "3", "6", "Edition"],
    ]
    key = bench.key(make_user("ada"), "submit")
    nobody("login", "--url", bench.url, "--token", "-", sent=key)
    which = nobody("labels")
    assert (which.code, which.err.splitlines()[0]) == (2, "cats4ml: Which challenge? There are: birds, digits.")
    assert (nobody("challenges", "--use", "fish").code, nobody("challenges", "--use", "birds").code) == (1, 0)
    assert json.loads(nobody.config.read_text())["challenge"] == "birds"
    assert nobody("labels").code == 0


def test_the_only_open_challenge_needs_no_name(bench) -> None:
    birds = make_world(slug="birds").challenge
    birds.status = ChallengeStatus.DRAFT
    birds.save()
    ended = bench.program("labels", "--url", bench.url, "--json")
    assert (ended.code, ended.json) == (
        0,
        [
            {"label_id": key, "name": name, "description": "", "guidance": ""}
            for key, name in (("cat", "Cat"), ("dog", "Dog"), ("owl", "Owl"))
        ],
    )


def test_joining_takes_the_agreement_to_the_text_in_force(bench) -> None:
    program = bench.signed_in(bench.key(make_user("ada"), "submit"))
    asked = program("join")
    assert (asked.code, asked.err) == (
        2,
        "Your finds are published.\nThe pairs that you claim are published with the data, without your name. What you "
        "write about why machines may err is licensed under CC BY 4.0, so that anybody may use it who names the "
        "challenge.\ncats4ml: Do you agree to this text?\nIf you do: cats4ml join --agree 1\n",
    )
    old = program("join", "--agree", "0")
    assert (old.code, old.err) == (3, "cats4ml: Please read and accept the consent text as it stands now.\n")
    stranger = program("quota")
    assert (stranger.code, stranger.err.splitlines()[1]) == (3, "With this program: cats4ml join")
    joined = [program("join", "--agree", "1", "--json") for _ in range(2)]
    assert [(one.code, one.json["role"], one.json["consent_version"]) for one in joined] == [(0, "finder", 1)] * 2
    assert Participation.objects.count() == 1
    assert program("join", "--agree", "1", "--role", "rater").code == 3


def test_board_is_shown_as_table_json_and_csv(bench) -> None:
    ada = bench.as_finder()
    empty = ada("leaderboard")
    assert (empty.code, empty.err) == (1, "cats4ml: Nobody is on the board yet.\n")
    settle(bench, bench.finders["ada"], 0, "cat", 0.9, NO, NO, NO, NO, NO)
    settle(bench, bench.world.finder(make_user("ben")), 1, "cat", 0.1, YES, YES, YES, YES, YES)
    recount_board(challenge=bench.world.challenge, at=timezone.now())
    rows = ada("leaderboard", "--json").json
    assert [(one["rank"], one["shared"], one["name"], one["points"]) for one in rows] == [
        (1, True, "ada", 1),
        (1, True, "ben", 1),
    ]
    assert ada("leaderboard", "-n", "1").out == (
        "rank  could be  name  points  false negatives  false positives  pending  rejected  settled  success  variety\n"
        "1=              ada        1                0                1        0         0        1  100%         1.0\n"
    )
    board = list(csv.DictReader(io.StringIO(ada("leaderboard", "--csv").out)))
    assert [(one["rank"], one["name"], one["false_negatives"]) for one in board] == [
        ("1", "ada", "0"),
        ("1", "ben", "1"),
    ]


def test_program_says_of_a_board_that_it_is_hidden(bench) -> None:
    ada = bench.as_finder()
    decide_policy(challenge=bench.world.challenge, policy=Policy(board="hidden"))
    Challenge.objects.update(status=ChallengeStatus.CLOSED)
    hidden = ada("leaderboard")
    assert (hidden.code, hidden.err) == (
        1,
        "The board is hidden until the challenge is final.\ncats4ml: There is no board to be seen now.\n",
    )
    assert ada("leaderboard", "--json").json == []


def test_organiser_exports_the_released_columns_and_every_pair(bench, tmp_path) -> None:
    finder = bench.world.finder(make_user("ada"))
    settle(bench, finder, 0, "cat", 0.9, NO, NO, NO, NO, NO)
    bench.world.claim(finder, (1, "dog"))
    olga = bench.as_organiser()
    released = (
        "image_id,label_id,label_name,hum_yes_rating,hum_no_rating,hum_dont_know_rating,machine_score\n"
        "0000000000000000,cat,Cat,0,5,0,1\n"
    )
    assert olga("export").out == released
    pairs = [("0000000000000000", "settled", "ada"), ("0000000000000001", "queued", "ada")]
    as_json, as_lines = olga("export", "--json").json, olga("export", "-f", "jsonl").out.splitlines()
    assert [(one["image_id"], one["state"], one["first_submitter"]) for one in as_json] == pairs
    assert [json.loads(line) for line in as_lines] == as_json
    file = tmp_path / "pairs.csv"
    written = olga("export", "-o", file, "--json")
    assert (written.code, written.json, file.read_text()) == (
        0,
        {"file": str(file), "format": "csv", "rows": 1, "bytes": len(released)},
        released,
    )
    nothing = olga("export", "--outcome", "ambiguous", "-o", tmp_path / "none.csv")
    assert (nothing.code, nothing.err) == (1, f"0 rows in {tmp_path / 'none.csv'}\nNothing was found.\n")


def test_organiser_exports_the_answers_as_crowd_kit_reads_them(bench) -> None:
    settle(bench, bench.world.finder(make_user("ada")), 0, "cat", 0.9, NO, NO, YES, NO, NO)
    olga = bench.as_organiser()
    rows = list(csv.DictReader(io.StringIO(olga("export", "ratings").out)))
    assert [(row["task"], row["label"]) for row in rows] == [
        ("0000000000000000:cat", answer) for answer in ("no", "no", "yes", "no", "no")
    ]
    assert [list(row) for row in rows] == [["task", "worker", "label"]] * 5
    full = list(csv.DictReader(io.StringIO(olga("export", "ratings", "--full", "--controls", "--all-states").out)))
    assert [(row["worker"], row["state"], row["control"]) for row in full] == [
        (row["worker"], "final", "0") for row in rows
    ]


def test_participant_exports_own_submissions_and_the_queue_and_not_all_pairs(bench, tmp_path) -> None:
    ada = bench.as_finder("+ada")
    settle(bench, bench.finders["+ada"], 0, "cat", 0.9, NO, NO, NO, NO, NO)
    [own] = csv.DictReader(io.StringIO(ada("export", "submissions").out))
    assert (own["image_id"], own["outcome"], own["points"]) == ("0000000000000000", "false_positive", "1")
    [entry] = csv.DictReader(io.StringIO(ada("export", "queue").out))
    assert (entry["image_id"], entry["state"], entry["submitter"]) == ("0000000000000000", "settled", "'+ada")
    assert ada("export", "queue", "--json").json[0]["submitter"] == "+ada"
    refused = ada("export", "-o", tmp_path / "pairs.csv")
    assert (refused.code, "“organise”" in refused.err, list(tmp_path.glob("pairs*"))) == (3, True, [])
