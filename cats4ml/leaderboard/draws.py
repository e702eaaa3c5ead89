"""How far the ranks could be others, if the raters were as good, and the pictures showed what the answers leave open.

Points are a finished count; what is uncertain is the verdicts. So each draw takes the raters' skills from their
posterior (`rules.skill.posterior_counts`), then what each picture really shows from its posterior given the answers
that counted, gives the points that this would earn, and ranks anew. Of arrays only: nothing is asked of a database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cats4ml.leaderboard.drawn_evidence import Evidence, Mode
from cats4ml.rules.intervals import wilson_interval
from cats4ml.rules.ranking import RankRange
from cats4ml.rules.skill import MOST_EVIDENCE, Record

DRAWS = 2_000

# Within these a block fits a processor's cache, where all of this happens ten times as fast as in memory.
BLOCK = 2_048
MOST_CELLS = 1_000_000
FEWEST_DRAWS, MOST_DRAWS = 32, 256

LOW, HIGH = 0.025, 0.975

Generator = np.random.Generator


def generator(*seed: int) -> Generator:
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(list(seed))))


def drawn_points(
    evidence: Evidence, posteriors: Sequence[Sequence[Record]], *, points: Sequence[int], seed: int, draws: int = DRAWS
) -> NDArray[np.int32]:
    """The points of each line in each draw: (lines, draws).

    `posteriors`: by mode, then by rater, as in `evidence`. `points`: of each line, as counted. A line's points that
    rest on no uncertain pair are the same in every draw. The same data and seed give the same draws.
    """
    base = np.array(points, np.int64) - np.bincount(evidence.line, evidence.earned, len(points)).astype(np.int64)
    drawn = np.repeat(base[:, None], draws, axis=1).astype(np.int32)
    cells = max(1, len(evidence.modes) * len(evidence.raters) * 3)
    chunk = int(min(MOST_DRAWS, max(FEWEST_DRAWS, MOST_CELLS // cells)))
    for number, first in enumerate(range(0, draws, chunk)):
        width = min(chunk, draws - first)
        dice = generator(seed, number)
        worth = _drawn_evidence(evidence.modes, posteriors, width, dice)
        _add_blocks(evidence, worth, drawn[:, first : first + width], dice)
    return drawn


def _drawn_evidence(
    modes: Sequence[Mode], posteriors: Sequence[Sequence[Record]], draws: int, dice: Generator
) -> NDArray[np.float32]:
    """What each answer of each rater is worth, as log-odds of yes, in each draw: (modes · raters · 3 + 1, draws). The
    last row is 0, for no answer."""
    rows = [_of_mode(mode, records, draws, dice) for mode, records in zip(modes, posteriors, strict=True) if records]
    return np.concatenate([*rows, np.zeros((1, draws), np.float32)])


def _of_mode(mode: Mode, records: Sequence[Record], draws: int, dice: Generator) -> NDArray[np.float32]:
    if_yes = _drawn_shares(np.array([one.if_yes for one in records]), draws, dice)
    if_no = _drawn_shares(np.array([one.if_no for one in records]), draws, dice)
    if not mode.reads_dont_know:
        # Among those who knew; a don't know is worth nothing.
        for shares in (if_yes, if_no):
            shares[:, :2] /= shares[:, :1] + shares[:, 1:2]
            shares[:, 2] = 1.0
    worth = np.clip(np.log(if_yes / if_no), -MOST_EVIDENCE, MOST_EVIDENCE)
    return worth.reshape(-1, draws).astype(np.float32)


def _drawn_shares(counts: NDArray[Any], draws: int, dice: Generator) -> NDArray[np.float64]:
    """Dirichlet draws: (raters, 3) counts to (raters, 3, draws) shares that add up to 1."""
    drawn = dice.standard_gamma(counts[:, :, None], (*counts.shape, draws))
    # No share is quite nothing, however rare an answer: its logarithm is taken.
    drawn = np.maximum(drawn, 1e-12)
    shares: NDArray[np.float64] = drawn / drawn.sum(axis=1, keepdims=True)
    return shares


def _add_blocks(evidence: Evidence, worth: NDArray[np.float32], drawn: NDArray[np.int32], dice: Generator) -> None:
    """Add to each line's points what its uncertain pairs earn in each draw, block after block."""
    for first in range(0, len(evidence.line), BLOCK):
        last = min(first + BLOCK, len(evidence.line))
        block = slice(first, last)
        odds = _log_odds(evidence, first, last, worth)
        odds *= -evidence.contradicts[block, None]
        # u < 1 / (1 + exp(-odds)), without a division.
        with np.errstate(over="ignore", invalid="ignore"):
            np.exp(odds, out=odds)
            odds += 1.0
            odds *= dice.random(odds.shape, np.float32)
        earned = np.where(odds < 1.0, evidence.worth[block, None], 0)
        # The pairs lie in the order of their lines, so that each line's are neighbours.
        lines, starts = np.unique(evidence.line[block], return_index=True)
        drawn[lines] += np.add.reduceat(earned, starts, axis=0, dtype=np.int32)


