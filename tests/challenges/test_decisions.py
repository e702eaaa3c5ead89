"""An edition's decisions are versions that never change, and joining keeps people honest."""

from __future__ import annotations

import math
from functools import partial

import pytest
from django.db import DatabaseError, transaction

from cats4ml.accounts.models import TeamMembership
from cats4ml.challenges.actions import (
    JoinRefused,
    NewMember,
    add_target_labels,
    decide_policy,
    decide_roster,
    join_challenge,
    propose_roster,
)
from cats4ml.challenges.editions import EditionRefused, create_edition
from cats4ml.challenges.models import (
    Challenge,
    ChallengeStatus,
    Participation,
    PolicyVersion,
    Role,
    RosterDecision,
    RosterMember,
    RosterVersion,
)
from cats4ml.challenges.queries import (
    Mates,
    Viewer,
    mates_of,
    team_mates,
    team_mates_now,
    viewer_of,
    visible_challenges,
)
from cats4ml.rules.policy import Policy
from tests.concurrency import at_once
from tests.factories import START, make_team, make_user, make_world


def join(world, user, role=Role.FINDER, version=1, **more) -> Participation:
    return join_challenge(challenge=world.challenge, user=user, role=role, consent_version=version, at=START, **more)


def test_another_policy_is_a_new_version_and_the_same_one_is_none(world) -> None:
    first = world.challenge.policy
    assert decide_policy(challenge=world.challenge, policy=Policy()) == first
    second = decide_policy(challenge=world.challenge, policy=Policy(quorum=3))
    back = decide_policy(challenge=world.challenge, policy=Policy())
    assert [(one.version, one.value.quorum) for one in (first, second, back)] == [(1, 5), (2, 3), (3, 5)]
    assert Challenge.objects.get(pk=world.challenge.pk).policy == back


def test_another_roster_is_a_new_version_and_the_same_one_is_none(world) -> None:
    first = world.challenge.roster
    assert decide_roster(challenge=world.challenge, classifiers=world.classifiers) == first
    second = decide_roster(challenge=world.challenge, classifiers=world.classifiers[::-1])
    assert (first.version, second.version, world.challenge.roster) == (1, 2, second)
    members = second.members.order_by("position").values_list("classifier", flat=True)
    assert list(members) == [one.pk for one in world.classifiers[::-1]]


def test_a_roster_has_members_of_the_editions_vocabulary(world) -> None:
    with pytest.raises(ValueError, match="at least one"):
        decide_roster(challenge=world.challenge, classifiers=[])
    with pytest.raises(ValueError, match="can score none of its labels"):
        decide_roster(challenge=world.challenge, classifiers=make_world().classifiers)
    assert RosterVersion.objects.filter(challenge=world.challenge).count() == 1


def test_a_proposed_roster_is_not_in_force_and_the_same_one_is_no_new_version(world) -> None:
    one, two = world.classifiers
    before = world.challenge.roster
    versions = [
        propose_roster(challenge=world.challenge, members=members).version
        for members in ([one], [NewMember(one, 2.0), two], [one], [NewMember(one, 2.0), two], [one, two])
    ]
    assert versions == [2, 3, 2, 3, 1]
    assert Challenge.objects.get(pk=world.challenge.pk).roster == before
    assert [(one.roster.version, one.by) for one in RosterDecision.objects.filter(challenge=world.challenge)] == [
        (1, None)
    ]


