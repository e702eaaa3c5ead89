"""How outcomes, states, figures and lengths of time are written. One place, so that every page says the same."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.dateformat import format as format_date
from django.utils.formats import get_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, override, pgettext, pgettext_lazy

MINUTE, HOUR, DAY = 60, 3600, 86400


class Translated(Mapping[str, str]):
    """Words by key, each in the language of whoever reads it: `Translated({"queued": gettext_noop("Queued")})`."""

    def __init__(self, english: Mapping[str, str]) -> None:
        self._english = dict(english)

    def __getitem__(self, key: str) -> str:
        return _(self._english[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._english)

    def __len__(self) -> int:
        return len(self._english)


@dataclass(frozen=True)
class Outcome:
    """`tone` names the colour (`--fn`, …) and, in `_shape.html`, the shape."""

    key: str
    tone: str
    english: str
    english_plural: str

    @property
    def word(self) -> str:
        return _(self.english)

    @property
    def plural(self) -> str:
        return _(self.english_plural)


OUTCOMES: dict[str, Outcome] = {
    "false_negative": Outcome("false_negative", "fn", gettext_noop("False negative"), gettext_noop("False negatives")),
    "false_positive": Outcome("false_positive", "fp", gettext_noop("False positive"), gettext_noop("False positives")),
    "agreement": Outcome("agreement", "ag", gettext_noop("Agreement"), gettext_noop("Agreement")),
    "ambiguous": Outcome("ambiguous", "am", gettext_noop("Ambiguous"), gettext_noop("Ambiguous")),
}

STATES = Translated(
    {
        "queued": gettext_noop("Queued"),
        "in_review": gettext_noop("In review"),
        "settled": gettext_noop("Settled"),
        "unscorable": gettext_noop("Can’t be scored"),
        "withdrawn": gettext_noop("Withdrawn"),
    }
)

ANSWERS = Translated(
    {"yes": gettext_noop("Yes"), "no": gettext_noop("No"), "dont_know": gettext_noop("Don’t know")},
)


# What allauth writes, as this site says it.
IN_OUR_WORDS = Translated(
    {
        "Login": gettext_noop("User name or email address"),
        "Username": gettext_noop("User name"),
        "Email": gettext_noop("Email address"),
        "Remember Me": gettext_noop("Keep me signed in"),
        "Current Password": gettext_noop("Present password"),
        "New Password": gettext_noop("New password"),
        "New Password (again)": gettext_noop("New password, once more"),
        "Password (again)": gettext_noop("Password, once more"),
        "The username and/or password you specified are not correct.": gettext_noop(
            "The user name or the password is not right."
        ),
        "The email address and/or password you specified are not correct.": gettext_noop(
            "The address or the password is not right."
        ),
        "Authenticator code": gettext_noop("Code"),
        "Incorrect code.": gettext_noop(
            "This code is not right. An app shows a new one every half minute: type that one."
        ),
        "Incorrect password.": gettext_noop("The password is not right."),
        "Please type your current password.": gettext_noop("Your present password is another one. Type it anew."),
        "This account is currently inactive.": gettext_noop("This account is closed. Write to the organisers."),
        "A user is already registered with this email address.": gettext_noop(
            "An account has this address already. Sign in to it, or give another address."
        ),
        "This email address is already associated with this account.": gettext_noop(
            "This is the address of your account already."
        ),
        "A user with that username already exists.": gettext_noop("Somebody has this user name. Choose another one."),
        "Username can not be used. Please use other username.": gettext_noop(
            "This user name can’t be had. Choose another one."
        ),
        "You must type the same password each time.": gettext_noop(
            "The two passwords differ. Type the same one twice."
        ),
    }
)


def in_our_words(text: object) -> str:
    """A label or an error of allauth's as this site says it; anything else as it is."""
    english = shown = str(text)
    if isinstance(text, Promise):
        with override("en"):
            english = str(text)
    if english in IN_OUR_WORDS:
        return IN_OUR_WORDS[english]
    # What allauth wrote in the reader's language itself.
    same = (key for key in IN_OUR_WORDS if shown in (_(key), pgettext("field label", key)))
    return next((IN_OUR_WORDS[key] for key in same), shown)


