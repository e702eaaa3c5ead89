"""The organiser's pages about finders."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.test import Client
from django.urls import reverse

from cats4ml.challenges.models import ChallengeStatus, Participation
from cats4ml.console.finder_lines import count_finders, sorted_lines, team_lines
from cats4ml.submissions.models import Credit, CreditKind, Pair
from tests.console.crowd import organiser_of
from tests.console.watched import NO, YES, claim_and_score, quick_world
from tests.factories import World, make_team, make_user
from tests.web import queries_of, signed_in


@pytest.fixture
def quick(db: None) -> World:
    return quick_world()


@pytest.fixture
def client(quick: World) -> Client:
    return organiser_of(quick)


def address(world: World, page: str, *more: object) -> str:
    return reverse(f"console:{page}", args=[world.challenge.slug, *more])


def words(reply, status: int = 200) -> str:
    assert reply.status_code == status
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"</?bdi>", "", reply.content.decode())))


def two_finders(world: World) -> tuple[Participation, Participation]:
    """The first has a find that the second claimed later, and an agreement; the second has a queued pair."""
    first, second = world.finder(make_user("=ada")), world.finder(make_user("bob"))
    claim_and_score(world, first, (0, "cat"), (1, "cat"))
    claim_and_score(world, second, (0, "cat"))
    world.rate(world.pair(0, "cat"), YES)
    world.rate(world.pair(1, "cat"), NO)
    world.claim(second, (2, "dog"))
    return first, second


def test_each_finder_is_counted_as_the_board_counts(quick) -> None:
    two_finders(quick)
    quick.finder(make_user("idle"))
    counts = [
        (one.name, one.claims, one.later, one.settled, one.adverse, one.pending, one.points, one.success)
        for one in count_finders(quick.challenge, quick.clock)
    ]
    assert counts == [
        ("=ada", 2, 0, 2, 1, 0, 1, 0.5), ("bob", 2, 1, 0, 0, 1, 0, None), ("idle", 0, 0, 0, 0, 0, 0, None),
    ]  # fmt: skip


def test_a_team_is_its_members_together(quick) -> None:
    users = [make_user(), make_user()]
    team = make_team(*users, name="Owls")
    members = [quick.finder(user, team) for user in users]
    claim_and_score(quick, members[0], (0, "cat"))
    claim_and_score(quick, members[1], (1, "cat"), (2, "cat"))
    quick.finder(make_user("alone"))
    lines = team_lines(count_finders(quick.challenge, quick.clock))
    assert [(one.name, one.members, one.claims, one.participation is None) for one in lines] == [
        ("Owls", 2, 3, True), ("alone", 1, 0, False),
    ]  # fmt: skip
    assert [one.name for one in sorted_lines(lines, "-claims")] == ["alone", "Owls"]


def test_the_list_is_searched_sorted_and_downloaded(quick, client) -> None:
    two_finders(quick)
    page = address(quick, "finders")
    names = r'console/finders/\d+/"><bdi>([^<]+)<'
    queries = ("", "?sort=adverse", "?sort=-adverse", "?q=BO", "?by=team&q=zzz", "?sort=x&page=99")
    found = {query: re.findall(names, client.get(page + query).content.decode()) for query in queries}
    assert found == {
        "": ["=ada", "bob"], "?sort=adverse": ["=ada", "bob"], "?sort=-adverse": ["bob", "=ada"], "?q=BO": ["bob"],
        "?by=team&q=zzz": [], "?sort=x&page=99": ["=ada", "bob"],
    }  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(client.get(address(quick, "finders_csv")).content.decode())))
    assert [(row["finder"], row["claims"], row["false_negatives"], row["success_rate"]) for row in rows] == [
        ("'=ada", "2", "1", "0.5000"), ("bob", "2", "0", ""),
    ]  # fmt: skip


def test_one_finder_is_shown_with_claims_and_decisions(quick, client) -> None:
    first, _ = two_finders(quick)
    page = address(quick, "finder", first.pk)
    nothing = client.post(address(quick, "finder_baseline", first.pk), {"baseline": "yes", "reason": ""}, follow=True)
    assert "only with a reason" in words(nothing)
    done = client.post(address(quick, "finder_baseline", first.pk), {"baseline": "yes", "reason": "Ours."}, follow=True)
    text = words(done)
    facts = ["=ada plays out of competition", "“Ours.”", "Found 1 of 2 settled", "False negatives 1", "Agreement 1"]
    assert [fact for fact in facts if fact not in text] == []
    assert "None of the patterns that are looked for shows this finder." in words(client.get(page))
    assert quick.acts().count() == 1
    assert client.get(address(quick, "finder", quick.rater().pk)).status_code == 404


def test_a_disqualification_is_rehearsed_first_and_then_done(quick, client) -> None:
    first, second = two_finders(quick)
    quick.claim(first, (4, "owl"))
    page = address(quick, "finder_disqualify", first.pk)
    before = (Credit.objects.count(), Pair.objects.filter(state="withdrawn").count())
    text = words(client.get(page))
    facts = [
        "Without =ada, 1 pair would earn otherwise", "Credits taken back 1", "Credits passed on 1",
        "Queued pairs withdrawn 1", "=ada, 1 point bob, 1 point",
    ]  # fmt: skip
    assert [fact for fact in facts if fact not in text] == []
    assert (Credit.objects.count(), Pair.objects.filter(state="withdrawn").count()) == before
    assert "Say why" in words(client.post(page, {"reason": " "}), 422)
    done = client.post(page, {"reason": "Copied."}, follow=True)
    assert "=ada is disqualified; the board follows" in words(done)
    kinds = Credit.objects.order_by("pk").values_list("kind", "participation")
    assert list(kinds) == [
        (CreditKind.GIVEN, first.pk), (CreditKind.REVERSED, first.pk), (CreditKind.INHERITED, second.pk),
    ]  # fmt: skip
    assert client.get(page).url == address(quick, "finder_reinstate", first.pk)
    assert client.get(address(quick, "finder_reinstate", second.pk)).url == address(quick, "finder", second.pk)


def test_a_disqualification_is_taken_back(quick, client) -> None:
    first, second = two_finders(quick)
    client.post(address(quick, "finder_disqualify", first.pk), {"reason": "Copied."})
    page = address(quick, "finder_reinstate", first.pk)
    assert "With =ada again, 1 pair would earn otherwise" in words(client.get(page))
    assert Credit.objects.count() == 3
    done = client.post(page, {"reason": "They had not."}, follow=True)
    assert "=ada takes part again" in words(done)
    assert [one.points for one in count_finders(quick.challenge, quick.clock)] == [1, 0]
    assert [act.kind for act in quick.acts()] == ["disqualified", "reinstated"]
    assert not Participation.objects.get(pk=first.pk).disqualified_at
    assert second.pk != first.pk


def test_in_a_final_edition_nobody_is_disqualified(quick, client) -> None:
    first, _ = two_finders(quick)
    quick.challenge.status = ChallengeStatus.FINAL
    quick.challenge.save(update_fields=["status"])
    reply = client.get(address(quick, "finder_disqualify", first.pk), follow=True)
    assert "This edition is final: its board stands." in words(reply)


def test_only_organisers_see_finders_and_decide(quick) -> None:
    first, second = two_finders(quick)
    stranger = signed_in(second.user)
    pages = [address(quick, "finders"), address(quick, "finders_csv"), address(quick, "finder", first.pk)]
    acts = [address(quick, f"finder_{act}", first.pk) for act in ("disqualify", "baseline")]
    assert [stranger.get(page).status_code for page in pages] == [403] * 3
    assert [stranger.post(act, {"reason": "x", "baseline": "yes"}).status_code for act in acts] == [403] * 2


def test_how_many_finders_and_claims_there_are_costs_no_further_query(quick, client) -> None:
    first, _ = two_finders(quick)
    pages = [address(quick, "finders"), address(quick, "finder", first.pk), address(quick, "pairs")]
    costs = [queries_of(client, page) for page in pages]
    claim_and_score(quick, first, (3, "cat"), (4, "cat"), (5, "owl"))
    for place in (3, 4):
        claim_and_score(quick, quick.finder(), (place, "cat"))
        quick.rate(quick.pair(place, "cat"), YES)
    assert [queries_of(client, page) for page in pages] == costs


def test_pairs_are_filtered_ordered_and_downloaded(quick, client) -> None:
    two_finders(quick)
    page = address(quick, "pairs")

    def places(query: str) -> list[tuple[str, str]]:
        rows = client.get(page + query).context["page"].rows
        return [(pair.image.image_id[-1], pair.label.key) for pair in rows]

    one = f"?image={quick.images[1].image_id}"
    queries = (
        "", "?order=oldest", "?label=dog", "?outcome=agreement", "?state=settled&label=cat&order=oldest", "?label=%00",
        one, "?image=0000", "?image=zz", "?state=lost&image=%00",
    )  # fmt: skip
    everything = [("2", "dog"), ("1", "cat"), ("0", "cat")]
    assert [places(query) for query in queries] == [
        everything, everything[::-1], [("2", "dog")], [("1", "cat")], [("0", "cat"), ("1", "cat")], everything,
        [("1", "cat")], everything, [], everything,
    ]  # fmt: skip
    reply = client.get(address(quick, "pairs_csv") + "?label=cat")
    rows = list(csv.DictReader(io.StringIO(b"".join(reply.streaming_content).decode())))
    told = [(row["image_id"], row["outcome"], row["first_claimed_by"], row["yes_ratings"]) for row in rows]
    first, second = (one.image_id for one in quick.images[:2])
    assert told == [(first, "false_negative", "'=ada", "1"), (second, "agreement", "'=ada", "0")]
