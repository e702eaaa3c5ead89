"""The one error of this package, and how it quotes a log."""

from pathlib import Path

TAIL_LINES = 15


class EmbeddedServerError(RuntimeError):
    """An embedded server can't be had; the message says why and what can be done."""


def log_tail(log: Path) -> str:
    """The end of a log, fit to be put under an error message; says so where there is none."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    except OSError:
        lines = []
    if not lines:
        return f"({log} is empty)"
    return "\n".join([f"The last lines of {log}:", *(f"    {line}" for line in lines)])
