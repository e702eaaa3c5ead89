"""`{% load ui %}`: the parts of the interface that need more than an `{% include %}`."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import template
from django.conf import settings
from django.forms import (
    BaseForm,
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    RadioSelect,
    Textarea,
    TextInput,
)
from django.template import Context
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from cats4ml.ui import licences, words
from cats4ml.ui.form_errors import plain_errors
from cats4ml.ui.meters import Part, make_interval, make_quota_meter, make_stack
from cats4ml.ui.navigation import Link, LinkGroup, console_links, section_links
from cats4ml.ui.plots import instant, make_plot
from cats4ml.ui.readings import Votes, make_reading

register = template.Library()

MOST_UPSCALED = 3.5


def inline(template_name: str, context: dict[str, Any]) -> SafeString:
    """A part within a sentence: without the line's end that its file has, so that a full stop can follow."""
    return SafeString(render_to_string(template_name, context).strip())


@register.simple_tag
def outcome_badge(outcome: object) -> SafeString:
    """Shape and word in the tone. Nothing for None or ''."""
    return inline("_components/_outcome_badge.html", {"outcome": words.outcome_of(outcome)})


@register.simple_tag
def outcome_shape(outcome: object, *, hidden: bool = False) -> SafeString:
    """The shape alone; it has a text alternative unless `hidden`, for when the word stands beside it."""
    return inline("_components/_shape.html", {"outcome": words.outcome_of(outcome), "hidden": hidden, "toned": True})


@register.simple_tag
def state_badge(state: object) -> SafeString:
    """queued, in_review, settled, unscorable or withdrawn, as a string or an enum member."""
    key = str(getattr(state, "value", state))
    return inline("_components/_state_badge.html", {"state": key, "word": words.STATES[key]})


@register.inclusion_tag("_components/_reading.html")
def reading(
    mean: float | None = None,
    threshold: float = 0.5,
    outcome: object = None,
    yes: int = 0,
    no: int = 0,
    dont_know: int = 0,
    people_so_far: int | None = None,
) -> dict[str, Any]:
    """`mean=None`: the score is not yet revealed. `people_so_far=n`: in review, and no vote is drawn."""
    found = words.outcome_of(outcome)
    votes = Votes(yes=yes, no=no, dont_know=dont_know)
    made = make_reading(
        mean=None if mean is None else float(mean),
        threshold=float(threshold),
        outcome=found,
        votes=votes,
        people_so_far=people_so_far,
    )
    return {"reading": made}


@register.inclusion_tag("_components/_people.html")
def people(tally: Any) -> dict[str, Any]:
    """What people answered, as the reading draws it but without the machines. `tally`: with yes, no and dont_know."""
    return {"votes": Votes(yes=tally.yes, no=tally.no, dont_know=tally.dont_know)}


@register.inclusion_tag("_components/_quota_meter.html")
def quota_meter(total: int, used: int, this_file: int = 0, what: str = "") -> dict[str, Any]:
    """`this_file`: how many claims of `what`, for whoever is about to send it."""
    return {"meter": make_quota_meter(total=total, used=used, this_file=this_file, what=what)}


@register.inclusion_tag("_components/_progress.html")
def progress(done: int, total: int, left_text: str = "", label: str = "") -> dict[str, Any]:
    """`left_text` is what stands at the right, such as 'about 25 minutes left'."""
    words_done = _("%(done)s of %(total)s") % {"done": words.figure(done), "total": words.figure(total)}
    shown = min(done, total)
    label = label or _("Progress")
    return {"done": shown, "total": max(total, 1), "words": words_done, "left_text": left_text, "label": label}


@register.inclusion_tag("_components/_bar.html")
def bar(value: float, total: float, tone: str = "none", height: int = 12) -> dict[str, Any]:
    """A bare bar whose figure stands beside it. Tones: fn, fp, ag, am, text, accent, none."""
    return {"width": words.percentage(value / total if total else 0), "tone": tone, "height": height}


@register.inclusion_tag("_components/_stack.html")
def stacked_bar(parts: Iterable[Part], *, key: bool = True) -> dict[str, Any]:
    """Parts of a whole on one bar, with their figures below it unless these stand beside it (`key=False`)."""
    return {"stack": make_stack(list(parts)), "key": key}