def _log_odds(evidence: Evidence, first: int, last: int, worth: NDArray[np.float32]) -> NDArray[np.float32]:
    """The log-odds of yes of these pairs in each draw: (pairs, draws)."""
    starts = evidence.starts[first : last + 1]
    numbers = np.diff(starts)
    odds = np.repeat(evidence.prior[first:last, None], worth.shape[1], axis=1)
    given = np.empty_like(odds)
    for nth in range(int(numbers.max(initial=0))):
        has = nth < numbers
        answers = np.full(last - first, len(worth) - 1, np.int64)
        answers[has] = evidence.votes[starts[:-1][has] + nth]
        np.take(worth, answers, axis=0, out=given, mode="clip")
        odds += given
    return odds


def rank_ranges(drawn: NDArray[np.int32], *, ranks: Sequence[int]) -> list[RankRange]:
    """The ranks of each line in 95 of 100 draws, of points (lines, draws); the rank that it holds is among them."""
    order = np.sort(drawn, axis=0)
    placed = np.empty_like(drawn)
    for draw in range(drawn.shape[1]):
        placed[:, draw] = len(drawn) + 1 - np.searchsorted(order[:, draw], drawn[:, draw], side="right")
    placed.sort(axis=1)
    low, high = int(LOW * (drawn.shape[1] - 1)), int(np.ceil(HIGH * (drawn.shape[1] - 1)))
    return [RankRange(int(row[low]), int(row[high])).holding(rank) for row, rank in zip(placed, ranks, strict=True)]


@dataclass(frozen=True)
class RateInterval:
    """The 95% interval of a success rate. `is_drawn`: by a bootstrap over clusters; else Wilson's over them."""

    low: float
    high: float
    is_drawn: bool
    clusters: int


def rate_interval(clusters: Sequence[tuple[int, int, int]], dice: Generator, draws: int = DRAWS) -> RateInterval | None:
    """How far the share of pairs that earned could be another, of (pairs of a cluster, earned among them, number of
    such clusters). None for no pair.

    Whole clusters are drawn anew, with replacement: near-copies end alike, so that a hundred of them say hardly more
    than one (Field, Welsh, "Bootstrapping clustered data", Journal of the Royal Statistical Society B 69, 2007). Where
    all pairs ended alike drawing would say that nothing is uncertain: there it is Wilson's interval over the clusters.
    """
    total = sum(number for _, _, number in clusters)
    if not total:
        return None
    pairs, earned, numbers = (np.array(column, np.float64) for column in zip(*clusters, strict=True))
    found = float((earned * numbers).sum() / (pairs * numbers).sum())
    if found in (0.0, 1.0):
        wilson = wilson_interval(int(found) * total, total)
        assert wilson is not None, "there are clusters"
        return RateInterval(wilson.low, wilson.high, is_drawn=False, clusters=total)
    sample = dice.multinomial(total, numbers / total, draws)
    rates = np.sort((sample @ earned) / (sample @ pairs))
    low, high = rates[int(LOW * (draws - 1))], rates[int(np.ceil(HIGH * (draws - 1)))]
    return RateInterval(min(float(low), found), max(float(high), found), is_drawn=True, clusters=total)
