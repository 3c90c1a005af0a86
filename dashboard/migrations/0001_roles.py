"""The three roles, as groups: viewers look, operators act, admins decide who may."""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

ROLES = ("viewer", "operator", "admin")


def make_roles(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    group = apps.get_model("auth", "Group")
    for name in ROLES:
        group.objects.get_or_create(name=name)


class Migration(migrations.Migration):
    initial = True
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]
    # Backward leaves them: users may be in them, and a group without permissions does no harm.
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
