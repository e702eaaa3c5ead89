"""The warm-up, the guidance and the pause as pages; how far a rater is."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from cats4ml.challenges.actions import decide_policy
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.models import ControlUse, LabelExample, Lease, PauseCause, PauseDecision, RaterPause, Rating
from cats4ml.review.pause_words import KEPT, words_of
from cats4ml.review.presentation import Progress, WarmUp, cards_of, last_answer_of, lately, pace_of, progress_of
from cats4ml.rules.policy import Policy
from tests.factories import World, make_user
from tests.review.questions import LONG, add_control, explain, make_edition
from tests.web import HTMX, queries_of, signed_in


def at(world: World, name: str = "review", *args: object) -> str:
    return reverse(f"review:{name}", args=[world.challenge.slug, *args])


def text(html: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.decode()).split())


def open_lease(rater) -> Lease:
    return Lease.objects.filter(rater=rater, closed_at=None).order_by("pk")[0]


@pytest.fixture
def world(db) -> World:
    return make_edition(waiting=2, warm_up=2)


def test_the_warm_up_is_explained_before_anything_is_asked(world) -> None:
    rater = world.rater()
    page = signed_in(rater.user).get(at(world)).content
    assert "The first 2 questions have answers that are known" in text(page)
    assert "They do not count." in text(page)
    assert (b'name="answer"' in page, Lease.objects.exists()) == (False, False)


def test_the_truth_is_told_and_then_the_next_question_comes(world) -> None:
    rater = world.rater()
    client = signed_in(rater.user)
    client.get(at(world) + "?begin=1")
    for number, last in enumerate((False, True)):
        lease = open_lease(rater)
        assert f"{number} of 2" in text(client.get(at(world)).content)
        told = client.post(at(world, "answer"), {"token": lease.token, "answer": "yes"}, headers=HTMX).content
        assert (b"and so do experts" in told, "The face in the middle" in text(told)) == (True, True)
        assert ("From here on your answers count" in text(told)) == last
        assert str(lease.token).encode() in told  # its picture
        again = client.get(f"{at(world)}?told={lease.token}").content
        assert text(told) in text(again)
        client.get(at(world))
    assert open_lease(rater).pair is not None
    assert "0 of 100" in text(client.get(at(world)).content)


def test_a_second_warm_up_is_announced_and_a_failed_one_never_says_that_answers_count(db) -> None:
    world = make_edition(waiting=2, warm_up=4)
    decide_policy(challenge=world.challenge, policy=Policy(warm_up=2, control_percent=0, control_percent_least=0))
    rater = world.rater()
    client = signed_in(rater.user)
    client.get(at(world) + "?begin=1")
    said = []
    for _ in range(4):
        lease = open_lease(rater)
        wrong = "no" if lease.control.truth == "yes" else "yes"
        told = client.post(at(world, "answer"), {"token": lease.token, "answer": wrong}, headers=HTMX).content
        said.append(re.findall(r"[^.>]*\banswers count\.", text(told)))
        client.get(at(world))
    more = (
        ["2 more questions follow before your answers count."],
        ["One more question follows before your answers count."],
    )
    assert [[words.strip() for words in one] for one in said] == [[], *more, []]
    assert "Time for a pause" in text(client.get(at(world)).content)


def test_what_is_told_is_for_the_rater_who_answered(world) -> None:
    rater, other = world.raters(2)
    signed_in(rater.user).get(at(world) + "?begin=1")
    lease = open_lease(rater)
    signed_in(rater.user).post(at(world, "answer"), {"token": lease.token, "answer": "yes"})
    for token in (lease.token, "x", "%00"):
        assert "xperts say" not in text(signed_in(other.user).get(f"{at(world)}?begin=1&told={token}").content)


def test_a_told_answer_is_not_offered_to_be_taken_back(world) -> None:
    rater = world.rater()
    client = signed_in(rater.user)
    client.get(at(world) + "?begin=1")
    client.post(at(world, "answer"), {"token": open_lease(rater).token, "answer": "no"})
    assert last_answer_of(rater, lately(rater), Rating.objects.get().created_at).undoable is False


def test_guidance_is_open_when_a_label_is_met_first_and_folded_after(db) -> None:
    world = make_edition(waiting=1, warm_up=0)
    rater = world.rater()
    for place in (1, 2):
        control = add_control(world, place, "owl")
        later = world.clock + timedelta(days=9000)
        Lease.objects.create(control=control, rater=rater, created_at=world.clock, expires_at=later)
    leases = list(Lease.objects.order_by("pk"))
    first, second = cards_of(world.challenge, leases)
    assert (first.meets_label, first.guidance.folded, len(first.guidance.fits), len(first.guidance.fits_not)) == (
        True,
        LONG,
        3,
        2,
    )
    client = signed_in(rater.user)
    client.post(at(world, "answer"), {"token": leases[0].token, "answer": "yes"})
    [second] = cards_of(world.challenge, leases[1:])
    assert (second.warm_up, second.meets_label, second.guidance.unfolds) == (True, False, True)


def test_an_example_is_seen_by_raters_of_its_edition_alone(world) -> None:
    example = LabelExample.objects.first()
    other = make_edition(waiting=0)
    mine = signed_in(world.rater().user).get(at(world, "example", example.pk))
    assert (mine.status_code, mine.headers["Content-Type"], mine.headers["Content-Disposition"]) == (
        200,
        "image/jpeg",
        "inline",
    )
    told = str(dict(mine.headers)) + at(world, "example", example.pk)
    assert [one for one in (example.image.image_id, example.image.sha256[:8]) if one in told] == []
    strangers = [world.finder().user, make_user(), other.rater().user]
    assert {signed_in(one).get(at(world, "example", example.pk)).status_code for one in strangers} == {404}
    assert Client().get(at(world, "example", example.pk)).status_code == 302
    assert signed_in(world.rater().user).get(at(world, "example", 10**30)).status_code == 404


def test_whoever_was_signed_out_comes_back_to_the_question(world) -> None:
    entrance = f"{reverse('account_login')}?next={at(world)}"
    for name in ("answer", "undo", "skip", "report"):
        assert Client().post(at(world, name)).url == entrance
        by_script = Client().post(at(world, name), headers=HTMX)
        assert (by_script.status_code, by_script.headers["HX-Redirect"]) == (401, entrance)


@pytest.mark.parametrize("cause", PauseCause.values)
def test_a_paused_rater_gets_a_friendly_page_whatever_they_do(world, cause) -> None:
    rater = world.rater()
    client = signed_in(rater.user)
    client.get(at(world) + "?begin=1")
    lease = open_lease(rater)
    pause = RaterPause.objects.create(rater=rater, cause=cause, created_at=world.clock)
    sent = {"token": lease.token, "answer": "yes"}
    pages = [
        client.get(at(world)),
        client.post(at(world, "answer"), sent, headers=HTMX),
        client.post(at(world, "answer"), sent, follow=True),
        client.post(at(world, "skip"), sent, headers=HTMX),
    ]
    for page in pages:
        assert (page.status_code, "Time for a pause" in text(page.content)) == (200, True)
        assert (words_of(pause).why in text(page.content), KEPT in text(page.content)) == (True, True)
    blame = re.compile(r"cheat|spam|careless|wrong|fail|bot\b", re.IGNORECASE)
    assert blame.findall(str(words_of(pause))) == []
    pause.decision, pause.decided_at = PauseDecision.ENDED, world.clock
    pause.save()
    assert "Thank you for rating" in text(client.get(at(world)).content)
    pause.decision = PauseDecision.RESUMED
    pause.save()
    assert b'name="answer"' in client.get(at(world)).content


def answered(rater, world: World, gaps: list[float]) -> None:
    """Answers of this rater to mixed controls, so many seconds one after the other."""
    for place, gap in enumerate([0.0, *gaps]):
        now = world.pass_time(gap)
        control = add_control(world, place, "cat", use=ControlUse.MIXED)
        lease = Lease.objects.create(
            control=control, rater=rater, created_at=now, expires_at=now + timedelta(1), closed_at=now, ended="answered"
        )
        Rating.objects.create(
            control=control,
            rater=rater,
            lease=lease,
            answer="yes",
            state="final",
            created_at=now,
            final_at=now,
            seconds=1,
        )


def test_the_minutes_left_are_told_from_the_raters_own_pace(db) -> None:
    world = make_edition(waiting=0)
    rater, new = world.raters(2)
    answered(rater, world, [5, 7, 900, 6, 6, 8])
    assert (pace_of(lately(rater)), pace_of(lately(new))) == (6, None)
    over = WarmUp(0, 0)
    assert progress_of(rater, over, lately(rater)) == Progress(
        answered=7, goal=100, overall=7, minutes_left=9, skips_left=10
    )
    assert progress_of(new, over, []) == Progress(answered=0, goal=100, overall=0, minutes_left=None, skips_left=10)


def test_the_page_of_a_question_with_examples_costs_as_many_queries_for_three_pairs_as_for_one(db) -> None:
    costs = []
    for waiting in (1, 3):
        world = make_edition(waiting=waiting)
        explain(world, "dog", LONG, fits=[0], fits_not=[])
        costs.append(queries_of(signed_in(world.rater().user), at(world), **HTMX))
    assert costs[1] <= costs[0] + 1  # one to look whether another is open to them
    assert hold_leases(rater=world.rater(), at=world.clock) != []
