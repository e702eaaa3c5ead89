"""Asking for a new password."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.forms import ResetPasswordForm
from django.http import HttpRequest

# Longer than to find an account, make its link and put the mail into the table.
ALWAYS_SECONDS = 0.25


class AskForPassword(ResetPasswordForm):  # type: ignore[misc]  # allauth has no types
    """Takes as long where an address is unknown and no mail is written, so that nobody learns which addresses are."""

    def save(self, request: HttpRequest, **kwargs: Any) -> Any:
        over = time.monotonic() + ALWAYS_SECONDS
        answer = super().save(request, **kwargs)
        time.sleep(max(0.0, over - time.monotonic()))
        return answer
