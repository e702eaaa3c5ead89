"""What notices say. The sentence of a `what` is filled with the notice's values, in the language of who reads it."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# The title, which is a mail's subject too, and the text.
WORDS: Mapping[str, tuple[str | Promise, str | Promise]] = {
    "announcement": (_("%(edition)s: %(title)s"), _("%(text)s")),
}
