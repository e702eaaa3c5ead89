"""The figures that people read first: those of the cards, the changelog and the datasheets, beside what was counted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from cats4ml_client.verifying.manifests import read_bytes
from cats4ml_client.verifying.pairs import OUTCOMES_IN_WORDS, Found
from cats4ml_client.verifying.places import Place
from cats4ml_client.verifying.reading import LONGEST_DOCUMENT
from cats4ml_client.verifying.report import Difference

_N = r"([\d,]+)"
WHOLE = rf"^{_N} pairs? of a picture and a label on which .*: {_N} in the public part and {_N} in the held-out part"
CHANGES = rf" {_N} pairs?: {_N} in the public part and {_N} in the held-out part\.$"
PART = rf"^{_N} pairs? of {_N}\. "
SHEET_SIZE = rf"^This part has {_N} pairs? of a picture and a label, of {_N} in the release\."
SHEET_KINDS = rf"^By expert or organiser decided: {_N}\. Imported as counts, without single answers: {_N}\.$"
SHEET_IMAGES = rf"^The pairs are about {_N} pictures?, "
SHEET_ANSWERS = (
    rf"; {_N} raters? gave {_N} answers? to the pairs of this part, of which the verdicts were read from {_N}\."
)
OUTCOME_HEADS = ("outcome", "pairs")
LABEL_HEADS = ("label", "id", "pairs", "false negatives", "false positives", "agreement", "ambiguous")
ANSWER_HEADS = ("counted answers", "pairs")


def check_cards(place: Place, found: Mapping[str, Found], heldout: int) -> None:
    """Raises the first `Difference`. `heldout`: how many pairs are held out, here or not."""
    _check_common(place, found["public"], heldout)
    for part, one in found.items():
        _check_part(place, part, one, found["public"].pairs + heldout)


def _check_part(place: Place, part: str, found: Found, pairs: int) -> None:
    """Raises `Difference` where a figure in the card or the datasheet of a part is not what was counted. `pairs` are
    those of the whole release. Figures that are not there are not missed."""
    name = f"{part}/README.md"
    card = _text(place, name)
    _check_sentence(card, name, PART, (found.pairs, pairs))
    _check_table(card, name, OUTCOME_HEADS, _outcomes(found))
    name = f"{part}/datasheet.md"
    sheet = _text(place, name)
    _check_sentence(sheet, name, SHEET_SIZE, (found.pairs, pairs))
    _check_sentence(sheet, name, SHEET_KINDS, (found.kinds["adjudicated"], found.kinds["imported"]))
    _check_sentence(sheet, name, SHEET_IMAGES, (len(found.images),))
    _check_sentence(sheet, name, SHEET_ANSWERS, (len(found.workers), found.ratings, found.counted))
    _check_table(sheet, name, OUTCOME_HEADS, _outcomes(found))
    _check_table(sheet, name, LABEL_HEADS, list(_labels(found)), skip=1)
    _check_table(sheet, name, ANSWER_HEADS, [(_figure(n), _figure(found.answers[n])) for n in sorted(found.answers)])


def _check_common(place: Place, public: Found, heldout: int) -> None:
    """Likewise of the card and the changelog of the whole release."""
    sizes = (public.pairs + heldout, public.pairs, heldout)
    card, changes = _text(place, "README.md"), _text(place, "CHANGELOG.md")
    _check_sentence(card, "README.md", WHOLE, sizes)
    _check_table(card, "README.md", OUTCOME_HEADS, _outcomes(public))
    _check_sentence(changes, "CHANGELOG.md", CHANGES, sizes)


def _text(place: Place, name: str) -> str:
    try:
        return read_bytes(place, name, LONGEST_DOCUMENT).decode()
    except UnicodeDecodeError as error:
        raise Difference(name, f"It is no UTF-8: {error}.") from None


def _figure(number: int) -> str:
    return f"{number:,}"


def _outcomes(found: Found) -> list[tuple[str, ...]]:
    return [(word, _figure(found.kinds[outcome])) for outcome, word in OUTCOMES_IN_WORDS.items()]


def _labels(found: Found) -> Iterator[tuple[str, ...]]:
    for key, kinds in sorted(found.labels.items()):
        yield (f"`{key}`", _figure(sum(kinds.values())), *(_figure(kinds[outcome]) for outcome in OUTCOMES_IN_WORDS))


def _check_sentence(text: str, name: str, pattern: str, expected: Sequence[int]) -> None:
    """The titles and notes of organisers may have the same words: one of the sentences should be right."""
    wanted = tuple(map(_figure, expected))
    said = [tuple(one.groups()) for one in re.finditer(pattern, text, re.MULTILINE)]
    if said and wanted not in said:
        line = 1 + text[: next(re.finditer(pattern, text, re.MULTILINE)).start()].count("\n")
        raise Difference(
            name, "A figure is not what was counted.", line=line, expected="; ".join(wanted), found="; ".join(said[0])
        )


def _check_table(
    text: str, name: str, heads: Sequence[str], expected: Sequence[tuple[str, ...]], *, skip: int = 0
) -> None:
    """Every table with these heads has these rows. `skip`: so many first cells are words, and not compared."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if _cells(line) != tuple(heads):
            continue
        rows = []
        for row in lines[at + 2 :]:
            if not row.startswith("|"):
                break
            rows.append(_cells(row)[skip:])
        for number in range(max(len(rows), len(expected))):
            wanted, said = (those[number] if number < len(those) else None for those in (expected, rows))
            if wanted != said:
                raise Difference(
                    name, "A figure is not what was counted.", line=at + 3 + number,
                    expected=_row(wanted), found=_row(said),
                )  # fmt: skip


def _cells(line: str) -> tuple[str, ...]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", inner))


def _row(cells: Sequence[str] | None) -> str | None:
    return None if cells is None else " | ".join(cells)
