"""Geometry of the reading: the machines' bar and the people's dots on one axis from no (left) to yes (right)."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from cats4ml.ui.words import Outcome, counted, percentage, score_text, short_decimal

PITCH = 16
RADIUS = 6.5
DASH = 9
NEEDLE = 4
MOST_SINGLE = 7


@dataclass(frozen=True)
class Marks:
    """One kind of vote. `offsets` are pixels from the kind's anchor (left end, middle, right end);
    `count` is set when one mark stands for more than seven votes."""

    offsets: tuple[float, ...]
    count: int | None = None


@dataclass(frozen=True)
class Votes:
    yes: int
    no: int
    dont_know: int

    @property
    def total(self) -> int:
        return self.yes + self.no + self.dont_know

    def marks(self, *, number: int, first: float, step: float) -> Marks:
        if number > MOST_SINGLE:
            return Marks(offsets=(first,), count=number)
        return Marks(offsets=tuple(first + step * i for i in range(number)))

    @property
    def yes_marks(self) -> Marks:
        return self.marks(number=self.yes, first=-RADIUS, step=-PITCH)

    @property
    def no_marks(self) -> Marks:
        return self.marks(number=self.no, first=RADIUS, step=PITCH)

    @property
    def dash_marks(self) -> Marks:
        """Dashes start beside the middle, on the side with fewer votes, clear of the threshold's tick."""
        leftward = self.yes > self.no
        first = -DASH - 7.0 if leftward else 7.0
        return self.marks(number=self.dont_know, first=first, step=-PITCH if leftward else PITCH)

    @property
    def dash_count_x(self) -> int:
        """Where the count beside a collapsed dash is written, and on which side of it."""
        return -21 if self.yes > self.no else 21

    @property
    def dash_anchor(self) -> str:
        return "end" if self.yes > self.no else "start"

    @property
    def summary(self) -> str:
        if not self.total:
            return _("nobody yet")
        if self.dont_know > max(self.yes, self.no):
            return _("%(n)s of %(total)s don’t know") % {"n": self.dont_know, "total": self.total}
        if self.yes == self.no:
            return _("%(yes)s yes, %(no)s no of %(total)s") % {"yes": self.yes, "no": self.no, "total": self.total}
        if self.yes > self.no:
            return counted(self.yes, "%(n)s of %(total)s says yes", "%(n)s of %(total)s say yes", total=self.total)
        return counted(self.no, "%(n)s of %(total)s says no", "%(n)s of %(total)s say no", total=self.total)

    @property
    def spoken(self) -> str:
        counts = {"yes": self.yes, "no": self.no, "dont_know": self.dont_know}
        return _("People: %(yes)s yes, %(no)s no, %(dont_know)s don’t know.") % counts


@dataclass(frozen=True)
class Bar:
    """The machines' mean: how far the fill goes, where the needle stands (kept inside the track), what is written."""

    width: str
    needle_x: float
    figure: str
    spoken: str


def score_bar(mean: float, threshold: float) -> Bar:
    figure = score_text(mean, threshold)
    if mean >= threshold:
        spoken = _("Machines: mean score %(mean)s between 0, no, and 1, yes. They say yes; yes starts at %(start)s.")
    else:
        spoken = _("Machines: mean score %(mean)s between 0, no, and 1, yes. They say no; yes starts at %(start)s.")
    spoken %= {"mean": figure, "start": short_decimal(threshold)}
    return Bar(width=percentage(mean), needle_x=round(-NEEDLE * mean, 2), figure=figure, spoken=spoken)


@dataclass(frozen=True)
class Reading:
    """What `_reading.html` draws. `bar` is None while the score is hidden, `votes` is None until the pair settles."""

    threshold: str
    threshold_x: str
    tone: str
    bar: Bar | None
    votes: Votes | None
    waiting: str


def make_reading(
    *, mean: float | None, threshold: float, outcome: Outcome | None, votes: Votes, people_so_far: int | None
) -> Reading:
    """Votes show only when there is an outcome or a caller gives no `people_so_far`; a pair in review must not."""
    in_review = people_so_far is not None
    return Reading(
        threshold=short_decimal(threshold),
        threshold_x=percentage(threshold),
        tone=outcome.tone if outcome else "none",
        bar=None if mean is None else score_bar(mean, threshold),
        votes=None if in_review else votes,
        waiting=counted_people(people_so_far) if people_so_far is not None else "",
    )


def counted_people(number: int) -> str:
    return counted(number, "%(n)s person so far", "%(n)s people so far") if number else _("nobody so far")
