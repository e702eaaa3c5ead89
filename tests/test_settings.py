"""What the environment decides, and that the operators' guide tells all of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WHOLE = {
    "CATS4ML_ENV": "production",
    "SECRET_KEY": "an-example-that-is-long-enough-for-djangos-check-0123456789-abcdefghij",
    "ALLOWED_HOSTS": "cats.example.org",
    "DATABASE_URL": "postgresql://nobody@localhost/none",
    "REDIS_URL": "redis://localhost:1/0",
}


def check(**changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **WHOLE, **changes}
    command = [sys.executable, "manage.py", "check"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_production_starts_with_its_secrets() -> None:
    done = check()
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY can be guessed"),
        ({"SECRET_KEY": "django-insecure-" + WHOLE["SECRET_KEY"]}, "SECRET_KEY can be guessed"),
        ({"SECRET_KEY": "ab" * 40}, "SECRET_KEY can be guessed"),
        ({"DEBUG": "yes"}, "DEBUG must not be on in production"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name the site's hosts"),
        ({"PAGE_RATE_SEARCH": "many"}, "PAGE_RATE_SEARCH must be such as 60/min"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is not set"),
        ({"CATS4ML_ENV": "staging"}, "CATS4ML_ENV must be local or production, not 'staging'"),
        ({"UPLOAD_MAX_ROWS": "many"}, "UPLOAD_MAX_ROWS must be a whole number, not 'many'"),
        ({"DEBUG": "perhaps"}, "DEBUG must be yes or no, not 'perhaps'"),
        ({"SITE_URL": "cats.example.org"}, "SITE_URL must be an address such as https://cats.example.org"),
        ({"OPEN_IMAGES_ENDPOINT": "s3://mirror"}, "OPEN_IMAGES_ENDPOINT must be an address"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(changes: dict[str, str], words: str) -> None:
    done = check(**changes)
    assert done.returncode != 0
    assert words in done.stderr


def test_the_operators_guide_tells_every_setting() -> None:
    guide = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    source = (ROOT / "cats4ml" / "settings.py").read_text(encoding="utf-8")
    for other in ("scoring/settings.py", "scoring/logs.py", "cats4ml/serving.py", "cats4ml/operations/metrics.py"):
        source += (ROOT / other).read_text(encoding="utf-8")
    called = r"env_\w+|read\.\w+|environ\.get|self\.text"
    read = set(re.findall(rf'(?:{called})\(\s*"([A-Z0-9_]+)"', source))
    assert {"SECRET_KEY", "SCORING_BATCH", "SCORING_CACHE_DIR", "IMAGES_URL"} <= read
    assert sorted(name for name in read if f"`{name}`" not in guide) == []
