"""Taking a pair out and putting it back, on its page and on the page of reports."""

from __future__ import annotations

from cats4ml.submissions.models import Pair
from tests.console.crowd import organiser_of
from tests.console.test_report_pages import report
from tests.factories import make_world
from tests.submissions.disputed import YES, settled
from tests.web import signed_in


def test_a_pair_is_taken_out_from_the_reports_and_put_back_on_its_page(world) -> None:
    claim, client = settled(world, world.finder(), said=(YES,) * 5), organiser_of(world)
    console = f"/challenges/{world.challenge.slug}/console"
    page = f"{console}/pairs/{claim.pair_id}/"
    report(world, world.rater(), pair=claim.pair)
    assert f"{page}withdraw/" in client.get(f"{console}/reports/").content.decode()
    told = client.post(f"{page}withdraw/", {"reason": "A person.", "reports": "1"}, follow=True).content.decode()
    facts = ["The pair is taken out", "The pair was taken out: <bdi>A person.</bdi>", "Dealt with"]
    assert [fact for fact in facts if fact not in told] == []
    html = client.get(page).content.decode()
    facts = [
        "Taken out by an organiser: <bdi>A person.</bdi>",
        "Put this pair back",
        "Credit taken back: 1 point",
        "Taken out by ",
    ]
    assert [fact for fact in facts if fact not in html] == []
    assert "only with a reason" in client.post(f"{page}restore/", {"reason": ""}, follow=True).content.decode()
    told = client.post(f"{page}restore/", {"reason": "A doll."}, follow=True).content.decode()
    facts = ["settled by the answers that it has", "Put back by ", "Withdraw this pair"]
    assert [fact for fact in facts if fact not in told] == []
    assert Pair.objects.get().outcome == "false_negative"


def test_nobody_takes_out_a_pair_of_another_edition(world) -> None:
    claim, other = settled(world, world.finder(), said=(YES,) * 5), make_world()
    path = f"/challenges/{other.challenge.slug}/console/pairs/{claim.pair_id}/withdraw/"
    assert organiser_of(other).post(path, {"reason": "No."}).status_code == 404
    own = f"/challenges/{world.challenge.slug}/console/pairs/{claim.pair_id}/withdraw/"
    assert signed_in(claim.participation.user).post(own, {"reason": "Mine."}).status_code == 403
    assert Pair.objects.get(pk=claim.pair_id).state == "settled"
