"""Who people are: users, teams, the tokens their programs use, and what they are told."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# What stands behind the name of who acts by a script.
SIMULATED = " (script)"


def name_key(name: str) -> str:
    """A name as it is compared with others: one that differs by case, width, spaces or unseen signs is the same."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = (" " if unicodedata.category(sign)[0] == "Z" else sign for sign in folded)
    return " ".join("".join(sign for sign in seen if unicodedata.category(sign)[0] != "C").split())


class User(AbstractUser):
    """A person, or in the demo a simulated one, which is said wherever the name stands."""

    is_simulated = models.BooleanField(
        default=False, help_text="Acts by a script of the demo challenge. Shown beside the name everywhere."
    )

    is_guest = models.BooleanField(
        default=False,
        help_text="Came by the link of a study, without password or e-mail: rates there and does nothing else.",
    )
    language = models.CharField(max_length=10, blank=True, help_text="Empty: as the browser asks.")
    time_zone = models.CharField(max_length=64, blank=True, help_text="Of mails; pages use the browser's. Empty: UTC.")
    vouched_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when the person counts as one whose address is confirmed, without a mail: an organiser or the "
        "operator knows them, or they were here before addresses were confirmed.",
    )
    erased_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the person had the account deleted: what is left is a pseudonym that keeps the credits.",
    )

    @property
    def public_name(self) -> str:
        return f"{self.username}{SIMULATED}" if self.is_simulated else self.username


class Team(models.Model):
    """People who take part together. `name_key` is the name as it is compared: two that look alike are one."""

    name = models.CharField(max_length=80, unique=True)
    name_key = models.CharField(max_length=320, unique=True, null=True, editable=False)
    captain = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="led_teams",
        help_text="None: whoever is in.",
    )
    created_at = models.DateTimeField(default=timezone.now)
    members = models.ManyToManyField(User, through="TeamMembership", related_name="teams")

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_key = name_key(self.name)
        super().save(*args, **kwargs)


