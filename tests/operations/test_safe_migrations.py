"""Migrations that the code before them would not survive are found."""

from __future__ import annotations

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations import Migration, RunPython
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from tests.safe_migrations import findings_in, looked_at

CHECK = models.CheckConstraint(condition=models.Q(verdict=""), name="planted")
INDEX = models.Index(fields=["verdict"], name="planted")


def planted(*operations: Operation, app: str = "submissions", atomic: bool = True) -> tuple[Migration, MigrationLoader]:
    """A migration on top of the app's last one, and a loader that knows it."""
    loader = MigrationLoader(None)
    [leaf] = loader.graph.leaf_nodes(app)
    migration = Migration("9999_planted", app)
    migration.operations, migration.dependencies, migration.atomic = list(operations), [leaf], atomic
    loader.graph.add_node((app, migration.name), migration)
    loader.graph.add_dependency(migration, (app, migration.name), leaf)
    return migration, loader


def noop(*_: object) -> None:
    pass


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (migrations.RemoveField("pair", "adjudicated_reason"), "DROP_COLUMN"),
        (migrations.RenameField("pair", "adjudicated_reason", "expert"), "RENAME_COLUMN"),
        (migrations.AlterField("pair", "score_requests", models.TextField()), "ALTER_COLUMN"),
        (migrations.AddField("pair", "planted", models.IntegerField(default=0)), "NOT_NULL"),
        (migrations.DeleteModel("upload"), "DROP_TABLE"),
        (migrations.AlterModelTable("upload", "planted"), "RENAME_TABLE"),
        (migrations.AddConstraint("pair", CHECK), "ADD_CHECK"),
        (migrations.AddIndex("pair", INDEX), "LOCKING_INDEX"),
    ],
)
def test_what_old_code_does_not_survive_is_found(db: None, operation: Operation, code: str) -> None:
    assert code in {finding.code for finding in findings_in(*planted(operation))}


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("pair", "planted", models.IntegerField(null=True)),
        migrations.AddField("pair", "planted", models.IntegerField(default=0, db_default=0)),
        migrations.CreateModel(
            "planted", [("id", models.BigAutoField(primary_key=True)), ("x", models.IntegerField())]
        ),
        RunPython(noop, noop),
    ],
)
def test_what_old_code_survives_is_no_finding(db: None, operation: Operation) -> None:
    assert findings_in(*planted(operation)) == []


@pytest.mark.django_db(transaction=True)
def test_an_index_that_is_built_beside_the_work_is_no_finding() -> None:
    assert findings_in(*planted(AddIndexConcurrently("pair", INDEX), atomic=False)) == []


def test_rows_and_tables_in_one_transaction_are_found(db: None) -> None:
    both = (migrations.AddField("pair", "planted", models.IntegerField(null=True)), RunPython(noop, noop))
    assert [finding.code for finding in findings_in(*planted(*both))] == ["DATA_AND_TABLES"]


def test_every_app_of_ours_is_looked_at_from_its_named_migration_on() -> None:
    loader = MigrationLoader(None)
    assert {("accounts", "0003_notices_and_mail"), ("challenges", "0011_acts_for_strangers")} <= {
        (one.app_label, one.name) for one in looked_at(loader)
    }
    assert [one.name for one in looked_at(loader) if one.name.startswith("0001") and one.app_label != "console"] == []
