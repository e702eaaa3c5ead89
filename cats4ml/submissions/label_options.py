"""The choice of a label beside each of many pictures."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from cats4ml.challenges.models import TargetLabel

# More than this are found by typing.
IN_A_LIST = 40


def label_options(labels: Sequence[TargetLabel], chosen: str) -> SafeString:
    """The options of a `<select>` with the label of the key `chosen` selected; '' where there are too many for a list.

    Made once for a page: as a loop in the template of each picture they were half of the page's time.
    """
    if len(labels) > IN_A_LIST:
        return SafeString("")
    options = format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        (
            (one.label.key, SafeString(" selected") if one.label.key == chosen else "", capfirst(one.label.name))
            for one in labels
        ),
    )
    return format_html('<option value="">{}</option>{}', _("No label yet"), options)
