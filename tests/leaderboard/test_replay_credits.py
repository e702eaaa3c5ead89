"""The board replays from its evidence; whatever is changed behind the platform's back is named."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from cats4ml.challenges.editions import set_status
from cats4ml.challenges.models import ChallengeStatus
from cats4ml.leaderboard.actions import recount_board
from cats4ml.leaderboard.replaying import replay_credits
from cats4ml.review.actions.withdrawing import withdraw_pair
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import adjudicate
from cats4ml.submissions.actions.settlement import disqualify_participant, reopen_pair
from cats4ml.submissions.models import Credit
from tests.factories import World, make_team, make_user
from tests.submissions.disputed import NO, YES, organiser, settled


@pytest.fixture
def played(world: World) -> World:
    """Four settled pairs: two of ada's, one of them adverse by an expert; one of bob's team; one of cyd's, who is out,
    which a later claim inherited. One waits for raters, one for its score."""
    ada, bob, cyd = world.finder(make_user("ada")), make_user("bob"), world.finder(make_user("cyd"))
    bob = world.finder(bob, make_team(bob, name="owls"))
    by = organiser(world)
    settled(world, ada, 0, said=(YES,) * 5)
    split = settled(world, ada, 1)
    settled(world, bob, 2, mean=0.9, said=(NO,) * 5)
    settled(world, cyd, 3, said=(YES, YES, YES, NO, NO))
    world.claim(ada, (3, "cat"), (4, "cat"))
    world.claim(bob, (5, "cat"))
    world.score(4, {"cat": 0.1})
    world.rate(world.pair(4, "cat"), YES)
    adjudicate(pair_id=split.pair_id, verdict=Verdict.YES, reason="Seen.", by=by, at=world.pass_time(1))
    disqualify_participant(participation=cyd, reason="Bought.", by=by, at=world.pass_time(1))
    recount_board(challenge=world.challenge, at=world.pass_time(1))
    return world


def replayed(world: World) -> tuple[int, dict]:
    out = io.StringIO()
    try:
        call_command("replay_credits", world.challenge.slug, "--json", stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_an_edition_replays_to_the_same_board(played) -> None:
    assert replayed(played) == (
        0,
        {
            "equal": True,
            "first_difference": None,
            "credits": 6,
            "pairs": 6,
            "standings": 2,
            "means_not_kept": 0,
        },
    )
    out = io.StringIO()
    call_command("replay_credits", played.challenge.slug, stdout=out)
    assert out.getvalue().splitlines()[-1] == "Equal: every credit and every line is what its evidence says"


def test_a_final_edition_replays_though_pairs_were_corrected(played) -> None:
    by = organiser(played)
    set_status(challenge=played.challenge, status=ChallengeStatus.FINAL)
    played.challenge.refresh_from_db()
    withdraw_pair(pair_id=played.pair(1, "cat").pk, reason="A person.", by=by, at=played.pass_time(1))
    reopen_pair(pair_id=played.pair(0, "cat").pk, reason="Look.", by=by, at=played.pass_time(1))
    assert replay_credits(played.challenge).first_difference is None


CHANGES = {
    "a rating": ("UPDATE review_rating SET answer = 'no' WHERE pair_id = %s AND answer = 'yes'", "rating"),
    "a rating is gone": ("DELETE FROM review_rating WHERE pair_id = %s", "rating"),
    "a rating is late": ("UPDATE review_rating SET state = 'late', final_at = NULL WHERE pair_id = %s", "rating"),
    "a credit's points": ("UPDATE submissions_credit SET points = 7 WHERE pair_id = %s", "credit"),
    "a credit's owner": (
        "UPDATE submissions_credit SET participation_id = "
        "(SELECT max(id) FROM challenges_participation WHERE role = 'finder') WHERE pair_id = %s",
        "credit",
    ),
    "a credit's mean": ("UPDATE submissions_credit SET machine_mean = 0.3 WHERE pair_id = %s", "credit"),
    "a credit's ratings": ("UPDATE submissions_credit SET ratings = '{1}' WHERE pair_id = %s", "credit"),
    "no credit": ("DELETE FROM submissions_credit WHERE pair_id = %s", "credit"),
    "a mean": ("UPDATE submissions_pair SET machine_mean = 0.2 WHERE id = %s", "mean"),
    "a verdict": ("UPDATE submissions_pair SET verdict = 'no' WHERE id = %s", "verdict"),
    "an outcome": ("UPDATE submissions_pair SET outcome = 'ambiguous' WHERE id = %s", "outcome"),
    "a tally": ("UPDATE submissions_pair SET no_ratings = 1 WHERE id = %s", "tally"),
    "what machines say": ("UPDATE submissions_pair SET machine_yes = true WHERE id = %s", "machine_yes"),
    "a reason for nothing": ("UPDATE submissions_pair SET uncredited = 'near_copy' WHERE id = %s", "uncredited"),
    "a prior": ("UPDATE review_verdictbasis SET prior_yes = 0.9 WHERE pair_id = %s", "posterior"),
    "a claim": ("UPDATE submissions_submission SET retracted_at = created_at WHERE pair_id = %s", "credit"),
}


def test_what_is_changed_behind_the_platforms_back_is_named(played) -> None:
    pair = played.pair(0, "cat").pk
    found = {}
    for name, (statement, _) in CHANGES.items():
        with transaction.atomic():
            tamper(statement, pair)
            status, replay = replayed(played)
            found[name] = (
                status,
                replay["equal"],
                replay["first_difference"]["what"],
                replay["first_difference"]["pair"],
            )
            transaction.set_rollback(True)
    assert found == {name: (1, False, what, pair) for name, (_, what) in CHANGES.items()}
    lines = {}
    for field in ("points", "settled", "pending", "false_negatives", "rank"):
        with transaction.atomic():
            tamper(f"UPDATE leaderboard_standing SET {field} = {field} + 1 WHERE name = %s", "ada")
            status, replay = replayed(played)
            named = replay["first_difference"]
            lines[field] = (status, named["what"], named["name"], named["field"])
            transaction.set_rollback(True)
    assert lines == {field: (1, "standing", "ada", field) for field in lines}
    assert replayed(played)[0] == 0


def tamper(statement: str, *values: object) -> None:
    """Change rows as whoever holds the database can: no trigger fires, no foreign key is looked at."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_a_line_that_is_missing_and_entries_that_do_not_fit_are_named(played) -> None:
    with_line = replayed(played)
    tamper("DELETE FROM leaderboard_standing WHERE name = %s", "owls")
    assert replayed(played)[1]["first_difference"]["message"] == "line of owls on the board: 'none', not 'owls'."
    recount_board(challenge=played.challenge, at=played.pass_time(1))
    assert replayed(played) == with_line
    given = Credit.objects.filter(kind="reversed").get()
    tamper("UPDATE submissions_credit SET points = points - 1 WHERE id = %s", given.pk)
    assert replayed(played)[1]["first_difference"]["credit"] == given.pk


def test_a_challenge_that_is_not_there_is_said_so(db) -> None:
    with pytest.raises(CommandError, match="there is no challenge 'none'"):
        call_command("replay_credits", "none")
