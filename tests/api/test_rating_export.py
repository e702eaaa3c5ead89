"""The export of answers: what crowd-kit reads, and from which nobody can be told."""

from __future__ import annotations

import csv
import io
import re

import pytest

from cats4ml.releases.rating_rows import Wanted, rating_rows
from cats4ml.review.models import ControlQuestion, ControlUse, Lease, LeaseEnd, Rating, RatingState
from cats4ml.rules.answers import Answer
from cats4ml.submissions.models import Pair
from tests.api.clients import address, body, organiser_of, program
from tests.factories import START, World, make_user, make_world

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.DONT_KNOW
EXPORT = "ratings/export/"


@pytest.fixture
def rated(world):
    """Five raters, two settled pairs: cats by three to two, dogs by none."""
    raters = [world.rater(make_user(f"rater-{name}")) for name in ("ada", "ben", "cleo", "dan", "eve")]
    world.claim(world.finder(), (0, "cat"), (1, "dog"))
    world.score(0, {"cat": 0.25})
    world.score(1, {"dog": 0.75})
    world.rate(world.pair(0, "cat"), YES, NO, YES, NO, YES, raters=raters)
    world.rate(world.pair(1, "dog"), NO, NO, NO, NO, UNKNOWN, raters=raters[::-1])
    world.people = raters
    return world


@pytest.fixture
def organiser(rated):
    return organiser_of(rated)


def control_answer(world: World, rater, place: int) -> Rating:
    """A rater's answer yes to a control question about a cat."""
    control = ControlQuestion.objects.create(
        challenge=world.challenge,
        image=world.images[place],
        label=world.pair(0, "cat").label,
        truth="yes",
        use=ControlUse.MIXED,
    )
    lease = Lease.objects.create(
        control=control, rater=rater, created_at=START, expires_at=world.clock, closed_at=START, ended=LeaseEnd.ANSWERED
    )
    return Rating.objects.create(
        control=control,
        rater=rater,
        lease=lease,
        answer=YES,
        state=RatingState.FINAL,
        created_at=START,
        final_at=START,
        seconds=1.5,
    )


def table(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body(answer).decode())))


def test_the_file_is_what_crowd_kit_reads_byte_for_byte(rated, organiser) -> None:
    answer = organiser.get(address(rated, EXPORT))
    cat, dog = f"{rated.images[0].image_id}:cat", f"{rated.images[1].image_id}:dog"
    rows = list(rating_rows(rated.challenge, Wanted()))
    one, two, three, four, five = (row[1] for row in rows[:5])
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="{rated.challenge.slug}-ratings.csv"'
    assert answer.streaming
    assert body(answer).decode() == (
        "task,worker,label\n"
        f"{cat},{one},yes\n{cat},{two},no\n{cat},{three},yes\n{cat},{four},no\n{cat},{five},yes\n"
        f"{dog},{five},no\n{dog},{four},no\n{dog},{three},no\n{dog},{two},no\n{dog},{one},dont_know\n"
    )
    assert [bool(re.fullmatch("[0-9a-f]{16}", worker)) for worker in (one, two, three, four, five)] == [True] * 5
    assert len({one, two, three, four, five}) == 5


def test_the_tasks_join_with_the_export_of_pairs(rated, organiser) -> None:
    pairs = table(organiser.get(address(rated, "pairs/"), {"format": "csv"}))
    tasks = {row["task"] for row in table(organiser.get(address(rated, EXPORT)))}
    assert tasks == {f"{row['image_id']}:{row['label_id']}" for row in pairs}


def test_a_worker_is_another_in_another_edition_and_with_another_secret(rated, organiser, settings) -> None:
    other = make_world()
    rater = other.rater(rated.people[0].user)
    other.claim(other.finder(), (0, "cat"))
    other.score(0, {"cat": 0.25})
    other.rate(other.pair(0, "cat"), YES, raters=[rater])
    [elsewhere] = [row[1] for row in rating_rows(other.challenge, Wanted())]
    workers = {row[1] for row in rating_rows(rated.challenge, Wanted())}
    assert elsewhere not in workers
    settings.SECRET_KEY = "another secret of another site"
    assert workers & {row[1] for row in rating_rows(rated.challenge, Wanted())} == set()


