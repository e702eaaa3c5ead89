"""Making an edition, changing what it says, moving it on, and what is written down of all that."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import AnonymousUser, Permission

from cats4ml.accounts.models import User
from cats4ml.challenges.actions import join_challenge, propose_roster
from cats4ml.challenges.announcements import AnnouncementRefused, announce, live_announcements, take_down
from cats4ml.challenges.edition_labels import add_labels_by_name, move_label, names_in, search_labels, take_label_off
from cats4ml.challenges.edition_moves import MOVES, missing_to_open, move_edition
from cats4ml.challenges.edition_roster import choose_classifiers, choose_proposal, known_classifiers
from cats4ml.challenges.edition_settings import Dates, DatesRefused, set_consent, set_dates, set_texts
from cats4ml.challenges.editions import EditionRefused, create_edition, may_make_editions, set_status
from cats4ml.challenges.models import (
    ActKind,
    Announcement,
    Challenge,
    ChallengeStatus,
    OrganiserAct,
    Participation,
    PoolOrder,
    PoolOrderState,
    Role,
)
from cats4ml.challenges.organisers import OrganisersRefused, add_organiser, organised_by, remove_organiser
from cats4ml.challenges.pool_lists import Listed, add_listed_pictures, empty_pool, ids_in
from cats4ml.challenges.pool_orders import carry_out, order_draw, sweep
from cats4ml.challenges.pool_words import draws_in_words
from cats4ml.challenges.pools import PoolChoice, PoolRefused
from cats4ml.challenges.queries import target_labels
from cats4ml.console.cloning import clone_with_examples
from cats4ml.review.actions.examples import ExampleRow, explain_label
from cats4ml.rules.policy import Policy
from tests.concurrency import at_once
from tests.factories import START, World, make_user, make_world
from tests.open_images import BIRD, BUN, OTHER_BUN, OWL, image_id, make_draft, make_labels, make_pictures, say

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHOICE = PoolChoice(collection="openimages", labels=(BIRD,))


@pytest.fixture
def ada(db: None) -> User:
    return make_user("ada")


def acts(challenge: Challenge, kind: ActKind | None = None) -> list[str]:
    rows = OrganiserAct.objects.filter(challenge=challenge).order_by("pk")
    return [row.summary for row in (rows.filter(kind=kind) if kind else rows)]


def last_act(challenge: Challenge) -> tuple[str, str, str, User | None, dict[str, object]]:
    row = OrganiserAct.objects.filter(challenge=challenge).order_by("-pk")[0]
    return row.kind, row.summary, row.reason, row.by, row.details


def move(challenge: Challenge, name: str, *, reason: str = "because", by: User | None = None, at=START, **more) -> bool:
    return move_edition(challenge=challenge, move=MOVES[name], reason=reason, by=by, at=at, **more)


def ready(world: World) -> Challenge:
    """The world's edition as a draft that lacks nothing."""
    Challenge.objects.filter(pk=world.challenge.pk).update(status=ChallengeStatus.DRAFT)
    world.challenge.refresh_from_db()
    return world.challenge


def test_superusers_and_people_with_the_permission_make_editions(db) -> None:
    someone, site, guest = make_user(), make_user(is_superuser=True), make_user(is_superuser=True, is_guest=True)
    assert [may_make_editions(user) for user in (someone, site, guest, AnonymousUser())] == [False, True, False, False]
    someone.user_permissions.add(Permission.objects.get(codename="add_challenge"))
    assert may_make_editions(User.objects.get(pk=someone.pk))


def test_who_makes_an_edition_organises_it_and_it_is_written_down(ada) -> None:
    make = partial(create_edition, title="Birds", summary="", vocabulary="v", policy=Policy(), by=ada, at=START)
    made = make(slug="birds")
    parts = Participation.objects.filter(challenge=made).values_list("user", "role")
    assert (made.status, list(parts), list(organised_by(ada))) == ("draft", [(ada.pk, Role.ORGANISER)], [made])
    kind, summary, _, by, details = last_act(made)
    assert (kind, summary, by) == (ActKind.CREATED, "Made the challenge “Birds”", ada)
    assert details["made"]["slug"] == "birds"  # type: ignore[index]
    with pytest.raises(EditionRefused, match="is an address of this site"):
        make(slug="New")
    with pytest.raises(EditionRefused, match="raters don’t know what to look for"):
        make(slug="owls", question="Is this an owl?")


