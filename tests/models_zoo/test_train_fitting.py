"""Heads on arrays: what they learn from, and how they are measured."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from models_zoo.calibration import expected_calibration_error
from models_zoo.training import calibrating, study
from models_zoo.training.fitting import STRENGTHS, Features, fit
from models_zoo.training.measuring import (
    Floats,
    average_precision,
    calibration_error,
    compare,
    measure,
)
from models_zoo.training.quality import BEATS, EVEN, UNKNOWN, WORSE, assess, backbone_probabilities
from models_zoo.training.splitting import Cells, divide
from models_zoo.training.study import FOLDS, PARTS, learn


def made(*, pictures: int = 240, labels: int = 2, width: int = 6, seed: int = 0) -> tuple[Features, Cells]:
    """Features, and every cell: label n is in a picture where its feature n is large; one in four."""
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(pictures, width)).astype(np.float32) * 3 + 1
    shown = features[:, :labels] + draw.normal(size=(pictures, labels)) > 3
    picture, label = np.divmod(np.arange(pictures * labels), labels)
    return features, Cells(picture, label, shown.ravel(), picture)


def some(cells: Cells, chosen: object) -> Cells:
    return cells.take(np.asarray(chosen))


def test_a_picture_is_in_one_part_only_and_each_part_has_its_share_of_every_answer() -> None:
    _, cells = made()
    cells = Cells(cells.picture, cells.label, cells.yes, cells.picture // 2)  # two and two of the same bytes
    parts = divide(cells, [0.6, 0.2, 0.2], seed=3)
    for group in np.unique(cells.group):
        assert len(set(parts[cells.group == group].tolist())) == 1
    for part, share in enumerate((0.6, 0.2, 0.2)):
        counts = some(cells, parts == part).counts(2) / cells.counts(2)
        np.testing.assert_allclose(counts, share, atol=0.06)
    assert divide(cells, [0.6, 0.2, 0.2], seed=3).tolist() == parts.tolist()
    assert divide(cells, [0.6, 0.2, 0.2], seed=4).tolist() != parts.tolist()


def test_the_rarest_answers_are_spread_over_the_folds() -> None:
    _, cells = made(pictures=50)
    rare = Cells(cells.picture, cells.label, (cells.label == 0) & (cells.picture < 5), cells.group)
    folds = divide(rare, [1.0] * 5, seed=0)
    assert sorted(folds[rare.yes].tolist()) == [0, 1, 2, 3, 4]


def test_a_head_is_the_balanced_logistic_regression_without_its_shift() -> None:
    features, cells = made(labels=1)
    fitted = fit(features, cells, 1, seed=0, tick=lambda: None)
    deviation = features.std(axis=0, dtype=np.float64)
    scaled = (features - features.mean(axis=0, dtype=np.float64)) / deviation
    yes, no = int(cells.yes.sum()), int((~cells.yes).sum())
    model = LogisticRegression(C=1 / (fitted.strengths[0] * len(cells)), class_weight="balanced", tol=1e-9)
    model.fit(scaled, cells.yes)
    np.testing.assert_allclose(fitted.heads.weight[0] * deviation, model.coef_[0], atol=1e-4)
    logits = model.decision_function(scaled) + np.log(yes / no)
    np.testing.assert_allclose(fitted.heads.logits(features, cells), logits, atol=1e-3)
    assert fitted.strengths[0] in STRENGTHS


def test_a_label_learns_only_from_the_cells_that_are_annotated_for_it() -> None:
    features, cells = made()
    half = some(cells, (cells.label == 0) | (cells.picture < 120))
    other = Cells(half.picture, half.label, np.where(half.label == 0, half.yes, ~half.yes), half.group)
    first, second = (fit(features, one, 2, seed=0, tick=lambda: None) for one in (half, other))
    # The folds are drawn for all labels together, so that only the strength may differ; here it doesn't.
    assert first.strengths[0] == second.strengths[0]
    assert first.heads.weight[0].tolist() == second.heads.weight[0].tolist()
    assert first.heads.weight[1].tolist() != second.heads.weight[1].tolist()


def test_a_label_with_one_answer_only_gets_how_often_it_comes() -> None:
    features, cells = made(pictures=10, labels=1)
    never = Cells(cells.picture, cells.label, np.zeros(10, dtype=np.bool_), cells.group)
    heads = fit(features, never, 1, seed=0, tick=lambda: None).heads
    assert heads.weight.tolist() == [[0.0] * 6]
    assert heads.bias.tolist() == pytest.approx([np.log(1 / 11)])


@pytest.mark.parametrize(("way", "tested"), [(PARTS, 48), (FOLDS, 240)])
def test_heads_learn_what_there_is_to_learn(way: str, tested: int) -> None:
    features, cells = made(labels=1)
    ticks: list[None] = []
    learnt = learn(features, cells, 1, way=way, seed=1, most=1000, tick=lambda: ticks.append(None))
    assert len(ticks) == study.steps(way, 1)
    found = measure(average_precision, learnt.probabilities, learnt.tested.yes, learnt.tested.group, seed=0)
    assert found.low > 0.7
    error = measure(calibration_error, learnt.probabilities, learnt.tested.yes, learnt.tested.group, seed=0)
    assert error.low < 0.1
    assert len(learnt.tested) == tested


def test_heads_of_shuffled_answers_have_nothing_to_show() -> None:
    features, cells = made(pictures=100, labels=1)
    shuffled = np.random.default_rng(7).permutation(cells.yes)
    learnt = learn(
        features,
        Cells(cells.picture, cells.label, shuffled, cells.group),
        1,
        way=PARTS,
        seed=1,
        most=1000,
        tick=lambda: None,
    )
    found = measure(average_precision, learnt.probabilities, learnt.tested.yes, learnt.tested.group, seed=0)
    assert found.low < shuffled.mean() < found.high


def test_a_wrong_scale_is_found_and_corrected() -> None:
    draw = np.random.default_rng(0)
    logits: Floats = draw.normal(size=1500) * 2
    yes = draw.random(1500) < 1 / (1 + np.exp(-logits))
    place = np.arange(1500)
    cells = Cells(place, place % 3, yes, place)
    correction = calibrating.choose(logits * 5, cells, 3, seed=0)
    np.testing.assert_allclose(correction.scale, 1 / 5, rtol=0.15)
    shifted = calibrating.choose(logits + 3, cells, 3, seed=0)
    assert shifted.method in (calibrating.ONE_SLOPE, calibrating.OWN_SLOPES)
    np.testing.assert_allclose(shifted.offset, -3 * shifted.scale, atol=0.3)


def test_the_figures_are_those_of_the_known_formulas() -> None:
    draw = np.random.default_rng(0)
    values = np.round(draw.random(200), 2)  # with ties
    yes = draw.random(200) < values
    ones = np.ones((1, 200))
    assert average_precision(values, yes, ones)[0] == pytest.approx(average_precision_score(yes, values))
    assert calibration_error(values, yes, ones)[0] == pytest.approx(expected_calibration_error(values, yes))
    times = draw.integers(0, 4, 200)
    again = average_precision(values, yes, times[np.newaxis].astype(np.float64))[0]
    repeated = np.repeat(np.arange(200), times)
    assert again == pytest.approx(average_precision_score(yes[repeated], values[repeated]))


def test_an_interval_draws_pictures_and_not_their_cells() -> None:
    draw = np.random.default_rng(0)
    values = draw.random(40)
    yes = draw.random(40) < values
    group = np.arange(40)
    alone = measure(average_precision, values, yes, group, seed=0)
    four_times = measure(average_precision, np.tile(values, 4), np.tile(yes, 4), np.tile(group, 4), seed=0)
    assert four_times.value == pytest.approx(alone.value)
    assert (four_times.low, four_times.high) == pytest.approx((alone.low, alone.high))
    same = compare(average_precision, values, values, yes, group, seed=0).gain
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_heads_beat_the_backbone_only_where_the_interval_of_the_difference_says_so() -> None:
    draw = np.random.default_rng(0)
    yes = draw.random(300) < 0.5
    label = np.repeat(np.arange(4), 75)
    place = np.arange(300)
    cells = Cells(place, label, yes, place)
    good = np.where(yes, 0.9, 0.1) + draw.normal(size=300) * 0.05
    poor = draw.random(300)
    ours = np.clip(np.where(label == 1, poor, good), 0, 1)
    theirs = np.clip(np.where(label == 0, poor, good), 0, 1)
    theirs[label == 3] = np.nan
    quality = assess(cells, ours, theirs, ["first", "second", "third", "unknown"], seed=0)
    verdicts = {key: result.verdict for key, result in quality.labels.items()}
    assert verdicts == {"first": BEATS, "second": WORSE, "third": EVEN, "unknown": UNKNOWN}
    assert quality.overall.verdict == UNKNOWN
    assert quality.compared is not None
    assert (quality.compared.verdict, quality.compared.yes + quality.compared.no) == (EVEN, 225)


def test_the_backbones_probability_of_a_label_is_the_sum_of_its_classes() -> None:
    probabilities = np.array([[0.5, 0.2, 0.3], [0.1, 0.8, 0.1]], dtype=np.float32)
    cells = Cells(np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([True, False, True]), np.array([0, 1, 1]))
    summed = backbone_probabilities(probabilities, cells, [[0, 2], []], adds=True)
    np.testing.assert_allclose(summed, [0.8, 0.2, np.nan], atol=1e-6)
    largest = backbone_probabilities(probabilities, cells, [[0, 2], [1]], adds=False)
    np.testing.assert_allclose(largest, [0.5, 0.1, 0.8], atol=1e-6)
