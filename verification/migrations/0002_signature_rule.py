from django.db import migrations, models

RULES = [
    ("deviation", "Price off the others"),
    ("clock", "Clock off"),
    ("mute", "Connected but silent"),
    ("gap", "Numbers lost"),
    ("signature", "Digests that do not fit"),
    ("crossed", "Crossed quotes"),
    ("latency", "Late"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("verification", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name=name,
            name="rule",
            field=models.CharField(choices=RULES, max_length=16),
        )
        for name in ("alert", "discrepancy", "rulesetting")
    ]