def test_texts_keep_what_they_were_and_the_same_again_is_nothing(world, ada) -> None:
    edit = partial(set_texts, challenge=world.challenge, summary="About cats", by=ada, at=START)
    asked = "Is there a {label} in this picture?"
    assert [edit(title="Cats", question=asked), edit(title="Cats", question=asked)] == [True, False]
    assert last_act(world.challenge) == (
        ActKind.EDITED,
        "Changed title and summary",
        "",
        ada,
        {
            "title": {"before": world.challenge.slug.replace("edition-", "Edition "), "after": "Cats"},
            "summary": {"before": "", "after": "About cats"},
        },
    )
    for title, question, says in (("", asked, "title"), ("x" * 121, asked, "121"), ("Cats", "What is it?", "{label}")):
        with pytest.raises(EditionRefused, match=says):
            edit(title=title, question=question)
    assert len(acts(world.challenge, ActKind.EDITED)) == 2  # the roster of the world's making is the first


def test_a_consent_text_that_somebody_agreed_to_becomes_a_new_version(world, ada) -> None:
    edit = partial(set_consent, challenge=world.challenge, by=ada, at=START)
    assert (edit(text="One"), world.challenge.consent_version) == (True, 1)
    finder = world.finder()
    assert (edit(text="One"), world.challenge.consent_version) == (False, 1)
    assert (edit(text="Two"), world.challenge.consent_version) == (True, 2)
    assert last_act(world.challenge)[4] == {
        "consent_text": {"before": "One", "after": "Two"},
        "consent_version": {"before": 1, "after": 2},
    }
    finder.refresh_from_db()
    assert (finder.consent_version, edit(text="Three"), world.challenge.consent_version) == (1, True, 2)
    with pytest.raises(EditionRefused, match="empty"):
        edit(text="  ")
    move(world.challenge, "close")
    move(world.challenge, "finish", typed_slug=world.challenge.slug)
    with pytest.raises(EditionRefused, match="nobody joins"):
        edit(text="Four")


def test_dates_of_an_open_edition_move_with_a_reason_and_never_into_the_past(world, ada) -> None:
    def dates(reason: str = "rain", at=START, **given) -> bool:
        kept = {**vars(Dates.of(Challenge.objects.get(pk=world.challenge.pk))), **given}
        return set_dates(challenge=world.challenge, dates=Dates(**kept), reason=reason, by=ada, at=at)

    def refused(**given) -> list[str]:
        with pytest.raises(DatesRefused) as refusal:
            dates(**given)
        return sorted(refusal.value.problems)

    assert dates(closes_at=START + DAY, ratings_close_at=START + 2 * DAY)
    assert refused(closes_at=START + 3 * DAY) == ["closes_at"]  # after the last answers
    assert refused(closes_at=START - HOUR) == ["closes_at"]
    # West of Greenwich this is the year 10000, which no page could read again.
    last_minute = datetime(9999, 12, 31, 23, 59, tzinfo=ZoneInfo("America/New_York"))
    assert refused(closes_at=last_minute, ratings_close_at=None) == ["closes_at"]
    assert refused(opens_at=START + HOUR) == ["opens_at"]  # it has opened
    assert refused(reason=" ", closes_at=START + HOUR) == ["reason"]
    assert dates(closes_at=START + DAY) is False
    # A day after it closed it is taken up again; what has passed and stays is no trouble.
    later = START + 1.5 * DAY
    assert dates(at=later, closes_at=later + HOUR, ratings_close_at=later + DAY)
    assert dates(at=later + 2 * HOUR, ratings_close_at=later + 2 * DAY)
    assert last_act(world.challenge)[:3] == (ActKind.DATES, "Changed dates: the last answers", "rain")
    assert len(acts(world.challenge, ActKind.DATES)) == 3


def test_an_edition_opens_once_nothing_is_missing(ada) -> None:
    draft = create_edition(slug="bare", title="Bare", summary="", vocabulary="openimages", policy=Policy(), by=ada)
    assert [one.step for one in missing_to_open(draft, START)] == ["labels", "pool", "classifiers", "consent"]
    with pytest.raises(EditionRefused, match=r"target label.*pictures.*classifiers.*agree to"):
        move(draft, "open")
    challenge = ready(make_world())
    Challenge.objects.filter(pk=challenge.pk).update(closes_at=START - HOUR)
    with pytest.raises(EditionRefused, match="closing date has passed"):
        move(challenge, "open")
    Challenge.objects.filter(pk=challenge.pk).update(closes_at=START + DAY, opens_at=START + HOUR)
    assert [move(challenge, "open", by=ada), move(challenge, "open", by=ada)] == [True, False]
    assert last_act(challenge)[:4] == (ActKind.STATUS, "Moved it from “draft” to “open”", "because", ada)
    opened = Challenge.objects.get(pk=challenge.pk)
    assert [opened.takes_claims(START + wait) for wait in (0 * HOUR, HOUR, DAY)] == [False, True, False]


