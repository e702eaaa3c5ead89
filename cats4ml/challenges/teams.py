"""Teams: making one, asking people in, leaving; and what keeps a membership from being a way round the rules.

Whoever was ever together in a team never judges each other's finds (`queries.team_mates`), so that a membership is
ended and never deleted. Nobody comes into a team with whom they have judged or been judged in an edition that is still
running. And from an edition's `teams_fixed_at` on nobody joins or leaves a team that takes part there.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, QuerySet
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _

from cats4ml.accounts.models import NoticeKind, Team, TeamInvitation, TeamMembership, User, name_key
from cats4ml.accounts.notices import notify
from cats4ml.challenges.models import ChallengeStatus, Participation, Role

LEAST_NAME, MOST_NAME = 2, 80
MOST_TEAMS = 20
MOST_OPEN_INVITATIONS = 50
MOST_PLACES = 50
INVITATION_DAYS = 14
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")


class TeamRefused(Exception):
    """Why a team can't be changed so, in a sentence that says how to mend it."""


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def check_name(name: str, *, by: User, team: Team | None = None) -> str:
    """The name as it is kept. Raises `TeamRefused` for one that is too short or long, that mixes alphabets which look
    alike, or that looks like another team's or like somebody else's user name."""
    name = " ".join(name.split())
    if not LEAST_NAME <= len(name) <= MOST_NAME or any(unicodedata.category(sign)[0] == "C" for sign in name):
        raise TeamRefused(
            _("A team’s name has %(least)d to %(most)d characters, all of them visible.")
            % {"least": LEAST_NAME, "most": MOST_NAME}
        )
    used = {script for sign in name for script in SCRIPTS if unicodedata.name(sign, "").startswith(script)}
    if len(used) > 1:
        raise TeamRefused(_("Write the name in one alphabet: letters of two can look like another team’s name."))
    key = name_key(name)
    others = Team.objects.filter(name_key=key)
    if team is not None:
        others = others.exclude(pk=team.pk)
    people = User.objects.filter(Q(username__iexact=name) | Q(username__iexact=key)).exclude(pk=by.pk)
    if not key or others.exists() or people.exists():
        raise TeamRefused(_("This name, or one that looks like it, is taken. Choose another one."))
    return name


def make_team(*, name: str, by: User, at: datetime) -> Team:
    """A new team with one member, who is its captain. The same name by the same captain is the same team. Raises
    `TeamRefused` for a name that won't do, for a guest, and for somebody who is in many teams."""
    if by.is_guest:
        raise TeamRefused(_("You are here by the link of a study: all you can do is answer its questions."))
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        there = Team.objects.filter(captain=by, name=" ".join(name.split())).first()
        if there is not None:
            return there
        if TeamMembership.objects.filter(user=by, left_at=None).count() >= MOST_TEAMS:
            raise TeamRefused(_("You are in %(most)d teams. Leave one of them first.") % {"most": MOST_TEAMS})
        try:
            with transaction.atomic():
                team = Team.objects.create(name=check_name(name, by=by), captain=by, created_at=at)
        except IntegrityError:
            raise TeamRefused(_("This name, or one that looks like it, is taken. Choose another one.")) from None
        TeamMembership.objects.create(team=team, user=by, created_at=at)
    return team


def rename_team(*, team: Team, name: str, by: User, at: datetime) -> Team:
    """Give a team another name. Boards that are final keep its lines as they are, under the new name."""
    with transaction.atomic():
        locked = _led(team, by)
        locked.name = check_name(name, by=by, team=locked)
        try:
            with transaction.atomic():
                locked.save(update_fields=["name", "name_key"])
        except IntegrityError:
            raise TeamRefused(_("This name, or one that looks like it, is taken. Choose another one.")) from None
    return locked


def members_of(team: Team) -> QuerySet[TeamMembership]:
    return TeamMembership.objects.filter(team=team, left_at=None).select_related("user").order_by("created_at", "pk")


def open_invitations(team: Team, at: datetime) -> QuerySet[TeamInvitation]:
    """The team's invitations that still work, each with `came`: how many have come by it."""
    return _live(TeamInvitation.objects.filter(team=team), at).select_related("user").order_by("pk")


def invitations_to(user: User, at: datetime) -> QuerySet[TeamInvitation]:
    mine = TeamInvitation.objects.filter(user=user)
    return _live(mine, at).select_related("team", "by").order_by("pk")


def _live(rows: QuerySet[TeamInvitation], at: datetime) -> QuerySet[TeamInvitation]:
    live = rows.filter(revoked_at=None, declined_at=None, ends_at__gt=at)
    return live.annotate(came=Count("memberships")).filter(came__lt=F("places"))


