import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("challenges", "0005_pool_counts"),
        ("review", "0003_controls"),
    ]

    operations = [
        # Every row can be made anew from the pairs, and the sweep does it.
        migrations.RunSQL("DELETE FROM review_waiting", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="waiting",
            name="policy",
            field=models.ForeignKey(
                db_index=False,
                default=0,
                help_text="By which `missing` counts.",
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="challenges.policyversion",
            ),
            preserve_default=False,
        ),
        migrations.RemoveIndex(model_name="waiting", name="waiting_next"),
        migrations.AddIndex(
            model_name="waiting",
            index=models.Index(
                condition=models.Q(("answers__gt", 0), ("places__gt", 0)),
                fields=["challenge", "missing", "turn", "shuffle", "pair"],
                name="waiting_started",
            ),
        ),
        migrations.AddIndex(
            model_name="waiting",
            index=models.Index(
                condition=models.Q(("answers", 0), ("places__gt", 0)),
                fields=["challenge", "turn", "shuffle", "pair"],
                name="waiting_fresh",
            ),
        ),
        migrations.AddIndex(
            model_name="waiting",
            index=models.Index(fields=["challenge", "policy"], name="waiting_by_policy"),
        ),
        migrations.AddIndex(
            model_name="lease",
            index=models.Index(
                condition=models.Q(("ended", "skipped")), fields=["pair", "rater"], name="lease_skipped"
            ),
        ),
    ]