def test_the_moves_of_an_edition_with_their_reasons(world, ada) -> None:
    challenge = world.challenge
    with pytest.raises(EditionRefused, match="say why"):
        move(challenge, "pause", reason=" ")
    with pytest.raises(EditionRefused, match=r"“open” now.*“pause” or “close to claims”"):
        move(challenge, "finish")
    assert move(challenge, "resume") is False  # it is open already
    assert [move(challenge, "pause"), move(challenge, "pause"), move(challenge, "resume")] == [True, False, True]
    assert (move(challenge, "close", by=ada), challenge.closes_at) == (True, START)
    with pytest.raises(EditionRefused, match=r"closing date has passed.*move it later"):
        move(challenge, "reopen")
    set_dates(challenge=challenge, dates=Dates(closes_at=START + DAY), reason="more", by=ada, at=START)
    assert [move(challenge, "reopen"), move(challenge, "close"), challenge.status] == [True, True, "closed"]
    with pytest.raises(EditionRefused, match=f"type {challenge.slug}"):
        move(challenge, "finish", typed_slug="other")
    assert move(challenge, "finish", typed_slug=challenge.slug)
    with pytest.raises(EditionRefused, match="is final"):
        set_status(challenge=challenge, status=ChallengeStatus.OPEN)
    with pytest.raises(DatesRefused, match="final"):
        set_dates(challenge=challenge, dates=Dates(), reason="x", by=ada, at=START)
    words = [one.removeprefix("Moved it from ") for one in acts(challenge, ActKind.STATUS)]
    assert words == [
        "“open” to “paused”",
        "“paused” to “open”",
        "“open” to “closed to claims”",
        "“closed to claims” to “open”",
        "“open” to “closed to claims”",
        "“closed to claims” to “final”",
    ]


def test_labels_that_nobody_knows_are_opened_only_if_that_is_meant(world) -> None:
    Challenge.objects.filter(pk=world.challenge.pk).update(roster=None)
    roster = choose_classifiers(challenge=ready(world), classifiers=world.classifiers[:1], by=None, at=START)
    assert (roster.version, [one.known for one in known_classifiers(world.challenge)]) == (2, [3, 3])
    type(world.classifiers[0]).objects.filter(pk=world.classifiers[0].pk).update(outputs=["cat", "dog"])
    challenge = Challenge.objects.get(pk=world.challenge.pk)
    with pytest.raises(EditionRefused, match=r"1 of the target labels.*: Owl"):
        move(challenge, "open")
    assert move(challenge, "open", despite_unknown_labels=True)
    with pytest.raises(PoolRefused, match="has left the draft"):
        choose_classifiers(challenge=challenge, classifiers=world.classifiers, by=None, at=START)


def test_labels_are_found_added_ordered_and_taken_off_while_it_is_a_draft(ada) -> None:
    make_labels()
    draft = make_draft()
    add = partial(add_labels_by_name, challenge=draft, by=ada, at=START)
    with pytest.raises(PoolRefused, match=f"several labels have the name 'bun'.*{BUN}, {OTHER_BUN}"):
        add(wanted=names_in("Bird\nbun"))
    with pytest.raises(PoolRefused, match="has the id or name 'unicorn'"):
        add(wanted=["Bird", "unicorn"])
    with pytest.raises(PoolRefused, match="no label is named"):
        add(wanted=names_in(" ;\n"))
    assert target_labels(draft).count() == 0
    assert [len(add(wanted=names_in(text))) for text in (f"bird; {BUN}", "Bird", f"{OWL}\t{BIRD}")] == [2, 0, 1]
    assert [one.key for one in search_labels(challenge=draft, text="bu")] == [OTHER_BUN]
    assert [one.key for one in search_labels(challenge=draft, text=OTHER_BUN)] == [OTHER_BUN]
    moved = [move_label(challenge=draft, key=key, up=up, by=ada, at=START) for key, up in ((OWL, True), (BIRD, True))]
    assert (moved, [one.label.key for one in target_labels(draft)]) == ([True, False], [BIRD, OWL, BUN])
    gone = [take_label_off(challenge=draft, key=BUN, by=ada, at=START) for _ in range(2)]
    assert (gone, [one.label.key for one in target_labels(draft)]) == ([True, False], [BIRD, OWL])
    assert acts(draft)[1:] == [
        "Added the labels Bird, Bun",
        "Added the label Owl",
        "Moved the label Owl up",
        "Took the label Bun off the target labels",
    ]
    set_status(challenge=draft, status=ChallengeStatus.OPEN)
    for act in (partial(add, wanted=[BUN]), partial(take_label_off, challenge=draft, key=OWL, by=ada, at=START)):
        with pytest.raises(PoolRefused, match="has left the draft"):
            act()