@register.inclusion_tag("_components/_interval.html")
def interval(low: float, mid: float, high: float, top: float = 1.0, tone: str = "text") -> dict[str, Any]:
    """A dot with its interval on a rail from 0 to `top`; all four are shares between 0 and 1."""
    return {"interval": make_interval(low=low, mid=mid, high=high, top=top), "tone": tone}


@register.inclusion_tag("_components/_interval_axis.html")
def interval_axis(top: float = 1.0) -> dict[str, Any]:
    return {"middle": words.share_text(top / 2), "end": words.share_text(top)}


@register.inclusion_tag("_components/_points_plot.html")
def points_plot(series: Iterable[Any], title: str = "") -> dict[str, Any]:
    """`series`: dicts or objects with name, points [(date or datetime, number), …] and, perhaps, is_subject."""
    return {"plot": make_plot(series, title=title or _("Points over time"))}


@register.simple_tag
def when(moment: date | datetime | None, style: str = "full") -> SafeString:
    """Styles: full 'Fri 18 Dec 2026, 18:00', short '18 Dec, 18:00', day '18 Dec 2026', clock '18:00'.
    The server writes it in the zone that the viewer chose, else in UTC, and says which; time.js rewrites it to the
    browser's own."""
    if moment is None:
        return inline("_components/_when.html", {"text": ""})
    at = instant(moment)
    if not isinstance(moment, datetime):
        return inline("_components/_when.html", {"text": words.date_text(at, "day"), "stamp": f"{at:%Y-%m-%d}"})
    there = at.astimezone(timezone.get_current_timezone())
    zone = there.tzname() or "UTC"
    text = words.date_text(there, style) + ("" if style == "day" else f" {zone}")
    stamp = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return inline(
        "_components/_when.html",
        {"text": text, "stamp": stamp, "style": style, "zone": "" if zone == "UTC" else zone},
    )


@register.simple_tag
def countdown(until: datetime, now: datetime | None = None) -> SafeString:
    """'25 days and 6 hours left', as the server counts at load; time.js keeps it current."""
    at = instant(until).astimezone(UTC)
    left = words.time_left(at - (now or timezone.now()))
    return inline("_components/_countdown.html", {"text": left, "stamp": f"{at:%Y-%m-%dT%H:%M:%SZ}"})


@register.inclusion_tag("_components/_field.html")
def field(bound: BoundField, *, optional: bool = False) -> dict[str, Any]:
    """Label, control, help and 'Not sent:', tied together for screen readers."""
    widget = bound.field.widget
    kind = "check" if isinstance(widget, CheckboxInput) else ""
    if isinstance(widget, CheckboxSelectMultiple | RadioSelect):
        kind = "choices"
    ids = [f"{bound.auto_id}_help"] * bool(bound.help_text) + [f"{bound.auto_id}_error"] * bool(bound.errors)
    attrs: dict[str, Any] = {"aria-describedby": " ".join(ids)} if ids else {}
    if bound.errors:
        attrs["aria-invalid"] = "true"
    if isinstance(widget, Textarea) or type(widget) is TextInput:
        attrs["dir"] = "auto"  # as the text that is typed reads
    label = words.in_our_words(bound.label)
    if widget.attrs.get("placeholder") in (bound.label, label):
        attrs["placeholder"] = False
    return {
        "field": bound,
        "control": bound.as_widget(attrs=attrs),
        "errors": plain_errors(bound.errors, bound.field),
        "kind": kind,
        "label": label,
        "optional": optional,
    }


@register.simple_tag
def errors_of(of: BaseForm | BoundField) -> list[str]:
    """What is wrong with a field, or with a form as a whole, in this site's words."""
    if isinstance(of, BoundField):
        return plain_errors(of.errors, of.field)
    return plain_errors(of.non_field_errors())


@register.simple_tag
def page_language() -> str:
    """The language of the page as HTML's `lang` has it: 'en-GB', 'de'."""
    language, _dash, region = (get_language() or settings.LANGUAGE_CODE).partition("-")
    return f"{language}-{region.upper()}" if region else language


@register.simple_tag
def site_languages() -> list[tuple[str, str]]:
    """Code and name of each language, named in itself: who can't read the page finds theirs."""
    return list(settings.LANGUAGES)


