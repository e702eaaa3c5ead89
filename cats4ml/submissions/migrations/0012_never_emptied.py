from django.db import migrations

TABLES = (
    "submissions_credit",
    "submissions_adjudication",
)
TRIGGERS = "".join(
    f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();"
    for table in TABLES
)
NO_TRIGGERS = "".join(f"DROP TRIGGER never_emptied ON {table};" for table in TABLES)


class Migration(migrations.Migration):
    """The ledger and experts' decisions are not emptied at one stroke either."""

    dependencies = [("submissions", "0011_pairs_by_settlement"), ("challenges", "0002_decisions_never_change")]
    operations = [migrations.RunSQL(TRIGGERS, NO_TRIGGERS)]
