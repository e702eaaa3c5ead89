import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("challenges", "0014_never_emptied"),
    ]

    operations = [
        migrations.AddField(
            model_name="participation",
            name="sensitive_kinds",
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
                help_text="Which kinds of sensitive pictures this person chose to see; null where they haven't said.",
                null=True,
                size=None,
            ),
        ),
    ]