@register.simple_tag(takes_context=True)
def site_links(context: Context) -> Iterable[Link | dict[str, Any]]:
    """The header's links: `nav_items` of the context where a page brings its own, else the challenge's sections."""
    own: Iterable[dict[str, Any]] | None = context.get("nav_items")
    if own is not None:
        return own
    current = str(context.get("nav") or "")
    return section_links(challenge=context.get("challenge"), viewer=context.get("viewer"), current=current)


@register.simple_tag
def console_groups(challenge: Any, here: str) -> Iterable[LinkGroup]:
    """The console's sub-navigation in groups; `here` is the section that the page belongs to."""
    return console_links(challenge=challenge, current=here)


@register.filter
def in_our_words(value: object) -> str:
    """A label or an error of allauth's as this site says it."""
    return words.in_our_words(value)


@register.filter
def figure(value: int | float | None) -> str:
    """9412 → 9,412. Empty for None."""
    return "" if value is None else words.figure(value)


@register.filter
def inside(value: object) -> str:
    """A label as it stands within a sentence: 'Mouse' → 'mouse' where the language writes nouns so."""
    return words.inside(value)


@register.filter
def quoted(value: object) -> str:
    """What somebody wrote, in the quotation marks of the language."""
    return words.quoted(value)


@register.filter
def share(value: float | None) -> str:
    """0.48 → 48%. A dash for None."""
    return "–" if value is None else words.share_text(value)


@register.filter
def decimal(value: float | None, places: int = 2) -> str:
    """0.934 → 0.93, as the language writes it. A dash for None."""
    return "–" if value is None else words.decimal(value, places)


@register.filter
def short_decimal(value: float | None) -> str:
    """0.5 → 0.5 and 3.0 → 3, as the language writes it. A dash for None."""
    return "–" if value is None else words.short_decimal(value)


@register.filter
def duration(value: timedelta | float | None) -> str:
    """A timedelta, or seconds, as '9 h 20 min'. A dash for None."""
    return "–" if value is None else words.duration(value)


@register.filter
def minutes_left(value: int | None) -> str:
    """25 → 'about 25 minutes left'. Empty for None."""
    if value is None:
        return ""
    if value < 1:
        return _("less than a minute left")
    return words.counted(value, "about %(n)s minute left", "about %(n)s minutes left")


@register.filter
def upscaled(pixels: int | None) -> str:
    """The largest size at which a picture of so many pixels is shown: 3.5 times, blown up no further."""
    return str(int(pixels * MOST_UPSCALED)) if pixels else ""


@register.filter
def picture_name(key: object) -> str:
    """The text alternative of a picture, which doesn't give the answer: 'Picture 0a41b7e02c99d1f3'."""
    return _("Picture %(id)s") % {"id": key}


@register.filter
def licence(value: str | None) -> str:
    """https://creativecommons.org/licenses/by/2.0/ → CC BY 2.0; anything else as it is."""
    return licences.licence_name(value or "")


@register.filter
def web_address(value: str | None) -> str:
    """The address where it begins with http, else nothing, so that no link leads elsewhere."""
    return licences.web_address(value or "")


@register.filter
def covered_for(image: Any, viewer: Any) -> bool:
    """Whether a picture is covered for who looks: it is of a kind that not everybody wants to see, and they haven't
    chosen to see all of that."""
    parts = [part for part in (getattr(viewer, "finder", None), getattr(viewer, "rater", None)) if part is not None]
    chosen = {kind for part in parts for kind in part.sensitive_kinds or []}
    return not set(image.sensitive) <= chosen


@register.filter
def any_sensitive(rows: Iterable[Any]) -> bool:
    """Whether any of these rows has a picture that not everybody wants to see."""
    return any(row.image.sensitive for row in rows)


@register.filter
def state_word(state: object) -> str:
    """A pair's state, or its value, in the reader's language."""
    return words.STATES[str(getattr(state, "value", state))]


@register.filter
def bdi(value: Any) -> Any:
    """What somebody wrote, within a sentence of ours: it is read in its own direction, and turns nothing else round.
    Not for attributes, titles of pages and other places that hold no tags."""
    return format_html("<bdi>{}</bdi>", value) if value else value
