from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("submissions", "0009_pairs_taken_out"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="pair",
            index=models.Index(
                condition=models.Q(("adjudicated_reason", ""), ("outcome", "ambiguous")),
                fields=["challenge", "id"],
                name="pair_needs_an_expert",
            ),
        ),
    ]
