"""What happens to each row of a claim, and what it costs."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from cats4ml.accounts.models import TeamMembership
from cats4ml.catalog.actions import NewLabel, add_labels
from cats4ml.challenges.actions import add_target_labels, decide_policy
from cats4ml.challenges.models import Challenge, ChallengeStatus, Role
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.rules.answers import Answer
from cats4ml.rules.credit import Quota
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import (
    ClaimRefused,
    keep_upload,
    retract_submission,
    retract_upload,
    submit_pairs,
    submit_upload,
)
from cats4ml.submissions.models import Pair, Submission, UploadRow
from cats4ml.submissions.problems import Problem
from cats4ml.submissions.queries import ClaimRow, check_rows, first_claims, quota_for
from tests.factories import START, World, make_team, make_user, make_world

YES = Answer.YES


def rows_of(world: World, *pairs: tuple[int, str]) -> list[ClaimRow]:
    return [ClaimRow(line, world.images[place].image_id, label) for line, (place, label) in enumerate(pairs, start=2)]


def problems(checked) -> list[str]:
    return [row.problem.value if row.problem else "" for row in checked]


def test_each_problem_of_a_row_is_found_and_the_good_rows_are_taken(world) -> None:
    [label] = add_labels(vocabulary=world.challenge.vocabulary, labels=[NewLabel("cat2", "CAT")])
    add_target_labels(challenge=world.challenge, labels=[label])
    finder, other = world.finder(), world.finder()
    world.claim(finder, (1, "cat"))
    world.claim(other, (2, "cat"))
    known = world.images[0].image_id
    rows = [
        ClaimRow(2, known, "dog", malformed="It has 9 columns, the header 3."),
        ClaimRow(3, "", "dog"),
        ClaimRow(4, known, ""),
        ClaimRow(5, known, "dog", "x" * 1001),
        ClaimRow(6, known, "dog", "a\x00b"),
        ClaimRow(7, "\ud800", "dog"),
        ClaimRow(8, "0a41b7e02c99d1f3", "dog"),
        ClaimRow(9, known, "zebra"),
        ClaimRow(10, known, "Cat"),
        ClaimRow(11, world.images[1].image_id, "cat"),
        ClaimRow(12, world.images[2].image_id, "cat"),
        ClaimRow(13, known, "DOG"),
        ClaimRow(14, known, "dog", "again"),
        ClaimRow(15, known, "cat"),
    ]
    checked = submit_pairs(participation=finder, rows=rows, at=world.pass_time(1))
    assert [(row.row.line, row.problem, row.later, row.submission is not None) for row in checked] == [
        (2, Problem.MALFORMED, False, False),
        (3, Problem.MISSING_IMAGE, False, False),
        (4, Problem.MISSING_LABEL, False, False),
        (5, Problem.LONG_RATIONALE, False, False),
        (6, Problem.BAD_CHARACTER, False, False),
        (7, Problem.BAD_CHARACTER, False, False),
        (8, Problem.UNKNOWN_IMAGE, False, False),
        (9, Problem.UNKNOWN_LABEL, False, False),
        (10, Problem.AMBIGUOUS_LABEL, False, False),
        (11, Problem.OWN_CLAIM, False, False),
        (12, None, True, True),
        (13, None, False, True),
        (14, Problem.REPEATED, False, False),
        (15, None, False, True),
    ]
    details = {row.row.line: row.detail for row in checked if row.detail}
    assert details == {
        2: "It has 9 columns, the header 3.",
        10: "Its IDs: cat, cat2",
        11: "On 2 November 2026.",
        14: "Line 13.",
    }
    assert quota_for(finder) == Quota(base=100, bonus=0, used=3)


def test_every_problem_says_how_to_mend_it() -> None:
    assert [problem for problem in Problem if not problem.remedy.endswith(".")] == []


def test_checking_writes_and_charges_nothing(world) -> None:
    finder = world.finder()
    check_rows(finder, rows_of(world, (0, "cat"), (1, "cat")))
    assert (Pair.objects.count(), Submission.objects.count(), quota_for(finder).used) == (0, 0, 0)


def test_somebody_elses_earlier_claim_is_kept_as_later_and_not_charged(world) -> None:
    first, second = world.finder(), world.finder()
    world.claim(first, (0, "cat"))
    [later] = world.claim(second, (0, "cat"))
    assert (later.problem, later.later, later.submission.charged) == (None, True, False)
    assert (quota_for(first).used, quota_for(second).used) == (1, 0)
    assert {pair: claim.participation for pair, claim in first_claims(Pair.objects.all()).items()} == {
        world.pair(0, "cat").pk: first
    }


def test_a_team_mates_claim_refuses_ones_own_even_after_the_mate_left_the_team(world) -> None:
    ada, bob = make_user(), make_user()
    team = make_team(ada, bob)
    first, second = world.finder(ada, team), world.finder(bob, team)
    world.claim(first, (0, "cat"))
    assert problems(world.claim(second, (0, "cat"))) == ["team_claim"]
    TeamMembership.objects.filter(user=ada).delete()
    assert problems(world.claim(second, (0, "cat"), (1, "cat"))) == ["team_claim", ""]


def test_nobody_claims_a_pair_that_they_or_a_team_mate_rated(db) -> None:
    world = make_world(policy=Policy(roles_exclusive=False))
    judge, mate = make_user(), make_user()
    make_team(judge, mate)
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), YES, raters=[world.rater(judge)])
    assert problems(world.claim(world.finder(judge), (0, "cat"))) == ["rated"]
    assert problems(world.claim(world.finder(mate), (0, "cat"))) == ["rated"]


def test_rows_over_the_quota_are_the_last_ones_and_later_claims_never_are(db) -> None:
    world = make_world(policy=Policy(base_quota=2))
    world.claim(world.finder(), (0, "owl"))
    finder = world.finder()
    checked = world.claim(finder, (0, "cat"), (1, "cat"), (2, "cat"), (0, "owl"), (3, "cat"))
    assert problems(checked) == ["", "", "over_quota", "", "over_quota"]
    assert quota_for(finder) == Quota(base=2, bonus=0, used=2)
    assert problems(world.claim(finder, (2, "cat"))) == ["over_quota"]


def test_an_adverse_pair_gives_five_more_claims(db) -> None:
    world = make_world(policy=Policy(base_quota=1, quorum=1))
    finder = world.finder()
    world.claim(finder, (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), YES)
    assert quota_for(finder) == Quota(base=1, bonus=5, used=1)
    checked = world.claim(finder, *[(place, "dog") for place in range(6)])
    assert problems(checked) == [""] * 5 + ["over_quota"]


def test_order_of_claims_is_a_sequence_and_not_the_clock(world) -> None:
    first, second = world.finder(), world.finder()
    rows = rows_of(world, (0, "cat"))
    submit_pairs(participation=first, rows=rows, at=world.pass_time(3600))
    submit_pairs(participation=second, rows=rows, at=START)
    assert [claim.participation for claim in first_claims(Pair.objects.all()).values()] == [first]


@pytest.mark.parametrize("status", [ChallengeStatus.PAUSED, ChallengeStatus.CLOSED, ChallengeStatus.FINAL])
def test_no_claim_is_taken_while_the_edition_is_not_open(world, status) -> None:
    finder = world.finder()
    Challenge.objects.update(status=status)
    with pytest.raises(ClaimRefused, match="takes no claims now"):
        world.claim(finder, (0, "cat"))
    assert Pair.objects.count() == 0


def test_no_claim_is_taken_before_opening_nor_from_closing_on(world) -> None:
    finder = world.finder()
    Challenge.objects.update(opens_at=world.pass_time(10), closes_at=world.pass_time(10))
    opens, closes = Challenge.objects.values_list("opens_at", "closes_at").get()
    rows = rows_of(world, (0, "cat"))
    for at in (START, closes):
        with pytest.raises(ClaimRefused, match="takes no claims now"):
            submit_pairs(participation=finder, rows=rows, at=at)
    assert problems(submit_pairs(participation=finder, rows=rows, at=opens)) == [""]


def test_raters_and_the_disqualified_claim_nothing(world) -> None:
    rater, finder = world.rater(), world.finder()
    with pytest.raises(ClaimRefused, match="rater"):
        world.claim(rater, (0, "cat"))
    finder.disqualified_at, finder.disqualified_reason = world.clock, "two accounts"
    finder.save()
    with pytest.raises(ClaimRefused, match="two accounts"):
        world.claim(finder, (0, "cat"))


def test_a_claim_is_taken_back_before_scoring_and_not_after(world) -> None:
    finder = world.finder()
    [one, two] = world.claim(finder, (0, "cat"), (1, "cat"))
    retracted = retract_submission(participation=finder, submission_id=one.submission.pk, at=world.pass_time(1))
    again = retract_submission(participation=finder, submission_id=one.submission.pk, at=world.pass_time(99))
    assert again.retracted_at == retracted.retracted_at
    assert (quota_for(finder).used, world.pair(0, "cat").state) == (1, PairState.WITHDRAWN)
    world.score(1, {"cat": 0.1})
    with pytest.raises(ClaimRefused, match="has been scored"):
        retract_submission(participation=finder, submission_id=two.submission.pk, at=world.pass_time(1))
    assert quota_for(finder).used == 1


def test_a_claim_taken_back_by_a_server_whose_clock_is_behind_is_taken_back(world) -> None:
    finder = world.finder()
    [one] = world.claim(finder, (0, "cat"))
    retracted = retract_submission(participation=finder, submission_id=one.submission.pk, at=START)
    assert retracted.retracted_at == one.submission.created_at


def test_nobody_takes_back_somebody_elses_claim(world) -> None:
    [one] = world.claim(world.finder(), (0, "cat"))
    with pytest.raises(Submission.DoesNotExist):
        retract_submission(participation=world.finder(), submission_id=one.submission.pk, at=world.pass_time(1))


def test_what_has_no_score_yet_of_a_file_is_taken_back_at_once_and_the_rest_stays(world) -> None:
    finder, other = world.finder(), world.finder()
    [elsewhere] = world.claim(finder, (4, "cat"))
    upload = keep_upload(
        participation=finder, filename="a", rows=rows_of(world, *[(place, "cat") for place in range(4)]), at=world.clock
    )
    submit_upload(upload=upload, at=world.pass_time(1))
    world.claim(other, (1, "cat"))
    world.score(0, {"cat": 0.1})
    at = world.pass_time(1)
    assert [retract_upload(upload=upload, at=at), retract_upload(upload=upload, at=world.pass_time(1))] == [3, 0]
    assert [world.pair(place, "cat").state for place in range(5)] == [
        PairState.IN_REVIEW,
        PairState.QUEUED,
        PairState.WITHDRAWN,
        PairState.WITHDRAWN,
        PairState.QUEUED,
    ]
    standing = Submission.objects.filter(retracted_at=None, participation=finder).order_by("pk")
    assert [claim.pair for claim in standing] == [world.pair(4, "cat"), world.pair(0, "cat")]
    assert (elsewhere.submission.pk, quota_for(finder).used) == (standing[0].pk, 2)
    assert first_claims([world.pair(1, "cat")])[world.pair(1, "cat").pk].participation == other


def test_a_withdrawn_pair_that_is_claimed_again_is_queued_again_and_charged(world) -> None:
    finder, other = world.finder(), world.finder()
    [one] = world.claim(finder, (0, "cat"))
    retract_submission(participation=finder, submission_id=one.submission.pk, at=world.pass_time(1))
    [again] = world.claim(other, (0, "cat"))
    pair = world.pair(0, "cat")
    assert (again.later, again.submission.charged, quota_for(other).used) == (False, True, 1)
    assert (pair.state, pair.score_requested_at, pair.score_requests) == (PairState.QUEUED, world.clock, 1)


def test_a_pair_with_a_later_claim_stays_when_the_first_is_taken_back(world) -> None:
    first, second = world.finder(), world.finder()
    [one] = world.claim(first, (0, "cat"))
    world.claim(second, (0, "cat"))
    retract_submission(participation=first, submission_id=one.submission.pk, at=world.pass_time(1))
    pair = world.pair(0, "cat")
    assert pair.state == PairState.QUEUED
    assert first_claims([pair])[pair.pk].participation == second


def test_an_upload_is_checked_first_charged_once_and_marks_what_changed_since(world) -> None:
    finder, other = world.finder(), world.finder()
    rows = [*rows_of(world, (0, "cat"), (1, "cat")), ClaimRow(4, "no\x00such", "cat", "\x00")]
    upload = keep_upload(participation=finder, filename="a\x00.csv", rows=rows, at=world.pass_time(1))
    assert (Submission.objects.count(), upload.filename) == (0, "a�.csv")
    world.claim(other, (1, "cat"))
    first = submit_upload(upload=upload, at=world.pass_time(1))
    again = submit_upload(upload=upload, at=world.pass_time(9))
    assert (first.submitted_at, Submission.objects.filter(participation=finder).count()) == (again.submitted_at, 2)
    kept = UploadRow.objects.order_by("line").values_list("line", "image_id", "problem", "later")
    assert list(kept) == [
        (2, world.images[0].image_id, "", False),
        (3, world.images[1].image_id, "", True),
        (4, "no�such", "bad_character", False),
    ]
    assert set(Submission.objects.filter(participation=finder).values_list("upload", "charged")) == {
        (upload.pk, True),
        (upload.pk, False),
    }


def test_an_upload_of_an_edition_that_closed_meanwhile_stays_as_it_was(world) -> None:
    upload = keep_upload(participation=world.finder(), filename="a", rows=rows_of(world, (0, "cat")), at=world.clock)
    Challenge.objects.update(status=ChallengeStatus.CLOSED)
    with pytest.raises(ClaimRefused):
        submit_upload(upload=upload, at=world.pass_time(1))
    upload.refresh_from_db()
    assert (upload.state, Submission.objects.count()) == ("checked", 0)


def test_the_database_refuses_a_pair_outside_the_pool_or_the_labels(world) -> None:
    elsewhere = make_world()
    elsewhere.claim(elsewhere.finder(), (0, "cat"))
    pair = elsewhere.pair(0, "cat")
    fields = {"state_changed_at": START, "created_at": START, "split": "public", "challenge": world.challenge}
    strangers = [
        {"image": pair.image, "label": world.challenge.target_labels.first().label},
        {"image": world.images[0], "label": pair.label},
    ]
    for stranger in strangers:
        with transaction.atomic():
            Pair.objects.create(**fields, **stranger)
            with pytest.raises(IntegrityError, match="is_a_target"):
                connection.check_constraints()
            transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"state": "lost"}, "pair_state_is_known"),
        ({"state": "settled", "machine_yes": True}, "pair_outcome_iff_settled"),
        ({"outcome": "agreement"}, "pair_outcome_iff_settled"),
        ({"state": "in_review"}, "pair_in_review_is_scored"),
        ({"state": "unscorable"}, "pair_unscorable_with_a_reason"),
        ({"machine_mean": 1.5}, "pair_mean_in_0_1"),
    ],
)
def test_the_database_refuses_impossible_pairs(world, change, constraint) -> None:
    world.claim(world.finder(), (0, "cat"))
    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        Pair.objects.update(**change)


def test_a_finder_is_no_rater(world) -> None:
    finder = world.finder()
    assert finder.role == Role.FINDER
    with pytest.raises(RatingRefused, match="as a rater"):
        hold_leases(rater=finder, at=world.clock)


def test_a_smaller_quota_takes_no_accepted_work_away(world) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"), (1, "cat"))
    decide_policy(challenge=world.challenge, policy=Policy(base_quota=1))
    finder.refresh_from_db()
    quota = quota_for(finder)
    assert (quota.used, quota.total, quota.remaining) == (2, 1, 0)
