import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("review", "0008_never_emptied"),
    ]

    operations = [
        migrations.AddField(
            model_name="study",
            name="currency",
            field=models.CharField(
                blank=True, db_default="", help_text="As ISO 4217 has it: EUR, GBP, USD.", max_length=3
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="least_wage",
            field=models.DecimalField(
                blank=True, decimal_places=2, help_text="What an hour must be paid at least.", max_digits=8, null=True
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="reward",
            field=models.DecimalField(
                blank=True, decimal_places=2, help_text="What whoever completes it is paid.", max_digits=8, null=True
            ),
        ),
        migrations.AddField(
            model_name="waiting",
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
                db_default=[],
                default=list,
                help_text="What of its picture not everybody wants to see: it is given to raters who chose all of it.",
                size=None,
            ),
        ),
    ]
