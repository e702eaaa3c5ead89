"""Which errors of the database pass by themselves: it is away, or it gave up one of two transactions for the other."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError

# Long enough for PostgreSQL to come up again, short enough for somebody to wait.
RETRY_SECONDS = 5

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_CONNECTION = "08"
_PASSING = frozenset(
    {
        "53300",  # too many connections
        "57P01",  # shut down by an administrator
        "57P02",  # shut down by a crash of another session
        "57P03",  # starting up
        "40001",  # serialisation failure
        "40P01",  # deadlock
        "55P03",  # a lock that was not waited for
    }
)


def passes(error: BaseException | None) -> bool:
    """Whether what was asked may well succeed in a moment. Nothing of it was saved."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    code: str | None = getattr(error.__cause__, "pgcode", None)
    # Without a code the driver speaks: it found no server, or the connection broke off.
    return code is None or code.startswith(_CONNECTION) or code in _PASSING
