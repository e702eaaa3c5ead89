"""What a command needs before it begins."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from cats4ml.console.progress import Log

STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def ensure_tables(log: Log) -> None:
    """Have all migrations applied. On a developer's machine they are, so that a command works in a fresh checkout.

    Raises `CommandError` where some are missing in production: there a person decides when.
    """
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if settings.PRODUCTION:
        raise CommandError("The database lacks migrations: run `manage.py migrate` first.")
    log.say("Bringing the database up to date.")
    call_command("migrate", interactive=False, verbosity=0, stdout=log)


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Within the block a request to end is a Ctrl-C: what was started is stopped, what was begun is told."""
    heeded = [one for one in STOP_SIGNALS if signal.getsignal(one) != signal.SIG_IGN]
    before = {one: signal.signal(one, _interrupt) for one in heeded}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