def test_pictures_come_in_by_their_ids_all_or_none(ada) -> None:
    draft = make_draft()
    make_pictures([1, 2, 3])
    add = partial(add_listed_pictures, challenge=draft, collection="openimages", by=ada, at=START)
    text = f"ImageID,Author\n{image_id(1)},x\n{image_id(2)},\n{image_id(1)},y\n"
    assert ids_in(text) == [image_id(1), image_id(2)]
    assert ids_in("\ufeffa, b;c\n a") == ["a", "b", "c"]
    with pytest.raises(PoolRefused, match=r"1 of 2 ids are no pictures of the collection openimages.*: nowhere"):
        add(ids=[image_id(1), "nowhere"])
    with pytest.raises(PoolRefused, match="no id is given"):
        add(ids=[])
    assert draft.pool.count() == 0
    assert add(ids=ids_in(text)) == Listed(2, 2)
    assert add(ids=[*ids_in(text), "nowhere"], skip_unknown=True) == Listed(3, 0, ("nowhere",))
    assert draws_in_words(draft) == ["2 pictures of a list of 2 ids that an organiser gave"]
    assert [empty_pool(challenge=draft, by=ada, at=START) for _ in range(2)] == [2, 0]
    assert (draft.pool.count(), draws_in_words(draft)) == (0, [])
    assert acts(draft)[1:] == ["Added 2 pictures to the pool by their ids", "Emptied the pool of 2 pictures"]


def test_a_draw_of_a_large_catalogue_is_made_by_a_worker_and_again_where_one_died(ada, settings) -> None:
    labels, pictures, draft = make_labels(), make_pictures([1, 2, 3]), make_draft()
    for number in (1, 2):
        say(pictures[number], labels[BIRD])
    order = partial(order_draw, challenge=draft, choice=CHOICE, seed="s", by=ada, at=START)
    counted = order(dry_run=True)
    assert (counted.state, counted.result["chosen"], draft.pool.count()) == ("done", 2, 0)
    settings.DATA_AT_ONCE_PICTURES = 2
    waiting = order(dry_run=False)
    assert (waiting.state, draft.pool.count()) == (PoolOrderState.WAITING, 0)
    with pytest.raises(PoolRefused, match="on its way"):
        order(dry_run=False)
    # A worker died in the middle of the draw, and the sweep rings again.
    PoolOrder.objects.update(state=PoolOrderState.DRAWING)
    assert [sweep(at=START), sweep(at=START + HOUR)] == [0, 1]
    carry_out(order=waiting.pk, at=START + HOUR)
    carry_out(order=waiting.pk, at=START + HOUR)
    done = PoolOrder.objects.get()
    assert (done.state, done.result["added"], done.done, done.total, draft.pool.count()) == ("done", 2, 2, 2, 2)
    assert (sweep(at=START + DAY), acts(draft)[1:]) == (0, ["Drew 2 pictures into the pool"])
    refused = order(dry_run=False)
    set_status(challenge=draft, status=ChallengeStatus.OPEN)
    carry_out(order=refused.pk, at=START + HOUR)
    failed = PoolOrder.objects.get()
    assert (failed.state, "has left the draft" in failed.error) == (PoolOrderState.FAILED, True)