def test_nothing_in_the_full_file_tells_who_a_rater_is(rated, organiser) -> None:
    text = body(organiser.get(address(rated, EXPORT), {"form": "full", "final": "false", "controls": "true"})).decode()
    said = [rater.user.username for rater in rated.people] + [rater.user.email for rater in rated.people]
    assert [one for one in said if one in text] == []
    numbers = {str(rater.pk) for rater in rated.people} | {str(rater.user_id) for rater in rated.people}
    cells = {cell for row in csv.reader(io.StringIO(text)) for cell in row}
    assert numbers & (cells - {"0", "1"}) == set()


def test_the_full_form_says_how_each_answer_was_given(rated, organiser) -> None:
    first = Rating.objects.order_by("pk")[0]
    Rating.objects.filter(pk=first.pk).update(seconds=2.3456, device="phone")
    row = table(organiser.get(address(rated, EXPORT), {"form": "full"}))[0]
    worker = row.pop("worker")
    assert len(worker) == 16
    assert row == {
        "task": f"{rated.images[0].image_id}:cat",
        "label": "yes",
        "image_id": rated.images[0].image_id,
        "label_id": "cat",
        "control": "0",
        "seconds": "2.346",
        "device": "phone",
        "created_at": f"{first.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "state": "final",
    }


def test_answers_that_do_not_count_and_controls_come_when_they_are_asked_for(rated, organiser) -> None:
    late, gone = Rating.objects.order_by("pk")[:2]
    Rating.objects.filter(pk=late.pk).update(state=RatingState.LATE, final_at=None)
    Rating.objects.filter(pk=gone.pk).update(state=RatingState.DISCOUNTED)
    control_answer(rated, rated.people[0], 3)

    def number(**asked: str) -> int:
        return len(table(organiser.get(address(rated, EXPORT), asked)))

    assert [number(), number(final="false"), number(controls="true"), number(final="false", controls="true")] == [
        8, 10, 9, 11,
    ]  # fmt: skip
    controls = [
        row
        for row in table(organiser.get(address(rated, EXPORT), {"form": "full", "controls": "true"}))
        if row["control"] == "1"
    ]
    assert [(row["task"], row["image_id"], row["label_id"]) for row in controls] == [
        (f"{rated.images[3].image_id}:cat", rated.images[3].image_id, "cat")
    ]


def test_only_organisers_have_it_and_only_by_the_scope(rated, organiser) -> None:
    user = rated.people[0].user
    path = address(rated, EXPORT)
    assert program(user).get(path).status_code == 403
    assert organiser_of(make_world()).get(path).status_code == 403
    assert organiser.get(path, {"form": "long"}).status_code == 400
    refused = organiser.get(path, {"format": "json"})
    assert (refused.status_code, refused.json()["detail"]) == (
        406,
        "This address has no format “json”. Its formats: csv.",
    )


def test_how_many_answers_there_are_costs_no_further_query(rated, organiser, django_assert_num_queries) -> None:
    list(rating_rows(rated.challenge, Wanted()))
    with django_assert_num_queries(1):
        assert len(list(rating_rows(rated.challenge, Wanted(details=True)))) == 10


def test_crowd_kit_reads_the_file_and_comes_to_our_verdicts(rated, organiser) -> None:
    pandas = pytest.importorskip("pandas")
    aggregation = pytest.importorskip("crowdkit.aggregation")
    answers = pandas.read_csv(io.BytesIO(body(organiser.get(address(rated, EXPORT)))))
    found = aggregation.MajorityVote().fit_predict(answers)
    pairs = Pair.objects.filter(challenge=rated.challenge).values_list("image__image_id", "label__key", "verdict")
    assert found.to_dict() == {f"{image}:{label}": verdict for image, label, verdict in pairs}
