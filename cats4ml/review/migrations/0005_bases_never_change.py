from django.db import migrations

TRIGGER = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON review_verdictbasis
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


class Migration(migrations.Migration):
    """What a verdict was read from stays as it was: the database refuses to change it."""

    dependencies = [("review", "0004_queue"), ("challenges", "0002_decisions_never_change")]
    operations = [migrations.RunSQL(TRIGGER, "DROP TRIGGER append_only ON review_verdictbasis;")]
