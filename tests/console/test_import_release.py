"""A published release becomes a settled edition: what is read, what is refused, what comes back."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from cats4ml.catalog.actions import NewLabel, add_labels
from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.releases.rows import RELEASED_COLUMNS
from cats4ml.submissions.models import Credit, Pair, Submission
from tests.console.commands import command_json, shared_data
from tests.factories import make_user

pytestmark = pytest.mark.django_db

HEADER = ",".join(RELEASED_COLUMNS)
ROWS = (
    "8d699f27eeb9a208,/m/01d30f,Teacher,3,1,1,1",
    "8d699f27eeb9a208,/m/015p6,Bird,4,1,0,0",
    "0119301a01cee4e8,/m/01d30f,Teacher,0,5,0,1",
    "e1821f9db89acab4,/m/01d30f,Teacher,2,1,2,1",
    '0119301a01cee4e8,/m/0x,"Bread, ""toast""",0,0,6,0',
    "0000000000000001,/m/015p6,Bird,0,4,0,0",
)


def write(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "release.csv"
    path.write_bytes("".join(f"{line}\n" for line in (header, *rows)).encode())
    return path


def refusal(path: Path, slug: str = "bad") -> str:
    """Why the import is refused; nothing may have been written."""
    with pytest.raises(CommandError) as caught:
        call_command("import_release", str(path), "--challenge", slug, stdout=io.StringIO(), stderr=io.StringIO())
    assert not Pair.objects.exists()
    assert not Image.objects.exists()
    assert not Label.objects.exists()
    assert not Challenge.objects.filter(slug="bad").exists()
    return str(caught.value)


def export(slug: str, client) -> bytes:
    client.force_login(make_user(f"organiser-of-{slug}", is_superuser=True))
    answer = client.get(f"/api/v1/challenges/{slug}/pairs/", {"format": "csv"})
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


@pytest.mark.parametrize(
    ("rule", "outcomes"),
    [
        ("majority", {"agreement": 2, "ambiguous": 2, "false_negative": 1, "false_positive": 1}),
        ("majority_of_known", {"agreement": 3, "ambiguous": 1, "false_negative": 1, "false_positive": 1}),
    ],
)
def test_outcomes_follow_from_the_rule_and_the_tallies_whatever_their_size(tmp_path, rule, outcomes) -> None:
    path = write(tmp_path, *ROWS)
    assert command_json("import_release", path, "--challenge", "small", "--verdict-rule", rule) == {
        "pairs": 6,
        "outcomes": outcomes,
    }


def test_all_four_outcomes_are_counted_also_where_there_are_none(tmp_path) -> None:
    path = write(tmp_path, ROWS[0])
    assert command_json("import_release", path, "--challenge", "one")["outcomes"] == {
        "agreement": 1,
        "ambiguous": 0,
        "false_negative": 0,
        "false_positive": 0,
    }


def test_an_imported_edition_is_final_and_has_tallies_without_claims_or_credit(tmp_path) -> None:
    command_json("import_release", write(tmp_path, *ROWS), "--challenge", "small")
    challenge = Challenge.objects.get(slug="small")
    assert challenge.status == ChallengeStatus.FINAL
    facts = ("state", "tally_source", "machine_mean", "image__file", "split", "policy")
    assert set(Pair.objects.filter(challenge=challenge).values_list(*facts)) == {
        ("settled", "imported", None, "", "public", challenge.policy_id)
    }
    assert not Submission.objects.exists()
    assert not Credit.objects.exists()


def test_the_export_of_an_import_is_the_same_file_again(tmp_path, client) -> None:
    path = write(tmp_path, *ROWS)
    command_json("import_release", path, "--challenge", "small")
    assert export("small", client) == path.read_bytes()


def test_names_that_differ_from_known_ones_come_back_as_they_were(tmp_path, client) -> None:
    add_labels(vocabulary="openimages", labels=[NewLabel("/m/015p6", "bird (animal)")])
    path = write(tmp_path, *ROWS)
    command_json("import_release", path, "--challenge", "small")
    assert export("small", client) == path.read_bytes()
    assert Label.objects.get(vocabulary="openimages", key="/m/015p6").name == "bird (animal)"


def test_a_release_may_be_imported_twice_under_two_slugs(tmp_path) -> None:
    path = write(tmp_path, *ROWS)
    first = command_json("import_release", path, "--challenge", "first")
    assert command_json("import_release", path, "--challenge", "second") == first
    assert Image.objects.count() == 4


def test_windows_ends_a_byte_order_mark_and_another_order_of_columns_change_nothing(tmp_path, client) -> None:
    turned = [*reversed(RELEASED_COLUMNS)]
    rows = ["1,1,1,3,Teacher,/m/01d30f,8d699f27eeb9a208", "", "0,0,1,4,Bird,/m/015p6,8d699f27eeb9a208"]
    path = tmp_path / "release.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([",".join(turned), *rows]).encode())
    command_json("import_release", path, "--challenge", "turned")
    assert export("turned", client).decode().splitlines() == [HEADER, *ROWS[:2]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,/m/1,Cat,1,2,2", "has 6 fields, the header 7"),
        ("a,/m/1,Cat,1,2,2,0,0", "has 8 fields, the header 7"),
        ("a,/m/1,Cat,-1,3,3,0", "hum_yes_rating should be a whole number, 0 or more, is '-1'"),
        ("a,/m/1,Cat,1,2.0,2,0", "hum_no_rating should be a whole number, 0 or more, is '2.0'"),
        ("a,/m/1,Cat,1,2,,0", "hum_dont_know_rating should be a whole number, 0 or more, is ''"),
        ("a,/m/1,Cat,1,٢,2,0", "hum_no_rating should be a whole number"),
        (f"a,/m/1,Cat,1,{'9' * 5000},2,0", "hum_no_rating is too large"),
        ("a,/m/1,Cat,0,0,0,0", "all three counts are 0"),
        ("a,/m/1,Cat,1,2,2,0.7", "machine_score should be 0 or 1, is '0.7'"),
        ("a,/m/1,Cat,1,2,2,", "machine_score should be 0 or 1, is ''"),
        (",/m/1,Cat,1,2,2,0", "image_id is empty"),
        ("a, ,Cat,1,2,2,0", "label_id is empty"),
        ("a,/m/1,,1,2,2,0", "label_name is empty"),
        (" a,/m/1,Cat,1,2,2,0", "image_id has spaces around it"),
        ('a,/m/1,"Cat,1,2,2,0\nb,/m/1,Cat,1,2,2,0', "can't be read as CSV, up to line 5"),
        (f"{'a' * 81},/m/1,Cat,1,2,2,0", "image_id has 81 characters; at most 80 can be kept"),
        (f"a,/m/1,{'C' * 201},1,2,2,0", "label_name has 201 characters; at most 200 can be kept"),
        ("a\0,/m/1,Cat,1,2,2,0", "has a NUL character in it"),
        ('a,/m/1,"Cat"s,1,2,2,0', "can't be read as CSV"),
        ('a,/m/1,"Cat,1,2,2,0', "can't be read as CSV"),
        ("8d699f27eeb9a208,/m/01d30f,Teacher,1,2,2,0", "stands on line 2 already"),
        ("a,/m/01d30f,teacher,1,2,2,0", "label /m/01d30f is called 'teacher' here and 'Teacher' on line 2"),
    ],
)
def test_a_bad_row_names_its_line_and_nothing_is_imported(tmp_path, row, reason) -> None:
    message = refusal(write(tmp_path, ROWS[0], ROWS[1], row))
    assert "release.csv line 4: " in message
    assert reason in message


