"""The machine score: formulas against their definitions, and what follows from them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.ensemble import (
    LeftOut,
    MachineScore,
    is_near,
    label_probability,
    left_out,
    machine_says_yes,
    machine_score,
    sureness,
)

probabilities = st.floats(0, 1)
thresholds = st.floats(0.01, 0.99)
members = st.lists(st.tuples(probabilities, st.floats(0.01, 100)), min_size=1, max_size=8)


def test_weights_pull_the_mean_and_the_spread() -> None:
    assert machine_score([0.25, 0.75]) == MachineScore(mean=0.5, spread=0.25)
    assert machine_score([0.25, 0.75], [1, 3]) == MachineScore(mean=0.625, spread=math.sqrt(3 / 64))
    assert machine_score([0.25, 0.75], [2, 6]) == machine_score([0.25, 0.75], [1, 3])
    assert machine_score([0.375], [7.0]) == MachineScore(mean=0.375, spread=0.0)


@given(members)
def test_the_mean_lies_among_the_probabilities_and_the_spread_is_at_most_a_half(voices) -> None:
    values, weights = zip(*voices, strict=True)
    score = machine_score(values, weights)
    assert min(values) - 1e-12 <= score.mean <= max(values) + 1e-12
    assert 0 <= score.mean <= 1
    assert 0 <= score.spread <= 0.5 + 1e-12


@pytest.mark.parametrize(
    ("values", "weights", "words"),
    [
        ([], None, "at least one"),
        ([1.5], None, "not a probability"),
        ([math.nan], None, "not a probability"),
        ([0.5], [0.0], "not a weight"),
        ([0.5], [-1.0], "not a weight"),
        ([0.5], [math.inf], "not a weight"),
        ([0.5, 0.5], [1.0], "1 weights"),
    ],
)
def test_what_is_no_probability_or_no_weight_is_refused(values, weights, words) -> None:
    for rule in (machine_score, lambda *given: left_out(*given, threshold=0.5)):
        with pytest.raises(ValueError, match=words):
            rule(values, weights)


def test_sureness_is_none_at_the_threshold_and_whole_at_each_end() -> None:
    means = (0.0, 0.4, 0.8, 0.85, 0.95, 1.0)
    assert [round(sureness(mean, threshold=0.8), 9) for mean in means] == [1, 0.5, 0, 0.25, 0.75, 1]


@given(probabilities, thresholds)
def test_sureness_is_a_share_and_grows_away_from_the_threshold(mean: float, threshold: float) -> None:
    sure = sureness(mean, threshold=threshold)
    end = 1.0 if machine_says_yes(mean, threshold=threshold) else 0.0
    assert 0 <= sure <= sureness((mean + end) / 2, threshold=threshold) + 1e-12 <= 1 + 1e-12


def test_near_is_the_same_on_both_sides_and_ends_at_the_margin() -> None:
    near = [mean for mean in (0.3, 0.4, 0.41, 0.5, 0.59, 0.6, 0.7) if is_near(mean, threshold=0.5, margin=0.1)]
    assert near == [0.41, 0.5, 0.59]
    assert not is_near(0.5, threshold=0.5, margin=0.0)


def test_outputs_that_exclude_each_other_add_up_and_others_have_the_largest() -> None:
    outputs = [0.125, 0.5, 0.25, 0.125]
    found = [label_probability(outputs, [1, 2], activation=kind) for kind in ("softmax", "sigmoid", "none")]
    assert found == [0.75, 0.5, 0.5]
    assert label_probability({3: 0.625, 7: 0.5}, [3, 7], activation="softmax") == 1.0
    assert label_probability({7: 0.5}, [7], activation="sigmoid") == 0.5
    with pytest.raises(ValueError, match="at least one output"):
        label_probability(outputs, [], activation="softmax")


def test_each_classifier_left_out_stands_beside_the_others() -> None:
    assert left_out([0.75, 0.25, 0.25], threshold=0.5) == [
        LeftOut(own_yes=True, others_yes=False),
        LeftOut(own_yes=False, others_yes=True),
        LeftOut(own_yes=False, others_yes=True),
    ]
    assert left_out([0.75, 0.25, 0.25], [1, 1, 3], threshold=0.5)[1] == LeftOut(own_yes=False, others_yes=False)
    assert left_out([0.75], threshold=0.5) == []


@given(members, thresholds)
def test_leaving_one_out_is_the_score_of_the_rest(voices, threshold: float) -> None:
    values, weights = map(list, zip(*voices, strict=True))
    expected = []
    for place in range(len(values)) if len(values) > 1 else ():
        rest = machine_score(values[:place] + values[place + 1 :], weights[:place] + weights[place + 1 :])
        expected.append(LeftOut(values[place] >= threshold, rest.mean >= threshold))
    assert left_out(values, weights, threshold=threshold) == expected
