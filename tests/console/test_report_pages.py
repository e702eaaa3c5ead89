"""What raters report about pictures, as an organiser who is not staff sees it and deals with it."""

from __future__ import annotations

import pytest
from django.test import Client

from cats4ml.review.models import PictureReport, ReportKind
from cats4ml.rules.answers import Answer
from tests.console.crowd import claim_pairs, make_controls, organiser_of
from tests.factories import World, make_world
from tests.web import queries_of, signed_in


def report(world: World, rater, *, pair=None, control=None, note: str = "") -> PictureReport:
    return PictureReport.objects.create(
        pair=pair, control=control, rater=rater, kind=ReportKind.BROKEN, note=note, created_at=world.pass_time(1)
    )


@pytest.fixture
def url(world: World) -> str:
    return f"/challenges/{world.challenge.slug}/console/reports/"


@pytest.fixture
def client(world: World) -> Client:
    return organiser_of(world)


def test_reports_of_pairs_and_of_control_questions_are_counted_and_shown(world, client, url) -> None:
    pair, control = claim_pairs(world, 1)[0], make_controls(world, Answer.YES, Answer.NO)[1]
    first, second = world.raters(2)
    report(world, first, pair=pair, note="all black <b>")
    report(world, second, control=control)
    overview = client.get(f"/challenges/{world.challenge.slug}/console/").content.decode()
    assert [text in overview for text in ("Reports of pictures", f'href="{url}"')] == [True, True]
    html = client.get(url).content.decode()
    facts = [
        "<h1>2 reports wait for you</h1>",
        "“all black &lt;b&gt;”",
        f"console/pairs/{pair.pk}/",
        f"Control question about {control.label.name}",
        f"console/controls/{control.pk}/retire/",
        first.public_name,
    ]
    assert [fact for fact in facts if fact not in html] == []


def test_a_picture_is_dealt_with_once_and_comes_back_when_it_is_opened_again(world, client, url) -> None:
    pair = claim_pairs(world, 1)[0]
    shown = [report(world, rater, pair=pair).pk for rater in world.raters(2)]
    later = report(world, world.rater(), pair=pair)
    sent = {"report": shown, "decision": "done"}
    told = client.post(f"{url}decide/", sent, follow=True).content.decode()
    assert [text in told for text in ("2 reports are dealt with.", "1 report waits for you")] == [True, True]
    again = client.post(f"{url}decide/", sent, follow=True).content.decode()
    assert "Nothing has changed" in again
    assert list(PictureReport.objects.filter(resolved_at=None)) == [later]
    assert "Dealt with (2)" in client.get(f"{url}?done=1").content.decode()
    back = client.post(f"{url}decide/", {"report": shown[0], "decision": "open"})
    assert (back.url, PictureReport.objects.filter(resolved_at=None).count()) == (f"{url}?done=1", 2)


def test_nobody_deals_with_reports_of_another_edition(world, client, url) -> None:
    other = make_world()
    theirs = report(other, other.rater(), pair=claim_pairs(other, 1)[0])
    for sent in ({"report": theirs.pk}, {"report": "9" * 30}, {"report": "x"}, {}):
        assert client.post(f"{url}decide/", sent).status_code == 302
    assert PictureReport.objects.get().resolved_at is None
    assert client.post(f"/challenges/{other.challenge.slug}/console/reports/decide/", {}).status_code == 403
    for stranger in (world.finder().user, world.rater().user):
        assert signed_in(stranger).post(f"{url}decide/", {"report": theirs.pk}).status_code == 403
    assert client.get(f"{url}decide/").status_code == 405


def test_more_reports_cost_no_more_queries(world, client, url) -> None:
    pairs, controls = claim_pairs(world, 4), make_controls(world, *[Answer.YES] * 4)
    report(world, world.rater(), pair=pairs[0])
    report(world, world.rater(), control=controls[0])
    few = queries_of(client, url)
    for pair, control in zip(pairs, controls, strict=True):
        report(world, world.rater(), pair=pair)
        report(world, world.rater(), control=control)
    assert queries_of(client, url) == few
