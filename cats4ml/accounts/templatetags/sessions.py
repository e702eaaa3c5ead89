"""`{% load sessions %}`: where somebody is signed in."""

from __future__ import annotations

from django import template

from cats4ml.accounts.user_agents import described

register = template.Library()


@register.filter
def browser(user_agent: str) -> str:
    """What a browser says of itself, as its owner knows it: “Firefox on Windows”."""
    return described(user_agent)
