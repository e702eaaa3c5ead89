"""The organiser's page about the verdict rule: rules side by side, the board under another, and putting it in force."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from cats4ml.challenges.editions import set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus, PolicyDecision, Role
from cats4ml.console.rule_forms import PolicyForm, in_words
from cats4ml.console.rule_pages import board_lines, rule_lines
from cats4ml.review.policy_previews import preview_policy
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Credit, Pair
from tests.factories import World, make_user
from tests.review.rated import in_review, say
from tests.web import queries_of, signed_in

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW
MAJORITY = Policy(provisional_seconds=0)
LEAD = replace(MAJORITY, verdict_rule="lead")


def settled(number: int = 1, policy: Policy = MAJORITY) -> tuple[World, list[Pair], Client]:
    """So many pairs at 0.1 of which two raters said yes, and then three no; one more with five yes, of another."""
    world, pairs = in_review(policy, *[0.1] * number)
    world.claim(world.finder(make_user()), (0, "dog"))
    world.score(0, {"cat": 0.1, "dog": 0.1})
    raters = world.raters(5)
    for pair in pairs:
        say(world, pair, [YES, YES, NO, NO, NO], raters)
    say(world, world.pair(0, "dog"), [YES] * 5, raters)
    user = make_user()
    world.challenge.participations.create(user=user, role=Role.ORGANISER)
    return world, pairs, signed_in(user)


def address(world: World, name: str = "verdict_rule") -> str:
    return reverse(f"console:{name}", args=[world.challenge.slug])


def test_the_page_says_the_rule_in_force_and_compares_it_with_every_other(db) -> None:
    world, _, client = settled()
    html = client.get(address(world)).content.decode()
    assert "Five raters look at each pair." in html
    lines = [(line.name, line.summary.per_verdict) for line in rule_lines(world.challenge, MAJORITY, None)]
    assert lines == [
        ("In force", 5.0),
        ("Majority of a fixed number", 5.0),
        ("Majority of those who knew", 5.0),
        ("First answer that is ahead", 2.0),
        ("Weighted by the raters’ skill", 2.0),
    ]
    assert [name for name, _ in lines if name not in html] == []


def test_another_rule_has_an_address_that_shows_the_board_and_the_pairs_that_change(db) -> None:
    world, pairs, client = settled()
    html = client.get(address(world), {"verdict_rule": "lead"}).content.decode()
    assert "1 pair would end otherwise" in html
    assert f'console/pairs/{pairs[0].pk}/">{pairs[0].image.image_id}</a>' in html
    assert "2 of 5" in html
    lines = board_lines(world.challenge, preview_policy(challenge=world.challenge, policy=LEAD))
    found = [
        (line.then.points, line.then.rank, line.then.shared, line.now.rank, line.move, line.gain) for line in lines
    ]
    assert sorted(found) == [(1, 1, True, 1, 0, 0), (1, 1, True, 2, 1, 1)]
    assert Challenge.objects.get(pk=world.challenge.pk).rules == MAJORITY


def test_the_pairs_that_change_are_paged_and_picked_by_what_becomes_of_them(db, monkeypatch) -> None:
    monkeypatch.setattr("cats4ml.console.rule_views.CHANGES_A_PAGE", 2)
    world, pairs, client = settled(3)
    query = {"verdict_rule": "lead", "show": "ends_otherwise"}
    first = client.get(address(world), query).context
    second = client.get(address(world), {**query, "after": first["changes"][-1].pair.pk}).context
    assert [line.pair.pk for line in (*first["changes"], *second["changes"])] == [pair.pk for pair in pairs]
    assert (bool(first["following"]), second["following"], first["first"]) == (True, "", "")
    assert client.get(address(world), {**query, "after": "x", "show": "\0"}).status_code == 200


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"quorum": "0"}, "quorum", "“Answers to wait for” must be a whole number from 1 to 99, not 0."),
        ({"quorum": "many"}, "quorum", "Enter a whole number."),
        ({"dont_know": "evidence"}, "dont_know", "“A “don’t know”” can be evidence only where “Verdict rule” is"),
        (
            {"verdict_rule": "lead", "lead": "12"},
            "lead",
            "“Answers ahead” must not be more than “Answers at most”: nothing would be settled before it.",
        ),
        ({"bound": "nan"}, "bound", "Enter a number."),
        ({"min_lead": "6"}, "min_ratings", "must not be more than 5, the most answers that a pair gets"),
        ({"verdict_rule": "coin"}, "verdict_rule", "Select a valid choice."),
    ],
)
def test_a_policy_that_cannot_be_played_by_is_refused_at_its_field(given, field, words) -> None:
    form = PolicyForm(given, in_force=MAJORITY)
    assert not form.is_valid()
    assert words in form.errors[field][0]


def test_the_form_sends_every_value_of_a_policy_and_leaves_the_rest_alone() -> None:
    policy = Policy(
        verdict_rule="weighted", bound=0.9, dont_know="evidence", takes_disputes=False, base_quota=7, skill_coins=1
    )
    again = PolicyForm(in_words(policy, reopen=True), in_force=Policy(base_quota=7))
    assert (again.is_valid(), again.policy, again.reopens) == (True, policy, True)
    kept = PolicyForm({}, in_force=policy)
    assert (kept.is_valid(), kept.policy, kept.reopens) == (True, policy, False)


def test_a_rule_is_put_in_force_for_settled_pairs_with_a_reason(db) -> None:
    world, pairs, client = settled()
    sent = {**in_words(LEAD), "scope": "settled"}
    reply = client.post(address(world, "verdict_rule_apply"), sent)
    assert (reply.status_code, "Say why: another policy" in reply.content.decode()) == (422, True)
    reply = client.post(address(world, "verdict_rule_apply"), {**sent, "reason": "Half the answers."}, follow=True)
    html = reply.content.decode()
    facts = ["1 pair ends otherwise than before.", "Two to nine raters look at each pair.", "Half the answers."]
    assert [fact for fact in facts if fact not in html] == []
    assert Pair.objects.get(pk=pairs[0].pk).outcome == "false_negative"
    reasons = list(Credit.objects.order_by("pk").values_list("reason", flat=True))
    assert reasons == ["", "Half the answers."]
    client.post(address(world, "verdict_rule_apply"), {**sent, "reason": "Again."})
    assert (PolicyDecision.objects.count(), Credit.objects.count()) == (1, 2)
    back = client.get(address(world), {"verdict_rule": "majority"}).content.decode()
    assert [text in back for text in (">5, not 2<", "5 of 2")] == [True, False]


def test_a_rule_for_pairs_from_now_on_changes_no_settled_pair(db) -> None:
    world, pairs, client = settled()
    sent = {**in_words(LEAD), "scope": "new", "reason": "From today."}
    assert client.post(address(world, "verdict_rule_apply"), sent).status_code == 302
    assert Pair.objects.get(pk=pairs[0].pk).outcome == "agreement"
    assert Challenge.objects.get(pk=world.challenge.pk).rules == LEAD


def test_a_final_board_stands(db) -> None:
    world, _, client = settled()
    set_status(challenge=world.challenge, status=ChallengeStatus.FINAL)
    assert "its board stands" in client.get(address(world), {"verdict_rule": "lead"}).content.decode()
    sent = {**in_words(LEAD), "scope": "settled", "reason": "Too late."}
    reply = client.post(address(world, "verdict_rule_apply"), sent)
    assert (reply.status_code, "This challenge is final" in reply.content.decode()) == (422, True)


def test_every_pair_under_each_rule_is_a_csv(db) -> None:
    world, pairs, client = settled()
    reply = client.get(address(world, "verdict_rule_csv"), {"verdict_rule": "lead", "lead": "3"})
    rows = list(csv.DictReader(reply.getvalue().decode().splitlines()))
    first = rows[0]
    assert [row["pair"] for row in rows] == [str(pairs[0].pk), str(world.pair(0, "dog").pk)]
    assert (first["outcome"], first["in_force_outcome"], first["lead_outcome"], first["lead_answers"]) == (
        "agreement", "agreement", "false_negative", "2"
    )  # fmt: skip
    assert (first["yours_outcome"], first["yours_missing"], first["majority_answers"]) == ("", "2", "5")


def test_the_page_asks_as_much_of_three_pairs_as_of_one(db) -> None:
    counts = []
    for number in (1, 3):
        world, _, client = settled(number)
        counts.append(queries_of(client, f"{address(world)}?verdict_rule=lead"))
    assert counts[0] == counts[1]


def test_a_draft_without_a_policy_can_try_rules(db) -> None:
    draft = Challenge.objects.create(slug="bare", title="Bare", vocabulary="bare")
    user = make_user()
    draft.participations.create(user=user, role=Role.ORGANISER)
    client = signed_in(user)
    page = "/challenges/bare/console/verdict-rule/"
    assert [client.get(page + query).status_code for query in ("", "?verdict_rule=lead")] == [200, 200]
    sent = {**in_words(LEAD), "scope": "settled", "reason": "The first."}
    assert client.post(f"{page}apply/", sent).status_code == 302
    assert Challenge.objects.get(pk=draft.pk).rules.verdict_rule == "lead"
