"""How an edition's pool was drawn, in words."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cats4ml.catalog.models import Label
from cats4ml.challenges.models import Challenge, PoolDraw
from cats4ml.challenges.pools import ANY, HUMAN_NO, HUMAN_YES, MACHINE, NONE
from cats4ml.challenges.queries import target_labels
from cats4ml.ui.words import figure

_SAID = {
    HUMAN_YES: gettext_lazy("people said yes to"),
    HUMAN_NO: gettext_lazy("people said no to"),
    MACHINE: gettext_lazy("a machine found"),
    ANY: gettext_lazy("people or machines looked for"),
}


def draws_in_words(challenge: Challenge) -> list[str]:
    """How the pool was drawn, one sentence for each draw, the first one first."""
    draws = list(PoolDraw.objects.filter(challenge=challenge).order_by("pk"))
    keys = {key for draw in draws for key in draw.choice["labels"]}
    named = Label.objects.filter(vocabulary=challenge.vocabulary, key__in=keys) if keys else Label.objects.none()
    names = dict(named.values_list("key", "name"))
    targets = {target.label.key for target in target_labels(challenge)} if draws else set()
    return [_in_words(draw, names, targets) for draw in draws]


def _in_words(draw: PoolDraw, names: dict[str, str], targets: set[str]) -> str:
    choice = draw.choice
    if choice.get("ids"):
        return _("%(added)s pictures of a list of %(ids)s ids that an organiser gave") % {
            "added": figure(draw.added),
            "ids": figure(choice["ids"]),
        }
    keys = sorted(choice["labels"], key=lambda key: names.get(key, key))
    of = ", ".join(names.get(key, key) for key in keys[:5])
    if len(keys) > 1 and set(keys) == targets:
        of = _("any of the %(number)s target labels") % {"number": len(keys)}
    elif len(keys) > 5:
        of = _("%(labels)s and %(more)s more") % {"labels": of, "more": len(keys) - 5}
    if choice["with_subclasses"]:
        of = _("%(labels)s, or a label below it in the hierarchy") % {"labels": of}
    either = " " + _("or") + " "
    said = [str(words) for one, words in _SAID.items() if one in choice["annotations"]]
    ways = [_("in which %(said)s %(labels)s") % {"said": either.join(said), "labels": of}] if said else []
    if NONE in choice["annotations"]:
        ways.append(_("without any word on %(labels)s") % {"labels": of})
    where = _("%(added)s of %(matching)s pictures")
    if choice["subset"]:
        where = _("%(added)s of %(matching)s pictures of the %(subset)s set")
    begun = where % {"added": figure(draw.added), "matching": figure(draw.matching), "subset": choice["subset"]}
    most = ""
    if choice["per_label"]:
        most = _(", at most %(number)s for each label") % {"number": figure(choice["per_label"])}
    return f"{begun} {either.join(ways)}{most}; " + _("seed %(seed)s") % {"seed": draw.seed}