def invite(*, team: Team, username: str, by: User, at: datetime) -> TeamInvitation:
    """Ask a person in by their user name; they are told. Twice is once. Raises `TeamRefused`."""
    name = username.strip()
    with transaction.atomic():
        locked = _led(team, by)
        user = None if "\0" in name else User.objects.filter(username=name, is_active=True, is_guest=False).first()
        if user is None or user.is_simulated:
            raise TeamRefused(
                _("There is no user “%(name)s” who could be asked. Ask them for their user name.")
                % {"name": name[:150]}
            )
        if members_of(locked).filter(user=user).exists():
            raise TeamRefused(_("%(name)s is in the team already.") % {"name": user.username})
        there = open_invitations(locked, at).filter(user=user).first()
        if there is not None:
            return there
        _check_fixed(locked, at)
        _check_number(locked, at)
        made = TeamInvitation.objects.create(
            team=locked, by=by, user=user, created_at=at, ends_at=at + timedelta(days=INVITATION_DAYS)
        )
        _tell([user], "team_invitation", f"team-invitation-{made.pk}", locked, by, at)
    return made


def make_link(*, team: Team, places: int, by: User, at: datetime) -> tuple[TeamInvitation, str]:
    """A link by which so many people can come in, and its token, which is not kept: it can be shown only now."""
    with transaction.atomic():
        locked = _led(team, by)
        if not 1 <= places <= MOST_PLACES:
            raise TeamRefused(_("A link lets 1 to %(most)d people in.") % {"most": MOST_PLACES})
        _check_fixed(locked, at)
        _check_number(locked, at)
        token = secrets.token_urlsafe(32)
        made = TeamInvitation.objects.create(
            team=locked,
            by=by,
            digest=digest_of(token),
            places=places,
            created_at=at,
            ends_at=at + timedelta(days=INVITATION_DAYS),
        )
    return made, token


def revoke(*, invitation: TeamInvitation, by: User, at: datetime) -> None:
    """Let an invitation work no longer. Twice is once."""
    _led(invitation.team, by)
    TeamInvitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=at)


def find_link(*, token: str, at: datetime) -> TeamInvitation | None:
    """The invitation whose link has this token, if it still works."""
    return _live(TeamInvitation.objects.filter(digest=digest_of(token)), at).select_related("team", "by").first()


def decline(*, invitation: TeamInvitation, user: User, at: datetime) -> None:
    """Say no to an invitation by name. Twice is once."""
    TeamInvitation.objects.filter(pk=invitation.pk, user=user, declined_at=None).update(declined_at=at)


def accept(*, invitation: TeamInvitation, user: User, at: datetime) -> TeamMembership:
    """Come into a team. Twice is once. The captain is told.

    Raises `TeamRefused` for an invitation that doesn't work any more or is another person's, where teams are fixed,
    and where this person judged a find of a member's, or a member one of theirs, in a running edition.
    """
    with transaction.atomic():
        # In this order everywhere: the person, then the team.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        team = Team.objects.select_for_update(no_key=True).get(pk=invitation.team_id)
        there = members_of(team).filter(user=user).first()
        if there is not None:
            return there
        live = _live(TeamInvitation.objects.filter(pk=invitation.pk), at).first()
        if live is None or live.user_id not in (None, user.pk) or user.is_guest:
            raise TeamRefused(_("This invitation doesn’t work any more. Ask the team for another one."))
        if TeamMembership.objects.filter(user=user, left_at=None).count() >= MOST_TEAMS:
            raise TeamRefused(_("You are in %(most)d teams. Leave one of them first.") % {"most": MOST_TEAMS})
        _check_fixed(team, at)
        _check_never_judged(team, user)
        made = TeamMembership.objects.create(team=team, user=user, invitation=live, created_at=at)
        _tell(_captain(team, user), "team_joined", f"team-joined-{made.pk}", team, user, at)
    return made


def leave(*, team: Team, user: User, at: datetime) -> bool:
    """Go out of a team. Whether they were in it. In editions that are not final they take part alone from then on,
    with what they found themselves; claims made for the team stay known as the team's. The captain's place passes on to
    who has been in it longest. Raises `TeamRefused` where teams are fixed."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        locked = Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        mine = members_of(locked).filter(user=user).first()
        if mine is None:
            return False
        _check_fixed(locked, at)
        _end(mine, at)
        _tell(_captain(locked, user), "team_left", f"team-left-{mine.pk}", locked, user, at)
    return True


def remove_member(*, team: Team, user_id: int, by: User, at: datetime) -> bool:
    """Have somebody leave, by the captain. They are told. Whether they were in it. Raises `TeamRefused`."""
    with transaction.atomic():
        locked = _led(team, by)
        theirs = members_of(locked).filter(user=user_id).first()
        if theirs is None:
            return False
        if theirs.user_id == by.pk:
            raise TeamRefused(_("You are the captain: hand your place on, or leave the team."))
        _check_fixed(locked, at)
        _end(theirs, at)
        _tell([theirs.user], "team_removed", f"team-removed-{theirs.pk}", locked, by, at)
    return True


def hand_on(*, team: Team, user_id: int, by: User, at: datetime) -> None:
    """Make another member the captain; they are told. Twice is once. Raises `TeamRefused`."""
    with transaction.atomic():
        locked = _led(team, by)
        theirs = members_of(locked).filter(user=user_id).first()
        if theirs is None:
            raise TeamRefused(_("Only a member can be the captain. Invite them first."))
        if locked.captain_id == theirs.user_id:
            return
        locked.captain = theirs.user
        locked.save(update_fields=["captain"])
        key = f"team-captain-{locked.pk}-{at:%Y%m%dT%H%M%S}"
        _tell([theirs.user], "team_captain", key, locked, by, at)


def take_part_with(*, team: Team | None, participation: Participation, at: datetime) -> bool:
    """Take part in an edition with a team from now on, or alone (None). Whether that is a change. What the person found
    counts for whom they take part with. Raises `TeamRefused` where teams are fixed, or for another's team."""
    with transaction.atomic():
        rows = Participation.objects.select_for_update(of=("self",), no_key=True).select_related("challenge")
        part = rows.get(pk=participation.pk)
        if part.team_id == (team.pk if team else None):
            return False
        if part.role != Role.FINDER or part.challenge.is_final or part.left_at is not None:
            raise TeamRefused(_("Only somebody who takes part in a running challenge can change the team there."))
        if part.challenge.fixes_teams(at):
            raise TeamRefused(_fixed_words(part.challenge.title, part.challenge.teams_fixed_at))
        if team is not None and not members_of(team).filter(user=part.user_id).exists():
            raise TeamRefused(_("You are not in this team. Ask its captain to invite you."))
        part.team = team
        part.save(update_fields=["team"])
    return True


