"""A place for ticks of days that have no partition, so that a wrong clock can't make thousands."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("market", "0002_ticks")]
    operations = [
        migrations.RunSQL(
            "CREATE TABLE market_tick_other PARTITION OF market_tick DEFAULT",
            "DROP TABLE market_tick_other",
        )
    ]
