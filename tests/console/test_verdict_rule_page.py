"""The organiser's page about the verdict rule: rules side by side, the board under another, and putting it in force."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cats4ml.challenges.editions import set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus, PolicyDecision, Role
from cats4ml.console.rule_forms import PolicyForm, in_words
from cats4ml.console.rule_pages import board_lines, rule_lines
from cats4ml.review.actions import policy_work
from cats4ml.review.models import PolicyWork
from cats4ml.review.policy_previews import preview_policy
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Credit, Pair
from tests.factories import World, make_user
from tests.review.rated import in_review, say
from tests.web import HTMX, queries_of, signed_in

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
    assert "Take it back" in html
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


def test_a_decision_is_taken_back_after_a_look_at_what_that_does(db) -> None:
    world, pairs, client = settled()
    client.post(address(world, "verdict_rule_apply"), {**in_words(LEAD), "scope": "settled", "reason": "Half."})
    decision = PolicyDecision.objects.get()
    page = reverse("console:verdict_rule_undo", args=[world.challenge.slug, decision.pk])
    html = client.get(page).content.decode()
    facts = [
        "1 pair would not stay as it is",
        "Five raters look at each pair.",
        f"console/pairs/{pairs[0].pk}/",
        "Half.",
    ]
    assert [fact for fact in facts if fact not in html] == []
    reply = client.post(page, {"reason": ""})
    assert (reply.status_code, "taken back only with a reason" in reply.content.decode()) == (422, True)
    html = client.post(page, {"reason": "Five are better."}, follow=True).content.decode()
    facts = [
        "The former policy is in force again. 1 pair ends otherwise than before.",
        "Five are better.",
        "taken back",
    ]
    assert [fact for fact in facts if fact not in html] == []
    assert (Pair.objects.get(pk=pairs[0].pk).outcome, Challenge.objects.get(pk=world.challenge.pk).rules) == (
        "agreement", MAJORITY
    )  # fmt: skip
    assert "has been undone already" in client.get(page).content.decode()


def test_everything_that_a_policy_changes_is_said_before(db) -> None:
    world, _, client = settled()
    asked = {
        "threshold": "0.05",
        "base_quota": "1",
        "bonus_per_adverse": "0",
        "board": "frozen",
        "board_hours": "48",
        "evaluations_per_day": "1",
        "credit_rule": "proportional",
        "points_per_adverse": "10",
    }
    html = client.get(address(world), asked).content.decode()
    facts = [
        "Of 1 scored pair the machines would say otherwise.",
        "2 finders would have fewer claims left, 2 of them none. Claims that were accepted stand.",
        "In the last 48 hours before claims close, and until it is final, everybody sees it as it stood when",
        "A person may have 1 set of predictions judged on a release in a day.",
    ]
    assert [fact for fact in facts if fact not in html] == []
    client.post(
        address(world, "verdict_rule_apply"),
        {**in_words(MAJORITY), **asked, "scope": "settled", "reason": "All of it."},
    )
    rules = Challenge.objects.get(pk=world.challenge.pk).rules
    assert (rules.threshold, rules.base_quota, rules.board, rules.board_hours, rules.credit_rule) == (
        0.05, 1, "frozen", 48, "proportional"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"quorum": "0"}, "quorum: “Answers to wait for” must be a whole number from 1 to 99, not 0."),
        ({"verdict_rule": "coin"}, "verdict_rule: Select a valid choice."),
        ({"quorun": "7"}, "There is no quorun here. An address may give threshold, near_margin,"),
    ],
)
def test_a_csv_of_a_policy_that_cannot_be_played_by_is_refused_with_a_sentence(db, query, words) -> None:
    world, _, client = settled()
    reply = client.get(address(world, "verdict_rule_csv"), query)
    assert (reply.status_code, words in reply.content.decode()) == (400, True)


def test_the_page_says_how_far_a_policy_is_that_a_worker_puts_in_force(db, monkeypatch) -> None:
    monkeypatch.setattr(policy_work, "AT_ONCE", 0)
    world, _, client = settled()
    page, sent = address(world), {**in_words(LEAD), "scope": "settled", "reason": "Half."}
    html = client.post(address(world, "verdict_rule_apply"), sent, follow=True).content.decode()
    assert [text in html for text in ("A policy is being put in force.", "0 of 2", "hx-get=")] == [True] * 3
    assert "Put this policy in force" not in client.get(page, {"verdict_rule": "lead"}).content.decode()
    again = client.post(address(world, "verdict_rule_apply"), {**sent, "lead": "3"})
    assert (again.status_code, "at this moment" in again.content.decode()) == (422, True)
    here = address(world, "policy_work")
    assert (client.get(here).status_code, client.get(here, headers=HTMX).headers.get("HX-Refresh")) == (302, None)
    policy_work.work_off(work=PolicyWork.objects.get().pk, at=timezone.now())
    assert client.get(here, headers=HTMX).headers["HX-Refresh"] == "true"
    assert "The policy is in force. 1 pair ends otherwise than before." in client.get(page).content.decode()