def end_memberships(*, user: User, at: datetime) -> None:
    """For an account that is deleted: out of every team, fixed or not; what they found stays with the team. Twice is
    once. The caller holds the person's row."""
    for mine in TeamMembership.objects.filter(user=user, left_at=None).select_related("team").order_by("team"):
        mine.team = Team.objects.select_for_update(no_key=True).get(pk=mine.team_id)
        _end(mine, at, alone=False)
    open_ones = TeamInvitation.objects.filter(Q(user=user) | Q(by=user), revoked_at=None)
    open_ones.update(revoked_at=at)


def _end(mine: TeamMembership, at: datetime, *, alone: bool = True) -> None:
    """End a membership. The caller holds the team's row."""
    mine.left_at = at
    mine.save(update_fields=["left_at"])
    if alone:
        running = Participation.objects.filter(user=mine.user_id, team=mine.team_id)
        running.exclude(challenge__status=ChallengeStatus.FINAL).update(team=None)
    if mine.team.captain_id == mine.user_id:
        following = members_of(mine.team).first()
        mine.team.captain = following.user if following else None
        mine.team.save(update_fields=["captain"])
        if following:
            key = f"team-captain-{mine.team_id}-after-{mine.pk}"
            _tell([following.user], "team_captain", key, mine.team, mine.user, at)


def _led(team: Team, by: User) -> Team:
    """The team, held, if this person is its captain. Raises `TeamRefused`."""
    locked = Team.objects.select_for_update(no_key=True).filter(pk=team.pk, captain=by).first()
    if locked is None:
        raise TeamRefused(_("Only the team’s captain can do this."))
    return locked


def _check_number(team: Team, at: datetime) -> None:
    if open_invitations(team, at).count() >= MOST_OPEN_INVITATIONS:
        raise TeamRefused(
            _("%(most)d invitations of this team are open. Revoke one of them first.") % {"most": MOST_OPEN_INVITATIONS}
        )


def fixed_in(team: Team, at: datetime) -> Participation | None:
    """A part of the team's in an edition that has fixed its teams, if there is one."""
    running = Participation.objects.filter(team=team, challenge__teams_fixed_at__lte=at)
    return running.exclude(challenge__status=ChallengeStatus.FINAL).select_related("challenge").first()


def _check_fixed(team: Team, at: datetime) -> None:
    part = fixed_in(team, at)
    if part is not None:
        raise TeamRefused(_fixed_words(part.challenge.title, part.challenge.teams_fixed_at))


def _fixed_words(title: str, since: datetime | None) -> str:
    assert since is not None, "teams are fixed since then"
    return _(
        "Teams are fixed in “%(title)s” since %(day)s: until it is final nobody joins or leaves a team that takes part."
    ) % {"title": title, "day": formats.date_format(since, "DATE_FORMAT")}


def _check_never_judged(team: Team, user: User) -> None:
    """Whoever judged a find before becoming its finder's team-mate would have judged their own team's."""
    mates = list(TeamMembership.objects.filter(team=team).exclude(user=user).values_list("user", flat=True))
    running = Participation.objects.exclude(challenge__status=ChallengeStatus.FINAL)
    judged = running.filter(user=user, ratings__pair__submissions__participation__user__in=mates)
    was_judged = running.filter(user__in=mates, ratings__pair__submissions__participation__user=user)
    if judged.exists() or was_judged.exists():
        raise TeamRefused(
            _(
                "You and a member of this team have judged each other’s finds in a challenge that is still running. "
                "You can come in once it is final."
            )
        )


def _captain(team: Team, but: User) -> list[User]:
    return [team.captain] if team.captain is not None and team.captain_id != but.pk else []


def _tell(users: Iterable[User], what: str, key: str, team: Team, by: User, at: datetime) -> None:
    values = {"team": team.name, "by": by.public_name}
    url = reverse("pages:teams")
    notify(users=users, kind=NoticeKind.TEAM, what=what, key=key, at=at, url=url, values=values)
