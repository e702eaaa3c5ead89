"""Each page for each kind of person: what they get, and what strangers never see."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from cats4ml.challenges.models import Challenge, ChallengeStatus, PolicyVersion, Role
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.rules.answers import Answer
from cats4ml.submissions.actions.claims import keep_upload
from cats4ml.submissions.actions.settlement import show_as_examples
from cats4ml.submissions.models import Pair
from cats4ml.submissions.queries import ClaimRow
from tests.factories import START, World, make_user, make_world
from tests.web import signed_in

YES, NO = Answer.YES, Answer.NO
CONSOLE = (
    "console:overview",
    "console:pairs",
    "console:raters",
    "console:agreement",
    "console:agreement_answers",
    "console:verdict_rule",
    "console:controls",
    "console:controls_from_pairs",
    "console:guidance",
    "console:adjudicate",
    "console:disputes",
    "console:reports",
    "console:takedowns",
    "console:sensitive",
    "console:studies",
    "console:classifiers",
    "console:near_copies",
    "console:releases",
    "console:finders",
    "console:finders_csv",
    "console:patterns",
    "console:vouching",
    "console:pairs_csv",
    "console:edition",
    "console:edition_texts",
    "console:edition_labels",
    "console:edition_pool",
    "console:edition_classifiers",
    "console:edition_policy",
    "console:edition_dates",
    "console:edition_consent",
    "console:edition_organisers",
    "console:edition_preview",
    "console:announcements",
    "console:acts",
    "console:acts_csv",
)
PAGES = (
    "pages:challenge", "pages:data", "pages:data_checksums", "pages:explore", "submissions:queue",
    "leaderboard:board", "leaderboard:csv", "pages:releases", "pages:join", "pages:mine", "submissions:submit",
    "submissions:basket", "submissions:hints", "review:review", *CONSOLE,
)  # fmt: skip
PUBLIC = PAGES[:8]
FINDERS = ("pages:mine", "submissions:submit", "submissions:basket", "submissions:hints")


def codes(client: Client, slug: str) -> dict[str, int]:
    return {page: client.get(reverse(page, args=[slug])).status_code for page in PAGES}


def organiser(world: World):
    user = make_user()
    world.challenge.participations.create(user=user, role=Role.ORGANISER)
    return user


def lively(world: World) -> None:
    world.claim(world.finder(), (0, "cat"), (0, "dog"), (1, "cat"), (2, "owl"))
    world.score(0, {"cat": 0.1, "dog": 0.9})
    world.score(1, {"cat": 0.2})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    world.rate(world.pair(0, "dog"), *[NO] * 5)
    show_as_examples(pairs=Pair.objects.all())


@pytest.mark.parametrize("life", [False, True])
def test_each_page_answers_each_kind_of_person(world, life) -> None:
    if life:
        lively(world)
    slug = world.challenge.slug
    public = dict.fromkeys(PUBLIC, 200)
    closed = dict.fromkeys(PAGES[8:], 302)
    refused = dict.fromkeys(CONSOLE, 403)
    assert codes(Client(), slug) == {**public, **closed}
    finder = {**public, **closed, **refused, "pages:join": 200, **dict.fromkeys(FINDERS, 200)}
    assert codes(signed_in(world.finder().user), slug) == finder
    rater = {**public, **closed, **refused, "pages:join": 200, "review:review": 200}
    assert codes(signed_in(world.rater().user), slug) == rater
    console = {**public, **closed, "pages:join": 200, **dict.fromkeys(CONSOLE, 200)}
    assert codes(signed_in(organiser(world)), slug) == console
    assert codes(signed_in(make_user(is_superuser=True)), slug) == console


def test_a_draft_is_hidden_from_all_but_its_organisers(world) -> None:
    Challenge.objects.update(status=ChallengeStatus.DRAFT)
    slug = world.challenge.slug
    for client in (Client(), signed_in(make_user()), signed_in(world.finder().user)):
        found = codes(client, slug)
        assert set(found.values()) <= {302, 404}
        assert {found[page] for page in PUBLIC} == {404}
        assert client.get(f"/pictures/{world.images[0].uuid}/").status_code == 404
        assert slug not in client.get("/").content.decode()
    owner = signed_in(organiser(world))
    found = codes(owner, slug)
    assert {found[page] for page in (*PUBLIC, *CONSOLE)} == {200}
    assert owner.get(f"/pictures/{world.images[0].uuid}/").status_code == 200


def test_a_draft_without_rules_shows_its_organiser_the_console(db) -> None:
    draft = Challenge.objects.create(slug="bare", title="Bare", vocabulary="bare")
    user = make_user()
    draft.participations.create(user=user, role=Role.ORGANISER)
    client = signed_in(user)
    assert client.get("/challenges/bare/").url == "/challenges/bare/console/"
    assert client.get("/challenges/bare/console/").status_code == 200
    sent = {"role": "finder", "consent": "on", "consent_version": "1"}
    assert client.post("/challenges/bare/join/", sent).status_code == 422
    assert signed_in(make_user()).get("/challenges/bare/").status_code == 404


def test_home_is_the_one_edition_or_the_list(world) -> None:
    assert Client().get("/").url == f"/challenges/{world.challenge.slug}/"
    other = make_world()
    html = Client().get("/").content.decode()
    assert [edition.title in html for edition in (world.challenge, other.challenge)] == [True, True]


def test_the_site_says_whether_it_reaches_its_database(db) -> None:
    assert Client().get("/healthz/").json() == {"status": "ok"}


def test_the_challenge_page_states_the_rules_in_force(world) -> None:
    html = Client().get(f"/challenges/{world.challenge.slug}/").content.decode()
    facts = [
        "You start with 100 claims.",
        "Five raters look at each pair.",
        "6 pictures, 3 labels",
        "Join the challenge",
    ]
    assert [fact for fact in facts if fact not in html] == []
    assert PolicyVersion.objects.count() == 1


def test_the_examples_are_shown_only_as_a_whole_pair(world) -> None:
    assert "Two confident mistakes" not in Client().get(f"/challenges/{world.challenge.slug}/").content.decode()
    lively(world)
    html = Client().get(f"/challenges/{world.challenge.slug}/").content.decode()
    assert ("Two confident mistakes" in html, html.count('class="twin"')) == (True, 2)


def test_a_picture_is_public_with_its_edition_and_unknown_ones_are_not_found(world) -> None:
    reply = Client().get(f"/pictures/{world.images[0].uuid}/")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "image/png")
    assert Client().get("/pictures/00000000-0000-4000-8000-000000000000/").status_code == 404
    world.images[0].file.storage.delete(str(world.images[0].file))
    assert Client().get(f"/pictures/{world.images[0].uuid}/").status_code == 404


POSTED = (
    "submissions:submit_pair", "submissions:upload_file", "submissions:basket_put", "submissions:basket_save",
    "submissions:basket_clear", "submissions:basket_submit",
)  # fmt: skip


def test_what_changes_something_is_posted(world) -> None:
    finder = world.finder()
    [claim] = world.claim(finder, (0, "cat"))
    upload = keep_upload(
        participation=finder, filename="a.csv", rows=[ClaimRow(2, world.images[1].image_id, "cat")], at=START
    )
    slug = world.challenge.slug
    client = signed_in(finder.user)
    addresses = [reverse(name, args=[slug]) for name in POSTED]
    addresses += [
        reverse("submissions:upload_submit", args=[slug, upload.uuid]),
        reverse("submissions:upload_retract", args=[slug, upload.uuid]),
        reverse("submissions:retract", args=[slug, claim.submission.pk]),
    ]
    assert [client.get(address).status_code for address in addresses] == [405] * 9
    assert signed_in(organiser(world)).get(reverse("console:requeue", args=[slug])).status_code == 405
    readers = [reverse(page, args=[slug]) for page in (*PUBLIC, *FINDERS)]
    assert {client.post(address).status_code for address in readers} == {405}


def test_other_peoples_uploads_and_claims_are_not_found(world) -> None:
    owner, other = world.finder(), world.finder()
    [claim] = world.claim(owner, (0, "cat"))
    upload = keep_upload(
        participation=owner, filename="a.csv", rows=[ClaimRow(2, world.images[1].image_id, "zebra")], at=START
    )
    slug = world.challenge.slug
    shown = [reverse(f"submissions:{name}", args=[slug, upload.uuid]) for name in ("upload", "bad_rows")]
    changed = [
        reverse("submissions:upload_submit", args=[slug, upload.uuid]),
        reverse("submissions:upload_retract", args=[slug, upload.uuid]),
        reverse("submissions:retract", args=[slug, claim.submission.pk]),
    ]
    mine, theirs = signed_in(owner.user), signed_in(other.user)
    assert [mine.get(address).status_code for address in shown] == [200, 200]
    assert [theirs.get(address).status_code for address in shown] == [404, 404]
    assert [theirs.post(address).status_code for address in changed] == [404] * 3
    huge = reverse("submissions:retract", args=[slug, 10**30])
    assert [mine.post(address).status_code for address in (huge, *changed)] == [404, 302, 302, 302]


@pytest.mark.parametrize(
    "query",
    [
        "?after=x&id=%00&state=%00&label=%ff%00",
        "?before=-1&state=lost&outcome=%00&role=%00",
        f"?after={10**18}&image=%00&all=%00",
        f"?before={10**30}&reason=%00&kind=%00",
    ],
)
def test_no_address_makes_a_page_fail(world, query) -> None:
    lively(world)
    finder, console = signed_in(world.finder().user), signed_in(organiser(world))
    slug = world.challenge.slug
    for client in (finder, console):
        found = {client.get(reverse(page, args=[slug]) + query).status_code for page in PAGES}
        assert found <= {200, 302, 403}
    hold_leases(rater=world.rater(), at=world.clock)


def test_the_classifiers_of_a_published_release_are_everybodys(world) -> None:
    lively(world)
    release = world.release_rows()
    pages = [
        reverse(f"evaluations:{page}", args=[world.challenge.slug, release.version]) for page in ("board", "questions")
    ]
    people = (
        None,
        make_user(),
        world.finder().user,
        world.rater().user,
        organiser(world),
        make_user(is_superuser=True),
    )
    for user in people:
        client = Client() if user is None else signed_in(user)
        assert [client.get(page).status_code for page in pages] == [200, 200]
        assert client.get(f"{pages[0]}?x=%00").status_code == 200
