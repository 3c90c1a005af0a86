from django.db import migrations, models


def take_from_signals(apps, schema_editor):
    deliveries = apps.get_model('signals', 'Delivery').objects
    deliveries.filter(signal__execute=True).update(execute=True)


class Migration(migrations.Migration):

    dependencies = [
        ('signals', '0001_initial'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='delivery',
            name='open_deliveries',
        ),
        migrations.AddField(
            model_name='delivery',
            name='execute',
            field=models.BooleanField(default=False, help_text="The signal's, for the index below."),
        ),
        migrations.RunPython(take_from_signals, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state__in', ['queued', 'sent', 'received']), models.Q(('execute', True), ('state', 'shown')), _connector='OR'), fields=['signal'], name='under_way'),
        ),
    ]
