"""The organiser makes a study, gets its link, sees who came, and has a list for paying."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from cats4ml.console.study_pages import CSV_HEAD, Paying, summary_of, visit_lines
from cats4ml.review.actions.answering import finalise_due
from cats4ml.review.models import PauseCause, Study, StudyPlatform, StudyVisit
from cats4ml.rules.answers import Answer
from tests.console.crowd import answer_controls, claim_pairs, make_controls, organiser_of, pause
from tests.factories import World
from tests.review.test_studies import PID, address, answer_one, begin, link, make_study
from tests.web import queries_of, signed_in

YES, NO = Answer.YES, Answer.NO


@pytest.fixture
def client(world: World) -> Client:
    return organiser_of(world)


def url(world: World, name: str, *args: object) -> str:
    return reverse(f"console:{name}", args=[world.challenge.slug, *args])


def come(study: Study, worker: str) -> StudyVisit:
    begin(Client(), link(study, worker=worker, session=f"s-{worker}"))
    return StudyVisit.objects.select_related("rater__user", "rater__challenge", "study").get(
        identity__external_id=worker
    )


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        (
            StudyPlatform.PROLIFIC,
            "/studies/rate-pictures/?PROLIFIC_PID={{%PROLIFIC_PID%}}&amp;STUDY_ID={{%STUDY_ID%}}&amp;"
            "SESSION_ID={{%SESSION_ID%}}",
        ),
        (StudyPlatform.MTURK, "search = location.search"),
        (StudyPlatform.OTHER, "/studies/rate-pictures/?worker=WORKER"),
    ],
)
def test_a_new_study_gives_the_link_for_its_platform(world, client, platform, said) -> None:
    sent = {"title": "Rate pictures", "platform": platform, "questions": 20, "completion_code": "CATS-2026"}
    made = client.post(url(world, "studies"), sent)
    study = Study.objects.get()
    assert (made.url, study.is_open, study.questions) == (url(world, "study", "rate-pictures"), True, 20)
    html = client.get(made.url).content.decode()
    assert (said in html, "CATS-2026" in html) == (True, True)
    again = client.post(url(world, "studies"), sent)
    assert (again.status_code, "of that name" in again.content.decode()) == (422, True)


def test_the_study_says_how_far_each_worker_is_and_whom_to_pay(world, client) -> None:
    claim_pairs(world, 4)
    controls = make_controls(world, YES, NO)
    study = make_study(world, questions=3)
    done, doubted, going, _new = visits = [come(study, name) for name in ("w-done", "w-doubted", "w-going", "w-new")]
    for visit, answers in ((done, (YES, NO)), (doubted, (YES, YES)), (going, (YES,))):
        answer_controls(world, visit.rater, controls, *answers)
    for visit in (done, doubted):
        answer_one(world, visit.rater)
    finalise_due(at=world.pass_time(31))
    pause(world, doubted.rater, PauseCause.CONTROLS)
    lines = visit_lines(study)
    assert [(line.visit, line.answers, line.controls, line.right, line.status) for line in lines] == [
        (visits[0], 3, 2, 2, Paying.APPROVE),
        (visits[1], 3, 2, 1, Paying.LOOK_AT),
        (visits[2], 1, 1, 1, Paying.NOT_FINISHED),
        (visits[3], 0, 0, 0, Paying.NOT_FINISHED),
    ]
    summary = summary_of(lines)
    assert (summary.visits, summary.completed, summary.look_at, summary.controls, summary.right) == (4, 2, 1, 5, 4)
    html = client.get(url(world, "study", study.slug)).content.decode()
    assert [word in html for word in ("w-done", "Approve", "<b>Look at</b>", "3 of 3")] == [True] * 4
    raw = client.get(url(world, "study_visits", study.slug)).content.decode()
    rows = list(csv.reader(io.StringIO(raw)))
    assert tuple(rows[0]) == CSV_HEAD
    assert [row[:7] for row in rows[1:]] == [
        ["w-done", "s-w-done", "64aa", "approve", "3", "2", "2"],
        ["w-doubted", "s-w-doubted", "64aa", "look at", "3", "2", "1"],
        ["w-going", "s-w-going", "64aa", "not finished", "1", "1", "1"],
        ["w-new", "s-w-new", "64aa", "not finished", "0", "0", "0"],
    ]


def test_ids_that_look_like_formulas_are_harmless_in_the_list(world, client) -> None:
    study = make_study(world, StudyPlatform.OTHER)
    begin(Client(), address(study, worker="-1:A1"))
    raw = client.get(url(world, "study_visits", study.slug)).content.decode()
    assert raw.splitlines()[1].startswith("'-1:A1,")


def test_a_study_is_closed_and_opened_again(world, client) -> None:
    study = make_study(world)
    for sent, is_open in (("no", False), ("no", False), ("yes", True)):
        client.post(url(world, "study_open", study.slug), {"open": sent})
        study.refresh_from_db()
        assert study.is_open == is_open


def test_the_pages_cost_as_many_queries_for_three_visits_as_for_one(world, client) -> None:
    controls = make_controls(world, YES, NO)
    study = make_study(world, questions=9)
    answer_controls(world, come(study, "one").rater, controls, YES)
    first = [queries_of(client, url(world, *page)) for page in (("study", study.slug), ("studies",))]
    for name in ("two", "three"):
        answer_controls(world, come(study, name).rater, controls, YES, YES)
        make_study(world, title=name)
    assert [queries_of(client, url(world, *page)) for page in (("study", study.slug), ("studies",))] == first


def test_only_organisers_see_studies_and_nobody_else_an_external_id(world, client) -> None:
    pairs = claim_pairs(world, 2)
    study = make_study(world, questions=1)
    visit = come(study, PID)
    answer_one(world, visit.rater)
    finalise_due(at=world.pass_time(31))
    guest = signed_in(visit.rater.user)
    pages = [url(world, "studies"), url(world, "study", study.slug), url(world, "study_visits", study.slug)]
    assert [client.get(page).status_code for page in pages] == [200] * 3
    assert [guest.get(page).status_code for page in pages] == [403] * 3
    assert [Client().get(page).status_code for page in pages] == [302] * 3
    base = f"/challenges/{world.challenge.slug}"
    seen = [f"{base}/", f"{base}/review/", f"{base}/queue/", f"{base}/leaderboard/", f"{base}/join/"]
    finder = signed_in(pairs[0].submissions.get().participation.user)
    for viewer in (guest, finder, Client()):
        assert [page for page in seen if PID in viewer.get(page, follow=True).content.decode()] == []
    rater_page = client.get(url(world, "rater", visit.rater.pk)).content.decode()
    assert (PID in rater_page, study.title in rater_page) == (False, True)


def test_pay_that_is_refused_keeps_its_form_open_with_what_was_typed(world, client) -> None:
    study = make_study(world)
    page = url(world, "study_pay", study.slug)
    for sent, said in (
        ({"reward": "2.50", "currency": "Euro", "least_wage": "13"}, "id_currency_error"),
        ({"reward": "2.50", "currency": "12", "least_wage": "13"}, "id_currency_error"),
        ({"reward": "2,5x", "currency": "EUR", "least_wage": "13"}, "id_reward_error"),
    ):
        answer = client.post(page, sent)
        kept = [f'value="{typed}"' in answer.text for typed in sent.values()]
        assert (answer.status_code, said in answer.text, kept, "<details open>" in answer.text) == (
            422, True, [True] * 3, True,
        )  # fmt: skip
    assert client.post(page, {"reward": "2.50", "currency": "eur", "least_wage": ""}).status_code == 302
    study.refresh_from_db()
    assert (str(study.reward), study.currency, study.least_wage) == ("2.50", "EUR", None)
