from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The pairs of pictures that everybody may see, in the order in which they are given. Concurrently: the queue may
    be long, and raters go on."""

    atomic = False

    dependencies = [
        ("review", "0009_sensitive_pictures_and_pay"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="waiting",
            index=models.Index(
                condition=models.Q(("answers__gt", 0), ("places__gt", 0), ("sensitive", [])),
                fields=["challenge", "missing", "turn", "shuffle", "pair"],
                name="waiting_started_plain",
            ),
        ),
        AddIndexConcurrently(
            model_name="waiting",
            index=models.Index(
                condition=models.Q(("answers", 0), ("places__gt", 0), ("sensitive", [])),
                fields=["challenge", "turn", "shuffle", "pair"],
                name="waiting_fresh_plain",
            ),
        ),
    ]
