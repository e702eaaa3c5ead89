"""Teams: names, invitations, leaving, and that no membership is a way round the rules."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from cats4ml.accounts.models import Notice, Team, TeamInvitation, TeamMembership
from cats4ml.challenges import teams
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation
from cats4ml.challenges.teams import TeamRefused
from cats4ml.review.queries import open_to
from cats4ml.rules.answers import Answer
from cats4ml.submissions.problems import Problem
from tests.factories import START, World, make_user, make_world
from tests.web import queries_of, signed_in


def together(*users, name: str = "Owls") -> Team:
    """A team that the first made and the others came into by their names."""
    captain, *others = users
    team = teams.make_team(name=name, by=captain, at=START)
    for user in others:
        come_in(team, user)
    return team


def come_in(team: Team, user, at=START) -> TeamMembership:
    asked = teams.invite(team=team, username=user.username, by=team.captain, at=at)
    return teams.accept(invitation=asked, user=user, at=at)


def names_of(team: Team) -> list[str]:
    return [one.user.username for one in teams.members_of(team)]


def fix(world: World, at=None) -> None:
    Challenge.objects.filter(pk=world.challenge.pk).update(teams_fixed_at=at or world.clock)
    world.challenge.refresh_from_db()


@pytest.mark.parametrize(
    "name", ["OWLS", "owls ", "Ｏｗｌｓ", "Ow\u200bls", "Оwls", "O", "x" * 81, "a\nb\u0007", "ada", "ADA", ""]
)
def test_a_name_that_looks_like_anothers_is_refused(db, name) -> None:
    make_user("ada")
    together(make_user())
    with pytest.raises(TeamRefused):
        teams.make_team(name=name, by=make_user(), at=START)
    assert list(Team.objects.values_list("name", flat=True)) == ["Owls"]


def test_its_maker_is_the_captain_and_the_same_name_again_is_the_same_team(db) -> None:
    ada = make_user("ada")
    team = together(ada)
    assert (teams.make_team(name=" Owls ", by=ada, at=START), team.captain, names_of(team)) == (team, ada, ["ada"])
    assert teams.make_team(name="ada", by=ada, at=START).name == "ada"


def test_an_invitation_by_name_is_told_accepted_declined_and_answered_once(db) -> None:
    ada, bob, cyd = make_user("ada"), make_user("bob"), make_user("cyd")
    team = together(ada)
    asked = teams.invite(team=team, username="bob", by=ada, at=START)
    assert teams.invite(team=team, username="bob", by=ada, at=START) == asked
    with pytest.raises(TeamRefused):
        teams.accept(invitation=asked, user=cyd, at=START)
    first = teams.accept(invitation=asked, user=bob, at=START)
    assert teams.accept(invitation=asked, user=bob, at=START) == first
    no = teams.invite(team=team, username="cyd", by=ada, at=START)
    teams.decline(invitation=no, user=cyd, at=START)
    with pytest.raises(TeamRefused):
        teams.accept(invitation=no, user=cyd, at=START)
    with pytest.raises(TeamRefused, match="captain"):
        teams.invite(team=team, username="cyd", by=bob, at=START)
    with pytest.raises(TeamRefused, match="no user"):
        teams.invite(team=team, username="nobody\0", by=ada, at=START)
    assert names_of(team) == ["ada", "bob"]
    told = Notice.objects.order_by("pk").values_list("user__username", "what")
    assert list(told) == [("bob", "team_invitation"), ("ada", "team_joined"), ("cyd", "team_invitation")]


def test_a_link_is_stored_hashed_and_works_for_so_many_until_it_ends_or_is_revoked(db) -> None:
    ada, late = make_user("ada"), START + timedelta(days=15)
    team = together(ada)
    link, token = teams.make_link(team=team, places=2, by=ada, at=START)
    assert (token in str(TeamInvitation.objects.values().get()), teams.find_link(token=token, at=START)) == (
        False,
        link,
    )
    for user in (make_user("bob"), make_user("cyd")):
        teams.accept(invitation=link, user=user, at=START)
    assert teams.find_link(token=token, at=START) is None
    with pytest.raises(TeamRefused, match="doesn’t work"):
        teams.accept(invitation=link, user=make_user(), at=START)
    other, token = teams.make_link(team=team, places=1, by=ada, at=START)
    assert (teams.find_link(token=token, at=late), teams.find_link(token="guessed", at=START)) == (None, None)
    teams.revoke(invitation=other, by=ada, at=START)
    assert teams.find_link(token=token, at=START) is None
    assert names_of(team) == ["ada", "bob", "cyd"]


def test_the_captain_removes_hands_on_and_leaves_to_the_oldest_member(db) -> None:
    ada, bob, cyd = (make_user(name) for name in ("ada", "bob", "cyd"))
    team = together(ada, bob, cyd)
    with pytest.raises(TeamRefused):
        teams.remove_member(team=team, user_id=cyd.pk, by=bob, at=START)
    assert [teams.remove_member(team=team, user_id=cyd.pk, by=ada, at=START) for _ in range(2)] == [True, False]
    teams.hand_on(team=team, user_id=bob.pk, by=ada, at=START)
    team.refresh_from_db()
    assert (team.captain, names_of(team)) == (bob, ["ada", "bob"])
    assert [teams.leave(team=team, user=bob, at=START) for _ in range(2)] == [True, False]
    team.refresh_from_db()
    assert (team.captain, names_of(team)) == (ada, ["ada"])
    come_in(team, cyd)
    assert TeamMembership.objects.filter(user=cyd).count() == 2


def test_from_the_date_on_nobody_joins_or_leaves_a_team_that_takes_part(world) -> None:
    ada, bob, cyd = (make_user(name) for name in ("ada", "bob", "cyd"))
    team, other = together(ada, bob), together(cyd, name="Bats")
    part = world.finder(ada, team)
    asked = teams.invite(team=team, username="cyd", by=ada, at=world.clock)
    link, _ = teams.make_link(team=team, places=1, by=ada, at=world.clock)
    make_user("eve")
    fix(world)
    ways = (
        lambda: teams.accept(invitation=asked, user=cyd, at=world.clock),
        lambda: teams.accept(invitation=link, user=cyd, at=world.clock),
        lambda: teams.invite(team=team, username="eve", by=ada, at=world.clock),
        lambda: teams.make_link(team=team, places=1, by=ada, at=world.clock),
        lambda: teams.leave(team=team, user=bob, at=world.clock),
        lambda: teams.remove_member(team=team, user_id=bob.pk, by=ada, at=world.clock),
        lambda: teams.take_part_with(team=None, participation=part, at=world.clock),
        lambda: world.finder(cyd, other),
    )
    for way in ways:
        with pytest.raises(Exception, match=r"Teams are fixed.* since 2 Nov 2026"):
            way()
    assert names_of(team) == ["ada", "bob"]
    # A team that takes part nowhere may change, and so may this one before the date and once the edition is final.
    come_in(other, make_user("dee"))
    fix(world, world.clock + timedelta(days=1))
    assert teams.leave(team=team, user=bob, at=world.clock)
    fix(world)
    Challenge.objects.update(status=ChallengeStatus.FINAL)
    assert teams.accept(invitation=asked, user=cyd, at=world.clock).team == team


def test_who_leaves_takes_part_alone_and_what_they_claimed_stays_known_as_the_teams(world) -> None:
    ada, bob = make_user("ada"), make_user("bob")
    team = together(ada, bob)
    first, second = world.finder(ada, team), world.finder(bob, team)
    world.claim(first, (0, "cat"))
    assert [one.problem for one in world.claim(second, (0, "cat"))] == [Problem.TEAM_CLAIM]
    teams.leave(team=team, user=ada, at=world.clock)
    first.refresh_from_db()
    assert (first.team, [one.problem for one in world.claim(second, (0, "cat"))]) == (None, [Problem.TEAM_CLAIM])
    final = make_world()
    part = final.finder(bob, team)
    Challenge.objects.filter(pk=final.challenge.pk).update(status=ChallengeStatus.FINAL)
    teams.leave(team=team, user=bob, at=world.clock)
    part.refresh_from_db()
    assert part.team == team


def test_whoever_was_ever_in_a_team_with_the_claimant_never_rates_the_find(world) -> None:
    """Whether the finder or the rater left, and whether before or after the claim."""
    ada, bob, cyd = (make_user(name) for name in ("ada", "bob", "cyd"))
    team = together(ada, bob, cyd)
    teams.leave(team=team, user=bob, at=world.clock)
    finder = world.finder(ada, team)
    world.claim(finder, (0, "cat"))
    world.score(0, {"cat": 0.1})
    teams.leave(team=team, user=cyd, at=world.clock)
    teams.leave(team=team, user=ada, at=world.clock)
    pair = world.pair(0, "cat")
    raters = [world.rater(bob), world.rater(cyd), world.rater()]
    assert [open_to(rater).filter(pk=pair.pk).exists() for rater in raters] == [False, False, True]


def test_nobody_comes_into_a_team_whose_finds_they_judged_while_the_edition_runs(world) -> None:
    ada, finder = make_user("ada"), make_user("bob")
    team = together(finder)
    world.claim(world.finder(finder, team), (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), Answer.YES, raters=[world.rater(ada)])
    asked = teams.invite(team=team, username="ada", by=finder, at=world.clock)
    with pytest.raises(TeamRefused, match="judged each other’s finds"):
        teams.accept(invitation=asked, user=ada, at=world.clock)
    theirs = together(ada, name="Bats")
    with pytest.raises(TeamRefused, match="judged each other’s finds"):
        come_in(theirs, finder)
    Challenge.objects.update(status=ChallengeStatus.FINAL)
    assert teams.accept(invitation=asked, user=ada, at=world.clock).team == team


def test_the_pages_show_ones_own_teams_alone_and_cost_the_same_for_more(world) -> None:
    ada, bob, eve = (make_user(name) for name in ("ada", "bob", "eve"))
    team = together(ada)
    page, stranger, client = reverse("pages:team", args=[team.pk]), signed_in(eve), signed_in(ada)
    assert [stranger.get(page).status_code, stranger.post(reverse("pages:team_leave", args=[team.pk])).status_code] == [
        404,
        404,
    ]
    costs = [queries_of(client, page), queries_of(client, reverse("pages:teams"))]
    for user in (bob, make_user()):
        come_in(team, user)
    together(ada, name="Bats")
    together(ada, name="Cats")
    assert [queries_of(client, page), queries_of(client, reverse("pages:teams"))] == costs
    assert client.post(reverse("pages:team_link", args=[team.pk]), {"places": "1"}).url == page
    shown, again = (client.get(page).content.decode() for _ in range(2))
    assert ("come-in" in again, team.invitations.filter(user=None).count()) == (False, 1)
    link = shown.split("/account/teams/come-in/")[1].split("/")[0]
    come = reverse("pages:team_come_in", args=[link])
    assert "Join the team <bdi>Owls</bdi>" in stranger.get(come).content.decode()
    assert (stranger.post(come).url, stranger.get(come).status_code) == (page, 404)
    assert stranger.post(reverse("pages:team_rename", args=[team.pk]), {"name": "Hawks"}).status_code == 422
    assert client.post(reverse("pages:team_rename", args=[team.pk]), {"name": "bats"}).status_code == 422
    assert client.post(reverse("pages:team_rename", args=[team.pk]), {"name": "Hawks"}).url == page
    part = world.finder(ada)
    sent = {"part": part.pk, "with": "yes"}
    assert client.post(reverse("pages:team_part", args=[team.pk]), sent).url == page
    assert Participation.objects.get(pk=part.pk).team.name == "Hawks"
