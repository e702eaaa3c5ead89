from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Over the few pictures that are taken down, or sensitive. Concurrently: the catalogue may be large, and the site goes on."""

    atomic = False

    dependencies = [
        ("catalog", "0006_takedowns"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="image",
            index=models.Index(condition=models.Q(("hidden_at__isnull", False)), fields=["id"], name="image_hidden"),
        ),
        AddIndexConcurrently(
            model_name="image",
            index=models.Index(
                condition=models.Q(("sensitive", []), _negated=True), fields=["id"], name="image_sensitive"
            ),
        ),
    ]
