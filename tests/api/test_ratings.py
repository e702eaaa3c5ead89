"""Rating through the API: blind, once, and undone only while nothing follows from it."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.utils import timezone

from cats4ml.review.actions.answering import finalise_rating
from cats4ml.review.models import ControlUse, Device, Lease, LeaseEnd, PauseCause, PictureReport, RaterPause, Rating
from cats4ml.rules.answers import Answer
from tests.api.clients import address, program
from tests.factories import make_user, png
from tests.review.questions import add_control, explain, make_edition


@pytest.fixture
def waiting(world):
    """Three pairs in review, claimed by somebody whose name must show nowhere."""
    world.claim(world.finder(make_user("telltale")), (0, "cat"), (1, "dog"), (2, "owl"))
    for place, label in enumerate(world.labels):
        world.score(place, {label: 0.8125})
    return world


@pytest.fixture
def rater(waiting):
    user = make_user()
    waiting.rater(user)
    return program(user, "rate")


def next_card(client, world):
    return client.get(address(world, "ratings/next/"))


def answer(client, world, token, said="yes"):
    return client.post(address(world, "ratings/"), {"token": token, "answer": said})


def test_card_holds_the_question_and_nothing_else(waiting, rater) -> None:
    waiting.rate(waiting.pair(0, "cat"), Answer.NO, Answer.DONT_KNOW)
    card = next_card(rater, waiting)
    shown = card.json()
    first, second = Lease.objects.filter(closed_at=None).order_by("pk")
    place = f"http://testserver{address(waiting, 'ratings/')}"
    assert card["Cache-Control"] == "no-store"
    assert shown == {
        "token": str(first.token),
        "question": "Is there a Cat in this picture?",
        "guidance": "",
        "picture_url": f"{place}{first.token}/picture/",
        "next_picture_url": f"{place}{second.token}/picture/",
        "warm_up": False,
    }


def test_no_byte_of_the_card_gives_anything_away(waiting, rater) -> None:
    waiting.rate(waiting.pair(0, "cat"), Answer.NO, Answer.DONT_KNOW)
    card = next_card(rater, waiting)
    rest = card.content.decode() + json.dumps(dict(card.headers))
    for lease in Lease.objects.all():
        rest = rest.replace(str(lease.token), "")
    rest = rest.replace(waiting.challenge.slug, "")
    pair = waiting.pair(0, "cat")
    secrets = ["telltale", "0.8125", "dont_know", "no_rating", "machine", "score", "outcome", "split", "people"]
    secrets += [one.image_id for one in waiting.images] + [str(one.uuid) for one in waiting.images]
    secrets += [str(one.file) for one in waiting.images] + [one.sha256 for one in waiting.images]
    assert [secret for secret in secrets if secret in rest] == []
    assert re.findall(rf"\b{pair.pk}\b", rest.replace("/v1/", "/")) == []


def test_picture_of_a_question_is_seen_by_its_rater_alone(waiting, rater) -> None:
    url = next_card(rater, waiting).json()["picture_url"]
    seen = rater.get(url, HTTP_ACCEPT="image/png")
    assert (seen.status_code, seen["Content-Type"], seen["Content-Disposition"]) == (200, "image/png", "inline")
    assert b"".join(seen.streaming_content)[:8] == png()[:8]
    other = make_user()
    waiting.rater(other)
    stranger = program(other).get(url)
    assert (stranger.status_code, stranger["Content-Type"]) == (404, "application/json")


def test_question_asked_again_is_the_same(waiting, rater) -> None:
    assert next_card(rater, waiting).json() == next_card(rater, waiting).json()


def test_answer_again_changes_nothing_and_another_answer_conflicts(waiting, rater) -> None:
    token = next_card(rater, waiting).json()["token"]
    first, again, other = (answer(rater, waiting, token, said) for said in ("yes", "yes", "no"))
    assert [one.status_code for one in (first, again, other)] == [201, 200, 409]
    assert first.json() == again.json() == {"token": token, "answer": "yes", "feedback": None}
    assert Rating.objects.get().device == Device.API
    assert list(Rating.objects.values_list("answer", flat=True)) == ["yes"]


def test_undo_brings_the_question_back(waiting, rater) -> None:
    first = next_card(rater, waiting).json()["token"]
    answer(rater, waiting, first)
    assert next_card(rater, waiting).json()["token"] != first
    assert rater.delete(address(waiting, "ratings/last/")).status_code == 204
    assert (next_card(rater, waiting).json()["token"], Rating.objects.count()) == (first, 0)
    assert rater.delete(address(waiting, "ratings/last/")).status_code == 403
    assert answer(rater, waiting, first, "no").status_code == 201


def test_final_answer_is_not_undone(waiting, rater) -> None:
    answer(rater, waiting, next_card(rater, waiting).json()["token"])
    finalise_rating(rating_id=Rating.objects.get().pk, at=timezone.now())
    refused = rater.delete(address(waiting, "ratings/last/"))
    assert (refused.status_code, refused.json()) == (403, {"detail": "Your last answer is final by now."})


def test_nothing_waiting_is_no_content(world) -> None:
    user = make_user()
    world.rater(user)
    nothing = next_card(program(user), world)
    assert (nothing.status_code, nothing.content) == (204, b"")


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({"token": "x", "answer": "yes"}, ["token"]),
        ({"token": None, "answer": "perhaps"}, ["token", "answer"]),
        ({}, ["token", "answer"]),
        ([], ["non_field_errors"]),
        ({"token": str(uuid.uuid4()), "answer": ["yes"]}, ["answer"]),
    ],
)
def test_malformed_answer_is_told_by_field(waiting, rater, sent, fields) -> None:
    refused = rater.post(address(waiting, "ratings/"), sent)
    assert (refused.status_code, list(refused.json())) == (400, fields)


def test_answer_to_somebody_elses_question_is_refused(waiting, rater) -> None:
    other = make_user()
    waiting.rater(other)
    token = next_card(program(other), waiting).json()["token"]
    assert answer(rater, waiting, token).status_code == 403
    assert not Rating.objects.exists()


def test_finders_and_tokens_without_the_scope_rate_nothing(waiting) -> None:
    finder, rater = make_user(), make_user()
    waiting.finder(finder)
    waiting.rater(rater)
    for client in (program(finder), program(rater, "submit", "organise")):
        assert next_card(client, waiting).status_code == 403
        assert answer(client, waiting, str(uuid.uuid4())).status_code == 403
        assert client.delete(address(waiting, "ratings/last/")).status_code == 403
    assert not Lease.objects.exists()


def test_skipping_is_limited_and_brings_another_question(waiting, rater) -> None:
    first = next_card(rater, waiting).json()["token"]
    skipping = address(waiting, f"ratings/{first}/skip/")
    replies = [rater.post(skipping) for _ in range(2)]
    assert [(one.status_code, one.json()) for one in replies] == [(200, {"skips_left": 9})] * 2
    assert next_card(rater, waiting).json()["token"] != first
    assert Lease.objects.get(token=first).ended == LeaseEnd.SKIPPED
    other = make_user()
    waiting.rater(other)
    assert program(other, "rate").post(skipping).status_code == 403


def test_a_report_is_kept_and_another_question_comes(waiting, rater) -> None:
    first = next_card(rater, waiting).json()["token"]
    report = address(waiting, f"ratings/{first}/report/")
    assert rater.post(report, {"kind": "dull"}).status_code == 400
    assert [rater.post(report, {"kind": "broken"}).status_code for _ in range(2)] == [204, 204]
    assert list(PictureReport.objects.values_list("kind", "note")) == [("broken", "")]
    assert next_card(rater, waiting).json()["token"] != first


def test_guidance_has_its_examples_under_addresses_that_only_raters_may_use(waiting, rater) -> None:
    for label in waiting.labels:
        explain(waiting, label, "All of them.", fits=[3], fits_not=[4])
    token = next_card(rater, waiting).json()["token"]
    shown = rater.get(address(waiting, f"ratings/{token}/guidance/")).json()
    pictures = [one.pop("picture_url") for one in (*shown["counts"], *shown["does_not_count"])]
    assert shown == {
        "label_name": Lease.objects.get(token=token).subject.label.name,
        "guidance": "All of them.",
        "counts": [{"caption": "A barn owl, seen from the side"}],
        "does_not_count": [{"caption": ""}],
    }
    assert [rater.get(one, HTTP_ACCEPT="image/png").status_code for one in pictures] == [200, 200]
    stranger = make_user()
    waiting.finder(stranger)
    finder = program(stranger, "rate")
    assert {finder.get(one).status_code for one in pictures} == {403}
    huge = address(waiting, f"ratings/examples/{10**30}/")
    assert rater.get(huge).status_code == 404


def test_the_warm_up_is_told_and_a_mixed_control_is_not(db) -> None:
    world = make_edition(waiting=0, warm_up=1)
    user = make_user()
    part = world.rater(user)
    client = program(user, "rate")
    card = next_card(client, world).json()
    told = answer(client, world, card["token"], "no").json()["feedback"]
    explanation = "The face in the middle is that of an owl, behind the leaves."
    assert (card["warm_up"], told) == (True, {"right": False, "truth": "yes", "explanation": explanation})
    control = add_control(world, 3, "owl", use=ControlUse.MIXED)
    later = world.clock.replace(year=world.clock.year + 20)
    lease = Lease.objects.create(control=control, rater=part, created_at=world.clock, expires_at=later)
    card = next_card(client, world).json()
    assert (card["token"], card["warm_up"]) == (str(lease.token), False)
    assert answer(client, world, card["token"], "no").json()["feedback"] is None


def test_a_paused_rater_is_told_so_in_friendly_words(waiting, rater) -> None:
    token = next_card(rater, waiting).json()["token"]
    part = Lease.objects.get(token=token).rater
    RaterPause.objects.create(rater=part, cause=PauseCause.SAME_ANSWER, created_at=waiting.clock)
    replies = [
        next_card(rater, waiting),
        answer(rater, waiting, token),
        rater.post(address(waiting, f"ratings/{token}/skip/")),
    ]
    assert {(one.status_code, one.json()["detail"]) for one in replies} == {
        (
            403,
            "Many answers in a row were the same. That may well be right, and we want to look at it. Your answers are "
            "kept. An organiser looks at it and decides. Come back later: this page then goes on where you stopped.",
        )
    }
