"""Running our commands as a terminal does, and where the shared data lie."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

SHARED = Path(os.environ.get("CATS4ML_SHARED_DATA") or settings.BASE_DIR.parent / "shared" / "data")


def shared_data(*parts: str) -> Path:
    """A file or folder of the shared data; skips the test where it isn't here."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the shared data are not here: {'/'.join(parts)}; CATS4ML_SHARED_DATA may say where")
    return path


def command_json(name: str, *arguments: object) -> dict[str, Any]:
    """What the command prints with `--json`; fails unless that is one JSON object and nothing else."""
    out = io.StringIO()
    call_command(name, *map(str, arguments), "--json", stdout=out, stderr=io.StringIO())
    answer = json.loads(out.getvalue())
    assert isinstance(answer, dict)
    return answer
