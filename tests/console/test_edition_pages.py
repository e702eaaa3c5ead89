"""An edition made, opened, announced and closed in the browser, by somebody who knows nothing but the pages."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cats4ml.accounts.models import User
from cats4ml.challenges.actions import add_target_labels, set_baseline
from cats4ml.challenges.announcements import announce
from cats4ml.challenges.edition_settings import Dates, set_dates
from cats4ml.challenges.models import (
    ActKind,
    Challenge,
    ChallengeStatus,
    OrganiserAct,
    PoolOrder,
    Role,
    TargetLabel,
)
from cats4ml.challenges.pool_orders import carry_out
from cats4ml.rules.answers import Answer
from tests.factories import START, World, make_user, make_world
from tests.web import HTMX, queries_of, signed_in

DAY = timedelta(days=1)
ZONE = {"zone": "America/New_York"}


@pytest.fixture
def maker(db: None) -> User:
    user = make_user("maker")
    user.user_permissions.add(Permission.objects.get(codename="add_challenge"))
    return user


def organiser(world: World) -> User:
    user = make_user()
    world.challenge.participations.create(user=user, role=Role.ORGANISER)
    return user


def page(client: Client, name: str, slug: str, *more: object) -> str:
    return client.get(reverse(f"console:{name}", args=[slug, *more])).content.decode()


def post(client: Client, name: str, slug: str, data: dict[str, object], *more: object) -> tuple[int, str]:
    """The status and the text of a post; where it leads elsewhere, the text of that page."""
    reply = client.post(reverse(f"console:{name}", args=[slug, *more]), data)
    text = client.get(reply.url).content.decode() if reply.status_code == 302 else reply.content.decode()
    return reply.status_code, text


def test_only_who_may_make_challenges_finds_the_way_and_others_read_whom_to_ask(world, maker) -> None:
    stranger = signed_in(make_user())
    refused = stranger.get("/challenges/new/")
    assert (refused.status_code, "Ask those who run this site" in refused.content.decode()) == (403, True)
    assert stranger.get("/").status_code == 302
    assert Client().get("/challenges/new/").status_code == 302
    for user in (maker, make_user(is_superuser=True)):
        client = signed_in(user)
        assert "New challenge" in client.get("/").content.decode()
        assert client.get("/challenges/new/").status_code == 200


def test_a_challenge_is_made_filled_and_opened_in_the_browser_and_a_participant_claims(maker) -> None:
    world = make_world()
    vocabulary = world.challenge.vocabulary
    client = signed_in(maker)
    sent = {"title": "Owls, 2027", "slug": "", "vocabulary": vocabulary, "summary": "", "question": "A {label}?"}
    bad = client.post("/challenges/new/", sent | {"slug": world.challenge.slug})
    assert (bad.status_code, "choose another slug" in bad.content.decode()) == (422, True)
    assert client.post("/challenges/new/", sent).url == "/challenges/owls-2027/console/edition/"
    slug = "owls-2027"
    assert "4 steps need you before it opens" in page(client, "edition", slug)
    assert "Put pictures into the pool." in page(client, "edition_move", slug, "open")
    status, text = post(client, "edition_labels", slug, {"names": "owl\nwhale"})
    assert (status, "has the id or name &#x27;whale&#x27;" in text) == (422, True)
    status, text = post(client, "edition_labels", slug, {"names": "Owl\ncat"})
    assert (status, "2 target labels" in text) == (302, True)
    ids = SimpleUploadedFile("ids.csv", b"image_id\n" + "\n".join(one.image_id for one in world.images).encode())
    listed = {"do": "ids", "collection": vocabulary, "ids": "", "file": ids}
    assert "6 pictures in the pool" in post(client, "edition_pool", slug, listed)[1]
    chosen = {"classifier": [one.pk for one in world.classifiers]}
    assert "They know every label" in post(client, "edition_classifiers", slug, chosen)[1]
    status, text = post(client, "edition_consent", slug, {"text": "I <b>agree</b>.", "preview": "1"})
    assert (status, "<p>I &lt;b&gt;agree&lt;/b&gt;.</p>" in text) == (200, True)
    assert "Ready to open" in post(client, "edition_consent", slug, {"text": "I agree."})[1]
    preview = page(client, "edition_preview", slug)
    assert ("once it is open" in preview, "Join the challenge" in preview) == (True, True)
    assert Client().get(f"/challenges/{slug}/").status_code == 404
    assert "Open: claims are taken" in post(client, "edition_move", slug, {"sure": "1"}, "open")[1]
    mia = signed_in(make_user())
    joined = {"role": "finder", "consent": "on", "consent_version": "1"}
    assert mia.post(f"/challenges/{slug}/join/", joined).status_code == 302
    claim = {"image_id": world.images[0].image_id, "label_id": "owl", "rationale": "It hides"}
    assert mia.post(f"/challenges/{slug}/submit/pair/", claim).status_code in (200, 302)
    opened = Challenge.objects.get(slug=slug)
    assert (opened.status, opened.pairs.count(), opened.question) == (ChallengeStatus.OPEN, 1, "A {label}?")


def test_a_draw_that_takes_long_shows_how_far_it_is_and_then_what_came_of_it(
    world, settings, django_capture_on_commit_callbacks
) -> None:
    Challenge.objects.filter(pk=world.challenge.pk).update(status=ChallengeStatus.DRAFT)
    world.challenge.pool.all().delete()
    client, slug = signed_in(organiser(world)), world.challenge.slug
    sent = {"do": "draw", "labels": ["cat"], "annotations": ["none"], "collection": slug, "seed": "s", "size": "4"}
    status, text = post(client, "edition_pool", slug, sent | {"labels": ["whale"]})
    assert (status, "can’t be chosen" in text) == (422, True)
    settings.DATA_AT_ONCE_PICTURES = 3
    status, text = post(client, "edition_pool", slug, sent)
    assert (status, "A worker is at it." in text, 'hx-trigger="every 2s, click"' in text) == (302, True, True)
    assert "is on its way" in post(client, "edition_pool", slug, sent)[1]
    carry_out(order=PoolOrder.objects.get().pk, at=START)
    part = client.get(reverse("console:edition_pool", args=[slug]), headers=HTMX).content.decode()
    assert ("4 pictures drawn" in part, "6 fit, 4 are the draw" in part, "hx-trigger" in part) == (True, True, False)
    assert "<html" not in part
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("console:edition_pool_empty", args=[slug]))
    text = page(client, "edition_pool", slug)
    assert ("No pictures yet" in text, "4 pictures drawn" in text, PoolOrder.objects.count()) == (True, False, 0)


def test_dates_are_written_in_the_organisers_own_zone(world) -> None:
    client, slug = signed_in(organiser(world)), world.challenge.slug
    client.cookies["zone"] = "Europe%2FBerlin"
    assert "Dates in Europe/Berlin" in page(client, "edition_dates", slug)
    year = timezone.now().year + 1
    sent = {"closes_at": f"{year}-01-31T18:00", "reason": "a holiday", **ZONE}
    assert post(client, "edition_dates", slug, sent)[0] == 302
    world.challenge.refresh_from_db()
    assert world.challenge.closes_at == datetime(year, 1, 31, 23, 0, tzinfo=UTC)
    assert f'value="{year}-02-01T00:00"' in page(client, "edition_dates", slug)
    status, text = post(client, "edition_dates", slug, {"closes_at": "2020-01-31T18:00", "reason": "x", **ZONE})
    assert (status, "This moment has passed." in text) == (422, True)
    status, text = post(client, "edition_dates", slug, {"closes_at": "soon", "zone": "Mars/Olympus"})
    assert (status, "Write a date and a time" in text, "Dates in Europe/Berlin" in text) == (422, True, False)


def test_each_move_says_what_it_means_before_it_is_made_and_why_it_is_refused(world) -> None:
    client, slug = signed_in(organiser(world)), world.challenge.slug
    world.claim(world.finder(), (0, "cat"))
    assert "Nobody can claim or rate until you resume it." in page(client, "edition_move", slug, "pause")
    status, text = post(client, "edition_move", slug, {"sure": "1", "reason": ""}, "pause")
    assert (status, "Say why: the reason is kept" in text) == (422, True)
    assert "This makes no sense" in page(client, "edition_move", slug, "finish")
    assert post(client, "edition_move", slug, {"reason": "done"}, "close")[0] == 302
    assert "1 pair would stay unsettled" in page(client, "edition_move", slug, "finish")
    status, text = post(client, "edition_move", slug, {"reason": "done", "typed_slug": "x"}, "finish")
    assert (status, f"Type {slug} to confirm" in text) == (422, True)
    assert "Final" in post(client, "edition_move", slug, {"reason": "done", "typed_slug": slug}, "finish")[1]
    again = {"reason": "done", "typed_slug": slug}
    assert "already" in post(client, "edition_move", slug, again, "finish")[1]
    assert client.get(reverse("console:edition_move", args=[slug, "vanish"])).status_code == 404


def test_announcements_are_plain_text_with_safe_links_for_everybody(world) -> None:
    client, slug = signed_in(organiser(world)), world.challenge.slug
    text = "Read https://example.org/a?b=1&c=2\n\njavascript:alert(1) <img src=x onerror=alert(1)>"
    assert post(client, "announcements", slug, {"title": "<i>Hear</i>", "text": text})[0] == 302
    announce(challenge=world.challenge, title="Later", text="Two", by=None, at=START + DAY)
    html = Client().get(f"/challenges/{slug}/").content.decode()
    assert "&lt;i&gt;Hear&lt;/i&gt;" in html
    assert '<a href="https://example.org/a?b=1&amp;c=2" rel="nofollow">' in html
    assert ("<img src=x" in html, 'href="javascript' in html, html.index("Later") < html.index("Hear")) == (
        False, False, True,
    )  # fmt: skip
    make_world()
    assert "2 announcements" in Client().get("/").content.decode()
    rows = Client().get(f"/api/v1/challenges/{slug}/announcements/").json()["results"]
    assert [(row["title"], row["text"], row["by"] is None) for row in rows] == [
        ("Later", "Two", True),
        ("<i>Hear</i>", text, False),
    ]
    assert post(client, "announcement_down", slug, {}, rows[0]["id"])[0] == 302
    assert [row["title"] for row in Client().get(f"/api/v1/challenges/{slug}/announcements/").json()["results"]] == [
        "<i>Hear</i>"
    ]


def test_the_log_is_filtered_and_downloaded_with_its_formulas_harmless(world) -> None:
    client, slug = signed_in(organiser(world)), world.challenge.slug
    post(client, "edition_move", slug, {"reason": "=HYPERLINK(1)"}, "pause")
    post(client, "edition_texts", slug, {"title": "Cats", "summary": "", "question": "A {label}?"})
    html = client.get(f"/challenges/{slug}/console/acts/?kind=status").content.decode()
    assert ("Moved it from" in html, "Changed title" in html, "“=HYPERLINK(1)”" in html) == (True, False, True)
    lines = client.get(f"/challenges/{slug}/console/acts.csv").getvalue().decode()
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert [(row["kind"], row["reason"]) for row in rows if row["kind"] == "status"] == [("status", "'=HYPERLINK(1)")]
    assert [row["summary"] for row in rows][-1] == "Changed title and question"
    assert len(rows) == OrganiserAct.objects.filter(challenge=world.challenge).count()


def test_the_log_says_what_was_announced_and_writes_moments_and_yes_as_a_page_does(world) -> None:
    client, finder = signed_in(organiser(world)), world.finder()
    post(client, "announcements", world.challenge.slug, {"title": "Later", "text": "It <b>rains</b>."})
    set_baseline(participation=finder, is_baseline=True, reason="Ours", by=None, at=world.clock)
    closes = world.clock + timedelta(days=9)
    set_dates(challenge=world.challenge, dates=Dates(closes_at=closes), reason="Rain", by=None, at=world.clock)
    html = client.get(f"/challenges/{world.challenge.slug}/console/acts/").content.decode()
    assert ("It &lt;b&gt;rains&lt;/b&gt;." in html, "<dt>Claims close</dt>" in html) == (True, True)
    assert f'<time datetime="{closes:%Y-%m-%dT%H:%M:%SZ}"' in html
    assert '<span class="second">before:</span> no</dd><dd><span class="second">now:</span> yes</dd>' in html
    assert f'/console/finders/{finder.pk}/">' in html


def test_the_policy_is_read_over_the_answers_of_a_challenge_that_one_organises(world) -> None:
    user, other = organiser(world), make_world()
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), *[Answer.YES] * 5)
    slug = other.challenge.slug
    other.challenge.participations.create(user=user, role=Role.ORGANISER)
    mine = page(signed_in(user), "edition_policy", slug)
    assert (f"On the answers of {world.challenge.title}" in mine, "In force here" in mine) == (True, True)
    stranger = signed_in(organiser(other))
    assert "You organise no other challenge in which answers were given" in page(stranger, "edition_policy", slug)


def test_organisers_are_added_and_removed_by_user_name(world) -> None:
    user, bob = organiser(world), make_user("bob")
    client, slug = signed_in(user), world.challenge.slug
    status, text = post(client, "edition_organisers", slug, {"username": "nobody"})
    assert (status, "There is no user" in text) == (422, True)
    assert "2 organisers" in post(client, "edition_organisers", slug, {"username": "bob"})[1]
    assert client.post(reverse("console:edition_organiser_remove", args=[slug, user.pk])).url == "/"
    theirs = signed_in(bob)
    assert "is the last organiser" in post(theirs, "edition_organiser_remove", slug, {}, bob.pk)[1]


def test_the_pages_cost_as_many_queries_with_three_rows_as_with_one(world) -> None:
    Challenge.objects.filter(pk=world.challenge.pk).update(status=ChallengeStatus.DRAFT)
    user = organiser(world)
    client, slug = signed_in(user), world.challenge.slug
    labels = [one.label for one in TargetLabel.objects.filter(challenge=world.challenge).select_related("label")]
    TargetLabel.objects.filter(challenge=world.challenge, label__in=labels[1:]).delete()
    announce(challenge=world.challenge, title="0", text="x", by=user, at=START)
    names = (
        "edition",
        "edition_labels",
        "edition_pool",
        "edition_classifiers",
        "edition_organisers",
        "announcements",
        "acts",
    )
    addresses = [reverse(f"console:{name}", args=[slug]) for name in names] + [f"/challenges/{slug}/", "/"]
    one = {address: queries_of(client, address) for address in addresses}
    add_target_labels(challenge=world.challenge, labels=labels)
    for number in (1, 2):
        announce(challenge=world.challenge, title=str(number), text="x", by=make_user(), at=START)
        organiser(world)
    assert OrganiserAct.objects.filter(challenge=world.challenge, kind=ActKind.ANNOUNCED).count() == 3
    assert {address: queries_of(client, address) for address in addresses} == one
