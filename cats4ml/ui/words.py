"""How outcomes, states, figures and lengths of time are written. One place, so that every page says the same."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import ngettext


@dataclass(frozen=True)
class Outcome:
    """`tone` names the colour (`--fn`, …) and, in `_shape.html`, the shape."""

    key: str
    tone: str
    word: str
    plural: str


OUTCOMES: dict[str, Outcome] = {
    "false_negative": Outcome("false_negative", "fn", "False negative", "False negatives"),
    "false_positive": Outcome("false_positive", "fp", "False positive", "False positives"),
    "agreement": Outcome("agreement", "ag", "Agreement", "Agreement"),
    "ambiguous": Outcome("ambiguous", "am", "Ambiguous", "Ambiguous"),
}

STATES: dict[str, str] = {
    "queued": "Queued",
    "in_review": "In review",
    "settled": "Settled",
    "unscorable": "Can’t be scored",
    "withdrawn": "Withdrawn",
}


# What allauth writes, as this site says it.
IN_OUR_WORDS: dict[str, str] = {
    "Login": "User name or email address",
    "Username": "User name",
    "Email": "Email address",
    "Remember Me": "Keep me signed in",
    "Current Password": "Present password",
    "New Password": "New password",
    "New Password (again)": "New password, once more",
    "Password (again)": "Password, once more",
    "The username and/or password you specified are not correct.": "The user name or the password is not right.",
    "The email address and/or password you specified are not correct.": "The address or the password is not right.",
    "You must type the same password each time.": "The two passwords differ. Type the same one twice.",
}


def in_our_words(text: object) -> str:
    """A label or an error of allauth's as this site says it; anything else as it is."""
    return IN_OUR_WORDS.get(str(text), str(text))


def outcome_of(value: object) -> Outcome | None:
    """The outcome behind a string or an enum member; None for None and ''. An unknown word is a KeyError."""
    key = getattr(value, "value", value)
    return OUTCOMES[str(key)] if key else None


def figure(value: int | float) -> str:
    """9412 → '9,412'; 5.4 → '5.4'. A minus is a minus sign, not a hyphen."""
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return text.replace("-", "−")


def short_figure(value: float) -> str:
    """For the labels of an axis: 750 → '750', 1500 → '1,500', 15000 → '15k'."""
    if value >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:,g}"


def score_text(mean: float, threshold: float) -> str:
    """Two decimals, or as many as it takes not to show a mean on the wrong side of the threshold."""
    for decimals in range(2, 7):
        shown = round(mean, decimals)
        if (shown >= threshold) == (mean >= threshold):
            return f"{shown:.{decimals}f}"
    return repr(mean)


def percentage(part: float) -> str:
    """A length for SVG: 0.93 → '93%'. Held between 0 and 100."""
    return f"{round(100 * min(1.0, max(0.0, part)), 2):g}%"


def counted(number: int, one: str, many: str = "", **values: object) -> str:
    """`counted(9412, "%(n)s pair", "%(n)s pairs")` → '9,412 pairs', in the reader's language.

    `one` and `many` are extracted for translation as those of ngettext are; `n` is the number as the language writes it.
    Without `many` it is English that nobody translates yet: `counted(2, "pair")`.
    """
    if not many:
        return f"{figure(number)} {one}{'' if number == 1 else 's'}"
    return ngettext(one, many, number) % {"n": figure(number), **values}


def time_left(left: timedelta) -> str:
    """The two largest units: '25 days and 6 hours left'. Past the end: 'closed'."""
    minutes = int(left.total_seconds() // 60)
    if left <= timedelta(0):
        return "closed"
    if minutes < 1:
        return "less than a minute left"
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    units = [(days, "day"), (hours, "hour")] if days else [(hours, "hour"), (minutes, "minute")]
    return " and ".join(counted(number, noun) for number, noun in units if number) + " left"


def duration(length: timedelta | float) -> str:
    """A length of time (seconds if a number) in two units at most: '9 h 20 min', '6 days', '40 s'."""
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    if seconds < 60:
        return f"{max(0, seconds)} s"
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return counted(days, "day") + (f" {hours} h" if hours else "")
    parts = [f"{hours} h"] if hours else []
    return " ".join([*parts, f"{minutes} min"] if minutes else parts)
