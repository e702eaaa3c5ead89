import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0005_import_reasons"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PictureComplaint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
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
                ("note", models.CharField(blank=True, max_length=1000)),
                ("contact", models.EmailField(blank=True, max_length=254)),
                ("created_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "resolution",
                    models.CharField(
                        blank=True,
                        choices=[("hidden", "The picture was taken down"), ("kept", "The picture stays")],
                        max_length=6,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Takedown",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
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
                ("reason", models.CharField(max_length=1000)),
                ("created_at", models.DateTimeField()),
                ("collection", models.CharField(max_length=80)),
                ("former_id", models.CharField(max_length=80)),
                ("former_uuid", models.UUIDField()),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("perceptual_hash", models.BigIntegerField(blank=True, editable=False, null=True)),
                ("kept", models.JSONField(default=dict, help_text="The columns of the picture's row as they were.")),
                (
                    "deleted_at",
                    models.DateTimeField(blank=True, help_text="When its bytes were deleted for good.", null=True),
                ),
                (
                    "finished_at",
                    models.DateTimeField(
                        blank=True, help_text="When all that follows was done: pairs, releases, files.", null=True
                    ),
                ),
                ("lifted_at", models.DateTimeField(blank=True, help_text="When it was shown again.", null=True)),
                ("lifted_reason", models.CharField(blank=True, max_length=1000)),
            ],
        ),
        migrations.AddField(
            model_name="image",
            name="hidden_at",
            field=models.DateTimeField(
                blank=True, editable=False, help_text="Since when it is taken down: see `catalog.hiding`.", null=True
            ),
        ),
        migrations.AddField(
            model_name="image",
            name="sensitive",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("violence", "Violence or weapons used on somebody"),
                        ("death", "Dead people or animals"),
                        ("medical", "Wounds, surgery or illness"),
                        ("nudity", "Nudity or sexual content"),
                        ("hate", "Symbols or words of hatred"),
                        ("phobia", "Spiders, snakes and other things that many people fear"),
                    ],
                    max_length=8,
                ),
                blank=True,
                db_default=[],
                default=list,
                help_text="What of it not everybody wants to see.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="picturecomplaint",
            name="by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="picturecomplaint",
            name="image",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="complaints", to="catalog.image"
            ),
        ),
        migrations.AddField(
            model_name="picturecomplaint",
            name="resolved_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="takedown",
            name="by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="takedown",
            name="image",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="takedowns", to="catalog.image"
            ),
        ),
        migrations.AddField(
            model_name="takedown",
            name="lifted_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="picturecomplaint",
            index=models.Index(condition=models.Q(("resolved_at", None)), fields=["image"], name="complaint_open"),
        ),
        migrations.AddConstraint(
            model_name="picturecomplaint",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["offensive", "unlawful", "person", "copyright", "broken", "other"])),
                name="complaint_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="picturecomplaint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolution", ""), ("resolved_at", None)),
                    models.Q(("resolved_at__isnull", False), models.Q(("resolution", ""), _negated=True)),
                    _connector="OR",
                ),
                name="complaint_resolved_says_how",
            ),
        ),
        migrations.AddConstraint(
            model_name="picturecomplaint",
            constraint=models.UniqueConstraint(
                condition=models.Q(("by__isnull", False), ("resolved_at", None)),
                fields=("image", "by", "kind"),
                name="one_open_complaint_of_a_kind_by_a_person",
            ),
        ),
        migrations.AddIndex(
            model_name="takedown",
            index=models.Index(fields=["former_uuid"], name="takedown_by_address"),
        ),
        migrations.AddIndex(
            model_name="takedown",
            index=models.Index(condition=models.Q(("lifted_at", None)), fields=["sha256"], name="takedown_by_bytes"),
        ),
        migrations.AddIndex(
            model_name="takedown",
            index=models.Index(
                condition=models.Q(("finished_at", None), ("lifted_at", None)),
                fields=["id"],
                name="takedown_unfinished",
            ),
        ),
        migrations.AddConstraint(
            model_name="takedown",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="takedown_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="takedown",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("lifted_at", None), models.Q(("lifted_reason", ""), _negated=True), _connector="OR"
                ),
                name="takedown_lifted_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="takedown",
            constraint=models.CheckConstraint(
                condition=models.Q(("lifted_at", None), ("deleted_at", None), _connector="OR"),
                name="takedown_of_deleted_bytes_stands",
            ),
        ),
        migrations.AddConstraint(
            model_name="takedown",
            constraint=models.UniqueConstraint(
                condition=models.Q(("lifted_at", None)), fields=("image",), name="one_standing_takedown"
            ),
        ),
        migrations.AddConstraint(
            model_name="takedown",
            constraint=models.UniqueConstraint(
                condition=models.Q(("lifted_at", None)),
                fields=("collection", "former_id"),
                name="one_standing_takedown_of_an_id",
            ),
        ),
    ]
