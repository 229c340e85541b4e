"""Empty until its builder needs it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("donations", "0014_lane_imports")]
    operations = []
