"""Every reader of what strangers send: it gives a value, or the refusal of its kind, and never anything else."""

from __future__ import annotations

import gzip
import io
import math
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as some

from cats4ml.addresses import client_address
from cats4ml.challenges.edition_labels import names_in
from cats4ml.console.control_files import read_controls
from cats4ml.console.tables import TableRefused
from cats4ml.environment import env_address, env_int, env_list, env_rate, env_secret
from cats4ml.releases.predictions import Predictions, PredictionsRefused, Questions, read_predictions
from cats4ml.review.models import Study, StudyPlatform
from cats4ml.review.studies import StudyRefused, Visitor, visitor_of
from cats4ml.rules.policy import InvalidPolicy, Policy
from cats4ml.submissions.meaning import MOST_CHARACTERS, clean_text
from cats4ml.ui.paging import whole_number
from cats4ml.ui.served_files import NoSuchPart, asked_part
from models_zoo.roster import RosterError, read_entries

few = examples(max_examples=40)
LINES = some.lists(some.text(max_size=30), max_size=6)
SCALARS = some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=10)


@few
@given(some.text(max_size=40) | some.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True), some.integers(0, 10**6))
def test_a_range_is_a_part_of_the_file_or_the_whole_or_nothing(header: str, size: int) -> None:
    try:
        part = asked_part(header, size)
    except NoSuchPart:
        return
    assert part is None or 0 <= part.first <= part.last < size


@few
@given(some.floats(0, 1, width=32), some.binary(max_size=80), LINES, some.booleans())
def test_predictions_come_back_or_are_refused(score: float, data: bytes, lines: list[str], packed: bool) -> None:
    questions = Questions({("a", "x"): 0, ("b", "x"): 1}, bytearray([0, 1]))
    good = f"image_id,label_id,score\na,x,{score!r}\nb,x,1\n".encode()
    read = read_predictions(io.BytesIO(gzip.compress(good) if packed else good), questions)
    assert (math.isclose(read.scores[0], score, abs_tol=1e-7), read.scores[1], read.whole) == (True, 1.0, True)
    for bad in (data, b"\x1f\x8b" + data, good + "\n".join(lines).encode(), gzip.compress(good)[: len(data)]):
        try:
            assert isinstance(read_predictions(io.BytesIO(bad), questions), Predictions)
        except PredictionsRefused:
            continue


@few
@given(some.binary(max_size=80) | LINES.map(lambda lines: ("image_id,label_id,truth\n" + "\n".join(lines)).encode()))
def test_control_questions_are_rows_or_the_file_is_refused(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "controls.csv"
        path.write_bytes(data)
        try:
            assert read_controls(path)
        except TableRefused:
            return


@few
@given(
    some.binary(max_size=80)
    | some.dictionaries(some.sampled_from(["name", "kind", "weights", "labels"]), SCALARS).map(
        lambda table: ("[[classifier]]\n" + "\n".join(f"{key} = {value!r}" for key, value in table.items())).encode()
    )
)
def test_a_roster_is_read_or_refused(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "roster.toml"
        path.write_bytes(data)
        with pytest.raises(RosterError):  # none of these is whole
            read_entries(path, Path(folder))


@few
@given(some.dictionaries(some.sampled_from(sorted(Policy().to_dict())) | some.text(max_size=9), SCALARS, max_size=6))
def test_a_policy_is_one_or_is_refused_and_comes_back(changes: dict[str, object]) -> None:
    try:
        policy = Policy.from_dict({**Policy().to_dict(), **changes})
    except InvalidPolicy:
        return
    assert Policy.from_dict(policy.to_dict()) == policy


@few
@given(some.dictionaries(some.sampled_from(["PROLIFIC_PID", "STUDY_ID", "SESSION_ID", "x"]), some.text(max_size=140)))
def test_a_link_of_a_study_names_a_visitor_or_is_refused(sent: dict[str, str]) -> None:
    try:
        visitor = visitor_of(Study(platform=StudyPlatform.PROLIFIC), sent)
    except StudyRefused:
        return
    assert isinstance(visitor, Visitor)
    assert visitor.external_id.isprintable()


@few
@given(some.text(max_size=60))
def test_texts_of_settings_are_values_or_are_refused(text: str) -> None:
    read = (
        (int, lambda: env_int("X", default=1)),
        (tuple | None, lambda: env_rate("X", default="none")),
        (str, lambda: env_address("X")),
        (str, lambda: env_secret("X")),
        (list, lambda: env_list("X")),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.environ", {"X": text})
        for kind, value_of in read:
            with suppress(ImproperlyConfigured):
                assert isinstance(value_of(), kind)


@few
@given(some.text(max_size=300))
def test_texts_of_pages_are_read_whatever_they_are(text: str) -> None:
    clean = clean_text(text)
    assert (clean_text(clean), len(clean) <= MOST_CHARACTERS, set(clean) & set(map(chr, range(32)))) == (
        clean,
        True,
        set(),
    )
    assert [one for one in names_in(text) if one != one.strip() or not one] == []
    number = whole_number(text)
    assert number is None or 0 <= number < 2**63
    assert client_address(RequestFactory().get("/", HTTP_X_FORWARDED_FOR=text, REMOTE_ADDR="192.0.2.1")) == "192.0.2.1"
