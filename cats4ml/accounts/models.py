"""Who people are: users, teams and the tokens their programs use."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

# What stands behind the name of who acts by a script.
SIMULATED = " (script)"


class User(AbstractUser):
    """A person, or in the demo a simulated one, which is said wherever the name stands."""

    is_simulated = models.BooleanField(
        default=False, help_text="Acts by a script of the demo challenge. Shown beside the name everywhere."
    )

    is_guest = models.BooleanField(
        default=False,
        help_text="Came by the link of a study, without password or e-mail: rates there and does nothing else.",
    )

    @property
    def public_name(self) -> str:
        return f"{self.username}{SIMULATED}" if self.is_simulated else self.username


class Team(models.Model):
    name = models.CharField(max_length=80, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    members = models.ManyToManyField(User, through="TeamMembership", related_name="teams")

    def __str__(self) -> str:
        return self.name


class TeamMembership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team_and_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class TokenScope(models.TextChoices):
    SUBMIT = "submit", "Submit pairs and read one’s own"
    RATE = "rate", "Rate pairs"
    ORGANISE = "organise", "Export and organise"


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
