"""Let PostgreSQL search names by fragments."""

from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations


class Migration(migrations.Migration):
    initial = True

    dependencies = []
    operations = [TrigramExtension()]
