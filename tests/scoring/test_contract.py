from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.contract import ERRORS, ImageRef, ScoreRequest, ScoreResult, pack, unpack

texts = st.text(max_size=30)
refs = st.builds(ImageRef, image=st.integers(min_value=0), key=texts, sha256=texts)
cards = st.dictionaries(texts, st.one_of(texts, st.integers(), st.lists(st.integers())), max_size=4)


@given(st.lists(st.floats(width=32)))
def test_packed_numbers_come_back_exactly(values: list[float]) -> None:
    found = unpack(pack(values))
    assert [math.isnan(value) for value in found] == [math.isnan(value) for value in values]
    assert [v for v in found if not math.isnan(v)] == [v for v in values if not math.isnan(v)]


@pytest.mark.parametrize("text", ["AAA", "AAAA", "!!!!", "AAAAAAA="])
def test_what_was_not_packed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|padding|float32"):
        unpack(text)


@given(st.builds(ScoreRequest, st.lists(refs, max_size=4).map(tuple), st.lists(cards, max_size=3).map(tuple), texts))
def test_a_request_comes_back_from_json_as_it_was(request: ScoreRequest) -> None:
    assert ScoreRequest.from_message(json.loads(json.dumps(request.to_message()))) == request


@given(st.builds(ScoreResult, st.integers(), st.dictionaries(texts, texts), st.sampled_from(ERRORS), texts))
def test_a_result_comes_back_from_json_as_it_was(result: ScoreResult) -> None:
    assert ScoreResult.from_message(json.loads(json.dumps(result.to_message()))) == result