def test_a_decision_says_which_roster_came_in_force_by_whom_and_why(world) -> None:
    boss, former = make_user(), world.challenge.roster
    for classifiers, reason in (([world.classifiers[0]], "Two is wrong."), (world.classifiers, "It was not.")):
        decide_roster(challenge=world.challenge, classifiers=classifiers, by=boss, reason=reason, at=START)
    decide_roster(challenge=world.challenge, classifiers=world.classifiers)
    decided = RosterDecision.objects.filter(challenge=world.challenge).order_by("pk")[1:]
    assert [(one.roster.version, one.by, one.reason, one.created_at) for one in decided] == [
        (2, boss, "Two is wrong.", START),
        (1, boss, "It was not.", START),
    ]
    assert Challenge.objects.get(pk=world.challenge.pk).roster == former


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"weight": 0.0}, "above zero"),
        ({"weight": math.nan}, "above zero"),
        ({"label_map": {"cat": [3]}}, "beyond its 3"),
        ({"label_map": {"cat": [-1]}}, "beyond its 3"),
    ],
)
def test_a_member_of_a_roster_has_a_weight_and_a_map_to_its_own_outputs(world, more, words) -> None:
    with pytest.raises(ValueError, match=words):
        propose_roster(challenge=world.challenge, members=[NewMember(world.classifiers[0], **more)])
    with pytest.raises(ValueError, match="twice"):
        propose_roster(challenge=world.challenge, members=[world.classifiers[0]] * 2)


def test_a_label_of_another_vocabulary_is_no_target(world) -> None:
    stranger = make_world().challenge.target_labels.first().label
    with pytest.raises(ValueError, match="not of the vocabulary"):
        add_target_labels(challenge=world.challenge, labels=[stranger])


@pytest.mark.parametrize(
    ("model", "change"),
    [(PolicyVersion, {"values": {}}), (RosterVersion, {"version": 9}), (RosterMember, {"position": 9})],
)
def test_the_database_refuses_to_change_what_was_decided(world, model, change) -> None:
    with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
        model.objects.update(**change)


def test_the_database_refuses_an_open_edition_without_rules_and_dates_the_wrong_way_round(db) -> None:
    edition = Challenge.objects.create(slug="bare", title="Bare", vocabulary="bare")
    for change in ({"status": ChallengeStatus.OPEN}, {"opens_at": START, "closes_at": START}):
        with pytest.raises(DatabaseError, match="challenge_open"), transaction.atomic():
            Challenge.objects.filter(pk=edition.pk).update(**change)


@pytest.mark.parametrize("slug", ["", "a b", "ä", "x" * 61, "a/b", "a\x00"])
def test_an_edition_needs_a_free_and_proper_slug(db, slug) -> None:
    make = partial(create_edition, title="T", summary="", vocabulary="v", policy=Policy())
    with pytest.raises(EditionRefused):
        make(slug=slug)
    assert (make(slug="fine").status, make(slug="fine-2").policy.version) == (ChallengeStatus.DRAFT, 1)
    with pytest.raises(EditionRefused, match="already"):
        make(slug="fine")


def test_joining_twice_is_joining_once(world) -> None:
    user = make_user()
    assert join(world, user) == join(world, user)
    assert Participation.objects.filter(user=user).count() == 1


def test_joining_keeps_which_text_was_agreed_to(world) -> None:
    with pytest.raises(JoinRefused, match="read and accept"):
        join(world, make_user(), version=0)
    with pytest.raises(JoinRefused, match="read and accept"):
        join(world, make_user(), version=None)
    one = join(world, make_user())
    assert (one.consent_version, one.consented_at) == (1, START)
    organiser = join(world, make_user(), role=Role.ORGANISER, version=None)
    assert (organiser.consent_version, organiser.consented_at) == (None, None)


@pytest.mark.parametrize(("first", "second"), [(Role.FINDER, Role.RATER), (Role.RATER, Role.FINDER)])
def test_one_person_finds_or_rates_unless_the_policy_says_otherwise(world, first, second) -> None:
    user = make_user()
    join(world, user, role=first)
    with pytest.raises(JoinRefused, match="nobody judges their own finds"):
        join(world, user, role=second)
    decide_policy(challenge=world.challenge, policy=Policy(roles_exclusive=False))
    assert join(world, user, role=second).role == second


@pytest.mark.django_db(transaction=True)
def test_joining_in_both_roles_at_once_gives_one() -> None:
    world = make_world()
    user = make_user()
    answers = at_once([partial(join, world, user, role) for role in (Role.FINDER, Role.RATER) * 3])
    assert Participation.objects.filter(user=user).count() == 1
    assert {type(one) for one in answers} == {Participation, JoinRefused}