def test_a_row_that_is_not_utf8_names_its_line(tmp_path) -> None:
    path = tmp_path / "release.csv"
    path.write_bytes(f"{HEADER}\n{ROWS[0]}\n".encode() + "a,/m/1,Café,1,2,2,0\n".encode("latin-1"))
    assert "release.csv line 3: is not UTF-8" in refusal(path)


def test_a_line_below_a_name_of_two_lines_has_its_number_in_the_file(tmp_path) -> None:
    path = write(tmp_path, 'a,/m/1,"Cat\nand dog",1,2,2,0', "b,/m/2,Owl,1,2,2,7")
    assert "release.csv line 4: machine_score" in refusal(path)


def test_every_bad_row_is_named_up_to_twenty(tmp_path) -> None:
    rows = [f"{number:016x},/m/1,Cat,1,2,2,7" for number in range(30)]
    message = refusal(write(tmp_path, ROWS[0], *rows))
    assert "30 bad rows" in message
    assert [line.split(":")[0] for line in message.splitlines()[1:-1]] == [
        f"release.csv line {number}" for number in range(3, 23)
    ]
    assert message.splitlines()[-1] == "… and 10 more"


@pytest.mark.parametrize("column", RELEASED_COLUMNS)
def test_a_missing_column_is_named(tmp_path, column) -> None:
    header = ",".join(name for name in RELEASED_COLUMNS if name != column)
    assert f"line 1: no column {column} in" in refusal(write(tmp_path, header=header))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (f"{HEADER}\n".encode(), "has a header and no rows below it"),
        (f"{HEADER},image_id\n".encode(), "column image_id twice"),
        (HEADER.encode("utf-16"), "line 1: is not UTF-8"),
        (b"x" * 1024 * 1024 + b"\n", "line 1: longer than a megabyte"),
    ],
)
def test_a_file_that_is_no_release_is_refused(tmp_path, content, reason) -> None:
    path = tmp_path / "release.csv"
    path.write_bytes(content)
    assert reason in refusal(path)


