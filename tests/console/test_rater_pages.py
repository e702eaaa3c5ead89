"""What organisers see of raters, what they decide about them, and what nobody else sees."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from cats4ml.console.one_rater import confusion, course_of, last_answers
from cats4ml.console.rater_pages import RaterState, rater_lines, sorted_lines
from cats4ml.review.actions.discounts import discount_rater
from cats4ml.review.models import Device, PauseCause, PauseDecision, RaterDiscount, RaterPause, Rating
from cats4ml.review.trust import decide_pause
from cats4ml.rules.answers import Answer
from cats4ml.rules.intervals import wilson_interval
from tests.console.crowd import answer_controls, claim_pairs, make_controls, organiser_of, pause
from tests.factories import World, make_user, make_world
from tests.web import queries_of, signed_in

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW


@pytest.fixture
def client(world: World) -> Client:
    return organiser_of(world)


def url(world: World, name: str, *args: object) -> str:
    return reverse(f"console:{name}", args=[world.challenge.slug, *args])


def lines_of(world: World) -> dict:
    return {line.rater: line for line in rater_lines(world.challenge)}


def test_a_raters_figures_are_counted_from_their_answers(world) -> None:
    pairs = claim_pairs(world, 2)
    controls = make_controls(world, YES, NO, YES)
    one, *others = world.raters(5)
    world.rate(pairs[0], YES, NO, NO, NO, YES, raters=[one, *others])
    world.rate(pairs[1], DONT_KNOW, raters=[one])
    answer_controls(world, one, controls, YES, YES, DONT_KNOW, seconds=3.0, device=Device.PHONE)
    line = lines_of(world)[one]
    assert (line.answers, line.controls, line.right, line.given) == (2, 3, 1, 5)
    assert (line.yes, line.no, line.dont_know) == (3, 0, 2)
    assert line.right_interval == wilson_interval(1, 3)
    # Three of the four others said no, one yes: this rater says otherwise.
    assert (line.agreed, line.compared, line.agreement) == (0, 1, 0.0)
    assert line.seconds == 3.0
    assert line.devices == (("Phone", 3), ("Unknown", 2))
    assert (line.state, line.cause, line.study) == (RaterState.RATING, "", "")
    assert line.last_at == Rating.objects.filter(rater=one).latest("pk").created_at
    by_others = [lines_of(world)[other] for other in others]
    # Without their own answer the others are two against two for each who said no, and one against three else.
    assert [(other.agreed, other.compared) for other in by_others] == [(0, 0), (0, 0), (0, 0), (0, 1)]


def test_the_table_is_sorted_by_each_column_and_unknown_figures_come_last(world) -> None:
    controls = make_controls(world, YES, YES)
    good, bad, new = world.raters(3)
    answer_controls(world, good, controls, YES, YES, seconds=4)
    answer_controls(world, bad, controls, NO, YES, seconds=1)
    world.rate(claim_pairs(world, 1)[0], YES, raters=[new])
    lines = rater_lines(world.challenge)

    def by(sort: str) -> list:
        return [line.rater for line in sorted_lines(lines, sort)]

    assert by("controls") == [bad, good, new]
    assert by("-controls") == [good, bad, new]
    assert by("-seconds")[:1] == [good]
    names = sorted([good, bad, new], key=lambda rater: rater.public_name)
    assert by("name") == names
    assert by("-name") == names[::-1]
    assert by("answers")[0] == new
    assert by("last") == [new, bad, good]
    assert by("state") == by("name")


def test_a_state_says_whether_a_rater_is_asked(world) -> None:
    controls = make_controls(world, YES)
    rating, paused, ended, discounted, resumed = raters = world.raters(5)
    for rater in raters:
        answer_controls(world, rater, controls, YES)
    for rater in (paused, ended, resumed):
        pause(world, rater, PauseCause.TOO_FAST)
    organiser = make_user()
    for rater, decision in ((ended, PauseDecision.ENDED), (resumed, PauseDecision.RESUMED)):
        standing = RaterPause.objects.get(rater=rater)
        decide_pause(pause=standing, decision=decision, by=organiser, note="", at=world.clock)
    discount_rater(rater=discounted, reason="A script", by=make_user(), at=world.clock)
    lines = lines_of(world)
    fast = PauseCause.TOO_FAST.label
    assert {rater: (lines[rater].state, lines[rater].cause) for rater in raters} == {
        rating: (RaterState.RATING, ""),
        paused: (RaterState.PAUSED, fast),
        ended: (RaterState.ENDED, fast),
        discounted: (RaterState.DISCOUNTED, ""),
        resumed: (RaterState.RATING, ""),
    }


def test_confusion_course_and_last_answers_of_one_rater(world) -> None:
    pairs = claim_pairs(world, 2)
    controls = make_controls(world, YES, YES, NO)
    rater, *others = world.raters(5)
    world.rate(pairs[0], YES, YES, YES, YES, NO, raters=[rater, *others])
    world.rate(pairs[1], NO, raters=[rater])
    answer_controls(world, rater, controls, YES, NO, DONT_KNOW)
    by_truth = [(row.truth, [(cell.number, cell.shade) for cell in row.cells]) for row in _controls(rater)]
    assert by_truth == [("Yes", [(1, 2), (1, 2), (0, 0)]), ("No", [(0, 0), (0, 0), (1, 5)])]
    verdicts = confusion(rater, by="pair__verdict")
    assert [(row.truth, row.total) for row in verdicts] == [("Yes", 1), ("No", 0)]
    assert [(one.answer, one.truth, one.right) for one in last_answers(rater)] == [
        ("Don’t know", "no", None),
        ("No", "yes", False),
        ("Yes", "yes", True),
        ("No", "", None),
        ("Yes", "yes", True),
    ]
    [course] = course_of(rater)
    assert [total for _, total in course["points"]] == [0, 5]


def _controls(rater):
    return confusion(rater, by="control__truth")


def test_the_pages_cost_as_many_queries_for_three_raters_as_for_one(world, client) -> None:
    pairs, controls = claim_pairs(world, 3), make_controls(world, YES, NO)

    def come(number: int) -> None:
        for place in range(number):
            rater = world.rater()
            world.rate(pairs[place], YES, raters=[rater])
            answer_controls(world, rater, controls, YES, YES)
            pause(world, rater, PauseCause.CONTROLS, right=1, answered=2, wanted_percent=60)

    come(1)
    first = queries_of(client, url(world, "raters"))
    come(2)
    assert queries_of(client, url(world, "raters")) == first
    rater = Rating.objects.latest("pk").rater
    one = queries_of(client, url(world, "rater", rater.pk))
    answer_controls(world, world.rater(), controls, NO)
    world.rate(pairs[2], NO, raters=[world.rater()])
    assert queries_of(client, url(world, "rater", rater.pk)) == one


def test_the_console_says_who_waits_and_the_organiser_decides(world, client) -> None:
    rater = world.rater()
    answer_controls(world, rater, make_controls(world, YES), NO)
    waits = pause(world, rater, PauseCause.CONTROLS, right=0, answered=1, wanted_percent=60)
    assert "for your decision" in client.get(url(world, "overview")).content.decode()
    html = client.get(url(world, "raters")).content.decode()
    assert "1 rater waits for you" in html
    assert "0 of the last 1 control questions right; 60% are wanted." in html
    nonsense = client.post(url(world, "pause_decide", waits.pk), {"decision": "maybe"})
    assert nonsense.url == url(world, "rater", rater.pk)
    sent = {"decision": "resumed", "note": "Talked to them", "back": "1"}
    assert client.post(url(world, "pause_decide", waits.pk), sent).url == url(world, "raters")
    waits.refresh_from_db()
    assert (waits.decision, waits.note, waits.decided_by.pk) == (
        "resumed",
        "Talked to them",
        int(client.session["_auth_user_id"]),
    )
    assert "nobody waits for you" in client.get(url(world, "raters")).content.decode()
    assert client.post(url(world, "rater_pause", rater.pk), {"note": "Looks odd"}).url == url(world, "rater", rater.pk)
    again = RaterPause.objects.get(rater=rater, decision="")
    assert (again.cause, again.note) == ("organiser", "Looks odd")


def test_discounting_is_previewed_done_with_a_reason_and_lifted(world, client) -> None:
    pair = claim_pairs(world, 1)[0]
    ratings = world.rate(pair, *[YES] * 3, NO, NO)
    rater = ratings[0].rater
    page = client.get(url(world, "rater_discount", rater.pk)).content.decode()
    assert "1 pair would not stay as it is" in page
    assert [text in page for text in ("2 yes, 2 no", f"console/pairs/{pair.pk}/")] == [True, True]
    assert RaterDiscount.objects.count() == 0
    assert client.post(url(world, "rater_discount", rater.pk), {"reason": " "}).status_code == 422
    done = client.post(url(world, "rater_discount", rater.pk), {"reason": "Presses yes"})
    assert done.url == url(world, "rater", rater.pk)
    pair.refresh_from_db()
    assert (pair.state, RaterDiscount.objects.get().reason) == ("in_review", "Presses yes")
    html = client.get(url(world, "rater", rater.pk)).content.decode()
    assert "is discounted" in html
    assert "May go on" not in html
    # They are not among those who wait for a decision, and can’t be let go on either.
    assert "nobody waits for you" in client.get(url(world, "raters")).content.decode()
    waits = RaterPause.objects.get(rater=rater)
    client.post(url(world, "pause_decide", waits.pk), {"decision": "resumed"})
    waits.refresh_from_db()
    assert waits.decision == ""
    assert client.get(url(world, "rater_discount", rater.pk)).url == url(world, "rater_lift", rater.pk)
    assert "1 pair would not stay as it is" in client.get(url(world, "rater_lift", rater.pk)).content.decode()
    client.post(url(world, "rater_lift", rater.pk), {"reason": "Another person"})
    pair.refresh_from_db()
    assert (pair.state, pair.outcome) == ("settled", "false_negative")
    assert "1 rater waits for you" in client.get(url(world, "raters")).content.decode()


def test_only_organisers_of_this_edition_see_its_raters(world, client) -> None:
    rater = world.rater()
    answer_controls(world, rater, make_controls(world, YES), YES)
    other = make_world()
    stranger = other.rater()
    pages = [("raters",), ("rater", rater.pk), ("rater_discount", rater.pk)]
    assert [client.get(url(world, *page)).status_code for page in pages] == [200, 200, 200]
    assert [signed_in(rater.user).get(url(world, *page)).status_code for page in pages] == [403, 403, 403]
    assert [Client().get(url(world, *page)).status_code for page in pages] == [302, 302, 302]
    assert client.get(url(world, "rater", stranger.pk)).status_code == 404
    assert client.get(url(other, "raters")).status_code == 403
    waits = pause(other, stranger, PauseCause.TOO_FAST)
    assert client.post(url(world, "pause_decide", waits.pk), {"decision": "resumed"}).status_code == 404