def test_nobody_joins_for_a_team_that_is_not_theirs(world) -> None:
    user, team = make_user(), make_team(make_user(), name="The Owls")
    with pytest.raises(JoinRefused, match="not a member of The Owls"):
        join(world, user, team=team)
    own = make_team(user, name="The Cats")
    assert join(world, user, team=own).public_name == "The Cats"


def test_nobody_joins_what_is_final_or_has_no_rules(world) -> None:
    world.challenge.status = ChallengeStatus.FINAL
    with pytest.raises(JoinRefused, match="has ended"):
        join(world, make_user())
    world.challenge = Challenge.objects.create(slug="bare", title="Bare", vocabulary="bare")
    with pytest.raises(JoinRefused, match="no rules yet"):
        join(world, make_user())


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"consented_at": None}, "consent_has_a_version_and_a_time"),
        ({"consented_at": None, "consent_version": None}, "finders_and_raters_consented"),
        ({"disqualified_at": START}, "disqualified_with_a_reason"),
    ],
)
def test_the_database_refuses_participation_without_consent_or_reason(world, change, constraint) -> None:
    world.finder()
    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        Participation.objects.update(**change)


def test_what_somebody_is_in_an_edition(world) -> None:
    finder, organiser = world.finder(), join(world, make_user(), role=Role.ORGANISER, version=None)
    site = make_user(is_superuser=True)
    assert viewer_of(world.challenge, finder.user) == Viewer(finder=finder)
    assert viewer_of(world.challenge, organiser.user) == Viewer(is_organiser=True)
    assert viewer_of(world.challenge, site) == Viewer(is_organiser=True)
    assert viewer_of(make_world().challenge, finder.user) == Viewer()


def test_drafts_are_visible_to_their_organisers_alone(world) -> None:
    draft = create_edition(slug="draft", title="Draft", summary="", vocabulary="v", policy=Policy())
    organiser = make_user()
    join_challenge(challenge=draft, user=organiser, role=Role.ORGANISER, consent_version=None, at=START)
    seen = {
        name: set(visible_challenges(user).values_list("slug", flat=True))
        for name, user in {
            "stranger": make_user(),
            "organiser": organiser,
            "site": make_user(is_superuser=True),
        }.items()
    }
    public = world.challenge.slug
    assert seen == {"stranger": {public}, "organiser": {public, "draft"}, "site": {public, "draft"}}


def test_team_mates_are_all_who_share_any_team(db) -> None:
    ada, bob, cyd, dan = (make_user() for _ in range(4))
    make_team(ada, bob)
    make_team(ada, cyd)
    assert set(team_mates(ada.pk)) == {ada.pk, bob.pk, cyd.pk}
    assert set(team_mates(bob.pk)) == {ada.pk, bob.pk}
    assert set(team_mates(dan.pk)) == set()
    TeamMembership.objects.filter(user=cyd).update(left_at=START)
    for one in (ada, bob, cyd, dan):
        now, ever = {one.pk, *team_mates_now(one.pk)}, {one.pk, *team_mates(one.pk)}
        assert mates_of(one.pk) == Mates(now=now, ever=ever)
    assert mates_of(cyd.pk) == Mates(now={cyd.pk}, ever={ada.pk, cyd.pk})


def test_nobody_rates_who_organises(world) -> None:
    organiser, rater = make_user(), make_user()
    world.rater(rater)
    with pytest.raises(JoinRefused, match="Raters see no scores"):
        join_challenge(challenge=world.challenge, user=rater, role=Role.ORGANISER, consent_version=None, at=world.clock)
    join_challenge(challenge=world.challenge, user=organiser, role=Role.ORGANISER, consent_version=None, at=world.clock)
    with pytest.raises(JoinRefused, match="You organise this challenge"):
        world.rater(organiser)
