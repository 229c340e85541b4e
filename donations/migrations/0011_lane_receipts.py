"""Empty until its builder needs it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("donations", "0010_rights_at_the_desk")]
    operations = []