def test_the_last_organiser_stays_and_raters_cannot_become_one(world, ada) -> None:
    challenge, bob, rater = world.challenge, make_user("bob"), world.rater()
    add, at = partial(add_organiser, challenge=challenge, by=None, at=START), START
    remove = partial(remove_organiser, challenge=challenge, by=ada, at=at)
    assert [add(username=name).user for name in ("ada", " ada ", "bob")] == [ada, ada, bob]
    for name, says in (
        ("nobody", "no user 'nobody'"),
        ("\0", "no user"),
        (rater.user.username, "Raters see no scores"),
    ):
        with pytest.raises(OrganisersRefused, match=says):
            add(username=name)
    assert [remove(user_id=bob.pk), remove(user_id=bob.pk)] == [True, False]
    with pytest.raises(OrganisersRefused, match="ada is the last organiser"):
        remove(user_id=ada.pk)
    assert acts(challenge)[1:] == ["Made ada an organiser", "Made bob an organiser", "bob organises it no longer"]


@pytest.mark.django_db(transaction=True)
def test_two_organisers_who_remove_each_other_at_once_leave_one() -> None:
    challenge = make_world().challenge
    people = [make_user(), make_user()]
    for one in people:
        join_challenge(challenge=challenge, user=one, role=Role.ORGANISER, consent_version=None, at=START)
    at_once([partial(remove_organiser, challenge=challenge, user_id=one.pk, by=None, at=START) for one in people])
    assert Participation.objects.filter(challenge=challenge, role=Role.ORGANISER).count() == 1


def test_announcements_are_shown_once_newest_first_until_they_are_taken_down(world, ada) -> None:
    say_ = partial(announce, challenge=world.challenge, by=ada, at=START)
    first, again, second = (
        say_(title="One", text="a\r\nb"),
        say_(title=" One", text="a\nb "),
        say_(title="Two", text="c"),
    )
    assert (first, list(live_announcements(world.challenge))) == (again, [second, first])
    down = partial(take_down, challenge=world.challenge, by=ada, at=START)
    assert [down(pk=first.pk), down(pk=first.pk)] == [True, False]
    with pytest.raises(Announcement.DoesNotExist):
        down(pk=10**15)
    assert list(live_announcements(world.challenge)) == [second]
    for title, text in (("", "x"), ("x" * 121, "x"), ("x", "x" * 5_001), ("x", "\0")):
        with pytest.raises(AnnouncementRefused):
            say_(title=title, text=text)
    assert acts(world.challenge, ActKind.ANNOUNCED) == [
        "Announced “One”",
        "Announced “Two”",
        "Took the announcement “One” down",
    ]


def test_a_clone_has_labels_texts_policy_and_a_proposal_and_nothing_of_people_dates_or_secrets(world, ada) -> None:
    source = world.challenge
    Challenge.objects.filter(pk=source.pk).update(closes_at=START + DAY, summary="About", question="A {label}?")
    source.refresh_from_db()
    target = source.target_labels.get(label__key="owl")
    rows = [ExampleRow(world.images[0].image_id, fits=True, caption="an owl")]
    explain_label(target=target, question="An owl?", guidance="Any owl", rows=rows, at=START)
    world.claim(world.finder(), (0, "cat"))
    clone = partial(clone_with_examples, source=source, by=ada, at=START)
    bare, full = clone(slug="bare", title="Bare", with_pool=False), clone(slug="full", title="Full", with_pool=True)
    for made, pictures, examples in ((bare, 0, 0), (full, 6, 1)):
        said = [(one.label.key, one.question, one.guidance) for one in target_labels(made)]
        assert said == [("cat", "", ""), ("dog", "", ""), ("owl", "An owl?", "Any owl")]
        assert (made.status, made.summary, made.question, made.consent_text) == (
            "draft", "About", "A {label}?", "Your finds are published.",
        )  # fmt: skip
        assert (made.rules, made.policy.version, made.roster_id, made.closes_at) == (source.rules, 1, None, None)
        assert made.split_seed != source.split_seed
        assert list(made.participations.values_list("user", "role")) == [(ada.pk, Role.ORGANISER)]
        shown = made.target_labels.get(label__key="owl").examples.values_list("caption", flat=True)
        assert (made.pool.count(), len(shown)) == (pictures, examples)
        proposal = made.rosters.get()
        assert [one.classifier for one in proposal.members.order_by("position")] == world.classifiers
    assert propose_roster(challenge=full, members=world.classifiers) == proposal
    assert choose_proposal(challenge=full, roster=proposal, by=ada, at=START) == proposal
    full.refresh_from_db()
    assert (full.roster, missing_to_open(full, START)) == (proposal, [])
    assert acts(full)[-1] == "Put version 1 of the roster in force"
