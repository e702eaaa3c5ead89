"""The organiser adds control questions one by one, by file and of settled pairs, sees which look wrong, and explains
labels."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from cats4ml.challenges.models import ActKind, Role
from cats4ml.console.control_pages import Figures, control_figures
from cats4ml.review.actions.controls import retire_control
from cats4ml.review.actions.repolicing import apply_policy
from cats4ml.review.models import ControlQuestion, LabelExample
from cats4ml.rules.answers import Answer
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import adjudicate
from cats4ml.submissions.models import Dispute
from tests.console.commands import command_json
from tests.factories import World, make_user, make_world
from tests.review.asked import MIXED, WARM_UP, add, answer, give, stock
from tests.web import queries_of, signed_in

YES, NO = Answer.YES, Answer.NO


@pytest.fixture
def client(world: World) -> Client:
    organiser = make_user()
    world.challenge.participations.create(user=organiser, role=Role.ORGANISER)
    return signed_in(organiser)


def url(world: World, page: str, *more: object) -> str:
    return reverse(f"console:{page}", args=[world.challenge.slug, *more])


def known(world: World) -> list[tuple[str, str, str, str, str]]:
    rows = ControlQuestion.objects.filter(challenge=world.challenge).order_by("pk")
    return list(rows.values_list("image__image_id", "label__key", "truth", "use", "explanation"))


def one_question(world: World, **changed: str) -> dict[str, str]:
    sent = {
        "image_id": world.images[0].image_id,
        "label_id": "cat",
        "truth": "yes",
        "use": WARM_UP,
        "explanation": "Whiskers.",
    }
    return {**sent, **changed}


def send_file(client: Client, world: World, text: str | bytes, **more: str):
    data = text.encode() if isinstance(text, str) else text
    return client.post(url(world, "control_import"), {"file": io.BytesIO(data), **more})


def csv_of(world: World, *rows: str, header: str = "image_id,label_id,truth,use,explanation") -> str:
    ids = {f"#{place}": image.image_id for place, image in enumerate(world.images)}
    lines = [",".join([ids.get(row.split(",")[0], row.split(",")[0]), *row.split(",")[1:]]) for row in rows]
    return "\n".join([header, *lines]) + "\n"


def test_one_question_is_added_once(world, client) -> None:
    for _ in range(2):
        assert client.post(url(world, "control_add"), one_question(world)).status_code == 302
    assert known(world) == [(world.images[0].image_id, "cat", "yes", "warm_up", "Whiskers.")]
    page = client.get(url(world, "controls")).content.decode()
    assert "<h1>1 control question</h1>" in page
    assert "The warm-up has 1 of 6 questions: add some." in page


BAD = (
    ({"image_id": "nowhere"}, "This picture is not among the target images"),
    ({"image_id": ""}, "Fill in the picture’s ID."),
    ({"image_id": "\0"}, "There is a sign in it that nobody can see. Type it anew."),
    ({"label_id": "zebra"}, "zebra"),
    ({"label_id": ""}, "Choose a label."),
    ({"truth": "dont_know"}, "dont_know"),
    ({"truth": ""}, "Where experts are not sure, choose another picture."),
    ({"use": "often"}, "often"),
    ({"explanation": "x" * 501}, "500 characters"),
)


@pytest.mark.parametrize(("changed", "words"), BAD)
def test_a_bad_question_is_refused_with_what_is_wrong(world, client, changed, words) -> None:
    reply = client.post(url(world, "control_add"), one_question(world, **changed))
    assert (reply.status_code, words in reply.content.decode(), known(world)) == (422, True, [])


def test_another_truth_another_use_and_a_retired_one_are_refused(world, client) -> None:
    client.post(url(world, "control_add"), one_question(world))
    other = client.post(url(world, "control_add"), one_question(world, truth="no")).content.decode()
    assert "are a control question already, and its truth is yes" in other
    other = client.post(url(world, "control_add"), one_question(world, use="mixed")).content.decode()
    assert "for another use (warm-up, answer told)" in other
    retire_control(control=ControlQuestion.objects.get(), at=world.clock)
    other = client.post(url(world, "control_add"), one_question(world)).content.decode()
    assert "Bring it back on its page in the console" in other
    assert len(known(world)) == 1


def test_a_file_is_added_whole_and_twice_is_once(world, client) -> None:
    text = csv_of(
        world, "#0,cat,Yes,Warm-up,Whiskers.", "#1,dog,no", "#2,owl, YES ,,", header="image_id,label_id,truth"
    )
    assert send_file(client, world, text).status_code == 422  # rows of different lengths
    text = csv_of(world, "#0,cat,Yes,Warm-up,Whiskers.", "#1,dog,no,mixed,", "#2,owl, YES ,,")
    for _ in range(2):
        reply = send_file(client, world, "\ufeff" + text.replace("\n", "\r\n"))
        assert reply.status_code == 302
    ids = [image.image_id for image in world.images]
    assert known(world) == [
        (ids[0], "cat", "yes", "warm_up", "Whiskers."),
        (ids[1], "dog", "no", "mixed", ""),
        (ids[2], "owl", "yes", "mixed", ""),
    ]
    assert "0 control questions added. 3 were there already." in client.get(url(world, "controls")).content.decode()


def bad_file(world: World) -> str:
    return csv_of(
        world, "#0,cat,yes,,", "#0,cat,no,,", "#0,cat,yes,,", "elsewhere,cat,yes,,", "#1,zebra,yes,,", "#1,dog,maybe,,",
        "#1,dog,no,weekly,", "#2,owl", "#3,owl,no,mixed,", ",cat,yes,,",
    )  # fmt: skip


PROBLEMS = [
    (3, "Line 2 has the same picture and label with another truth or use. Keep one of the two."),
    (5, "This picture is not among the target images. Check its ID; spreadsheets drop leading zeros."),
    (6, "This is no target label. Use the ID of one of them."),
    (7, "The truth should be yes or no: of a control question experts are sure."),
    (8, "The use should be warm_up or mixed."),
    (9, "This line has 2 fields, the header 5."),
    (11, "The picture’s ID is missing. Fill it in."),
]


def test_nothing_of_a_bad_file_is_written_unless_asked(world, client) -> None:
    reply = send_file(client, world, bad_file(world))
    page = reply.content.decode()
    assert (reply.status_code, known(world)) == (422, [])
    assert "Nothing was written: 7 bad rows" in page
    assert [words for _, words in PROBLEMS if words not in page] == []
    assert send_file(client, world, bad_file(world), only_good="on").status_code == 302
    assert [row[1:4] for row in known(world)] == [("cat", "yes", "mixed"), ("owl", "no", "mixed")]
    assert "2 control questions added. 1 was there already. 7 bad rows left out." in (
        client.get(url(world, "controls")).content.decode()
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file: the file is empty"),
        (b"image,label\n1,2\n", "no column image_id, label_id, truth"),
        (b"image_id,label_id,truth\n", "has a header and no rows below it"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"image_id,label_id,truth,truth\n", "column truth twice"),
    ],
)
def test_what_is_no_such_file_is_refused(world, client, data, words) -> None:
    reply = send_file(client, world, data)
    page = reply.content.decode()
    assert (reply.status_code, words in page, "/tmp" in page) == (422, True, False)


def test_a_file_that_is_too_large_or_missing_is_refused(world, client, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 1024 * 1024
    reply = send_file(client, world, b"x" * (1024 * 1024 + 1))
    assert "The file is larger than 1 MB" in reply.content.decode()
    settings.UPLOAD_MAX_ROWS = 2
    reply = send_file(client, world, csv_of(world, *["#0,cat,yes,,"] * 3))
    assert "has more than 2 rows" in reply.content.decode()
    assert "Choose a file first." in client.post(url(world, "control_import")).content.decode()


def test_the_command_checks_as_the_page_does(world, client, tmp_path) -> None:
    file = tmp_path / "controls.csv"
    file.write_text(bad_file(world), encoding="utf-8")
    slug = world.challenge.slug
    with pytest.raises(CommandError) as refusal:
        call_command("control_questions", slug, str(file))
    assert str(refusal.value).splitlines() == [
        f"{file}: 7 rows are bad, so that nothing was written.",
        *(f"line {line}: {words}" for line, words in PROBLEMS),
    ]
    assert known(world) == []
    left_out = [{"line": line, "problem": words} for line, words in PROBLEMS]
    figures = {"challenge": slug, "added": 2, "present": 1, "left_out": left_out}
    assert command_json("control_questions", slug, file, "--only-good") == figures
    assert command_json("control_questions", slug, file, "--only-good") == {**figures, "added": 0, "present": 3}
    out = io.StringIO()
    call_command("control_questions", slug, str(file), "--only-good", stdout=out, stderr=io.StringIO())
    assert out.getvalue().startswith(
        f"Challenge {slug}: 0 control questions added, 3 were there already, 7 bad rows left out\nline 3: Line 2"
    )
    for arguments, words in ((("lost", file), "no challenge 'lost'"), ((slug, tmp_path / "none"), "can't be read")):
        with pytest.raises(CommandError, match=words):
            call_command("control_questions", *map(str, arguments))


def test_a_retired_question_says_so_and_twice_is_once(world, client) -> None:
    [control] = add(world, (0, "cat", "yes", MIXED))
    address = url(world, "control_retire", control.pk)
    assert client.get(address).status_code == 405
    client.post(address)
    first = ControlQuestion.objects.get().retired_at
    client.post(address)
    assert ControlQuestion.objects.get().retired_at == first
    page = client.get(url(world, "controls") + "?show=retired").content.decode()
    assert "Retired (1)" in page
    assert address not in page
    for _ in range(2):
        client.post(url(world, "control_restore", control.pk))
    assert ControlQuestion.objects.get().retired_at is None
    acts = world.acts().filter(kind=ActKind.CONTROLS, by__isnull=False)
    assert [act.summary.split(" ")[0] for act in acts] == ["Retired", "Brought"]
    other = make_world()
    [theirs] = add(other, (0, "cat", "yes", MIXED))
    assert client.post(url(world, "control_retire", theirs.pk)).status_code == 404
    assert client.post(url(world, "control_restore", theirs.pk)).status_code == 404


def test_a_control_that_good_raters_get_wrong_is_doubtful(world, client) -> None:
    controls = stock(world, MIXED, range(6))
    *fine, wrong = controls
    good, bad = world.raters(4), world.raters(3)
    for rater in good:
        for control in fine:
            answer(world, give(world, rater, control), control.truth)
        answer(world, give(world, rater, wrong), "no" if wrong.truth == "yes" else "yes")
    for rater in bad:
        for control in controls:
            answer(world, give(world, rater, control), "no" if control.truth == "yes" else "yes")
    figures = control_figures(world.challenge)
    assert figures[wrong.pk] == Figures(answered=7, right=0, by_good=4, right_by_good=0)
    # Of the others each good rater has one wrong of five: four of five right.
    assert figures[fine[0].pk] == Figures(answered=7, right=4, by_good=4, right_by_good=4)
    page = client.get(url(world, "controls") + "?show=doubtful").content.decode()
    assert "<h1>1 control question looks wrong</h1>" in page
    assert [f'id="control-{one.pk}"' in page for one in controls] == [False] * 5 + [True]
    assert "right for 0 of 4 good raters" in page
    retire_control(control=wrong, at=world.clock)
    assert "<h1>6 control questions</h1>" in client.get(url(world, "controls")).content.decode()


def test_settled_pairs_of_one_mind_become_controls_by_the_organisers_choice(world, client) -> None:
    world.claim(world.finder(), (0, "cat"), (1, "cat"), (2, "cat"))
    for place, answers in enumerate(([YES] * 5, [NO] * 5, [YES, YES, YES, YES, NO])):
        world.score(place, {"cat": 0.1})
        world.rate(world.pair(place, "cat"), *answers)
    address = url(world, "controls_from_pairs")
    page = client.get(address).content.decode()
    assert [f'id="pair-{world.pair(place, "cat").pk}"' in page for place in range(3)] == [True, True, False]
    sent = {"pair": [world.pair(place, "cat").pk for place in range(3)], "use": "mixed"}
    for bad, words in (({**sent, "pair": []}, "Choose at least one"), ({**sent, "use": "x"}, "Say whether they are")):
        reply = client.post(address, bad)
        assert (reply.status_code, words in reply.content.decode()) == (422, True)
    assert client.post(address, sent).status_code == 302
    ids = [image.image_id for image in world.images]
    assert known(world) == [(ids[0], "cat", "yes", "mixed", ""), (ids[1], "cat", "no", "mixed", "")]
    assert "No settled pair is left" in client.get(address).content.decode()
    again = client.post(address, sent)
    assert (again.status_code, "None of these is here any more" in again.content.decode()) == (422, True)
    assert client.post(address, {**sent, "pair": ["x", "9" * 30]}).status_code == 422


def label_form(world: World, *examples: tuple[str, str, str, object], **words: str) -> dict[str, object]:
    sent: dict[str, object] = {"question": "", "guidance": "", **words}
    sent |= {"example-TOTAL_FORMS": len(examples), "example-INITIAL_FORMS": 0}
    for place, values in enumerate(examples):
        for name, value in zip(("image_id", "fits", "caption", "position"), values, strict=True):
            sent[f"example-{place}-{name}"] = value
    return sent


def examples_of(target) -> list[tuple[str, bool, str, int]]:
    rows = LabelExample.objects.filter(target=target).order_by("position")
    return list(rows.values_list("image__image_id", "fits", "caption", "position"))


def test_a_label_is_explained_in_words_and_pictures(world, client) -> None:
    target = world.challenge.target_labels.get(label__key="cat")
    address = url(world, "label_guidance", target.pk)
    ids = [image.image_id for image in world.images]
    sent = label_form(
        world, (ids[1], "no", "A fox.", 2), ("", "yes", "", ""), (ids[0], "yes", "A cat.", 1), (ids[2], "yes", "", ""),
        question="Is there a cat?", guidance="Kittens count.",
    )  # fmt: skip
    for _ in range(2):
        assert client.post(address, sent).status_code == 302
    target.refresh_from_db()
    assert (target.question, target.guidance) == ("Is there a cat?", "Kittens count.")
    whole = [(ids[0], True, "A cat.", 0), (ids[1], False, "A fox.", 1), (ids[2], True, "", 2)]
    assert examples_of(target) == whole
    page = client.get(address).content.decode()
    assert page.count("?size=small") == 3
    overview = client.get(url(world, "guidance")).content.decode()
    assert "<h1>2 labels without guidance</h1>" in overview
    bad = (
        (label_form(world, ("lost", "yes", "", 1)), "is not among the target images"),
        (label_form(world, (ids[0], "yes", "", 1), (ids[0], "no", "", 2)), "is named twice"),
        (
            label_form(world, *((one, "yes", "", "") for one in [*ids, *(f"{n}" for n in range(8))])),
            "up to 12 examples",
        ),
        (label_form(world, (ids[0], "maybe", "", 1)), "maybe"),
        (label_form(world, (ids[0], "yes", "x" * 201, 1)), "200 characters"),
        (label_form(world, question="x" * 201), "200 characters"),
        ({"question": ""}, "The examples did not arrive whole."),
    )
    for data, words in bad:
        reply = client.post(address, data)
        assert (reply.status_code, words in reply.content.decode()) == (422, True), words
    target.refresh_from_db()
    assert (target.guidance, examples_of(target)) == ("Kittens count.", whole)
    other = make_world().challenge.target_labels.first()
    assert client.get(url(world, "label_guidance", other.pk)).status_code == 404


def test_only_organisers_see_and_change_them(world) -> None:
    [control] = add(world, (0, "cat", "yes", MIXED))
    target = world.challenge.target_labels.first()
    pages = [("controls",), ("controls_from_pairs",), ("guidance",), ("label_guidance", target.pk)]
    changes = [("control_add",), ("control_import",), ("control_retire", control.pk), ("control_restore", control.pk)]
    for person in (make_user(), world.rater().user, world.finder().user):
        stranger = signed_in(person)
        assert {stranger.get(url(world, *page)).status_code for page in pages} == {403}
        assert {stranger.post(url(world, *page)).status_code for page in [*changes, pages[3]]} == {403}
    assert Client().get(url(world, "controls")).status_code == 302


def test_pages_cost_the_same_for_one_row_and_for_three(world, client) -> None:
    target = world.challenge.target_labels.get(label__key="cat")
    world.claim(world.finder(), *((place, "cat") for place in (3, 4, 5)))

    def fill(*places: int) -> None:
        for place in places:
            [*_, control] = add(world, (place, "cat", "yes", MIXED))
            answer(world, give(world, world.rater(), control), YES)
            world.score(place + 3, {"cat": 0.1})
            world.rate(world.pair(place + 3, "cat"), *[YES] * 5)
            LabelExample.objects.create(target=target, image=world.images[place], fits=True)

    addresses = [url(world, page) for page in ("controls", "controls_from_pairs", "guidance")]
    addresses.append(url(world, "label_guidance", target.pk))
    fill(0)
    one = [queries_of(client, address) for address in addresses]
    fill(1, 2)
    assert [queries_of(client, address) for address in addresses] == one


def test_long_lists_are_paged(world, client, monkeypatch) -> None:
    monkeypatch.setattr("cats4ml.console.control_views.CONTROLS_A_PAGE", 2)
    controls = stock(world, MIXED, range(3))
    page = client.get(url(world, "controls") + "?show=mixed").content.decode()
    assert [f'id="control-{one.pk}"' in page for one in controls] == [False, True, True]
    assert f"?show=mixed&amp;after={controls[1].pk}" in page


def test_who_retires_a_question_stays_in_the_list_and_on_the_page_of_it(world, client) -> None:
    client.post(url(world, "control_add"), one_question(world))
    control = ControlQuestion.objects.get()
    page = client.get(f"{url(world, 'controls')}?show=warm_up&after={control.pk + 1}&x=1").content.decode()
    address = f"{url(world, 'control_retire', control.pk)}?show=warm_up&amp;after={control.pk + 1}"
    assert f'action="{address}"' in page
    kept = client.post(address.replace("&amp;", "&")).url
    assert kept == f"{url(world, 'controls')}?show=warm_up&after={control.pk + 1}"
    assert client.post(url(world, "control_restore", control.pk)).url == url(world, "controls")
    assert client.post(f"{url(world, 'control_retire', control.pk)}?reports=1").url == url(world, "reports")


def test_a_pair_that_anybody_answered_otherwise_is_no_control_though_the_rule_stopped_before(world, client) -> None:
    world.claim(world.finder(), *((place, "cat") for place in range(4)))
    for place in range(4):
        world.score(place, {"cat": 0.1})
        world.rate(world.pair(place, "cat"), YES, YES, YES, YES, NO if place == 1 else YES)
    first, second, third, _ = (world.pair(place, "cat") for place in range(4))
    policy = replace(world.challenge.rules, quorum=3)
    expert = make_user()
    world.challenge.participations.create(user=expert, role=Role.ORGANISER)
    apply_policy(challenge=world.challenge, policy=policy, reason="Three.", by=expert, at=world.clock, settled=True)
    second.refresh_from_db()
    assert (second.yes_ratings, second.no_ratings) == (3, 0)
    told = "The verdict counts 3 of these 5 answers."
    assert told in client.get(url(world, "pair", second.pk)).content.decode()
    Dispute.objects.create(
        submission=third.submissions.get(), reason="Look.", outcome=third.outcome, created_at=world.pass_time(1)
    )
    adjudicate(pair_id=third.pk, verdict=Verdict.NO, reason="A fox.", by=expert, at=world.pass_time(1))
    page = client.get(url(world, "controls_from_pairs")).content.decode()
    offered = [f'id="pair-{world.pair(place, "cat").pk}"' in page for place in range(4)]
    assert (offered, f'id="pair-{first.pk}"' in page) == ([True, False, False, True], True)
