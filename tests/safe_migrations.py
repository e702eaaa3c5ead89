"""``python -m tests.safe_migrations``: whether the code before a migration survives it, for `make migrations-check`.

While a new version is rolled out the old code runs on the new tables. So a migration may add, and take away only what
no code uses any more. django-migration-linter reads the SQL of every migration after `SINCE`; two things it does not
know are looked for here: a check that old code may fail, and an index that locks a table of millions of rows.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import django
from django.apps import apps
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunPython
from django.db.migrations.state import ProjectState
from django_migration_linter.sql_analyser import analyse_sql_statements, get_sql_analyser_class

# The last migration of each app that ran nowhere but on developers' machines. All after them are looked at.
SINCE: Mapping[str, str] = {
    "accounts": "0002",
    "catalog": "0005",
    "challenges": "0010",
    "leaderboard": "0002",
    "releases": "0002",
    "review": "0006",
    "submissions": "0010",
}
# Findings that are no danger, each with its reason: (app, migration, code).
_PEOPLE = "a table of people: some thousand rows, and its lock lasts less than a second"
_NEW = "the constraint is over a column that the same migration adds, which old code leaves empty"
EXEMPT: Mapping[tuple[str, str, str], str] = {
    ("accounts", "0004_vouching", "DATA_AND_TABLES"): _PEOPLE,
    ("accounts", "0005_teams_invite_and_own_data", "DATA_AND_TABLES"): _PEOPLE,
    ("accounts", "0005_teams_invite_and_own_data", "ADD_UNIQUE"): _NEW,
    ("challenges", "0012_consents", "DATA_AND_TABLES"): _PEOPLE,
    ("review", "0007_crowd_ids_apart", "DATA_AND_TABLES"): _PEOPLE,
    ("review", "0007_crowd_ids_apart", "ADD_UNIQUE"): _NEW,
    ("releases", "0003_tombstones", "ADD_CHECK"): "about columns that old code leaves empty; a frozen release stays so",
}
# An index on one of these takes minutes to build: concurrently, in a migration of its own that is not atomic.
BIG = frozenset(
    {
        *("catalog_image", "catalog_prediction", "catalog_embedding", "catalog_annotation"),
        *("challenges_poolimage", "submissions_pair", "submissions_submission", "submissions_creditentry"),
        *("review_rating", "review_lease", "review_waiting", "releases_releasepair"),
    }
)


@dataclass(frozen=True)
class Finding:
    app: str
    migration: str
    code: str
    words: str


def sql_of(migration: Migration, loader: MigrationLoader) -> list[str]:
    """The statements as `manage.py sqlmigrate` shows them, between BEGIN and COMMIT where it is atomic."""
    before: ProjectState = loader.project_state((migration.app_label, migration.name), at_end=False)
    with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
        migration.apply(before, editor, collect_sql=True)
        lines = [line for one in editor.collected_sql for line in one.splitlines()]
    return ["BEGIN;", *lines, "COMMIT;"] if migration.atomic else lines


def findings_in(migration: Migration, loader: MigrationLoader) -> list[Finding]:
    """What the code before this migration would not survive, and what would hold it up for long."""
    lines = sql_of(migration, loader)
    analyser = get_sql_analyser_class("django.db.backends.postgresql")
    errors, _, _ = analyse_sql_statements(analyser, lines, [])
    found = [(issue.code, f"{issue.message}: {issue.table or ''} {issue.column or ''}".strip()) for issue in errors]
    found += _checks_that_old_code_may_fail(lines)
    found += _indexes_that_lock(lines)
    if migration.atomic and _mixes_data_and_tables(migration):
        found.append(("DATA_AND_TABLES", "changes rows and tables in one transaction, which locks both until its end"))
    return [Finding(migration.app_label, migration.name, code, words) for code, words in found]


def _created(lines: Sequence[str]) -> set[str]:
    return {match[1] for line in lines if (match := re.match(r'CREATE TABLE "(\w+)"', line))}


def _checks_that_old_code_may_fail(lines: Sequence[str]) -> list[tuple[str, str]]:
    """A check on a table that was there before. One that takes the place of its namesake may only allow more, which
    the reader has to see."""
    replaced = {match[1] for line in lines if (match := re.search(r'DROP CONSTRAINT "(\w+)"', line))}
    added = (re.match(r'ALTER TABLE "(\w+)" ADD CONSTRAINT "(\w+)" (?:CHECK|EXCLUDE)', line) for line in lines)
    return [
        ("ADD_CHECK", f"old code may write what {match[2]} forbids: {match[1]}")
        for match in added
        if match and match[1] not in _created(lines) and match[2] not in replaced
    ]


def _indexes_that_lock(lines: Sequence[str]) -> list[tuple[str, str]]:
    found = (re.match(r'CREATE (?:UNIQUE )?INDEX "(\w+)" ON "(\w+)"', line) for line in lines)
    return [
        ("LOCKING_INDEX", f"{match[1]} locks {match[2]} while it is built: AddIndexConcurrently")
        for match in found
        if match and match[2] in BIG - _created(lines)
    ]


def _mixes_data_and_tables(migration: Migration) -> bool:
    kinds = {isinstance(operation, RunPython) for operation in migration.operations}
    return kinds == {True, False}


def looked_at(loader: MigrationLoader) -> list[Migration]:
    """The project's migrations after `SINCE`, in the order in which they are made."""
    ours = {config.label for config in apps.get_app_configs() if config.name.startswith("cats4ml.")}
    plan = [key for leaf in loader.graph.leaf_nodes() for key in loader.graph.forwards_plan(leaf)]
    wanted = [key for key in dict.fromkeys(plan) if key[0] in ours and key[1][:4] > SINCE.get(key[0], "0000")]
    return [loader.disk_migrations[key] for key in wanted]


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cats4ml.settings")
    django.setup()
    loader = MigrationLoader(None)
    migrations = looked_at(loader)
    found = [one for migration in migrations for one in findings_in(migration, loader)]
    bad = [one for one in found if (one.app, one.migration, one.code) not in EXEMPT]
    for one in bad:
        print(f"{one.app} {one.migration}: {one.code}: {one.words}", file=sys.stderr)
    print(f"{len(migrations)} migrations since the first release looked at, {len(bad)} findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
