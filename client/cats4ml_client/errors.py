"""How the program ends, and why."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    FINE = 0
    REFUSED = 1
    USAGE = 2
    NOT_ALLOWED = 3
    TROUBLE = 4
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class Failure(Exception):
    """An end of the program with a sentence for the person who runs it, and perhaps how to mend it."""

    code = Exit.TROUBLE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Refused(Failure):
    """The server understood, and says no; or there is nothing of the kind."""

    code = Exit.REFUSED


class WrongUse(Failure):
    """A setting or an option that can't be."""

    code = Exit.USAGE


class NotAllowed(Failure):
    """Nobody is signed in, or the token may not do this."""

    code = Exit.NOT_ALLOWED


class Trouble(Failure):
    """The server, the network or this machine's disk fails; later it may work."""

    code = Exit.TROUBLE
