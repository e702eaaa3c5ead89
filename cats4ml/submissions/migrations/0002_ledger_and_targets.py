from django.db import migrations

LEDGER = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON submissions_credit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
TARGETS = """
ALTER TABLE submissions_pair
    ADD CONSTRAINT pair_image_is_a_target FOREIGN KEY (challenge_id, image_id)
        REFERENCES challenges_poolimage (challenge_id, image_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT pair_label_is_a_target FOREIGN KEY (challenge_id, label_id)
        REFERENCES challenges_targetlabel (challenge_id, label_id) DEFERRABLE INITIALLY DEFERRED;
"""
NO_TARGETS = """
ALTER TABLE submissions_pair DROP CONSTRAINT pair_image_is_a_target, DROP CONSTRAINT pair_label_is_a_target;
"""


class Migration(migrations.Migration):
    """The ledger is append-only, and a pair is made of a target image and a target label of its own edition."""

    dependencies = [("submissions", "0001_initial"), ("challenges", "0002_decisions_never_change")]
    operations = [
        migrations.RunSQL(LEDGER, "DROP TRIGGER append_only ON submissions_credit;"),
        migrations.RunSQL(TARGETS, NO_TARGETS),
    ]
