from django.db import migrations

FUNCTION = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows never change: add a new one instead', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
"""
TABLES = ("challenges_policyversion", "challenges_rosterversion", "challenges_rostermember")
TRIGGERS = "".join(
    f"CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change();"
    for table in TABLES
)
NO_TRIGGERS = "".join(f"DROP TRIGGER never_changes ON {table};" for table in TABLES)


class Migration(migrations.Migration):
    """A policy and a roster version are what was decided: the database refuses to change them."""

    dependencies = [("challenges", "0001_initial")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION refuse_change();"),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
