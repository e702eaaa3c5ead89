"""A pytest plugin, loaded before Django's settings: real PostgreSQL and Redis of this test run's own.

Servers named by DATABASE_URL and REDIS_URL are used instead where they are given.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from contextlib import ExitStack

from cats4ml.embedded import temporary_servers

_stack = ExitStack()
atexit.register(_stack.close)
os.environ["CATS4ML_HOME"] = _stack.enter_context(tempfile.TemporaryDirectory(prefix="cats4ml-tests-"))
if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
    _urls = _stack.enter_context(temporary_servers())
    os.environ.setdefault("DATABASE_URL", _urls.database_url)
    os.environ.setdefault("REDIS_URL", _urls.redis_url)
# Playwright's loop runs in the test's thread, where Django would else refuse the ORM.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
