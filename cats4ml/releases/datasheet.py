"""The datasheet of a part: the questions of Gebru et al., "Datasheets for Datasets" (Communications of the ACM 64(12),
2021), answered from what the platform knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cats4ml.challenges.models import Role
from cats4ml.releases import layout
from cats4ml.releases.facts import Facts
from cats4ml.releases.figures import Alpha, PartFigures
from cats4ml.releases.frame import Frame
from cats4ml.releases.words import BIASES, LIMITS, SELECTED, USES, count_of, how_to_read, in_order
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Outcome, VerdictRule
from cats4ml.ui.policy_words import afterwards_in_words, credit_in_words, machines_in_words, verdict_in_words
from cats4ml.ui.words import OUTCOMES

ROLES = {Role.FINDER.value: "finders", Role.RATER.value: "raters"}
STOPS_EARLY = (VerdictRule.LEAD, VerdictRule.WEIGHTED)


def datasheet(
    *, facts: Facts, frame: Frame, part: str, figures: PartFigures, licences: Mapping[str, int], stored: int, since: str
) -> str:
    """`datasheet.md` of a part. `stored`: how many of its pictures the platform has; `since`: what changed, in "
    "short."""
    sections = (
        ("Motivation", _motivation(facts)),
        ("Composition", _composition(facts, part, figures, licences, stored)),
        ("How to read the seven columns", how_to_read(frame, figures)),
        ("Collection", _collection(facts, figures)),
        ("Verdicts", _verdicts(frame, figures)),
        ("Agreement", _agreement(frame, figures)),
        ("Classifiers", _classifiers(frame, figures)),
        ("Uses and limits", [*USES, *BIASES, *LIMITS]),
        ("Distribution", _distribution(part)),
        ("Maintenance", _maintenance(facts, since)),
    )
    lines = [f"# Datasheet: {facts.name}, {layout.NAMES[part]}", ""]
    for title, paragraphs in sections:
        lines += [f"## {title}", "", "\n\n".join(one for one in paragraphs if one), ""]
    return "\n".join(lines)


def _motivation(facts: Facts) -> Iterator[str]:
    yield (
        "The set holds pictures with labels about which classifiers and people were compared. People searched for "
        "pictures "
        "that the classifiers get wrong without knowing it; other people said what they see; the set is what came of "
        "it."
    )
    yield facts.challenge.summary.strip()
    yield f"Made by the organisers of the challenge “{facts.challenge.title}”: {facts.page}"


def _composition(
    facts: Facts, part: str, figures: PartFigures, licences: Mapping[str, int], stored: int
) -> Iterator[str]:
    whole, left = facts.total, facts.left_out
    yield (
        f"This part has {count_of(figures.pairs, 'pair')} of a picture and a label, of {whole:,} in the release. Each "
        "pair was drawn "
        "into the public or the held-out part by a seeded hash when it was first claimed, whatever its outcome."
    )
    yield _table(
        ("outcome", "pairs"), [(OUTCOMES[one.value].word, f"{figures.outcomes[one.value]:,}") for one in Outcome]
    )
    yield (
        f"By expert or organiser decided: {figures.adjudicated:,}. Imported as counts, without single answers: "
        f"{figures.imported:,}."
    )
    labels = sorted(figures.labels.items())
    heads = ("label", "id", "pairs", *(OUTCOMES[one.value].plural.lower() for one in Outcome))
    yield _table(
        heads,
        [
            (_cell(one.name), f"`{key}`", f"{one.pairs:,}", *(f"{one.outcomes[kind.value]:,}" for kind in Outcome))
            for key, one in labels
        ],
    )
    yield (
        f"Not in the release, for they were not settled when it was frozen: {left.in_review:,} in review and "
        f"{left.queued:,} not scored "
        f"yet; and {left.unscorable:,} that can’t be scored, {left.withdrawn:,} retracted or taken out."
    )
    yield (
        f"The pairs are about {count_of(figures.images, 'picture')}, of which the platform has {stored:,} as files. "
        f"{_copies(facts)} "
        "Pictures are not part of the release: `images.csv` says whose each is, under which licence, and where it is "
        "to be found."
    )
    yield _table(("licence of the pictures", "pictures"), [(_cell(name), f"{n:,}") for name, n in licences.items()])


def _copies(facts: Facts) -> str:
    if not facts.near_copies:
        return "The organisers found no near-copies among them."
    return (
        f"Of the pictures of both parts, {facts.near_copies:,} have a near-copy in the pool: of two near-copies "
        "claimed for one "
        "label the earlier claim earned, and both are released."
    )


