"""What a release has that the one before it had not, and the other way round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from cats4ml.catalog.hiding import hidden_images, shown
from cats4ml.challenges.models import Challenge
from cats4ml.releases import layout
from cats4ml.releases.facts import Facts
from cats4ml.releases.models import Release, ReleasePair
from cats4ml.releases.rows import ROWS_AT_A_TIME, settled_pairs
from cats4ml.releases.words import count_of
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome
from cats4ml.ui.words import OUTCOMES

MOST_NAMED = 1000
_GONE = {
    PairState.IN_REVIEW: "is being rated again",
    PairState.WITHDRAWN: "was taken out",
    PairState.QUEUED: "is being scored again",
    PairState.UNSCORABLE: "can’t be scored any more",
}


@dataclass
class PartChanges:
    """`named`: lines about public pairs, at most `MOST_NAMED` of a kind; held-out pairs are only counted."""

    added: int = 0
    gone: int = 0
    changed: int = 0
    named_gone: list[str] = field(default_factory=list)
    named_changed: list[str] = field(default_factory=list)


def changes_since(former: Release, challenge: Challenge) -> dict[str, PartChanges]:
    """By part, what the settled pairs are that `former` was made without, that it had, and that ended otherwise."""
    found: dict[str, PartChanges] = defaultdict(PartChanges)
    held = ReleasePair.objects.filter(release=former, pair=OuterRef("pk"))
    new = settled_pairs(challenge).order_by().filter(~Exists(held))
    for part in layout.PARTS:
        found[part].added = new.filter(split=part).count()
    for split, line in _gone(former):
        found[split].gone += 1
        _name(found[split].named_gone, split, line)
    for split, line in _changed(former):
        found[split].changed += 1
        _name(found[split].named_changed, split, line)
    return found


def _name(lines: list[str], split: str, line: str) -> None:
    if split == layout.PUBLIC and len(lines) < MOST_NAMED:
        lines.append(line)


def _former_pairs(former: Release) -> QuerySet[ReleasePair]:
    return ReleasePair.objects.filter(release=former).order_by("position")


def _hidden(former: Release) -> QuerySet[ReleasePair]:
    return _former_pairs(former).filter(pair__image__in=hidden_images())


def _gone(former: Release) -> Iterator[tuple[str, str]]:
    for position, split in _hidden(former).values_list("position", "split"):
        yield split, f"Position {position:,}: its picture was taken down; see `{layout.TOMBSTONES_CSV}`"
    rows = shown(_former_pairs(former), "pair__image").exclude(pair__state=PairState.SETTLED)
    columns = ("split", "pair__image__image_id", "pair__label__key", "pair__state")
    for split, image, label, state in rows.values_list(*columns).iterator(chunk_size=ROWS_AT_A_TIME):
        yield split, f"`{image}`, `{label}` {_GONE[PairState(state)]}"


def _changed(former: Release) -> Iterator[tuple[str, str]]:
    """Pairs of both releases whose verdict, outcome or machine score differs."""
    other = ~Q(verdict=F("pair__verdict")) | ~Q(outcome=F("pair__outcome")) | ~Q(machine_yes=F("pair__machine_yes"))
    rows = shown(_former_pairs(former), "pair__image").filter(other, pair__state=PairState.SETTLED)
    columns = ("split", "pair__image__image_id", "pair__label__key", "verdict", "pair__verdict", "outcome",
               "pair__outcome", "machine_yes", "pair__machine_yes")  # fmt: skip
    for split, image, label, verdict, now, outcome, ends, yes, says in rows.values_list(*columns).iterator(
        chunk_size=ROWS_AT_A_TIME
    ):
        told = [f"{_ending(outcome)} → {_ending(ends)}"] if outcome != ends else []
        told += [f"people {verdict} → {now}"] if verdict != now else []
        told += [f"machines {_said(yes)} → {_said(says)}"] if yes != says else []
        yield split, f"`{image}`, `{label}`: {'; '.join(told)}"


def _ending(outcome: str) -> str:
    return OUTCOMES[Outcome(outcome).value].word.lower()


def _said(yes: bool) -> str:  # noqa: FBT001 - a word for a value
    return "yes" if yes else "no"


def changelog(facts: Facts, former: Release | None, changes: dict[str, PartChanges]) -> str:
    """`CHANGELOG.md`."""
    lines = [
        f"# {facts.name}",
        "",
        f"Frozen on {facts.frozen_at:%d %B %Y}. {count_of(facts.total, 'pair')}: {_sizes(facts)}.",
    ]
    if facts.notes.strip():
        lines += ["", facts.notes.strip()]
    if former is None:
        return "\n".join([*lines, "", "The first release of this challenge.", ""])
    if former.withdrawn_at is not None:
        lines += [
            "",
            f"Release {former.version} was withdrawn on {former.withdrawn_at:%d %B %Y}: a picture in it was taken "
            "down. Its files are served no more. If you have a copy, take the rows out that "
            f"`{layout.TOMBSTONES_CSV}` of each part names.",
        ]
    lines += ["", f"## Since release {former.version}", ""]
    lines += [f"Its root digest is `{former.root_digest}`.", "", "| | added | gone | changed |", "|---|---:|---:|---:|"]
    for part in layout.PARTS:
        one = changes[part]
        lines.append(f"| {layout.NAMES[part]} | {one.added:,} | {one.gone:,} | {one.changed:,} |")
    public = changes[layout.PUBLIC]
    lines += _list("Gone from the public part", public.named_gone, public.gone)
    lines += _list("Changed in the public part", public.named_changed, public.changed)
    lines += ["", "Pairs of the held-out part are counted and not named, so that nothing is told of their answers.", ""]
    return "\n".join(lines)


def _sizes(facts: Facts) -> str:
    return " and ".join(f"{facts.pairs.get(part, 0):,} in the {layout.NAMES[part]}" for part in layout.PARTS)


def _list(title: str, lines: list[str], number: int) -> list[str]:
    if not number:
        return []
    more = [f"* … and {number - len(lines):,} more"] if number > len(lines) else []
    return ["", f"### {title}", "", *(f"* {line}" for line in lines), *more]


def in_short(changes: dict[str, PartChanges]) -> str:
    """'12 pairs added, 1 gone, 3 changed' of both parts together."""
    added, gone, changed = (
        sum(getattr(one, name) for one in changes.values()) for name in ("added", "gone", "changed")
    )
    return f"{count_of(added, 'pair')} added, {gone:,} gone, {changed:,} changed"
