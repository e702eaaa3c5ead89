"""crowd-kit's aggregations of the same answers, as references: they see everything at once. A development extra."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence

from cats4ml.rules.comparison import Answered, Comparison, Question, counted
from cats4ml.rules.verdicts import Verdict

# Parameters that make two runs alike; crowd-kit's defaults else.
REFERENCES = {"MajorityVote": {}, "DawidSkene": {}, "GLAD": {}, "MACE": {"random_state": 0}}
_VERDICTS = {"yes": Verdict.YES, "no": Verdict.NO, "dont_know": Verdict.UNDECIDED}


def reference_name(method: str) -> str:
    return f"crowdkit_{method}"


def is_installed() -> bool:
    return importlib.util.find_spec("crowdkit") is not None


def aggregate(questions: Sequence[Question], *, method: str, comparison: Comparison) -> None:
    """Add what one of `REFERENCES` makes of all answers to these questions. A majority of don't know is undecided.

    Imported by name and late: it is not always there, and its import takes seconds.
    """
    aggregation = importlib.import_module("crowdkit.aggregation")
    pandas = importlib.import_module("pandas")
    rows = [
        (place, rater, answer.value) for place, question in enumerate(questions) for rater, answer in question.answers
    ]
    frame = pandas.DataFrame(rows, columns=["task", "worker", "label"])
    labels = getattr(aggregation, method)(**REFERENCES[method]).fit_predict(frame)
    for place, question in enumerate(questions):
        answered = Answered(_VERDICTS[labels[place]], len(question.answers), credited=False)
        comparison.add(reference_name(method), question.picture, counted(question, answered))
