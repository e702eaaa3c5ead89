"""What the platform releases is what the verifier, which shares no code with it, counts again."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from cats4ml.releases.models import Release
from cats4ml.releases.storage import copy_to
from tests.releases.small_world import frozen, settle_some


@pytest.fixture
def release(world) -> Release:
    return frozen(settle_some(world))


def told(*arguments: object) -> dict:
    out = StringIO()
    try:
        call_command("verify_release", *map(str, arguments), "--json", stdout=out, stderr=StringIO())
    except CommandError as error:
        assert error.returncode == 1
    return json.loads(out.getvalue())


def test_a_release_is_verified_whole_in_part_and_as_a_zip(release, tmp_path) -> None:
    copy_to(release, tmp_path)
    report = told(tmp_path, "--root", release.root_digest)
    assert (report["first_difference"], report["ok"], report["parts"]) == (None, True, ["public", "heldout"])
    EXPECT = report["checked"]
    print(json.dumps(report, indent=1))
    assert told(tmp_path / "public.zip", "--root", release.root_digest)["ok"]
    rating = tmp_path / "public" / "ratings.csv"
    rating.write_text(rating.read_text().replace(",yes,", ",no,", 1))
    assert told(tmp_path)["first_difference"]["file"] == "public/ratings.csv"
