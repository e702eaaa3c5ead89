"""`{% load mails %}`: where mails are to be read that nobody sends."""

from __future__ import annotations

from django import template
from django.template import Context
from django.urls import reverse

from cats4ml.accounts.mail import waiting_mails_are_shown
from cats4ml.accounts.networks import is_this_machine

register = template.Library()


@register.simple_tag(takes_context=True)
def mails_here(context: Context) -> str:
    """The address of the page of mails for whoever may see it, else ''."""
    request = context.get("request")
    shown = request is not None and waiting_mails_are_shown() and is_this_machine(request)
    return reverse("accounts:mails") if shown else ""
