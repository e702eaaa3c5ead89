"""The audit finds what is planted."""

from __future__ import annotations

from pathlib import Path

from tests.audit import ROOT, secrets_in, tracked, wrong_pins

PINS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_each_package_is_pinned_and_each_pin_is_needed() -> None:
    assert wrong_pins(PINS, PROJECT) == []
    planted = PINS.replace("\ncelery==", "\ncelery-of-nobody==1\n# ") + "left-over==1.0\n"
    assert wrong_pins(planted, PROJECT) == [
        "celery is needed and not pinned in constraints.txt",
        "celery-of-nobody==1 in constraints.txt is needed by nothing: remove it",
        "left-over==1.0 in constraints.txt is needed by nothing: remove it",
    ]


def test_a_key_in_a_file_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text('KEY = "AKIA' + "IOSFODNN7EXAMPLQ" + '"\n', encoding="utf-8")
    assert "AWS Access Key" in secrets_in([str(planted)])
    planted.write_text('KEY = "nothing"\n', encoding="utf-8")
    assert secrets_in([str(planted)]) == ""
    assert "manage.py" in tracked()
