"""Compiles the catalogues of translations: `django.po`, which people write, to `django.mo`, which Django reads.

`python -m cats4ml.translations` does it; so does every start on a developer's machine, where a catalogue is newer than
what was compiled of it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).resolve().parent / "locale"


def compile_catalogue(source: Path) -> Path:
    """Write the `.mo` beside a `.po`: aside first, then in one step, for other processes may do the same just now."""
    target = source.with_suffix(".mo")
    with source.open("rb") as file:
        catalogue = read_po(file, locale=source.parents[1].name)
    descriptor, aside = tempfile.mkstemp(dir=target.parent, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write_mo(file, catalogue)
        Path(aside).chmod(0o644)
        Path(aside).replace(target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    return target


def is_stale(source: Path) -> bool:
    target = source.with_suffix(".mo")
    return not target.exists() or target.stat().st_mtime_ns < source.stat().st_mtime_ns


def compile_changed(locale: Path = LOCALE) -> list[Path]:
    """Compile what is newer than its compiled form. May run in several processes at once."""
    return [compile_catalogue(source) for source in sorted(locale.glob("*/LC_MESSAGES/*.po")) if is_stale(source)]


def main() -> None:
    for target in compile_changed():
        sys.stdout.write(f"{target.relative_to(LOCALE)}\n")


if __name__ == "__main__":
    main()
