"""Outcomes in words, for the people who claimed the pair."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, pgettext

from cats4ml.rules.answers import Tally
from cats4ml.rules.credit import NoCredit
from cats4ml.rules.verdicts import Outcome, Verdict
from cats4ml.ui.words import Translated, count_in_words, counted, decimal, sentence

_SIDES = (Verdict.YES, Verdict.NO)
# Translators: how a pair ended, at the end of a sentence: "Four of five raters said yes, …: a false negative."
_OUTCOMES = Translated(
    {
        Outcome.FALSE_NEGATIVE: gettext_noop("a false negative"),
        Outcome.FALSE_POSITIVE: gettext_noop("a false positive"),
        Outcome.AGREEMENT: gettext_noop("an agreement"),
        Outcome.AMBIGUOUS: gettext_noop("ambiguous"),
    }
)
# Translators: `said` is what people and machines said: "Four of five raters said yes, the machines’ mean was 0.08".
_CREDITED = gettext_noop("%(said)s: %(outcome)s.")
_UNCREDITED = {
    NoCredit.KNOWN_UNKNOWN: gettext_noop(
        "%(said)s: %(outcome)s, but the machines were unsure: it earns nothing by this challenge’s rules."
    ),
    NoCredit.ADJUDICATED: gettext_noop(
        "%(said)s: %(outcome)s, but an expert decided it: by this challenge’s rules that earns nothing."
    ),
    NoCredit.NEAR_COPY: gettext_noop(
        "%(said)s: %(outcome)s, but a near-copy of this picture was claimed before: it earns nothing."
    ),
}


def _ended(said: str, outcome: Outcome, uncredited: NoCredit | None) -> str:
    words = _UNCREDITED[uncredited] if uncredited else _CREDITED
    return sentence(_(words) % {"said": said, "outcome": _OUTCOMES[outcome]})


def _machines(mean: float | None, *, machine_yes: bool) -> str:
    if mean is not None:
        return _("the machines’ mean was %(mean)s") % {"mean": decimal(mean, 2)}
    return _("the machines said yes") if machine_yes else _("the machines said no")


def settled_reason(
    *,
    tally: Tally,
    verdict: Verdict,
    outcome: Outcome,
    mean: float | None,
    machine_yes: bool,
    uncredited: NoCredit | None = None,
    adjudicated: bool = False,
) -> str:
    """Why a pair ended as it did: "Four of five raters said yes, the machines' mean was 0.08: a false negative.".

    Where an adverse pair is `uncredited` it says that too, and why; and where people and machines disagree and the pair
    is ambiguous all the same. `adjudicated`: an expert decided.
    """
    values = {
        "people": _expert(verdict) if adjudicated else _people_said(tally, verdict),
        "machines": _machines(mean, machine_yes=machine_yes),
    }
    if verdict in _SIDES and outcome is Outcome.AMBIGUOUS:
        said = _("%(people)s, %(machines)s, but this challenge asks more of an adverse pair") % values
    else:
        said = _("%(people)s, %(machines)s") % values
    return _ended(said, outcome, uncredited)


def _expert(verdict: Verdict) -> str:
    if verdict is Verdict.UNDECIDED:
        return _("an expert said that it can’t be told")
    return _("an expert said yes") if verdict is Verdict.YES else _("an expert said no")


def _people_said(tally: Tally, verdict: Verdict) -> str:
    if verdict is Verdict.UNDECIDED:
        return _undecided(tally)
    side, other = (tally.yes, tally.no) if verdict is Verdict.YES else (tally.no, tally.yes)
    if side <= other:
        words = (
            _("weighed by how well each rater answers, %(yes)s yes and %(no)s no make a yes")
            if verdict is Verdict.YES
            else _("weighed by how well each rater answers, %(yes)s yes and %(no)s no make a no")
        )
        return words % {"yes": count_in_words(tally.yes), "no": count_in_words(tally.no)}
    values = {"n": count_in_words(side), "total": count_in_words(tally.total)}
    if side == tally.total:
        if verdict is Verdict.YES:
            return ngettext("the rater said yes", "all %(n)s raters said yes", side) % values
        return ngettext("the rater said no", "all %(n)s raters said no", side) % values
    if verdict is Verdict.YES:
        return ngettext("%(n)s of %(total)s raters said yes", "%(n)s of %(total)s raters said yes", side) % values
    return ngettext("%(n)s of %(total)s raters said no", "%(n)s of %(total)s raters said no", side) % values


def _undecided(tally: Tally) -> str:
    yes, no, dont_know = tally.yes, tally.no, tally.dont_know
    values = {
        "yes": ngettext("%(n)s rater said yes", "%(n)s raters said yes", yes) % {"n": count_in_words(yes)}
        if yes
        else _("nobody said yes"),
        "no": ngettext("%(n)s said no", "%(n)s said no", no) % {"n": count_in_words(no)} if no else _("none said no"),
        "dont_know": ngettext("%(n)s didn’t know", "%(n)s didn’t know", dont_know) % {"n": count_in_words(dont_know)}
        if dont_know
        else _("none didn’t know"),
    }
    # Translators: "Two raters said yes, two said no and one didn’t know".
    return pgettext("what raters said", "%(yes)s, %(no)s and %(dont_know)s") % values


def adjudicated_reason(
    *,
    verdict: Verdict,
    reason: str,
    outcome: Outcome,
    mean: float | None,
    machine_yes: bool,
    uncredited: NoCredit | None = None,
) -> str:
    """Why a pair ended as it did that an expert decided: "An expert decided: yes. “The tail is in view.” The machines’
    mean was 0.08: a false negative."."""
    if verdict is Verdict.UNDECIDED:
        words = _("An expert looked too and could not tell. “%(reason)s” %(ended)s")
    elif verdict is Verdict.YES:
        words = _("An expert decided: yes. “%(reason)s” %(ended)s")
    else:
        words = _("An expert decided: no. “%(reason)s” %(ended)s")
    ended = _ended(_machines(mean, machine_yes=machine_yes), outcome, uncredited)
    return words % {"reason": reason.strip(), "ended": ended}


def too_few_classifiers(*, label: str, knowing: int, needed: int) -> str:
    """Why a pair can't be scored: "Only one classifier of the roster knows the label Bird; two are needed."."""
    if not knowing:
        return _("No classifier of the roster knows the label %(label)s.") % {"label": label}
    words = ngettext(
        "Only %(n)s classifier of the roster knows the label %(label)s; %(needed)s are needed.",
        "Only %(n)s classifiers of the roster know the label %(label)s; %(needed)s are needed.",
        knowing,
    )
    return words % {"n": count_in_words(knowing), "label": label, "needed": count_in_words(needed)}


def points_in_words(points: int) -> str:
    return counted(points, "%(n)s point.", "%(n)s points.") if points else _("No point.")
