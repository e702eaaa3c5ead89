"""`manage.py vouch NAME`: lets somebody take part whose address no mail can confirm, such as a first superuser."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cats4ml.accounts.addresses import vouch
from cats4ml.accounts.models import User


class Command(BaseCommand):
    help = "Lets a person sign in and take part without a confirmed email address."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, **options: Any) -> None:
        name = options["username"]
        user = User.objects.filter(username=name, is_active=True, is_guest=False).first()
        if user is None:
            raise CommandError(f"There is no user {name!r}.")
        new = vouch(user=user, at=timezone.now())
        self.stdout.write(f"{name} can take part." if new else f"{name} could take part already.")
