"""How many notices somebody has not read, for the account menu."""

from __future__ import annotations

from typing import Any

from django import template

from cats4ml.accounts.models import User
from cats4ml.accounts.notices import unread_count

register = template.Library()


@register.simple_tag(takes_context=True)
def unread_notices(context: template.Context) -> int:
    """Asked once a page, however often the menu is drawn; nothing is asked for guests, who are told nothing."""
    request: Any = context.get("request")
    user = context.get("user")
    if request is None or not isinstance(user, User) or user.is_guest:
        return 0
    if not hasattr(request, "unread_notices"):
        request.unread_notices = unread_count(user)
    counted: int = request.unread_notices
    return counted
