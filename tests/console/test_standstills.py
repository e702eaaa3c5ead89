"""What stands still is noticed, told once for each time, shown, and over by itself; a web server stands in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from cats4ml.accounts.mail import post
from cats4ml.accounts.models import Notice
from cats4ml.challenges.edition_moves import MOVES, move_edition
from cats4ml.challenges.editions import EditionRefused
from cats4ml.challenges.models import ChallengeStatus
from cats4ml.challenges.organisers import add_organiser
from cats4ml.console.models import Standstill
from cats4ml.console.standstills import look
from cats4ml.console.watchman import stand_in
from cats4ml.heartbeats import CLOCK, SCORING, WEB, beat, last_beats, silent_since
from cats4ml.releases.models import Release
from cats4ml.review.models import PolicyWork
from tests.factories import World, make_user, make_world
from tests.messages import drain


@pytest.fixture
def organised(db: None) -> World:
    world = make_world()
    world.challenge.queue = "standing"
    world.challenge.save()
    make_user("olga")
    add_organiser(challenge=world.challenge, username="olga", by=None, at=world.clock)
    return world


def all_beat(world: World) -> None:
    for name in (CLOCK, WEB, f"{SCORING}.standing"):
        beat(name, world.clock)


def kinds(world: World) -> list[str]:
    return [one.kind for one in look(at=world.clock)]


def test_a_silent_scoring_worker_is_told_once_shown_and_over_when_it_speaks(organised, client) -> None:
    finder = organised.finder()
    all_beat(organised)
    organised.claim(finder, (0, "cat"), (1, "cat"))
    assert kinds(organised) == []
    organised.pass_time(61)
    beat(CLOCK, organised.clock)
    beat(WEB, organised.clock)
    assert (kinds(organised), kinds(organised)) == (["scoring"], ["scoring"])
    [notice] = Notice.objects.filter(kind="stalled")
    told = (notice.user.username, notice.kind, notice.what, notice.values["number"], notice.url)
    overview = reverse("console:overview", args=[organised.challenge.slug])
    assert told == ("olga", "stalled", "stalled_scoring", 2, overview)
    client.force_login(notice.user)
    assert "No scoring worker of the queue “scoring.standing” has answered since" in client.get(overview).text
    client.force_login(finder.user)
    page = client.get(reverse("pages:mine", args=[organised.challenge.slug])).text
    assert page.count("No scoring worker has answered since") == 2
    beat(f"{SCORING}.standing", organised.clock)
    assert (kinds(organised), Standstill.objects.get().ended_at, Notice.objects.filter(kind="stalled").count()) == (
        [],
        organised.clock,
        1,
    )


def test_pairs_that_get_no_score_and_orders_that_nobody_takes_on_stand_still(organised) -> None:
    organised.claim(organised.finder(), (0, "cat"))
    organised.release_rows(state="waiting")
    Release.objects.update(requested_at=organised.clock)
    organised.pass_time(121)
    all_beat(organised)
    assert kinds(organised) == ["scores", "release"]
    organised.score(0, {"cat": 0.2})
    Release.objects.update(state="ready")
    all_beat(organised)
    assert kinds(organised) == []


def test_mails_that_wait_stand_still_only_where_a_server_is_to_send_them(organised, settings) -> None:
    post(to="ada@example.org", subject="Hello", body="", at=organised.clock)
    organised.pass_time(11 * 60)
    all_beat(organised)
    assert kinds(organised) == []
    settings.EMAIL_HOST = "mail.example.org"
    assert kinds(organised) == ["mail"]


def test_a_web_server_rings_for_a_silent_clock_and_notes_silent_workers(organised) -> None:
    assert stand_in(at=organised.clock) == []  # they are expected from now on
    later = organised.clock + timedelta(seconds=61)
    drain("web")
    assert stand_in(at=later) == [CLOCK, WEB]
    rung = {task for task, _ in drain("web")}
    assert {"cats4ml.submissions.tasks.sweep", "cats4ml.review.tasks.finalise_due"} <= rung
    assert sorted(Standstill.objects.values_list("kind", flat=True)) == ["clock", "web"]
    # A word out of the future comes of a wrong clock, and says nothing of now.
    beat(CLOCK, later + timedelta(hours=2))
    assert silent_since(last_beats(), CLOCK, later) == later + timedelta(hours=2)


def test_a_late_pair_says_how_often_it_was_sent_again_and_that_it_costs_nothing(organised, client) -> None:
    finder = organised.finder()
    organised.claim(finder, (0, "cat"))
    pair = organised.pair(0, "cat")
    pair.score_requests = 4
    pair.save()
    beat(f"{SCORING}.standing", organised.clock)
    client.force_login(finder.user)
    page = " ".join(client.get(reverse("pages:mine", args=[organised.challenge.slug])).text.split())
    assert "No scoring worker has answered since" in page
    assert "it was sent to the classifiers again 3 times, last <time" in page
    assert "It doesn’t count against you." in page


def test_an_edition_is_not_made_final_while_a_policy_is_on_order(organised) -> None:
    organised.challenge.status = ChallengeStatus.CLOSED
    organised.challenge.save()
    work = PolicyWork.objects.create(
        challenge=organised.challenge, reason="Better.", requested_at=organised.clock, values={}
    )
    move = {"challenge": organised.challenge, "move": MOVES["finish"], "reason": "Done.", "by": None}
    with pytest.raises(EditionRefused, match="a policy is being put in force here"):
        move_edition(**move, at=organised.clock, typed_slug=organised.challenge.slug)
    PolicyWork.objects.filter(pk=work.pk).update(state="failed", error="No.", finished_at=organised.clock)
    assert move_edition(**move, at=organised.clock, typed_slug=organised.challenge.slug)