def outcome_of(value: object) -> Outcome | None:
    """The outcome behind a string or an enum member; None for None and ''. An unknown word is a KeyError."""
    key = getattr(value, "value", value)
    return OUTCOMES[str(key)] if key else None


def written(number: str) -> str:
    """A number as Python writes it, '-9,412.5', as the reader's language does. A minus is a minus sign, not a hyphen.

    For people only: what programs read keeps Python's own.
    """
    marks = {",": get_format("THOUSAND_SEPARATOR"), ".": get_format("DECIMAL_SEPARATOR"), "-": "−"}
    return "".join(marks.get(sign, sign) for sign in number)


def figure(value: int | float) -> str:
    """9412 → '9,412'; 5.4 → '5.4'."""
    return written(f"{value:,}" if isinstance(value, int) else f"{value:,.1f}")


def decimal(value: float, places: int) -> str:
    """0.934 with two places → '0.93'. Never a zero with a minus."""
    return written(f"{round(value, places) + 0.0:,.{places}f}")


def short_decimal(value: float) -> str:
    """As few digits as it takes: 0.5 → '0.5', 1500.0 → '1,500'."""
    return written(f"{value:,g}")


def share_text(value: float, places: int = 0) -> str:
    """0.48 → '48%'."""
    # Translators: a share of a hundred, such as 48%. Some languages put a space before the sign.
    return _("%(number)s%%") % {"number": written(f"{value:.{places}%}".removesuffix("%"))}


def short_figure(value: float) -> str:
    """For the labels of an axis: 750 → '750', 1500 → '1,500', 15000 → '15k'."""
    if value >= 10_000:
        # Translators: thousands, as short as on an axis: 15k is 15,000.
        return _("%(number)sk") % {"number": written(f"{value / 1000:g}")}
    return short_decimal(value)


def score_text(mean: float, threshold: float) -> str:
    """Two decimals, or as many as it takes not to show a mean on the wrong side of the threshold."""
    for decimals in range(2, 7):
        shown = round(mean, decimals)
        if (shown >= threshold) == (mean >= threshold):
            return written(f"{shown:.{decimals}f}")
    return written(repr(mean))


def percentage(part: float) -> str:
    """A length for SVG: 0.93 → '93%'. Held between 0 and 100. The same in every language."""
    return f"{round(100 * min(1.0, max(0.0, part)), 2):g}%"


def counted(number: int, one: str, many: str, **values: object) -> str:
    """`counted(9412, "%(n)s pair", "%(n)s pairs")` → '9,412 pairs', in the reader's language.

    `one` and `many` are extracted as those of ngettext are; `n` is the number as the language writes it.
    """
    return ngettext(one, many, number) % {"n": figure(number), **values}


_NUMBERS = (
    pgettext_lazy("number", "no"),
    pgettext_lazy("number", "one"),
    pgettext_lazy("number", "two"),
    pgettext_lazy("number", "three"),
    pgettext_lazy("number", "four"),
    pgettext_lazy("number", "five"),
    pgettext_lazy("number", "six"),
    pgettext_lazy("number", "seven"),
    pgettext_lazy("number", "eight"),
    pgettext_lazy("number", "nine"),
    pgettext_lazy("number", "ten"),
)


def count_in_words(number: int) -> str:
    """'five' up to ten, then '11'."""
    return str(_NUMBERS[number]) if number < len(_NUMBERS) else str(number)


def sentence(text: str) -> str:
    """The text with a capital at its beginning, and no other change."""
    return text[:1].upper() + text[1:]


