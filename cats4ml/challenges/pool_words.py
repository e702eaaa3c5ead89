"""How an edition's pool was drawn, in words."""

from __future__ import annotations

from cats4ml.catalog.models import Label
from cats4ml.challenges.models import Challenge, PoolDraw
from cats4ml.challenges.pools import ANY, HUMAN_NO, HUMAN_YES, MACHINE, NONE
from cats4ml.challenges.queries import target_labels

_SAID = {
    HUMAN_YES: "people said yes to",
    HUMAN_NO: "people said no to",
    MACHINE: "a machine found",
    ANY: "people or machines looked for",
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
        return f"{draw.added:,} pictures of a list of {choice['ids']:,} ids that an organiser gave"
    keys = sorted(choice["labels"], key=lambda key: names.get(key, key))
    listed = ", ".join(names.get(key, key) for key in keys[:5]) + (
        f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    )
    of = f"any of the {len(keys)} target labels" if len(keys) > 1 and set(keys) == targets else listed
    if choice["with_subclasses"]:
        of += ", or a label below it in the hierarchy"
    said = [words for one, words in _SAID.items() if one in choice["annotations"]]
    ways = [f"in which {' or '.join(said)} {of}"] if said else []
    if NONE in choice["annotations"]:
        ways.append(f"without any word on {of}")
    where = f" of the {choice['subset']} set" if choice["subset"] else ""
    most = f", at most {choice['per_label']:,} for each label" if choice["per_label"] else ""
    return f"{draw.added:,} of {draw.matching:,} pictures{where} {' or '.join(ways)}{most}; seed {draw.seed}"