class TeamMembership(models.Model):
    """Somebody's time in a team. It is kept when they leave: who was ever together never judges each other's finds."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    invitation = models.ForeignKey(
        "TeamInvitation", null=True, blank=True, on_delete=models.SET_NULL, related_name="memberships"
    )
    created_at = models.DateTimeField(default=timezone.now)
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["team", "user"], condition=Q(left_at=None), name="one_membership_per_team_and_user"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class TeamInvitation(models.Model):
    """A place in a team that is offered: to one person by name, or to whoever has a link.

    Of a link only the SHA-256 of its token is kept, which has 256 random bits. It works until it ends, is revoked, or
    `places` people have come by it.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="team_invitations")
    digest = models.CharField(max_length=64, unique=True, null=True, blank=True)
    places = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    declined_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(user=None, digest__isnull=False) | Q(user__isnull=False, digest=None),
                name="invitation_by_name_or_by_link",
            ),
            models.CheckConstraint(condition=Q(places__gt=0), name="invitation_has_a_place"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user"], condition=Q(user__isnull=False), name="invitations_of_user"),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk} to {self.team_id}"

    def is_live(self, at: datetime) -> bool:
        return self.revoked_at is None and self.declined_at is None and at < self.ends_at


class TokenScope(models.TextChoices):
    SUBMIT = "submit", _("Submit pairs and read one’s own")
    RATE = "rate", _("Rate pairs")
    ORGANISE = "organise", _("Export and organise")


class ApiToken(models.Model):
    """A named key for programs. Only its SHA-256 is kept: the key has 256 random bits, so no salt is needed."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=8, help_text="The key's first characters, to tell one's tokens apart.")
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=16, choices=TokenScope.choices))
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "name"], condition=Q(revoked_at=None), name="one_live_token_per_user_and_name"
            ),
            models.CheckConstraint(condition=Q(scopes__len__gt=0), name="token_has_a_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_live(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class NoticeKind(models.TextChoices):
    """What somebody is told about. `ACCOUNT` can't be switched off: it is how a stranger's doings come to light."""

    ACCOUNT = "account", _("My account: password, addresses, second factor, tokens")
    TEAM = "team", _("Invitations to teams and changes of mine")
    ANNOUNCEMENT = "announcement", _("Announcements of challenges that I take part in")
    PAIRS = "pairs", _("What became of my pairs")
    DISPUTE = "dispute", _("Answers to my disputes")
    STANDING = "standing", _("Decisions about my part: disqualified, paused, let in again")
    FILES = "files", _("Data files and releases that are ready")
    TAKEDOWN = "takedown", _("Organisers: reports about pictures")
    STALLED = "stalled", _("Organisers: work that stands still")


class Notice(models.Model):
    """One thing somebody was told. The words are made from `kind`, `what` and `values` in the reader's language when
    it is shown, so that only values are kept. `key` is what makes telling twice telling once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=NoticeKind.choices)
    what = models.CharField(max_length=40, help_text="Which of the kind's sentences.")
    values = models.JSONField(default=dict, help_text="What the sentence names.")
    url = models.CharField(max_length=300, blank=True, help_text="Where it leads, from the site's root.")
    key = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    on_site = models.BooleanField(default=True, help_text="Shown under the person's notices.")
    by_mail = models.BooleanField(default=False, help_text="A mail is made of it.")
    mailed_at = models.DateTimeField(null=True, blank=True, help_text="When its words went into a mail.")
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key"], name="one_notice_per_key"),
            models.CheckConstraint(condition=Q(kind__in=NoticeKind.values), name="notice_kind_is_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-id"], condition=Q(on_site=True), name="notices_of_user"),
            models.Index(fields=["user"], condition=Q(on_site=True, read_at=None), name="unread_notices"),
            models.Index(fields=["created_at"], condition=Q(by_mail=True, mailed_at=None), name="notices_to_mail"),
        ]

    def __str__(self) -> str:
        return f"{self.what} for {self.user_id}"


class NoticeChoice(models.Model):
    """How somebody wants to be told of a kind; without a row as `notices.DEFAULTS` says."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notice_choices")
    kind = models.CharField(max_length=12, choices=NoticeKind.choices)
    on_site = models.BooleanField()
    by_mail = models.BooleanField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "kind"], name="one_choice_per_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id}"


class MailState(models.TextChoices):
    WAITING = "waiting", _("Waiting to be sent")
    SENT = "sent", _("Handed to the mail server")
    FAILED = "failed", _("Given up")


class OutgoingMail(models.Model):
    """A mail on its way, kept until the mail server took it: a server that is away loses none.

    `body` is emptied when it was sent, for it may hold a link that opens an account.
    """

    to = models.EmailField()
    sender = models.CharField(max_length=320)
    subject = models.CharField(max_length=300)
    body = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    state = models.CharField(max_length=7, choices=MailState.choices, default=MailState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=MailState.values), name="mail_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at=None) | ~Q(state="waiting") & Q(ended_at__isnull=False),
                name="mail_ended_or_waits",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_try_at"], condition=Q(state="waiting"), name="mail_waiting"),
            models.Index(fields=["-id"], name="mail_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} ({self.state})"


class OwnDataState(models.TextChoices):
    WAITING = "waiting", "Being put together"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"


class OwnData(models.Model):
    """The file of all that is kept about one person, as they asked for it: one at a time, for a few days."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="own_data")
    state = models.CharField(max_length=7, choices=OwnDataState.choices, default=OwnDataState.WAITING)
    file = models.CharField(max_length=200, blank=True, help_text="Its key in the storage.")
    bytes = models.BigIntegerField(default=0)
    requested_at = models.DateTimeField()
    built_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "own data"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=OwnDataState.values), name="own_data_state_is_known"),
        ]

    def __str__(self) -> str:
        return f"data of {self.user_id} ({self.state})"
