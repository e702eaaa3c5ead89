from __future__ import annotations

from pathlib import Path

import pytest

from tests.chromium import find_chromium


def test_the_chromium_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CHROMIUM", "/bin/sh")
    assert find_chromium() == Path("/bin/sh")


def test_a_named_chromium_that_is_no_program_is_an_error_and_not_a_skipped_test(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    with pytest.raises(FileNotFoundError, match="CHROMIUM=/no/such/browser is not a program"):
        find_chromium()


def test_playwrights_own_chromium_is_found_where_the_path_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    program = tmp_path / "chromium-1200" / "chrome-linux64" / "chrome"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    assert find_chromium() == program