def test_further_columns_are_left_out_and_said(tmp_path) -> None:
    path = write(tmp_path, f"{ROWS[0]},17", header=f"{HEADER},split")
    log = io.StringIO()
    call_command("import_release", str(path), "--challenge", "more", stdout=io.StringIO(), stderr=log)
    assert "columns that no release has are left out: split" in log.getvalue()
    assert Pair.objects.count() == 1


def test_an_existing_slug_is_refused_before_the_file_is_opened(tmp_path) -> None:
    Challenge.objects.create(slug="taken", title="Taken", vocabulary="openimages")
    assert "there is a challenge 'taken' already" in refusal(tmp_path / "none.csv", "taken")


@pytest.mark.parametrize("slug", ["two words", "", "é", "a" * 61, "../up"])
def test_what_is_no_slug_is_refused(tmp_path, slug) -> None:
    assert "can't be a challenge's slug" in refusal(write(tmp_path, *ROWS), slug)


def test_without_json_a_table_is_printed(tmp_path) -> None:
    out = io.StringIO()
    path = write(tmp_path, *ROWS)
    call_command("import_release", str(path), "--challenge", "small", stdout=out, stderr=io.StringIO())
    assert out.getvalue().splitlines() == [
        "Challenge small: 6 pairs, settled by majority",
        "  Agreement               2",
        "  Ambiguous               2",
        "  False negative          1",
        "  False positive          1",
    ]


@pytest.mark.parametrize(
    ("rule", "figures"),
    [("majority", (1594, 718, 1888, 443)), ("majority_of_known", (1866, 281, 1970, 526))],
)
def test_the_release_of_2021_gives_the_published_figures_and_itself_again(rule, figures, client) -> None:
    path = shared_data("cats4ml", "release_part.csv")
    answer = command_json("import_release", path, "--challenge", "real", "--verdict-rule", rule)
    names = ("agreement", "ambiguous", "false_negative", "false_positive")
    assert answer == {"pairs": 4643, "outcomes": dict(zip(names, figures, strict=True))}
    assert export("real", client) == path.read_bytes()
