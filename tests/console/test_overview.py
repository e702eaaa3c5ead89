"""What the overview counts and says of an edition."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from cats4ml.challenges.models import ActKind
from cats4ml.console import counted as counting
from cats4ml.console.overview_figures import day_in_words, forecast_in_words, headline, queue_plot, score_plot
from cats4ml.console.queue_course import Course, course_of
from cats4ml.console.tasks import count_figures
from cats4ml.console.watching import Funnel, count_overview
from cats4ml.releases.models import Release
from cats4ml.review.actions.discounts import discount_rater
from cats4ml.submissions.actions.scores import send_again
from cats4ml.submissions.models import Pair
from scoring.contract import SCORE_IMAGES, SCORING_QUEUE
from tests.console.crowd import organiser_of
from tests.console.watched import DAY, NO, YES, claim_and_score, quick_world
from tests.factories import START, World, make_user
from tests.messages import drain
from tests.web import HTMX, queries_of


@pytest.fixture
def quick(db: None) -> World:
    return quick_world()


def address(world: World, page: str) -> str:
    return reverse(f"console:{page}", args=[world.challenge.slug])


def words(reply) -> str:
    assert reply.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", reply.content.decode()))


def settle(world: World, place: int, label: str, *answers, rater=None) -> None:
    world.rate(world.pair(place, label), *answers, raters=[rater] if rater else None)


def lively(world: World) -> None:
    """Two finders; a false negative, a false positive, an agreement, one in review, one queued, a later claim."""
    first, second = world.finder(), world.finder()
    world.claim(first, (0, "cat"), (0, "dog"), (1, "cat"), (2, "cat"), (3, "owl"))
    world.claim(second, (0, "cat"))
    world.score(0, {"cat": 0.1, "dog": 0.97})
    world.score(1, {"cat": 0.1})
    world.score(2, {"cat": 0.5})
    for (place, label), answer in {(0, "cat"): YES, (0, "dog"): NO, (1, "cat"): NO}.items():
        settle(world, place, label, answer)


def test_every_step_of_the_funnel_is_a_part_of_the_one_before(quick) -> None:
    lively(quick)
    overview = count_overview(quick.challenge, quick.clock)
    ends = {"false_negatives": 1, "false_positives": 1, "agreed": 1}
    assert overview.funnel == Funnel(claims=6, later_claims=1, pairs=5, queued=1, in_review=1, settled=3, **ends)
    assert (overview.spent, overview.per_pair, overview.per_find, overview.raters) == (3, 1.0, 1.5, 3)
    labels = [
        (one.name, one.outcomes["false_negative"], one.settled, one.in_review, one.waiting) for one in overview.labels
    ]
    assert labels == [
        ("Cat", 1, 2, 1, 0), ("Dog", 0, 1, 0, 0), ("Owl", 0, 0, 0, 1),
    ]  # fmt: skip
    assert {one.place: one.counts for one in overview.bins if one.counts} == {
        2: {("yes", "false_negative"): 1, ("no", "agreement"): 1}, 19: {("no", "false_positive"): 1},
    }  # fmt: skip
    plot = score_plot(overview, threshold=0.5)
    assert plot is not None
    assert [row for row in plot.rows if any(cell != "0" for cell in row[1])] == [
        ("0.10 to 0.15", ("1", "0", "0", "1", "0")), ("0.95 to 1.00", ("0", "0", "1", "0", "0")),
    ]  # fmt: skip
    assert {box.tone for box in plot.boxes} == {"fn", "fp", "ag"}


def test_the_queue_of_each_day_is_counted_from_what_is_written_of_its_pairs(quick) -> None:
    finder, began = quick.finder(), quick.clock
    claim_and_score(quick, finder, (0, "cat"), (1, "cat"), (2, "cat"))
    quick.clock = began + 1.5 * DAY
    settle(quick, 0, "cat", YES)
    claim_and_score(quick, finder, (3, "cat"))
    quick.clock = began + 2.5 * DAY
    settle(quick, 1, "cat", NO)
    settle(quick, 3, "cat", NO)
    course = course_of(quick.challenge, began + 4 * DAY)
    assert [(one.at - began, one.pairs, one.came, one.left) for one in course.moments[1:]] == [
        (2 * DAY, 3, 1, 1), (3 * DAY, 1, 0, 2), (4 * DAY, 1, 0, 0),
    ]  # fmt: skip
    assert course.moments[0].pairs == 3
    assert course.moments[-1].oldest == quick.pair(2, "cat").scored_at
    assert course.median == pytest.approx(1.5 * 86400, abs=200)


def test_what_is_done_later_changes_nothing_of_the_past(quick) -> None:
    """A pair that settles again, or is opened again, left the queue at its first verdict all the same."""
    finder, began = quick.finder(), quick.clock
    claim_and_score(quick, finder, (0, "cat"), (1, "cat"), (2, "cat"))
    rater = quick.rater()
    quick.clock = began + 1.5 * DAY
    for place in range(2):
        settle(quick, place, "cat", YES, rater=rater)

    def past(at) -> list[int]:
        return [one.pairs for one in course_of(quick.challenge, at).moments if one.at < began + 3 * DAY]

    before = past(began + 5.9 * DAY)
    quick.clock = began + 4 * DAY
    discount_rater(rater=rater, reason="Guessed.", by=make_user(), at=quick.clock)
    settle(quick, 1, "cat", YES)
    assert past(began + 5.9 * DAY) == before == [3, 1, 1]
    assert [one.pairs for one in course_of(quick.challenge, began + 5.9 * DAY).moments] == [3, 1, 1, 1, 2, 2]


def test_an_edition_without_pairs_has_no_course(quick) -> None:
    overview = count_overview(quick.challenge, quick.clock)
    assert (overview.course, overview.forecast, queue_plot(overview, at=START)) == (
        Course((), DAY, None, None),
        None,
        None,
    )
    assert headline(quick.challenge, overview, at=START, needs=0) == "No pair has been claimed yet"
    assert forecast_in_words(overview, at=START) == ""


def test_the_headline_says_when_the_queue_clears(db) -> None:
    """Ten pairs a day are settled, and forty are left."""
    world = quick_world(pictures=30)
    finder, began = world.finder(), world.clock
    rows = [(place, label) for label in ("cat", "dog", "owl") for place in range(30)]
    claim_and_score(world, finder, *rows[:80])
    pairs = iter(Pair.objects.order_by("pk"))
    raters = world.raters(2)
    for day in range(4):
        world.clock = began + (day + 0.5) * DAY
        for number in range(10):
            world.rate(next(pairs), NO, raters=[raters[number % 2]])
    at = began + 4 * DAY + timedelta(minutes=10)
    overview = count_overview(world.challenge, at)
    assert overview.forecast is not None
    assert (overview.funnel.in_review, overview.forecast.clears, overview.forecast.latest) == (40, 4.0, 4.0)
    assert headline(world.challenge, overview, at=at, needs=2) == "The review queue clears on Tuesday"
    assert forecast_in_words(overview, at=at) == "It is empty on Tue 10 Nov, 9 times in 10."
    plot = queue_plot(overview, at=at)
    assert plot is not None
    assert (plot.now.text, plot.clears.text if plot.clears else "") == ("40 now", "clears Tue 10 Nov")
    assert next(name for name, _ in plot.rows if "forecast" in name) == "7 Nov, forecast"
    world.challenge.ratings_close_at = at + 2 * DAY
    assert headline(world.challenge, overview, at=at, needs=0) == "The review queue won’t be empty when ratings close"


def test_days_are_named_as_people_name_them() -> None:
    assert [day_in_words(START + days * DAY, at=START) for days in (0, 1, 3, 9)] == [
        "today", "tomorrow", "on Thursday", "on 11 November",
    ]  # fmt: skip


def test_the_page_shows_all_of_it_and_its_part_renews_itself(quick) -> None:
    lively(quick)
    client = organiser_of(quick)
    text = words(client.get(address(quick, "overview")))
    facts = [
        "Something needs you", "Pair waiting for a score for more than 2 minutes", "3 spent, 1.5 for each find",
        "Where machines and people part", "How pairs ended, by label", "median from claim to verdict", "People say yes",
    ]  # fmt: skip
    assert [fact for fact in facts if fact not in text] == []
    part = client.get(address(quick, "overview"), headers=HTMX).content.decode()
    assert part.lstrip().startswith('<div id="overview"')
    assert [one in part for one in ('hx-trigger="every 60s, click"', "data-pause", "<html")] == [True, True, False]


def test_pairs_that_stall_are_sent_again_by_one_click(quick) -> None:
    quick.claim(quick.finder(), (0, "cat"), (1, "cat"), (1, "dog"))
    quick.score(0, {"cat": 0.1})
    drain(SCORING_QUEUE)
    client = organiser_of(quick)
    assert "Send again" in words(client.get(address(quick, "overview")))
    reply = client.post(address(quick, "requeue"), {"what": "stalled"}, follow=True)
    assert "2 pairs sent to the classifiers again." in words(reply)
    act = quick.acts().get()
    assert (act.kind, act.summary, act.details, act.by_id) == (
        ActKind.REQUEUED, "Sent 2 pairs to the scoring workers again.", {"pairs": 2}, reply.wsgi_request.user.pk,
    )  # fmt: skip
    assert list(Pair.objects.filter(state="queued").values_list("score_requests", flat=True)) == [2, 2]


def test_sending_again_really_rings_and_leaves_fresh_pairs_alone(quick, django_capture_on_commit_callbacks) -> None:
    quick.claim(quick.finder(), (0, "cat"), (1, "cat"))
    drain(SCORING_QUEUE)
    at = quick.pass_time(30)
    assert send_again(challenge=quick.challenge, stalled_since=at - timedelta(minutes=2), at=at) == 0
    at = quick.pass_time(300)
    with django_capture_on_commit_callbacks(execute=True):
        assert send_again(challenge=quick.challenge, stalled_since=at - timedelta(minutes=2), at=at) == 2
    [(task, sent)] = drain(SCORING_QUEUE)
    assert (task, [one["image"] for one in sent["request"]["images"]]) == (
        SCORE_IMAGES,
        [one.pk for one in quick.images[:2]],
    )
    assert quick.acts().count() == 1


def test_a_release_that_could_not_be_built_needs_somebody(quick) -> None:
    Release.objects.create(
        challenge=quick.challenge, number=1, version="1", state="failed", error="The disk is full.", requested_at=START
    )
    assert "Release 1 could not be built: The disk is full." in words(
        organiser_of(quick).get(address(quick, "overview"))
    )


def test_a_large_edition_is_counted_by_a_worker_and_the_moment_is_shown(quick, monkeypatch) -> None:
    monkeypatch.setattr(counting, "SMALL_PAIRS", 2)
    lively(quick)
    cache.clear()
    client, pages = organiser_of(quick), {name: address(quick, name) for name in ("overview", "finders", "patterns")}
    drain("web")
    texts = {name: words(client.get(page)) for name, page in pages.items()}
    assert ["being counted" in text for text in texts.values()] == [True] * 3
    assert client.get(address(quick, "finders_csv")).status_code == 503
    client.get(pages["overview"])
    rung = [sent for task, sent in drain("web") if task == counting.COUNT_FIGURES]
    assert [one["name"] for one in rung] == ["overview", "finders", "patterns"]
    for one in rung:
        count_figures(**one)
    texts = {name: words(client.get(page)) for name, page in pages.items()}
    assert ["by a worker" in text for text in texts.values()] == [True] * 3
    assert "Found 2" in texts["overview"]
    assert [task for task, _ in drain("web") if task == counting.COUNT_FIGURES] == []


def test_how_many_pairs_there_are_costs_no_further_query(quick) -> None:
    client = organiser_of(quick)
    lively(quick)
    cost = queries_of(client, address(quick, "overview"))
    claim_and_score(quick, quick.finder(), (4, "cat"), (4, "dog"), (5, "owl"))
    for place, label in ((4, "cat"), (4, "dog"), (5, "owl")):
        settle(quick, place, label, YES)
    assert queries_of(client, address(quick, "overview")) == cost
