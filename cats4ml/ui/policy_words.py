"""The policy in plain words, so that the rules on the page are the rules in force."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cats4ml.rules.policy import PROPORTIONAL, REVEAL_SETTLED, Policy, answers_asked
from cats4ml.rules.verdicts import DontKnow, VerdictRule
from cats4ml.ui.words import count_in_words, counted, figure, sentence, short_decimal, written


def tie_rule() -> str:
    return _(
        "Equal points share a rank, and the next rank is skipped. Nothing else breaks a tie: not time, not success "
        "rate."
    )


def raters_in_words(policy: Policy) -> str:
    """How many people look at a pair: "five people", "two to seven people"."""
    least, most = answers_asked(policy)
    if least == most:
        return ngettext("%(n)s person", "%(n)s people", most) % {"n": count_in_words(most)}
    return _("%(least)s to %(most)s people") % {"least": count_in_words(least), "most": count_in_words(most)}


def raters_look(policy: Policy) -> str:
    """The heading over what raters do: "Five people look"."""
    least, most = answers_asked(policy)
    if least == most:
        return sentence(ngettext("%(n)s person looks", "%(n)s people look", most) % {"n": count_in_words(most)})
    words = _("%(least)s to %(most)s people look")
    return sentence(words % {"least": count_in_words(least), "most": count_in_words(most)})


def verdict_in_words(policy: Policy) -> str:
    """The verdict rule of a policy in a few sentences."""
    least, most = answers_asked(policy)
    if least == most:
        look = ngettext("%(n)s rater looks at each pair.", "%(n)s raters look at each pair.", most)
        look %= {"n": count_in_words(most)}
    else:
        look = _("%(least)s to %(most)s raters look at each pair.")
        look %= {"least": count_in_words(least), "most": count_in_words(most)}
    words = {
        VerdictRule.MAJORITY: _majority,
        VerdictRule.MAJORITY_OF_KNOWN: _majority_of_known,
        VerdictRule.LEAD: _lead,
        VerdictRule.WEIGHTED: _weighted,
    }[VerdictRule(policy.verdict_rule)](policy)
    return " ".join([sentence(look), *words, *_asked_of_adverse(policy, least)])


def _replaced(policy: Policy) -> list[str]:
    if policy.dont_know != DontKnow.REPLACED:
        return []
    most = count_in_words(policy.rule.most)
    return [_("For a “don’t know” somebody else is asked, up to %(most)s answers.") % {"most": most}]


def _majority(policy: Policy) -> list[str]:
    end = _("If they can’t agree, the pair is ambiguous.")
    if policy.dont_know == DontKnow.REPLACED:
        return [*_replaced(policy), _("More than half of all answers must be the same yes or no."), end]
    needed = count_in_words(policy.quorum // 2 + 1)
    return [
        sentence(_("%(needed)s must give the same yes or no; “don’t know” is an answer too.") % {"needed": needed}),
        end,
    ]


def _majority_of_known(policy: Policy) -> list[str]:
    return [
        *_replaced(policy),
        _("More yes than no, or more no than yes, decides among those who knew."),
        _("If it is even, the pair is ambiguous."),
    ]


def _lead(policy: Policy) -> list[str]:
    after = ngettext(
        "If neither is after %(n)s answer, the one with more decides; if it is even, the pair is ambiguous.",
        "If neither is after %(n)s answers, the one with more decides; if it is even, the pair is ambiguous.",
        policy.max_ratings,
    )
    return [
        _("As soon as yes or no is %(lead)s ahead, it decides; “don’t know” sides with nobody.")
        % {"lead": count_in_words(policy.lead)},
        after % {"n": count_in_words(policy.max_ratings)},
    ]


def _weighted(policy: Policy) -> list[str]:
    if policy.dont_know == DontKnow.EVIDENCE:
        counts = _(
            "Each answer counts by how well its rater has answered before; so does “don’t know”, which some give more "
            "often where the answer is yes, and some where it is no."
        )
    else:
        counts = _("Each answer counts by how well its rater has answered before; “don’t know” counts for nothing.")
    sure = _("%(number)s%%") % {"number": written(f"{100 * policy.bound:.4g}")}
    after = ngettext(
        "If neither is after %(n)s answer, the likelier one decides.",
        "If neither is after %(n)s answers, the likelier one decides.",
        policy.max_ratings,
    )
    return [
        counts,
        _("As soon as yes or no is %(sure)s sure, it decides.") % {"sure": sure},
        after % {"n": count_in_words(policy.max_ratings)},
    ]


def _asked_of_adverse(policy: Policy, least: int) -> list[str]:
    """What a verdict that earns credit needs besides, where it is more than any verdict needs."""
    more, ahead = policy.min_ratings > least, policy.min_lead > 1
    if more and ahead:
        words = _(
            "An adverse pair needs at least %(answers)s answers and yes or no %(lead)s ahead; short of it the pair is "
            "ambiguous."
        )
    elif more:
        words = _("An adverse pair needs at least %(answers)s answers; short of it the pair is ambiguous.")
    elif ahead:
        words = _("An adverse pair needs yes or no %(lead)s ahead; short of it the pair is ambiguous.")
    else:
        return []
    return [words % {"answers": count_in_words(policy.min_ratings), "lead": count_in_words(policy.min_lead)}]


def expert_in_words(policy: Policy) -> str:
    if policy.adjudicated_earns:
        return _("An expert may decide a pair that raters can’t agree on, with a reason. It earns like any other.")
    return _("An expert may decide a pair that raters can’t agree on, with a reason. It earns nothing.")


def afterwards_in_words(policy: Policy) -> list[str]:
    """What can follow after raters have answered: an expert's word, and a dispute."""
    disputed = [_("You may dispute how a pair of yours ended, once, as long as raters are at work.")]
    return [expert_in_words(policy), *(disputed if policy.takes_disputes else [])]