def _collection(facts: Facts, figures: PartFigures) -> Iterator[str]:
    if figures.first_settled and figures.last_settled:
        yield f"Settled from {figures.first_settled:%d %B %Y} to {figures.last_settled:%d %B %Y}."
    yield (
        f"{count_of(facts.finders, 'finder')} made the claims of both parts; {count_of(len(figures.workers), 'rater')} "
        "gave "
        f"{count_of(figures.ratings, 'answer')} to the pairs of this part, of which the verdicts were read from "
        f"{figures.counted:,}. "
        f"{count_of(facts.discounted, 'rater')} of the challenge {'is' if facts.discounted == 1 else 'are'} "
        "discounted; their answers are in no "
        "verdict and in no file. Nobody rated a pair of their own or of their team."
    )
    yield "Nothing is known of the raters’ demographics: the platform does not ask."
    for platform, (studies, people) in facts.studies.items():
        yield (
            f"{count_of(people, 'rater')} came by {count_of(studies, 'paid study').replace('studys', 'studies')} on "
            f"{platform}."
        )
    yield from _consent(facts)


def _consent(facts: Facts) -> Iterator[str]:
    for role, name in ROLES.items():
        versions = [(version, n) for (one, version), n in facts.consents.items() if one == role]
        if versions:
            agreed = ", ".join(f"{n:,} to version {version}" for version, n in versions)
            yield f"Agreed to the challenge’s terms as {name}: {agreed}."
    text = facts.challenge.consent_text.strip()
    if text:
        quoted = "\n".join(f"> {line}".rstrip() for line in text.splitlines())
        yield f"Version {facts.challenge.consent_version}, now in force:\n\n{quoted}"


def _verdicts(frame: Frame, figures: PartFigures) -> Iterator[str]:
    values = {version: policy for version, policy in frame.policies.values() if version in figures.policies}
    yield "Raters see the picture and the question, and no score, no claimant and no other answer."
    for version in sorted(values):
        yield f"**Policy {version}.** {' '.join(_rules(values[version]))}"
    given = sorted(figures.answers_a_pair.items())
    if given:
        yield _table(("counted answers", "pairs"), [(f"{number:,}", f"{pairs:,}") for number, pairs in given])


def _rules(policy: Policy) -> list[str]:
    return [
        machines_in_words(policy),
        verdict_in_words(policy),
        *credit_in_words(policy),
        *afterwards_in_words(policy),
    ]


def _agreement(frame: Frame, figures: PartFigures) -> Iterator[str]:
    yield (
        "Krippendorff’s alpha for nominal data, 1 where raters always agree and 0 where no more than by chance; "
        "intervals are of 95%, "
        "by a Bayesian bootstrap over pairs."
    )
    rows = [
        ("all answers, “don’t know” is one", figures.alpha()),
        ("all answers, yes and no only", figures.alpha(dont_know=False)),
    ]
    rules = [policy.verdict_rule for version, policy in frame.policies.values() if version in figures.policies]
    early = any(rule in STOPS_EARLY for rule in rules)
    if early:
        rows.append(("the first two answers", figures.alpha(early=True)))
    yield _table(("over", "alpha", "95%", "pairs"), [(name, *_alpha_cells(alpha)) for name, alpha in rows])
    if early:
        yield (
            "Where raters agree the rule stops asking, so that divided pairs have more answers: alpha of all answers "
            "is lower than it would be "
            "otherwise, and that of the first two is fair."
        )


def _alpha_cells(alpha: Alpha) -> tuple[str, str, str]:
    if alpha.value is None:
        return "not defined", "", f"{alpha.pairs:,}"
    between = f"{alpha.interval.low:.3f} to {alpha.interval.high:.3f}" if alpha.interval else ""
    return f"{alpha.value:.3f}", between, f"{alpha.pairs:,}"


def _classifiers(frame: Frame, figures: PartFigures) -> Iterator[str]:
    yield SELECTED
    for version in sorted(figures.rosters):
        members = frame.members[version]
        yield f"**Roster {version}**: " + in_order(
            f"{_cell(one.classifier.name)} (`{one.classifier.digest[:12]}`, weight {one.weight:g})" for one in members
        )
    if not figures.rosters:
        yield "Which classifiers scored these pairs is not known here."


def _distribution(part: str) -> Iterator[str]:
    yield (
        f"Everything in this folder is licensed under {layout.LICENCE_NAME} ({layout.LICENCE}) but for the "
        "attribution of pictures, "
        "which are facts about works of others. The pictures themselves keep their own licences."
    )
    yield (
        f"By the terms that finders agree to, what they write about why machines may err is licensed under "
        f"{layout.LICENCE_NAME} too; it is in no file of the release. Raters agree that their answers are published "
        "under a pseudonym."
    )
    if part == layout.HELDOUT:
        yield (
            "This part is kept back until the organisers free it. Who has it must not train or tune on it, nor "
            "publish it."
        )
    else:
        yield "The other part is kept back, so that classifiers can be judged on answers that none of them has seen."


def _maintenance(facts: Facts, since: str) -> Iterator[str]:
    yield "A release never changes. What is corrected later is in the next one, whose changelog names it."
    yield f"Since the release before it: {since}." if since else "It is the first release of this challenge."
    yield (
        f"Finders disputed the outcome of {count_of(facts.disputes, 'pair')} of both parts; each dispute was looked "
        "at by an organiser, or waits."
        if facts.disputes
        else "No finder disputed the outcome of a released pair."
    )


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
