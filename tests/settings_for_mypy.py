"""The settings as mypy's Django plugin imports them: nothing is connected to, so that any address will do."""

import os

os.environ.setdefault("DATABASE_URL", "postgresql://nobody@localhost/none")
os.environ.setdefault("REDIS_URL", "redis://localhost:1/0")

from cats4ml.settings import *  # noqa: F403
