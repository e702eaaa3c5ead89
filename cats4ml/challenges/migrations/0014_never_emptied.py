from django.db import migrations

TABLES = (
    "challenges_organiseract",
    "challenges_policydecision",
    "challenges_rosterdecision",
    "challenges_policyversion",
    "challenges_rosterversion",
    "challenges_rostermember",
)
TRIGGERS = "".join(
    f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();"
    for table in TABLES
)
NO_TRIGGERS = "".join(f"DROP TRIGGER never_emptied ON {table};" for table in TABLES)


class Migration(migrations.Migration):
    """The log of acts and what was decided are not emptied at one stroke either, which no trigger for rows sees."""

    dependencies = [("challenges", "0013_vouched_acts")]
    operations = [migrations.RunSQL(TRIGGERS, NO_TRIGGERS)]
