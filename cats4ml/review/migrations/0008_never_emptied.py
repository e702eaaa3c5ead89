from django.db import migrations

TABLES = (
    "review_verdictbasis",
    "review_repolicedpair",
)
TRIGGERS = "".join(
    f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();"
    for table in TABLES
)
NO_TRIGGERS = "".join(f"DROP TRIGGER never_emptied ON {table};" for table in TABLES)


class Migration(migrations.Migration):
    """What verdicts were read from is not emptied at one stroke either."""

    dependencies = [("review", "0007_crowd_ids_apart"), ("challenges", "0002_decisions_never_change")]
    operations = [migrations.RunSQL(TRIGGERS, NO_TRIGGERS)]
