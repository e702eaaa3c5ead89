import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TRIGGER = """
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON challenges_policydecision
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


class Migration(migrations.Migration):
    """Who put which policy in force, and why."""

    dependencies = [
        ("challenges", "0005_pool_counts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PolicyDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.TextField(blank=True)),
                (
                    "settled_too",
                    models.BooleanField(default=False, help_text="Pairs that were settled were read again by it."),
                ),
                (
                    "reopened",
                    models.PositiveIntegerField(default=0, help_text="Settled pairs that went back to review."),
                ),
                (
                    "changed",
                    models.PositiveIntegerField(default=0, help_text="Pairs that it ended otherwise than before."),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "challenge",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="policy_decisions",
                        to="challenges.challenge",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="challenges.policyversion",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER never_changes ON challenges_policydecision;"),
    ]
