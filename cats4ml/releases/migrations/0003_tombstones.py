import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("challenges", "0011_acts_for_strangers"),
        ("releases", "0002_evaluations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Tombstone",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField()),
                ("split", models.CharField(choices=[("public", "Public"), ("heldout", "Heldout")], max_length=8)),
                ("image_sha256", models.CharField(help_text="Of the picture's id in UTF-8.", max_length=64)),
                (
                    "row_sha256",
                    models.CharField(
                        blank=True, help_text="Of its line of pairs.csv, without the line end.", max_length=64
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("offensive", "It is offensive"),
                            ("unlawful", "It is against the law"),
                            ("person", "It shows me, or somebody who objects"),
                            ("copyright", "It is shown without the right to do so"),
                            ("broken", "It is broken or does not load"),
                            ("other", "Something else"),
                        ],
                        max_length=9,
                    ),
                ),
                ("taken_down_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="release",
            name="purged_at",
            field=models.DateTimeField(
                blank=True, help_text="When its bytes were deleted from the storage.", null=True
            ),
        ),
        migrations.AddField(
            model_name="release",
            name="replaces",
            field=models.ForeignKey(
                blank=True,
                help_text="The withdrawn release in whose stead it was made.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replacements",
                to="releases.release",
            ),
        ),
        migrations.AddField(
            model_name="release",
            name="withdrawn_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Since when its files are served no more: a picture in it was taken down.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="release",
            name="withdrawn_reason",
            field=models.CharField(blank=True, db_default="", max_length=1000),
        ),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("purged_at", None), ("withdrawn_at", None), ("withdrawn_reason", "")),
                    models.Q(
                        ("state__in", ["ready", "published"]),
                        ("withdrawn_at__isnull", False),
                        models.Q(("withdrawn_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="release_withdrawn_says_why",
            ),
        ),
        migrations.AddField(
            model_name="tombstone",
            name="release",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="tombstones", to="releases.release"
            ),
        ),
        migrations.AddConstraint(
            model_name="tombstone",
            constraint=models.UniqueConstraint(fields=("release", "position"), name="one_tombstone_at_a_position"),
        ),
    ]