def machines_in_words(policy: Policy) -> str:
    """When the machines say yes, and how many classifiers that takes where it takes more than one."""
    rule = _("The machines say yes where the mean of the classifiers is %(threshold)s or more.")
    rule %= {"threshold": short_decimal(policy.threshold)}
    if policy.min_classifiers == 1:
        return rule
    needed = _("A pair is scored where at least %(n)s classifiers know its label.")
    return f"{rule} {needed % {'n': count_in_words(policy.min_classifiers)}}"


def credit_in_words(policy: Policy) -> list[str]:
    """What an adverse pair earns, and which ones earn nothing."""
    if policy.credit_rule == PROPORTIONAL:
        earned = counted(
            policy.points_per_adverse,
            "Where people and machines disagree, the pair is adverse and earns up to %(n)s point: the further the "
            "machines’ mean is from what people see, the more, and one at least.",
            "Where people and machines disagree, the pair is adverse and earns up to %(n)s points: the further the "
            "machines’ mean is from what people see, the more, and one at least.",
        )
    else:
        earned = counted(
            policy.points_per_adverse,
            "Where people and machines disagree, the pair is adverse and earns %(n)s point.",
            "Where people and machines disagree, the pair is adverse and earns %(n)s points.",
        )
    if policy.near_threshold_scores or policy.near_margin <= 0:
        return [earned]
    unsure = _(
        "Where the mean is nearer than %(margin)s to %(threshold)s the machines were unsure. Such a pair is rated and "
        "released, and earns nothing."
    )
    values = {"margin": short_decimal(policy.near_margin), "threshold": short_decimal(policy.threshold)}
    return [earned, unsure % values]


def rules_in_words(policy: Policy, *, labels: int, near_copies: bool = False) -> list[str]:
    """The rules of an edition as sentences, in the order in which a newcomer needs them.

    `near_copies`: whether the edition's pool holds pictures that its organiser found to be near-copies.
    """
    claim = counted(
        labels,
        "A claim is one picture of the pool with its one label. Use the pictures as they are.",
        "A claim is one picture of the pool with one of the %(n)s labels. Use the pictures as they are.",
    )
    start = counted(policy.base_quota, "You start with %(n)s claim.", "You start with %(n)s claims.")
    bonus = _("Each adverse pair gives you %(n)s more. A pair that can’t be scored costs nothing.")
    rules = [
        claim,
        f"{start} {bonus % {'n': figure(policy.bonus_per_adverse)}}",
        machines_in_words(policy),
        verdict_in_words(policy),
        *credit_in_words(policy),
        *afterwards_in_words(policy),
        _(
            "The first to claim a pair gets the credit. A later claim of the same pair is kept, costs nothing, and "
            "earns only if every earlier claim falls away."
        ),
    ]
    if near_copies:
        rules.append(
            _(
                "Some pictures of the pool are near-copies of each other. Of such pictures with one label, the pair "
                "that is claimed first gets the credit; the others are rated and released, and earn nothing."
            )
        )
    if policy.roles_exclusive:
        rules.append(_("Find or rate, never both. Nobody rates a pair of their own or of their team."))
    else:
        rules.append(_("Nobody rates a pair of their own or of their team."))
    if policy.reveal_score == REVEAL_SETTLED:
        rules.append(_("You see the machine score of your pairs once they are settled."))
    return [*rules, tie_rule()]
