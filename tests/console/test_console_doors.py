"""Every address of the console, whoever knocks: organisers come in, nobody else, and only to what their edition has."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from cats4ml.challenges.announcements import announce
from cats4ml.challenges.models import PolicyDecision, Role
from cats4ml.console.urls import urlpatterns
from cats4ml.review.models import PauseCause
from cats4ml.review.studies import create_study
from cats4ml.rules.answers import Answer
from cats4ml.submissions.actions.disputes import dispute_outcome
from tests.console.crowd import make_controls, organiser_of, pause
from tests.factories import World, make_user, make_world
from tests.submissions.disputed import settled
from tests.web import signed_in

OTHERS = {"pk": 1, "study": "pilot", "version": 1, "name": "pause"}


def addresses(world: World) -> list[str]:
    values = {"slug": world.challenge.slug, **OTHERS}
    return [
        reverse(f"console:{one.name}", args=[values[name] for name in one.pattern.converters]) for one in urlpatterns
    ]


def codes(client: Client, world: World) -> set[tuple[int, int]]:
    return {(client.get(one).status_code, client.post(one).status_code) for one in addresses(world)}


def test_nobody_but_organisers_gets_into_the_console(world) -> None:
    assert len(addresses(world)) == len(urlpatterns) >= 40
    assert codes(Client(), world) == {(302, 302)}
    strangers = [world.finder().user, world.rater().user, make_user()]
    clients = [*map(signed_in, strangers), organiser_of(make_world())]
    assert [codes(client, world) for client in clients] == [{(403, 403)}] * len(clients)


@pytest.fixture
def theirs(world: World) -> dict[str, object]:
    """One of each thing of another edition, by the address that takes it."""
    other = make_world()
    claim = settled(other, other.finder())
    said = dispute_outcome(
        participation=claim.participation, submission_id=claim.pk, reason="Look at the top.", at=other.pass_time(1)
    )
    rater, control = other.rater(), make_controls(other, Answer.YES)[0]
    owner = make_user()
    other.challenge.participations.create(user=owner, role=Role.ORGANISER)
    study = create_study(
        challenge=other.challenge, platform="other", by=owner, at=other.clock, title="Theirs", questions=5,
        completion_code="ABCD",
    )  # fmt: skip
    target = other.challenge.target_labels.first()
    of_rater = dict.fromkeys(("rater", "rater_pause", "rater_discount", "rater_lift"), rater.pk)
    pages_of_pair = ("pair", "adjudicate_pair", "adjudicate_take_back", "pair_withdraw", "pair_restore")
    of_pair = dict.fromkeys(pages_of_pair, claim.pair_id)
    of_finder = dict.fromkeys(
        ("finder", "finder_disqualify", "finder_reinstate", "finder_baseline"), claim.participation_id
    )
    told = announce(challenge=other.challenge, title="Theirs", text="Theirs.", by=owner, at=other.clock)
    of_control = dict.fromkeys(("control_retire", "control_restore"), control.pk)
    of_study = dict.fromkeys(("study", "study_open", "study_visits"), study.slug)
    decision = PolicyDecision.objects.create(
        challenge=other.challenge, policy=other.challenge.policy, reason="Theirs.", created_at=other.clock
    )
    return {
        **of_finder, "announcement_down": told.pk, **of_rater, **of_pair, **of_control, **of_study,
        "pause_decide": pause(other, rater, PauseCause.CONTROLS).pk,
        "dispute": said.pk, "label_guidance": target.pk, "verdict_rule_undo": decision.pk,
    }  # fmt: skip


def test_an_organiser_gets_nothing_of_another_edition_by_its_number(world, theirs) -> None:
    client = organiser_of(world)
    for page, thing in theirs.items():
        address = reverse(f"console:{page}", args=[world.challenge.slug, thing])
        found = {client.get(address).status_code, client.post(address, {"decision": "resumed"}).status_code}
        assert (page, found <= {404, 405}, 404 in found) == (page, True, True)