def inside(text: object) -> str:
    """A label as it stands within a sentence: 'Paused' → 'paused'. Where a language writes nouns with a capital, its
    catalogue lists the labels that begin small."""
    words = str(text)
    # Translators: “all”, or, where nouns keep their capital, the labels that don’t, with semicolons between them.
    small = pgettext("labels that begin small within a sentence", "all")
    return words[:1].lower() + words[1:] if small == "all" or words in small.split("; ") else words


def quoted(text: object) -> str:
    """What somebody wrote, in the quotation marks of the reader's language."""
    # Translators: quotation marks round what somebody wrote.
    return pgettext("quotation", "“%(text)s”") % {"text": text}


def date_text(moment: date | datetime, style: str) -> str:
    """Styles: full 'Fri 18 Dec 2026, 18:00', short '18 Dec, 18:00', day '18 Dec 2026', month_day '18 Dec', clock
    '18:00', long_day '18 December 2026', long_month_day '18 December', weekday 'Friday', weekday_day 'Fri 18 Dec'. In
    the moment's own zone."""
    return format_date(moment, str(_DATE_FORMATS[style]))


# Lazy, for of all of them one is asked for.
# Translators: these are formats as Django's filter `date` has them: https://docs.djangoproject.com/en/5.2/ref/templates/builtins/#date
_DATE_FORMATS = {
    "full": pgettext_lazy("date format", "D j M Y, H:i"),
    "short": pgettext_lazy("date format", "j M, H:i"),
    "day": pgettext_lazy("date format", "j M Y"),
    "month_day": pgettext_lazy("date format", "j M"),
    "clock": pgettext_lazy("date format", "H:i"),
    "long_day": pgettext_lazy("date format", "j F Y"),
    "long_month_day": pgettext_lazy("date format", "j F"),
    "weekday": pgettext_lazy("date format", "l"),
    "weekday_day": pgettext_lazy("date format", "D j M"),
}


def time_left(left: timedelta) -> str:
    """The two largest units: '25 days and 6 hours left'. Past the end: 'closed'."""
    minutes = int(left.total_seconds() // 60)
    if left <= timedelta(0):
        return _("closed")
    if minutes < 1:
        return _("less than a minute left")
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    in_days, in_hours = counted(days, "%(n)s day", "%(n)s days"), counted(hours, "%(n)s hour", "%(n)s hours")
    in_minutes = counted(minutes, "%(n)s minute", "%(n)s minutes")
    units = [(days, in_days), (hours, in_hours)] if days else [(hours, in_hours), (minutes, in_minutes)]
    shown = [words for number, words in units if number]
    if len(shown) == 1:
        return _("%(time)s left") % {"time": shown[0]}
    return _("%(larger)s and %(smaller)s left") % {"larger": shown[0], "smaller": shown[1]}


def about(seconds: float) -> str:
    """'less than a minute', 'about 3 minutes', 'about 5 hours', 'about 2 days': no finer than an estimate is."""
    if seconds < MINUTE:
        return _("less than a minute")
    if seconds < 90 * MINUTE:
        return counted(_whole(seconds / MINUTE), "about %(n)s minute", "about %(n)s minutes")
    if seconds < 36 * HOUR:
        return counted(_whole(seconds / HOUR), "about %(n)s hour", "about %(n)s hours")
    return counted(_whole(seconds / DAY), "about %(n)s day", "about %(n)s days")


def _whole(number: float) -> int:
    return max(1, math.floor(number + 0.5))


def duration(length: timedelta | float) -> str:
    """A length of time (seconds if a number) in two units at most: '9 h 20 min', '6 days', '40 s'."""
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    if seconds < 60:
        return _("%(n)s s") % {"n": max(0, seconds)}
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    in_hours, in_minutes = _("%(n)s h") % {"n": hours}, _("%(n)s min") % {"n": minutes}
    if days:
        units = [counted(days, "%(n)s day", "%(n)s days"), *([in_hours] if hours else [])]
    else:
        units = [*([in_hours] if hours else []), *([in_minutes] if minutes or not hours else [])]
    return " ".join(units)
